"""``hcl benchmark``."""

from __future__ import annotations

from pathlib import Path

import click

from hcl_sdk.cli._options import MeasuringOptions, PathType, measuring_options


@click.command()
@measuring_options("hcl_benchmark", "Output folder for the manifest, metrics and contact sheets.")
@click.option(
    "--manifest",
    metavar="FILE",
    type=PathType(dir_okay=False, exists=True),
    help="Manifest of an earlier run, to measure on exactly the same pixels.",
)
def benchmark(given: MeasuringOptions, manifest: Path | None) -> None:
    """Measure weights on every content, shape and area of damage.

    Only the photos are required: dataset.use=folder dataset.path=photos. They must not have been used for training.
    The manifest that is written records how each photo was damaged; with the same photos it reproduces the same pixels
    anywhere.

    Several GPUs: accelerate launch -m hcl_sdk.cli benchmark ...
    """
    from hcl_sdk.cli._measuring import run
    from hcl_sdk.evaluation import Benchmark

    run(Benchmark, given, manifest)
