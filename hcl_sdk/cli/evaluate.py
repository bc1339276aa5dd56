"""``hcl evaluate``."""

from __future__ import annotations

import click

from hcl_sdk.cli._options import MeasuringOptions, measuring_options


@click.command()
@measuring_options("hcl_evaluation", "Output folder for metrics and contact sheets.")
def evaluate(given: MeasuringOptions) -> None:
    """Measure how well weights detect and restore damage.

    CONFIG is a YAML file; KEY=VALUE overrides single values. Only the dataset is required, for example
    dataset.use=folder dataset.path=photos, which damages the photos in every way that training knows.

    Several GPUs: accelerate launch -m hcl_sdk.cli evaluate CONFIG ...
    """
    from hcl_sdk.cli._measuring import run
    from hcl_sdk.evaluation import Evaluation

    run(Evaluation, given)
