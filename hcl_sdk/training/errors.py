"""What goes wrong in training."""

from __future__ import annotations


class TrainingError(RuntimeError):
    """Training that cannot go on: a loss became NaN or infinite, or the run's folder holds another run."""


class NotFiniteError(ArithmeticError):
    """A loss, gradient or weight that is NaN or infinite; the loop says in which step."""
