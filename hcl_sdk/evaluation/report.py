"""From rows, one for each image, to what is reported: pooled, by group, with confidence intervals."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.evaluation.rows import CALIBRATION_BINS, LEVELS, SENSITIVITIES

BINS = (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
"""Borders of the groups by corrupted share of the image; a share on a border belongs to the group above."""

MEASURES = {
    "f1": "F1 of corrupted pixels",
    "iou": "IoU of corrupted pixels",
    "average_precision": "average precision of corrupted pixels",
    "calibration_error": "expected calibration error",
    "mean_f1": "mean F1 of corrupted images",
    "false_positive_area": "flagged share of clean images",
    "untouched": "share of clean images without a flagged pixel",
    "psnr": "PSNR of the composited image, dB",
    "ssim": "SSIM of the composited image",
    "rmse": "RMSE in the mask, 0 to 255",
    "raw_psnr": "PSNR of the restorer's own output, dB",
    "raw_ssim": "SSIM of the restorer's own output",
    "raw_rmse": "RMSE in the mask of the restorer's own output, 0 to 255",
    "damaged_psnr": "PSNR before restoration, dB",
    "true_mask_psnr": "PSNR of the composited image given the true mask, dB",
    "true_mask_rmse": "RMSE in the mask given the true mask, 0 to 255",
    "clean_rmse": "RMSE of clean images after restoration, 0 to 255",
    "lpips": "LPIPS of the composited image",
    "raw_lpips": "LPIPS of the restorer's own output",
}
BASELINE_MEASURES = ("psnr", "ssim", "rmse", "gain", "true_mask_psnr", "true_mask_rmse", "true_mask_gain")
"""Of a baseline; ``gain`` is what the pipeline is better in the mask, in dB."""

SHOWN = ("f1", "iou", "average_precision", "psnr", "ssim", "rmse", "raw_psnr", "raw_ssim", "raw_rmse")
"""Columns of the tables by group."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measure with its 95 % confidence interval by bootstrap over photos; all None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was measured.

    Attributes:
        images: how many.
        overall: measures over all images, by the names in ``MEASURES``; only those that apply.
        groups: the same by ``area``, ``content``, ``shape`` and, where these are crossed, ``content, shape``: measures
            of each group, with the number of its images.
        baselines: of each baseline the measures in ``BASELINE_MEASURES``, as far as they apply.
        calibration: ranges of confidence: the ``pixels`` in each, their mean ``confidence``, and the share of them that
            is ``corrupted``; ranges without pixels are left out. For a reliability diagram.
        sensitivities: what is found at other sensitivities: ``sensitivity``; ``precision``, ``recall`` and ``f1`` of
            the corrupted pixels of all images; ``false_positive_area`` and ``untouched`` of the clean ones. None where
            not defined.
        scales: the published measures of each scale, fine to coarse: ``bce``, ``accuracy``, ``f1`` and ``iou`` of
            *valid* pixels. Groups have them too.
        others: measures of sets of images (``fid``), or why one could not be had.
        unreadable: photos that were left out, and why.
        rows: what was measured of each image.
    """

    images: int
    overall: dict[str, Estimate]
    groups: dict[str, dict[str, dict[str, Any]]]
    baselines: dict[str, dict[str, Estimate]]
    calibration: list[dict[str, float]]
    sensitivities: list[dict[str, float | None]]
    scales: list[dict[str, Estimate]]
    others: dict[str, Any]
    unreadable: dict[str, str]
    rows: list[dict[str, Any]]

    @property
    def headline(self) -> dict[str, float | None]:
        """The overall measures without their intervals."""
        return {name: estimate.value for name, estimate in self.overall.items()}

    def to_json(self) -> dict[str, Any]:
        """Everything but the rows, as plain values; what is not defined is None."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self) if field.name != "rows"}

    def to_markdown(self) -> str:
        """Tables: overall with intervals, by group, and by scale."""
        lines = [f"{self.images} images.", "", "| measure | value | 95 % interval |", "|---|---|---|"]
        for name, estimate in self.overall.items():
            interval = "-" if estimate.low is None else f"{_shown(estimate.low)} to {_shown(estimate.high)}"
            lines.append(f"| {MEASURES[name]} | {_shown(estimate.value)} | {interval} |")
        for kind, groups in self.groups.items():
            columns = [name for name in SHOWN if any(name in group for group in groups.values())]
            lines += ["", f"| {kind} | images | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
            for name, group in groups.items():
                values = [_shown(group[column].value) if column in group else "-" for column in columns]
                lines.append(f"| {name} | {group['images']} | {' | '.join(values)} |")
        if self.baselines:
            columns = [name for name in BASELINE_MEASURES if any(name in own for own in self.baselines.values())]
            lines += ["", f"| baseline | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
            for name, own in self.baselines.items():
                lines.append(f"| {name} | {' | '.join(_shown(own[column].value) for column in columns)} |")
        if self.scales:
            lines += [
                "",
                "| scale, fine to coarse | BCE | accuracy | F1 of valid | IoU of valid |",
                "|---|---|---|---|---|",
            ]
            for s, scale in enumerate(self.scales):
                values = " | ".join(_shown(scale[name].value) for name in ("bce", "accuracy", "f1", "iou"))
                lines.append(f"| {s} | {values} |")
        lines += [f"\n{name}: {value}" for name, value in self.others.items()]
        if self.unreadable:
            lines += ["", f"{len(self.unreadable)} photos left out:", ""]
            lines += [f"- {name}: {why}" for name, why in self.unreadable.items()]
        return "\n".join(lines) + "\n"

    def save(self, folder: str | Path) -> None:
        """Write ``metrics.json``, ``table.md`` and ``items.jsonl``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.json").write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")
        (folder / "table.md").write_text(self.to_markdown(), encoding="utf-8")
        with (folder / "items.jsonl").open("w", encoding="utf-8") as file:
            for row in self.rows:
                file.write(json.dumps(row) + "\n")


def summarize(
    rows: list[dict[str, Any]],
    unreadable: dict[str, str],
    others: dict[str, Any],
    *,
    areas: Sequence[float] = BINS,
    resamples: int,
    seed: int,
) -> Report:
    """The report of some rows.

    Args:
        rows: one for each image, in order.
        unreadable: photos left out, and why.
        others: measures of sets of images.
        areas: borders of the groups by corrupted share of the image.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    groups: dict[str, dict[str, dict[str, Any]]] = {}
    keys: dict[str, Callable[[dict[str, Any]], str]] = {
        "area": lambda row: "" if row["area"] is None else area_group(row["area"], areas),
        "content": lambda row: row["content"],
        "shape": lambda row: row["shape"],
    }
    if _are_crossed(rows):
        keys["content, shape"] = lambda row: ", ".join(filter(None, (row["content"], row["shape"])))
    for kind, key in keys.items():
        members: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            members.setdefault(key(row) or "", []).append(row)
        named = {name: members[name] for name in sorted(members, key=_order) if name}
        if named:
            groups[kind] = {
                name: {
                    "images": len(own),
                    **_measures(own, resamples, seed),
                    "scales": _scales(own, resamples, seed),
                }
                for name, own in named.items()
            }
    return Report(
        images=len(rows),
        overall=_measures(rows, resamples, seed),
        groups=groups,
        baselines=_baselines(rows, resamples, seed),
        calibration=_calibration(rows),
        sensitivities=_sensitivities(rows),
        scales=_scales(rows, resamples, seed),
        others=others,
        unreadable=unreadable,
        rows=rows,
    )


def _are_crossed(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether contents and shapes come in more combinations than there are of either."""
    pairs = {(row["content"], row["shape"]) for row in rows if row["content"]}
    return len(pairs) > max(len({content for content, _ in pairs}), len({shape for _, shape in pairs}))


def area_group(area: float, borders: Sequence[float] = BINS) -> str:
    """The name of the group that a corrupted share of the image belongs to."""
    if area == 0:
        return "clean"
    low = max((border for border in borders if border <= area), default=0.0)
    high = min((border for border in borders if border > area), default=None)
    return f"{100 * low:g} % and more" if high is None else f"{100 * low:g} to {100 * high:g} %"


def _order(name: str) -> tuple[float, str]:
    number = name.partition(" ")[0]
    return (float(number) if number.replace(".", "").isdigit() else -1.0), name


def _measures(rows: Sequence[dict[str, Any]], resamples: int, seed: int) -> dict[str, Estimate]:
    """Every measure that applies to these images, with its interval.

    All measures are functions of sums over images, so that a bootstrap sample is a row of weights.
    """
    weights = _resampled(rows, resamples, seed)
    found: dict[str, Estimate] = {}
    for names, compute in _APPLICABLE:
        values = compute(rows, weights)
        if values is not None:
            found |= {name: _estimate(column) for name, column in zip(names, values, strict=True)}
    return found


def _resampled(rows: Sequence[dict[str, Any]], resamples: int, seed: int) -> NDArray[np.float64]:
    """How often each row counts, ``[1 + resamples, rows]``: once, and in each bootstrap sample.

    What is drawn is sources, each with all of its rows: damaged copies of one photo are not independent.
    """
    numbers: dict[str, int] = {}
    source = [numbers.setdefault(row["source"], len(numbers)) for row in rows]
    count = len(numbers)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return np.concatenate([np.ones((1, count)), drawn.astype(np.float64)])[:, source]


def _estimate(values: NDArray[np.float64]) -> Estimate:
    if not np.isfinite(values[0]):
        return Estimate(value=None, low=None, high=None)
    resampled = values[1:][np.isfinite(values[1:])]
    if len(resampled) == 0:
        return Estimate(value=float(values[0]), low=None, high=None)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Estimate(value=float(values[0]), low=float(low), high=float(high))


Computed = Sequence[NDArray[np.float64]] | None


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(numerator, denominator, out=np.full_like(numerator, np.nan), where=denominator > 0)


def _pooled(rows: Sequence[dict[str, Any]], weights: NDArray[np.float64]) -> Computed:
    """F1, IoU, average precision and expected calibration error over the pixels of all images."""
    if not any("detection" in row for row in rows):
        return None
    counts = weights @ _table(rows, lambda row: row["detection"]["counts"], "detection", 4)
    hits, wrong, _, missed = counts.T
    any_positive = hits + missed > 0
    f1 = np.where(any_positive, _ratio(2 * hits, 2 * hits + wrong + missed), np.nan)
    iou = np.where(any_positive, _ratio(hits, hits + wrong + missed), np.nan)
    levels = weights @ _levels_table(rows)
    pixels, confidence, corrupted = np.split(weights @ _calibration_table(rows), 3, axis=1)
    error = _ratio(np.abs(confidence - corrupted).sum(axis=1), pixels.sum(axis=1))
    return f1, iou, average_precision(levels[:, :LEVELS], levels[:, LEVELS:]), error


def _levels_table(rows: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    return _table(rows, lambda row: np.ravel(row["detection"]["levels"]).tolist(), "detection", 2 * LEVELS)


def _sensitivities(rows: Sequence[dict[str, Any]]) -> list[dict[str, float | None]]:
    detected = [row for row in rows if "detection" in row]
    if not detected:
        return []
    width = 4 * len(SENSITIVITIES)
    table = _table(detected, lambda row: np.ravel(row["detection"]["sensitivities"]).tolist(), "detection", width)
    counts = table.reshape(len(detected), -1, 4)
    hits, wrong, _, missed = counts.sum(axis=0).T
    _, alarms, silent, _ = counts[[row["area"] == 0 for row in detected]].transpose(2, 0, 1)
    clean = np.full(len(SENSITIVITIES), float(len(alarms)))
    measures = {
        "precision": _ratio(hits, hits + wrong),
        "recall": _ratio(hits, hits + missed),
        "f1": np.where(hits + missed > 0, _ratio(2 * hits, 2 * hits + wrong + missed), np.nan),
        "false_positive_area": _ratio((alarms / (alarms + silent)).sum(axis=0), clean),
        "untouched": _ratio((alarms == 0).sum(axis=0, dtype=np.float64), clean),
    }
    return [
        {"sensitivity": sensitivity}
        | {name: float(v[i]) if np.isfinite(v[i]) else None for name, v in measures.items()}
        for i, sensitivity in enumerate(SENSITIVITIES)
    ]


def _calibration_table(rows: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    width = 3 * CALIBRATION_BINS
    return _table(rows, lambda row: np.ravel(row["detection"]["calibration"]).tolist(), "detection", width)


def _calibration(rows: Sequence[dict[str, Any]]) -> list[dict[str, float]]:
    pixels, confidence, corrupted = np.split(_calibration_table(rows).sum(axis=0), 3)
    return [
        {"pixels": float(n), "confidence": float(c / n), "corrupted": float(k / n)}
        for n, c, k in zip(pixels, confidence, corrupted, strict=True)
        if n > 0
    ]


def average_precision(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average precision of counts ``[..., LEVELS]`` at each level of confidence, low to high; NaN without positives."""
    hits = np.cumsum(positives[..., ::-1], axis=-1)
    flagged = hits + np.cumsum(negatives[..., ::-1], axis=-1)
    precision = np.divide(hits, flagged, out=np.zeros_like(hits), where=flagged > 0)
    total = hits[..., -1]
    area = (precision * positives[..., ::-1]).sum(axis=-1)
    return np.divide(area, total, out=np.full_like(total, np.nan), where=total > 0)


def _mean_f1(rows: Sequence[dict[str, Any]], weights: NDArray[np.float64]) -> Computed:
    return _mean(rows, weights, "detection", lambda part: part["f1"])


def _clean(rows: Sequence[dict[str, Any]], weights: NDArray[np.float64]) -> Computed:
    """Flagged share of clean images, and share of those without a flagged pixel."""
    if not any("detection" in row for row in rows):
        return None
    flagged = [
        np.nan if row["area"] != 0 or "detection" not in row else row["detection"]["counts"][1] / _pixels(row)
        for row in rows
    ]
    values = np.array(flagged)
    is_clean = np.isfinite(values)
    if not is_clean.any():
        return None
    total = weights @ is_clean.astype(np.float64)
    area = _ratio(weights @ np.where(is_clean, values, 0.0), total)
    return area, _ratio(weights @ (values == 0).astype(np.float64), total)


def _pixels(row: dict[str, Any]) -> int:
    return sum(row["detection"]["counts"])


def _restoration(part: str) -> Callable[[Sequence[dict[str, Any]], NDArray[np.float64]], Computed]:
    def compute(rows: Sequence[dict[str, Any]], weights: NDArray[np.float64]) -> Computed:
        if not any(part in row for row in rows):
            return None
        psnr = _mean(rows, weights, part, lambda own: own["psnr"])
        assert psnr is not None
        return psnr[0], _rmse(rows, weights, part, ("squared_error", "values"))

    return compute


def _rmse(
    rows: Sequence[dict[str, Any]], weights: NDArray[np.float64], part: str, keys: tuple[str, str]
) -> NDArray[np.float64]:
    """From the sum of squared errors and how many values it is of."""
    errors = weights @ _table(rows, lambda row: [row[part][key] for key in keys], part, 2)
    return np.sqrt(_ratio(errors[:, 0], errors[:, 1]))


def _raw_rmse(rows: Sequence[dict[str, Any]], weights: NDArray[np.float64]) -> Computed:
    if not any("restoration" in row for row in rows):
        return None
    return (_rmse(rows, weights, "restoration", ("raw_squared_error", "values")),)


def _baselines(rows: Sequence[dict[str, Any]], resamples: int, seed: int) -> dict[str, dict[str, Estimate]]:
    """Each baseline's measures, and what the pipeline is better than it."""
    found: dict[str, dict[str, Estimate]] = {}
    weights = _resampled(rows, resamples, seed)
    for name in dict.fromkeys(name for row in rows for name in row.get("baselines", ())):
        own = [row["baselines"][name] if name in row.get("baselines", ()) else {} for row in rows]
        measures: dict[str, NDArray[np.float64]] = {}
        for part, prefix in (("restoration", ""), ("restoration_true_mask", "true_mask_")):
            theirs, ours = (_restoration(part)(r, weights) for r in (own, rows))
            if theirs is None or ours is None:
                continue
            measures[f"{prefix}psnr"], measures[f"{prefix}rmse"] = theirs
            with np.errstate(divide="ignore"):
                measures[f"{prefix}gain"] = 20 * np.log10(_ratio(theirs[1], ours[1]))
        ssim = _mean(own, weights, "restoration", lambda part: part["ssim"])
        if ssim is not None:
            (measures["ssim"],) = ssim
        found[name] = {key: _estimate(measures[key]) for key in BASELINE_MEASURES if key in measures}
    return found


def _mean_of(key: str) -> Callable[[Sequence[dict[str, Any]], NDArray[np.float64]], Computed]:
    def compute(rows: Sequence[dict[str, Any]], weights: NDArray[np.float64]) -> Computed:
        if not any(key in row.get("restoration", ()) for row in rows):
            return None
        return _mean(rows, weights, "restoration", lambda part: part[key])

    return compute


def _mean(
    rows: Sequence[dict[str, Any]],
    weights: NDArray[np.float64],
    part: str,
    value: Callable[[dict[str, Any]], float | None],
) -> Computed:
    """The mean over the images that have a value."""
    if not any(part in row for row in rows):
        return None
    values = [value(row[part]) if part in row else None for row in rows]
    is_there = np.array([v is not None for v in values], dtype=np.float64)
    filled = np.array([0.0 if v is None else v for v in values])
    return (_ratio(weights @ filled, weights @ is_there),)


def _table(
    rows: Sequence[dict[str, Any]], value: Callable[[dict[str, Any]], Sequence[float]], part: str, width: int
) -> NDArray[np.float64]:
    """A row of numbers for each image; zeros for one without this part."""
    return np.array([value(row) if part in row else [0.0] * width for row in rows], dtype=np.float64)


def _scales(rows: Sequence[dict[str, Any]], resamples: int, seed: int) -> list[dict[str, Estimate]]:
    """The published measures: mean BCE, and accuracy, F1 and IoU of all pixels, *valid* being positive."""
    measured = [row for row in rows if "detection" in row]
    scales: list[dict[str, Estimate]] = []
    if not measured:
        return scales
    weights = _resampled(measured, resamples, seed)
    for own in zip(*(row["detection"]["scales"] for row in measured), strict=True):
        hits, wrong, rejected, missed = (weights @ np.array([scale["counts"] for scale in own], dtype=np.float64)).T
        is_defined = hits + missed > 0
        values = {
            "bce": _ratio(weights @ np.array([scale["bce"] for scale in own]), weights.sum(axis=1)),
            "accuracy": _ratio(hits + rejected, hits + wrong + rejected + missed),
            "f1": np.where(is_defined, _ratio(2 * hits, 2 * hits + wrong + missed), np.nan),
            "iou": np.where(is_defined, _ratio(hits, hits + wrong + missed), np.nan),
        }
        scales.append({name: _estimate(column) for name, column in values.items()})
    return scales


def _clean_rmse(rows: Sequence[dict[str, Any]], weights: NDArray[np.float64]) -> Computed:
    """What restoration does to images that need none."""
    clean = [row if row["area"] == 0 else {} for row in rows]
    if not any("restoration" in row for row in clean):
        return None
    return (_rmse(clean, weights, "restoration", ("image_squared_error", "image_values")),)


_APPLICABLE: tuple[tuple[tuple[str, ...], Callable[..., Computed]], ...] = (
    (("f1", "iou", "average_precision", "calibration_error"), _pooled),
    (("mean_f1",), _mean_f1),
    (("false_positive_area", "untouched"), _clean),
    (("psnr", "rmse"), _restoration("restoration")),
    *(((key,), _mean_of(key)) for key in ("ssim", "raw_psnr", "raw_ssim", "damaged_psnr")),
    (("raw_rmse",), _raw_rmse),
    (("true_mask_psnr", "true_mask_rmse"), _restoration("restoration_true_mask")),
    (("clean_rmse",), _clean_rmse),
    *(((key,), _mean_of(key)) for key in ("lpips", "raw_lpips")),
)


def _plain(value: Any) -> Any:
    """Estimates and what holds them as plain values."""
    if isinstance(value, Estimate):
        return vars(value)
    if isinstance(value, dict):
        return {key: _plain(own) for key, own in value.items()}
    return [_plain(own) for own in value] if isinstance(value, list) else value


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"
