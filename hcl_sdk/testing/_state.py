"""The global state that components must not change: random states, and torch's settings."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class RandomState:
    """The global random states of torch, NumPy and Python at the time of creation."""

    def __init__(self) -> None:
        self.torch, self.numpy, self.python = torch.get_rng_state(), np.random.get_state(), random.getstate()

    def restore(self) -> None:
        """Restore them."""
        torch.set_rng_state(self.torch)
        np.random.set_state(self.numpy)
        random.setstate(self.python)

    def list_changed(self) -> list[str]:
        """List those that have changed."""
        now = RandomState()
        same = {
            "torch": torch.equal(now.torch, self.torch),
            "numpy": all(np.array_equal(a, b) for a, b in zip(now.numpy, self.numpy, strict=True)),
            "random": now.python == self.python,
        }
        return [name for name, is_same in same.items() if not is_same]


class Settings:
    """Torch's global settings at the time of creation."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {
            "recording of gradients": torch.is_grad_enabled(),
            "default dtype": torch.get_default_dtype(),
            "number of threads": torch.get_num_threads(),
            "choice of deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
            "precision of matrix products": torch.get_float32_matmul_precision(),
        }

    def restore(self) -> None:
        """Restore them."""
        gradients, dtype, threads, deterministic, precision = self.values.values()
        torch.set_grad_enabled(gradients)
        torch.set_default_dtype(dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        torch.set_float32_matmul_precision(precision)

    def list_changed(self) -> list[str]:
        """List those that have changed."""
        return [name for name, value in Settings().values.items() if value != self.values[name]]


@contextmanager
def preserve_state() -> Iterator[None]:
    """Restore random states and settings afterwards."""
    random_state, settings = RandomState(), Settings()
    try:
        yield
    finally:
        settings.restore()
        random_state.restore()


@contextmanager
def change_random_state(seed: int) -> Iterator[None]:
    """Use other global random states for a while."""
    with preserve_state():
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        yield
