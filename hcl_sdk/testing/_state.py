"""The global state that components must not change: random states, and torch's settings."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import torch

_States: TypeAlias = Mapping[str, tuple[Callable[[], Any], Callable[[Any], object]]]

RANDOM: _States = {
    "torch": (torch.get_rng_state, torch.set_rng_state),
    "numpy": (np.random.get_state, np.random.set_state),
    "random": (random.getstate, random.setstate),
}
"""How the random states are read and set."""

SETTINGS: _States = {
    "recording of gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "number of threads": (torch.get_num_threads, torch.set_num_threads),
    "choice of deterministic algorithms": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    "precision of matrix products": (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
}
"""How torch's settings are read and set."""


class State:
    """Global state at the time of creation: :data:`RANDOM`, :data:`SETTINGS` or both."""

    def __init__(self, states: _States) -> None:
        self._states = states
        self._values = {name: read() for name, (read, _) in states.items()}

    def list_changed(self) -> list[str]:
        """List what has changed."""
        return [name for name, value in self._values.items() if not _is_same(self._states[name][0](), value)]

    def restore(self) -> None:
        """Restore what has changed."""
        for name in self.list_changed():
            self._states[name][1](self._values[name])


def _is_same(a: Any, b: Any) -> bool:
    return all(map(np.array_equal, a, b)) if isinstance(a, tuple) else np.array_equal(a, b)


@contextmanager
def preserve_state() -> Iterator[None]:
    """Restore random states and settings afterwards."""
    before = State({**RANDOM, **SETTINGS})
    try:
        yield
    finally:
        before.restore()


@contextmanager
def change_random_state(seed: int) -> Iterator[None]:
    """Use other global random states for a while."""
    with preserve_state():
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        yield
