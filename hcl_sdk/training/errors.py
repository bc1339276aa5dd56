"""The errors of training."""

from __future__ import annotations


class TrainingError(RuntimeError):
    """Training cannot continue: a loss is not finite, a component fails, or the run's folder holds another run."""


class NotFiniteError(ArithmeticError):
    """A loss, gradient or weight is NaN or infinite; the loop adds the step."""
