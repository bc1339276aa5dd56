"""A report as tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hcl_sdk.evaluation.measures import BASELINE_MEASURES, MEASURES
from hcl_sdk.photos.find import escape

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


def write_tables(report: Report) -> str:
    """Tables: overall with intervals, by group, by baseline, and by scale; then what was left out."""
    lines = [f"{report.images} images.", "", *_write_row("measure", ("value", "95 % interval")), "|---|---|---|"]
    for name, estimate in report.overall.items():
        interval = "-" if estimate.low is None else f"{_show(estimate.low)} to {_show(estimate.high)}"
        lines += _write_row(MEASURES[name], (_show(estimate.value), interval))
    for kind, groups in report.groups.items():
        columns = [name for name in SHOWN if any(name in group for group in groups.values())]
        lines += ["", *_write_row(kind, ("images", *columns)), "|---" * (len(columns) + 2) + "|"]
        for name, group in groups.items():
            values = [_show(group[column].value) if column in group else "-" for column in columns]
            lines += _write_row(name, (str(group["images"]), *values))
    if report.baselines:
        columns = [name for name in BASELINE_MEASURES if any(name in own for own in report.baselines.values())]
        lines += ["", *_write_row("baseline", columns), "|---" * (len(columns) + 1) + "|"]
        for name, own in report.baselines.items():
            lines += _write_row(name, [_show(own[column].value) if column in own else "-" for column in columns])
    if report.scales:
        names = ("BCE", "accuracy", "F1 of valid", "IoU of valid")
        lines += ["", *_write_row("scale, fine to coarse", names), "|---|---|---|---|---|"]
        for s, scale in enumerate(report.scales):
            lines += _write_row(str(s), [_show(scale[name].value) for name in ("bce", "accuracy", "f1", "iou")])
    lines += [f"\n{name}: {value}" for name, value in report.others.items()]
    if report.unreadable:
        lines += ["", f"{len(report.unreadable)} photos left out:", ""]
        lines += [f"- {name}: {why}" for name, why in report.unreadable.items()]
    return escape("\n".join(lines) + "\n")


def _write_row(name: str, values: Sequence[str]) -> list[str]:
    return [f"| {name} | {' | '.join(values)} |"]


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"
