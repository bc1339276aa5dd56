"""``hcl benchmark``."""

from __future__ import annotations

from pathlib import Path

import click

from hcl_sdk.cli._options import PathType, measuring_options


@click.command()
@measuring_options("hcl_benchmark", "Where the manifest, the numbers and contact sheets go.")
@click.option(
    "--manifest",
    metavar="FILE",
    type=PathType(dir_okay=False, exists=True),
    help="The manifest of another run, to measure on the same pixels.",
)
def benchmark(
    arguments: tuple[str, ...],
    weights: str,
    output: Path,
    manifest: Path | None,
    device: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure weights on every content crossed with every shape, by area.

    The photos are all that has to be given: dataset.use=folder dataset.path=photos. Nothing may have been trained on
    them. The manifest that is written says how each of them was damaged; with the same photos it gives the same pixels
    anywhere.

    Several GPUs: accelerate launch -m hcl_sdk.cli benchmark ...
    """
    from hcl_sdk.cli._measuring import run
    from hcl_sdk.evaluation import Benchmark

    run(Benchmark, arguments, weights, output, device, as_json, quiet, manifest)
