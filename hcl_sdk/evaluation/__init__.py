"""Measuring pipelines."""

from hcl_sdk.evaluation.benchmark import Benchmark, make_manifest, run_benchmark
from hcl_sdk.evaluation.bootstrap import Estimate
from hcl_sdk.evaluation.evaluation import Evaluation, evaluate
from hcl_sdk.evaluation.measures import ClassifiedDamage
from hcl_sdk.evaluation.networks import Networks
from hcl_sdk.evaluation.report import Group, Report

__all__ = [
    "Benchmark",
    "ClassifiedDamage",
    "Estimate",
    "Evaluation",
    "Group",
    "Networks",
    "Report",
    "evaluate",
    "make_manifest",
    "run_benchmark",
]
