"""A report as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hcl_sdk.errors import escape
from hcl_sdk.evaluation.bootstrap import Estimate
from hcl_sdk.evaluation.measures import BASELINE_MEASURES, MEASURES
from hcl_sdk.interfaces import DAMAGE

if TYPE_CHECKING:
    from hcl_sdk.evaluation.report import Report

SHOWN = (
    "f1",
    "iou",
    "average_precision",
    "mean_f1",
    "mean_f1_best_threshold",
    "mean_average_precision",
    "false_positive_area",
    "untouched",
    "psnr",
    "ssim",
    "rmse",
    "feature_distance",
    "sharpness",
    "seam",
    "raw_psnr",
    "raw_ssim",
    "raw_rmse",
)
"""Columns of the tables by group."""
AT_A_GLANCE = ("f1", "average_precision", "false_positive_area", "untouched", "psnr", "ssim")
"""Those that fit on a screen."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Measures as text: the names of the columns, and rows with as many cells."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def make_grids(report: Report, shown: Sequence[str] = SHOWN) -> list[Grid]:
    """Make the tables: overall with intervals, by group, by baseline, and by scale.

    Args:
        report: what was measured.
        shown: the measures that are columns of the tables by group.
    """
    grids = [Grid(header=("measure", "value", "95 % interval"), rows=tuple(_list_overall(report)))]
    for kind, groups in report.groups.items():
        columns = [name for name in shown if any(name in group.measures for group in groups.values())]
        rows = [(name, str(group.images), *_pick(group.measures, columns)) for name, group in groups.items()]
        grids.append(Grid(header=(kind, "images", *columns), rows=tuple(rows)))
    if report.baselines:
        columns = [name for name in BASELINE_MEASURES if any(name in own for own in report.baselines.values())]
        rows = [(name, *_pick(own, columns)) for name, own in report.baselines.items()]
        grids.append(Grid(header=("baseline", *columns), rows=tuple(rows)))
    if report.kinds:
        rows = [(own.kind, str(own.images), *(_show(own.shares[kind]) for kind in DAMAGE)) for own in report.kinds]
        grids.append(Grid(header=("found damage, classified as", "images", *DAMAGE), rows=tuple(rows)))
    if report.scales:
        header = ("scale, fine to coarse", "BCE", "accuracy", "F1 of valid", "IoU of valid")
        rows = [(str(s), *_pick(scale, ("bce", "accuracy", "f1", "iou"))) for s, scale in enumerate(report.scales)]
        grids.append(Grid(header=header, rows=tuple(rows)))
    return grids


def list_notes(report: Report) -> list[str]:
    """List the notes below the tables: measures of sets of images, and what was skipped."""
    lines = [f"\n{name}: {value}" for name, value in report.others.items()]
    if report.unreadable:
        photos = "1 photo" if len(report.unreadable) == 1 else f"{len(report.unreadable)} photos"
        lines += ["", f"{photos} left out:", ""]
        lines += [escape(f"- {name}: {why}") for name, why in report.unreadable.items()]
    return lines


def write_tables(report: Report) -> str:
    """Write all tables and notes as Markdown."""
    lines = [f"{report.images} images."]
    for grid in make_grids(report):
        lines += ["", f"| {' | '.join(grid.header)} |", "|---" * len(grid.header) + "|"]
        lines += [f"| {' | '.join(row)} |" for row in grid.rows]
    return "\n".join([*lines, *list_notes(report)]) + "\n"


def _list_overall(report: Report) -> Iterator[tuple[str, ...]]:
    for name, estimate in report.overall.items():
        interval = "-" if estimate.low is None else f"{_show(estimate.low)} to {_show(estimate.high)}"
        yield MEASURES[name], _show(estimate.value), interval


def _pick(measures: Mapping[str, Estimate], columns: Sequence[str]) -> list[str]:
    return [_show(measures[column].value) if column in measures else "-" for column in columns]


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"
