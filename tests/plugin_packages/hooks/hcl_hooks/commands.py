"""Imported when a command is called."""

import click
import torch  # noqa: F401  # what a command needs may take long to import

from hcl_sdk import Pipeline

NUMBER = 3


@click.command()
@click.argument("weights")
def count(weights):
    """Count the parameters of WEIGHTS."""
    pipeline = Pipeline.from_pretrained(weights, device="cpu")
    parts = (pipeline.detector, pipeline.restorer)
    click.echo(sum(p.numel() for part in parts if part is not None for p in part.parameters()))


@click.command()
def detect():
    """Say which command this is."""
    click.echo("the plugin's own")
