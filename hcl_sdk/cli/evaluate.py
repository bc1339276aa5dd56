"""``hcl evaluate``."""

from __future__ import annotations

from pathlib import Path

import click

from hcl_sdk.cli._options import measuring_options


@click.command()
@measuring_options("hcl_evaluation", "Where the numbers and contact sheets go.")
def evaluate(
    arguments: tuple[str, ...], weights: str, output: Path, device: str | None, as_json: bool, quiet: bool
) -> None:
    """Measure how well weights find and fill damage.

    CONFIG is a YAML file; single values are set by KEY=VALUE. The data set is all that has to be given, for example
    dataset.use=folder dataset.path=photos, which damages the photos in every way that training knows.

    Several GPUs: accelerate launch -m hcl_sdk.cli evaluate CONFIG ...
    """
    from hcl_sdk.cli._measuring import run
    from hcl_sdk.evaluation import Evaluation

    run(Evaluation, arguments, weights, output, device, as_json, quiet)
