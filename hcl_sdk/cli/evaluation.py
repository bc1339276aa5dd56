"""``hcl evaluate``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from hcl_sdk.config import ConfigError, build, load_yaml, override
from hcl_sdk.evaluation import Evaluation, evaluate
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.runtime import is_first_process
from hcl_sdk.weights import WeightsError


def run(
    config: str | None,
    assignments: Sequence[str],
    weights: str,
    output: Path,
    device: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure some weights as ``config`` says; without it, as the assignments alone say."""
    try:
        mapping = override({} if config is None else load_yaml(Path(config)), assignments)
        evaluation = build(mapping, Evaluation)
        pipeline = Pipeline.from_pretrained(weights, device=device)
        report = evaluate(pipeline, evaluation, output, progress=not quiet and is_first_process())
    except (ConfigError, WeightsError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    if not is_first_process():
        return
    if as_json:
        click.echo(json.dumps(report.to_json()))
    elif not quiet:
        click.echo(report.to_markdown())
        click.echo(f"Written to {output}: metrics.json, table.md, items.jsonl and contact sheets.")
