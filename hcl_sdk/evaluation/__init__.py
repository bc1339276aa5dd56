"""Measuring pipelines."""

from hcl_sdk.evaluation.benchmark import Benchmark, make_manifest, run_benchmark
from hcl_sdk.evaluation.bootstrap import Estimate
from hcl_sdk.evaluation.evaluation import Evaluation, evaluate
from hcl_sdk.evaluation.networks import Networks
from hcl_sdk.evaluation.report import Report

__all__ = [
    "Benchmark",
    "Estimate",
    "Evaluation",
    "Networks",
    "Report",
    "evaluate",
    "make_manifest",
    "run_benchmark",
]
