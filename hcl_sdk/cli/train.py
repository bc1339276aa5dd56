"""``hcl train``."""

from __future__ import annotations

import os
import random
from importlib import resources
from pathlib import Path
from typing import Any

import click

from hcl_sdk.cli._options import device_option, output_option, quiet_option
from hcl_sdk.errors import suggest


@click.command()
@click.argument("config", metavar="CONFIG")
@click.argument("assignments", metavar="[KEY=VALUE]...", nargs=-1)
@output_option("hcl_training", "Folder of the run; an unfinished run in it is resumed.")
@device_option
@click.option("--dry-run", is_flag=True, help="Check the whole configuration and run one step; write nothing.")
@click.option("--show", is_flag=True, help="Print the configuration with all overrides applied; train nothing.")
@quiet_option("No progress bar, no summary; errors only.")
def train(
    config: str, assignments: tuple[str, ...], output: Path, device: str | None, dry_run: bool, show: bool, quiet: bool
) -> None:
    """Train a detector, a restorer or both.

    CONFIG is a YAML file, or a configuration that ships with the package: small, ffhq256, imagenet256, places256 or
    places512. KEY=VALUE overrides single values, for example data.dataset.path=photos steps=2000.

    Ctrl-C finishes the current step, saves and stops; the same command resumes from there, also after a crash.

    Several GPUs: accelerate launch -m hcl_sdk.cli train CONFIG ...
    """
    from hcl_sdk.cli._diagnosis import say_crowding
    from hcl_sdk.cli._failures import explain_failures
    from hcl_sdk.config import dump_yaml, override
    from hcl_sdk.registry import mark_plugin_code
    from hcl_sdk.training import Trainer, load_run

    with explain_failures(BaseException):
        _check_is_kept(Path(config), output)
        mapping = override(_read(config), assignments)
        if show:
            click.echo(dump_yaml(mapping), nl=False)
            return
        seed = mapping.get("seed", 3407)
        is_seed = isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**63
        _seed_everything(seed if is_seed else 0)  # an invalid seed is reported below, together with all other problems
        with mark_plugin_code():
            pipeline, recipe = load_run(mapping, device=device)
            if not quiet:
                say_crowding(pipeline.device)
            trainer = Trainer(pipeline, recipe)
            outcome = None if dry_run else trainer.fit(output, progress=not quiet)
            losses = trainer.dry_run() if outcome is None else outcome.losses
    if outcome is None:
        told = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
        click.echo(f"The configuration is valid: {len(recipe.data.dataset)} samples; one step gave {told}.")
        return
    if not quiet:
        if outcome.finished:
            click.echo(
                f"Done. Weights written to {output / 'weights'}: hcl restore PHOTO --weights {output / 'weights'}"
            )
        else:
            click.echo(f"Stopped after step {outcome.step} of {recipe.steps}. Run the same command to resume.")
    if not outcome.finished:
        raise SystemExit(130)


def _check_is_kept(config: Path, output: Path) -> None:
    """Refuse to overwrite the configuration file that was passed, unless a run wrote it."""
    from hcl_sdk.config import dump_yaml, load_yaml
    from hcl_sdk.files import is_same_file
    from hcl_sdk.training.run_folder import RunFolder

    written = RunFolder(output).config
    if is_same_file(config, written) and dump_yaml(load_yaml(config)) != config.read_text(encoding="utf-8"):
        raise click.BadParameter(
            f"{written}, the configuration, would be overwritten; choose another folder", param_hint="'-o'"
        )


def _list_presets() -> list[str]:
    """List the training configurations that ship with the package."""
    folder = resources.files("hcl_sdk.training") / "presets"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def _read(config: str) -> dict[str, Any]:
    """Read a configuration from a file or a preset; the published presets train the published networks."""
    from hcl_sdk import published
    from hcl_sdk.config import load_yaml
    from hcl_sdk.files import is_special

    if os.path.isfile(config) or is_special(Path(config)):
        return load_yaml(Path(config))
    presets = _list_presets()
    if config in presets:
        file = resources.files("hcl_sdk.training") / "presets" / f"{config}.yaml"
        mapping = load_yaml(file.read_text(encoding="utf-8"))
        return mapping if "pipeline" in mapping else {"pipeline": published.get_preset(config), **mapping}
    hint = suggest(config, presets, otherwise="")
    raise click.ClickException(
        f"expected a YAML file or one of the presets {', '.join(presets)}; there is no file {config!r}"
        f"{hint and f'; {hint}'}"
    )


def _seed_everything(seed: int) -> None:
    """Seed the global random states, which the initial weights and some plugins draw from."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
