"""``hcl train``."""

from __future__ import annotations

import random
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from hcl_sdk import published
from hcl_sdk.config import ConfigError, dump_yaml, load_yaml, override
from hcl_sdk.training import Trainer, TrainingError, load_run
from hcl_sdk.weights import WeightsError


def presets() -> list[str]:
    """The names of the training configurations that come with the package."""
    folder = resources.files("hcl_sdk.training") / "presets"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def read(config: str) -> dict[str, Any]:
    """The mapping in a file, or in the preset of that name; the published ones train the published networks."""
    if Path(config).is_file():
        return load_yaml(Path(config))
    if config in presets():
        file = resources.files("hcl_sdk.training") / "presets" / f"{config}.yaml"
        mapping = load_yaml(file.read_text(encoding="utf-8"))
        return mapping if "pipeline" in mapping else {"pipeline": published.preset(config), **mapping}
    raise click.ClickException(
        f"expected a YAML file or one of the presets {', '.join(presets())}; there is no file {config!r}"
    )


def seed_everything(seed: int) -> None:
    """Seed the global random states: of the weights that are drawn now, and of plugins that draw from them."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def run(
    config: str, assignments: Sequence[str], output: Path, device: str | None, dry_run: bool, show: bool, quiet: bool
) -> None:
    """Train as ``config`` says."""
    try:
        mapping = override(read(config), assignments)
        if show:
            click.echo(dump_yaml(mapping), nl=False)
            return
        seed = mapping.get("seed", 3407)
        seed_everything(seed if isinstance(seed, int) and not isinstance(seed, bool) else 0)
        pipeline, recipe = load_run(mapping, device=device)
        trainer = Trainer(pipeline, recipe)
        if dry_run:
            losses = trainer.dry_run()
            told = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
            click.echo(f"The configuration is sound: {len(recipe.data.dataset)} samples; one step gave {told}.")
            return
        outcome = trainer.fit(output, progress=not quiet)
    except (ConfigError, TrainingError, WeightsError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if not quiet:
        if outcome.finished:
            click.echo(
                f"Done. Weights written to {output / 'weights'}: hcl restore PHOTO --weights {output / 'weights'}"
            )
        else:
            click.echo(f"Stopped after step {outcome.step} of {recipe.steps}. The same command goes on from there.")
    if not outcome.finished:
        raise SystemExit(130)
