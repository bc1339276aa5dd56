"""Training: recipes, and the trainer that executes them."""

from hcl_sdk.training.errors import TrainingError
from hcl_sdk.training.loop import Outcome
from hcl_sdk.training.recipe import (
    DetectionTask,
    Optimization,
    Recipe,
    RestorationTask,
    TrainingData,
    describe_run,
    load_run,
)
from hcl_sdk.training.trainer import Trainer

__all__ = [
    "DetectionTask",
    "Optimization",
    "Outcome",
    "Recipe",
    "RestorationTask",
    "Trainer",
    "TrainingData",
    "TrainingError",
    "describe_run",
    "load_run",
]
