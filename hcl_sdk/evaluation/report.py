"""The report of an evaluation, and its files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hcl_sdk.evaluation.bootstrap import Estimate
from hcl_sdk.evaluation.measures import (
    ClassifiedDamage,
    measure,
    measure_baselines,
    measure_calibration,
    measure_kinds,
    measure_scales,
    measure_sensitivities,
)
from hcl_sdk.evaluation.rows import Row
from hcl_sdk.evaluation.tables import write_tables
from hcl_sdk.files import write_whole
from hcl_sdk.files.reports import ITEMS, METRICS, TABLE

BINS = (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
"""Bounds of the groups by corrupted share of the image; a share on a bound belongs to the group above."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """The results of some of the images.

    Attributes:
        images: the number of images.
        measures: their measures, as in :attr:`Report.overall`.
        scales: the published measures of each scale, as in :attr:`Report.scales`.
    """

    images: int
    measures: dict[str, Estimate]
    scales: list[dict[str, Estimate]]

    def to_json(self) -> dict[str, Any]:
        """Return plain values: ``images``, ``scales`` and the measures."""
        return {"images": self.images, **_to_plain(self.measures), "scales": _to_plain(self.scales)}


@dataclass(frozen=True, kw_only=True)
class Report:
    """The results of an evaluation.

    Attributes:
        images: the number of images.
        overall: measures over all images, by their names in ``hcl_sdk.evaluation.measures.MEASURES``, if they apply.
        groups: the same by ``area``, ``content``, ``shape`` and, if these are crossed, ``content, shape``: by name, the
            groups of images that have these in common.
        baselines: for each baseline the measures in ``BASELINE_MEASURES``, if they apply.
        calibration: ranges of confidence for a reliability diagram: the number of ``pixels`` in each, their mean
            ``confidence``, and the share that is ``corrupted``; ranges without pixels are omitted.
        sensitivities: results at other sensitivities: ``sensitivity``; ``precision``, ``recall`` and ``f1`` of the
            corrupted pixels of all images; ``false_positive_area`` and ``untouched`` of the clean ones. None if
            undefined.
        kinds: how damage of each kind is classified; empty if the dataset or the detector does not tell kinds.
        scales: the published measures of each scale, fine to coarse: ``bce``, ``accuracy``, ``f1`` and ``iou`` of
            *valid* pixels. Groups have them too.
        others: measures of sets of images (``fid``; None if undefined), or why one is not available.
        unreadable: photos that were skipped, and why.
        rows: the measurements of each image.
    """

    images: int
    overall: dict[str, Estimate]
    groups: dict[str, dict[str, Group]]
    baselines: dict[str, dict[str, Estimate]]
    calibration: list[dict[str, float]]
    sensitivities: list[dict[str, float | None]]
    kinds: list[ClassifiedDamage]
    scales: list[dict[str, Estimate]]
    others: dict[str, float | str | None]
    unreadable: dict[str, str]
    rows: list[Row]

    @property
    def headline(self) -> dict[str, float | None]:
        """The overall measures without their intervals."""
        return {name: estimate.value for name, estimate in self.overall.items()}

    def to_json(self) -> dict[str, Any]:
        """Return everything but the rows as plain values; undefined values are None."""
        return {field.name: _to_plain(getattr(self, field.name)) for field in fields(self) if field.name != "rows"}

    def to_markdown(self) -> str:
        """Format the report as tables: overall with intervals, by group, and by scale."""
        return write_tables(self)

    def save(self, folder: str | Path) -> None:
        """Write ``metrics.json``, ``table.md`` and ``items.jsonl``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / METRICS, json.dumps(self.to_json(), indent=2) + "\n")
        write_whole(folder / TABLE, self.to_markdown())
        write_whole(folder / ITEMS, "".join(json.dumps(row.to_json()) + "\n" for row in self.rows))


def summarize(
    rows: list[Row],
    unreadable: dict[str, str],
    others: dict[str, float | str | None],
    *,
    areas: Sequence[float] = BINS,
    resamples: int,
    seed: int,
) -> Report:
    """Summarize rows in a report.

    Args:
        rows: one per image.
        unreadable: photos that were skipped, and why.
        others: measures of sets of images.
        areas: bounds of the groups by corrupted share of the image, 0 to 1.
        resamples: number of bootstrap samples.
        seed: random seed of the bootstrap.
    """
    return Report(
        images=len(rows),
        overall=measure(rows, resamples, seed),
        groups=_group(rows, areas, resamples, seed),
        baselines=measure_baselines(rows, resamples, seed),
        calibration=measure_calibration(rows),
        sensitivities=measure_sensitivities(rows),
        kinds=measure_kinds(rows),
        scales=measure_scales(rows, resamples, seed),
        others=others,
        unreadable=unreadable,
        rows=rows,
    )


def name_area_group(area: float, borders: Sequence[float] = BINS) -> str:
    """Name the group that a corrupted share of the image belongs to."""
    if area == 0:
        return "clean"
    low = max((border for border in borders if border <= area), default=0.0)
    high = min((border for border in borders if border > area), default=None)
    return f"{100 * low:g} % and more" if high is None else f"{100 * low:g} to {100 * high:g} %"


def _group(rows: Sequence[Row], areas: Sequence[float], resamples: int, seed: int) -> dict[str, dict[str, Group]]:
    groups: dict[str, dict[str, Group]] = {}
    keys: dict[str, Callable[[Row], str]] = {
        "area": lambda row: "" if row.area is None else name_area_group(row.area, areas),
        "content": lambda row: row.content,
        "shape": lambda row: row.shape,
    }
    if _are_crossed(rows):
        keys["content, shape"] = lambda row: ", ".join(filter(None, (row.content, row.shape)))
    for kind, key in keys.items():
        members: dict[str, list[Row]] = {}
        for row in rows:
            members.setdefault(key(row), []).append(row)
        named = {name: members[name] for name in sorted(members, key=_make_sort_key) if name}
        if named:
            groups[kind] = {
                name: Group(
                    images=len(own),
                    measures=measure(own, resamples, seed),
                    scales=measure_scales(own, resamples, seed),
                )
                for name, own in named.items()
            }
    return groups


def _are_crossed(rows: Sequence[Row]) -> bool:
    """Whether there are more combinations of contents and shapes than there are of either."""
    pairs = {(row.content, row.shape) for row in rows if row.content}
    return len(pairs) > max(len({content for content, _ in pairs}), len({shape for _, shape in pairs}))


def _make_sort_key(name: str) -> tuple[float, str]:
    number = name.partition(" ")[0]
    return (float(number) if number.replace(".", "").isdigit() else -1.0), name


def _to_plain(value: Any) -> Any:
    """Convert estimates, groups and the like, and whatever contains them, to plain values."""
    if isinstance(value, Estimate):
        return vars(value)
    if isinstance(value, Group | ClassifiedDamage):
        return value.to_json()
    if isinstance(value, dict):
        return {key: _to_plain(own) for key, own in value.items()}
    return [_to_plain(own) for own in value] if isinstance(value, list) else value
