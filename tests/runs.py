"""Training runs for tests: start one in this process, and look at what it left."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import torch

from hcl_sdk.training import Outcome, Trainer, load_run
from hcl_sdk.training.checkpoints import list_checkpoints, read_checkpoint

RunConfig: TypeAlias = Callable[..., dict[str, Any]]
"""Makes the configuration of a small run, from assignments as on the command line."""


def train(config: dict[str, Any], out: Path, **changes: Any) -> Outcome:
    torch.manual_seed(0)
    pipeline, recipe = load_run(config, device="cpu")
    return Trainer(pipeline, attrs.evolve(recipe, **changes)).fit(out, progress=False)


def read_log(out: Path) -> Any:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def load_state(out: Path) -> Any:
    return read_checkpoint(list_checkpoints(out / "checkpoints")[-1])


def assert_same(a: Any, b: Any) -> None:
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b


def load_gradients(out: Path) -> Any:
    """Of the first step: Adam's first moments, before it divides by their size."""
    return {key: value["exp_avg"] for key, value in load_state(out)["optimizers"][0]["state"].items()}
