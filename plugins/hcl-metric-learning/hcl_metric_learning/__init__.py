"""pytorch-metric-learning's losses for hcl_sdk. Importing this module imports neither that library nor torch."""

from hcl_sdk import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    registry.loss(
        "metric-learning",
        "hcl_metric_learning.loss:MetricLearningLoss",
        summary="a loss of pytorch-metric-learning over hierarchical anchors and references",
    )
