"""Measuring pipelines."""

from hcl_sdk.evaluation.evaluation import Evaluation, evaluate
from hcl_sdk.evaluation.networks import Networks
from hcl_sdk.evaluation.report import Estimate, Report

__all__ = ["Estimate", "Evaluation", "Networks", "Report", "evaluate"]
