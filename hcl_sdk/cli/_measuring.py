"""Code shared by ``hcl evaluate`` and ``hcl benchmark``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from hcl_sdk.cli._diagnosis import say_crowding
from hcl_sdk.cli._failures import explain_failures
from hcl_sdk.cli._options import MeasuringOptions
from hcl_sdk.cli._tables import Table, show
from hcl_sdk.config import ConfigError, build, load_yaml, override
from hcl_sdk.evaluation import Benchmark, Evaluation, Report, evaluate, run_benchmark
from hcl_sdk.evaluation.tables import AT_A_GLANCE, list_notes, make_grids
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.registry import mark_plugin_code
from hcl_sdk.runtime import is_first_process


def run(what: type[Evaluation] | type[Benchmark], given: MeasuringOptions, manifest: Path | None = None) -> None:
    """Measure weights.

    Args:
        what: an evaluation or the benchmark.
        given: the options that both commands share; ``arguments`` is optionally a YAML file with the fields of
            ``what``, followed by KEY=VALUE assignments.
        manifest: the benchmark's manifest; None draws a new one.
    """
    arguments = given.arguments
    config = None if not arguments or "=" in arguments[0] else arguments[0]
    progress = not given.quiet and is_first_process()
    with explain_failures(BaseException):
        mapping = override({} if config is None else load_yaml(Path(config)), arguments[config is not None :])
        with mark_plugin_code():
            chosen = _build(mapping, what)
            pipeline = Pipeline.from_pretrained(given.weights, device=given.device)
            if not given.quiet:
                say_crowding(pipeline.device)
            if isinstance(chosen, Benchmark):
                report = run_benchmark(pipeline, chosen, given.output, manifest=manifest, progress=progress)
            else:
                report = evaluate(pipeline, chosen, given.output, progress=progress)
    if not is_first_process():
        return
    if given.as_json:
        click.echo(json.dumps(report.to_json()))
    elif not given.quiet:
        _show_report(report)
        click.echo(
            f"Wrote metrics.json, table.md (with all columns), items.jsonl and contact sheets to {given.output}."
        )


def _show_report(report: Report) -> None:
    """Print the tables with as many columns as there is room for; table.md has all."""
    notes = "\n".join(list_notes(report)).strip()
    tables = [
        Table(header=[name.replace("_", " ") for name in grid.header], rows=grid.rows)
        for grid in make_grids(report, AT_A_GLANCE)
    ]
    show(f"{report.images} images.", *tables, *([notes] if notes else []))


def _build(mapping: dict[str, Any], what: type[Evaluation] | type[Benchmark]) -> Evaluation | Benchmark:
    """Build the evaluation; errors name keys as they are written in the file."""
    try:
        return build(mapping, what)
    except ConfigError as error:
        prefix = f"{what.__name__.lower()}."
        raise ConfigError([(path.removeprefix(prefix), message) for path, message in error.problems]) from error
