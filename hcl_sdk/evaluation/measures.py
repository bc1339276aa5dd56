"""From rows, one per image, to measures over all images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.evaluation.bootstrap import Estimate, Values, divide, estimate, resample
from hcl_sdk.evaluation.rows import (
    CALIBRATION_BINS,
    LEVELS,
    SENSITIVITIES,
    BaselineRow,
    DetectionRow,
    RestorationRow,
    Row,
)
from hcl_sdk.interfaces import DAMAGE, Damage

MEASURES = {
    "f1": "F1 of corrupted pixels",
    "iou": "IoU of corrupted pixels",
    "average_precision": "average precision of corrupted pixels",
    "calibration_error": "expected calibration error",
    "mean_f1": "mean F1 of corrupted images",
    "mean_f1_best_threshold": "mean F1 of corrupted images at the threshold that is best for all of them",
    "best_threshold": "that threshold",
    "mean_f1_own_threshold": "mean F1 of corrupted images, each at the threshold that is best for it",
    "mean_average_precision": "mean average precision of corrupted images",
    "false_positive_area": "flagged share of clean images",
    "untouched": "share of clean images without a flagged pixel",
    "psnr": "PSNR of the composited image, dB",
    "ssim": "SSIM of the composited image",
    "rmse": "RMSE in the mask, 0 to 255",
    "feature_distance": "distance of features in the mask",
    "sharpness": "high-pass energy in the mask, as a share of the clean image's",
    "seam": "gradients across the border of the fill, relative to those along it",
    "raw_psnr": "PSNR of the restorer's own output, dB",
    "raw_ssim": "SSIM of the restorer's own output",
    "raw_rmse": "RMSE in the mask of the restorer's own output, 0 to 255",
    "damaged_psnr": "PSNR before restoration, dB",
    "true_mask_psnr": "PSNR of the composited image given the true mask, dB",
    "true_mask_rmse": "RMSE in the mask given the true mask, 0 to 255",
    "true_mask_feature_distance": "distance of features in the mask given the true mask",
    "true_mask_sharpness": "high-pass energy in the mask given the true mask, as a share of the clean image's",
    "true_mask_seam": "gradients across the border of the fill given the true mask, relative to those along it",
    "clean_rmse": "RMSE of clean images after restoration, 0 to 255",
    "lpips": "LPIPS of the composited image",
    "raw_lpips": "LPIPS of the restorer's own output",
}
"""The names of the measures in tables, in the order of their columns."""

_FILLED = ("psnr", "ssim", "rmse", "feature_distance", "sharpness", "seam")
BASELINE_MEASURES = (
    *_FILLED,
    "gain",
    "true_mask_psnr",
    "true_mask_rmse",
    "true_mask_feature_distance",
    "true_mask_sharpness",
    "true_mask_seam",
    "true_mask_gain",
)
"""The measures of a baseline; ``gain`` is the pipeline's lead in PSNR inside the mask, in dB."""

Table = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ClassifiedDamage:
    """Predicted kinds of the found damage of one true kind.

    Attributes:
        kind: the true kind.
        images: the number of images in which such damage was found.
        shares: for each kind, the share of the pixels that are predicted to be of it, averaged over these images.
    """

    kind: Damage
    images: int
    shares: dict[Damage, float]

    def to_json(self) -> dict[str, Any]:
        """Return plain values: ``kind``, ``images`` and the shares."""
        return {"kind": self.kind, "images": self.images, **self.shares}


def measure(rows: Sequence[Row], resamples: int, seed: int) -> dict[str, Estimate]:
    """Compute every measure that applies to these images, with its confidence interval."""
    weights = _resample(rows, resamples, seed)
    values = _measure_detection(rows, weights) | _measure_restoration(rows, weights)
    return {name: estimate(values[name]) for name in MEASURES if name in values}


def measure_scales(rows: Sequence[Row], resamples: int, seed: int) -> list[dict[str, Estimate]]:
    """Compute the published measures: mean BCE, and accuracy, F1 and IoU of all pixels, *valid* being positive."""
    measured = [(row, row.detection) for row in rows if row.detection is not None]
    if not measured:
        return []
    weights = _resample([row for row, _ in measured], resamples, seed)
    scales: list[dict[str, Estimate]] = []
    for own in zip(*(detection.scales for _, detection in measured), strict=True):
        hits, wrong, rejected, missed = (weights @ np.array([scale.counts for scale in own], dtype=np.float64)).T
        values = {
            "bce": divide(weights @ np.array([scale.bce for scale in own]), weights.sum(axis=1)),
            "accuracy": divide(hits + rejected, hits + wrong + rejected + missed),
            "f1": _compute_f1(hits, wrong, missed),
            "iou": np.where(hits + missed > 0, divide(hits, hits + wrong + missed), np.nan),
        }
        scales.append({name: estimate(column) for name, column in values.items()})
    return scales


def measure_baselines(rows: Sequence[Row], resamples: int, seed: int) -> dict[str, dict[str, Estimate]]:
    """Compute the measures of each baseline, and the pipeline's lead over it."""
    found: dict[str, dict[str, Estimate]] = {}
    weights = _resample(rows, resamples, seed)
    for name in dict.fromkeys(name for row in rows for name in row.baselines):
        values: dict[str, Values] = {}
        for part, prefix in (("restoration", ""), ("restoration_true_mask", "true_mask_")):
            theirs = _collect_parts([row.baselines.get(name) for row in rows], part)
            ours = _collect_parts(rows, part)
            if not any(theirs) or not any(ours):
                continue
            values |= {f"{prefix}{key}": own for key, own in _measure_filled(theirs, weights).items()}
            with np.errstate(divide="ignore"):
                values[f"{prefix}gain"] = 20 * np.log10(
                    divide(values[f"{prefix}rmse"], _measure_filled(ours, weights)["rmse"])
                )
        found[name] = {key: estimate(values[key]) for key in BASELINE_MEASURES if key in values}
    return found


def measure_sensitivities(rows: Sequence[Row]) -> list[dict[str, float | None]]:
    """Compute what is found at other sensitivities, over all images."""
    detected = [(row, row.detection) for row in rows if row.detection is not None]
    if not detected:
        return []
    counts = np.array([detection.sensitivities for _, detection in detected], dtype=np.float64)
    hits, wrong, _, missed = counts.sum(axis=0).T
    _, alarms, silent, _ = counts[[row.area == 0 for row, _ in detected]].transpose(2, 0, 1)
    clean = np.full(len(SENSITIVITIES), float(len(alarms)))
    measures = {
        "precision": divide(hits, hits + wrong),
        "recall": divide(hits, hits + missed),
        "f1": _compute_f1(hits, wrong, missed),
        "false_positive_area": divide((alarms / (alarms + silent)).sum(axis=0), clean),
        "untouched": divide((alarms == 0).sum(axis=0, dtype=np.float64), clean),
    }
    return [
        {"sensitivity": sensitivity}
        | {name: float(v[i]) if np.isfinite(v[i]) else None for name, v in measures.items()}
        for i, sensitivity in enumerate(SENSITIVITIES)
    ]


def measure_kinds(rows: Sequence[Row]) -> list[ClassifiedDamage]:
    """Compute how each kind of damage is classified, if there is any."""
    counts = [row.detection.kinds for row in rows if row.detection is not None and row.detection.kinds is not None]
    if not counts:
        return []
    table = np.array(counts, dtype=np.float64)  # [images, true, predicted]
    pixels = table.sum(axis=2)
    measured: list[ClassifiedDamage] = []
    for k, kind in enumerate(DAMAGE):
        found = pixels[:, k] > 0
        if found.any():
            shares = (table[found, k] / pixels[found, k, None]).mean(axis=0).tolist()
            by_kind = dict(zip(DAMAGE, shares, strict=True))
            measured.append(ClassifiedDamage(kind=kind, images=int(found.sum()), shares=by_kind))
    return measured


def measure_calibration(rows: Sequence[Row]) -> list[dict[str, float]]:
    """Summarize the ranges of confidence that contain pixels."""
    pixels, confidence, corrupted = np.split(_collect_calibrations([row.detection for row in rows]).sum(axis=0), 3)
    return [
        {"pixels": float(n), "confidence": float(c / n), "corrupted": float(k / n)}
        for n, c, k in zip(pixels, confidence, corrupted, strict=True)
        if n > 0
    ]


def average_precision(positives: Table, negatives: Table) -> NDArray[np.float64]:
    """Compute average precision of counts ``[..., LEVELS]`` by confidence, low to high; NaN without positives."""
    hits = np.cumsum(positives[..., ::-1], axis=-1)
    flagged = hits + np.cumsum(negatives[..., ::-1], axis=-1)
    precision = np.divide(hits, flagged, out=np.zeros_like(hits), where=flagged > 0)
    total = hits[..., -1]
    area = (precision * positives[..., ::-1]).sum(axis=-1)
    return np.divide(area, total, out=np.full_like(total, np.nan), where=total > 0)


def f1_by_threshold(positives: Table, negatives: Table) -> NDArray[np.float64]:
    """Compute F1 ``[..., LEVELS]`` of the pixels at or above each level of confidence; NaN without positives."""
    hits = np.cumsum(positives[..., ::-1], axis=-1)[..., ::-1]
    wrong = np.cumsum(negatives[..., ::-1], axis=-1)[..., ::-1]
    return _compute_f1(hits, wrong, hits[..., :1] - hits)


def _measure_detection(rows: Sequence[Row], weights: Table) -> dict[str, Values]:
    detections = [row.detection for row in rows]
    if not any(detections):
        return {}
    counts = weights @ np.array([(0, 0, 0, 0) if d is None else d.counts for d in detections], dtype=np.float64)
    hits, wrong, _, missed = counts.T
    levels = np.array([np.zeros(2 * LEVELS) if d is None else np.ravel(d.levels) for d in detections], dtype=np.float64)
    pooled = weights @ levels
    pixels, confidence, corrupted = np.split(weights @ _collect_calibrations(detections), 3, axis=1)
    return {
        "f1": _compute_f1(hits, wrong, missed),
        "iou": np.where(hits + missed > 0, divide(hits, hits + wrong + missed), np.nan),
        "average_precision": average_precision(pooled[:, :LEVELS], pooled[:, LEVELS:]),
        "calibration_error": divide(np.abs(confidence - corrupted).sum(axis=1), pixels.sum(axis=1)),
        "mean_f1": _average([None if d is None else d.f1 for d in detections], weights),
        **_measure_thresholds(levels[:, :LEVELS], levels[:, LEVELS:], weights),
        **_measure_clean(rows, weights),
    }


def _measure_thresholds(positives: Table, negatives: Table, weights: Table) -> dict[str, Values]:
    """Compute what a single threshold could reach on images with corrupted pixels: one for all, or one for each."""
    is_corrupted = positives.any(axis=1)
    if not is_corrupted.any():
        nothing = np.full(len(weights), np.nan)
        names = ("mean_f1_best_threshold", "best_threshold", "mean_f1_own_threshold", "mean_average_precision")
        return dict.fromkeys(names, nothing)
    weights, positives, negatives = weights[:, is_corrupted], positives[is_corrupted], negatives[is_corrupted]
    f1, total = f1_by_threshold(positives, negatives), weights.sum(axis=1)
    means = divide(weights @ f1, np.broadcast_to(total[:, None], (len(weights), LEVELS)))
    best = np.where(total > 0, means.argmax(axis=1) / LEVELS, np.nan)
    return {
        "mean_f1_best_threshold": means.max(axis=1),
        "best_threshold": best,
        "mean_f1_own_threshold": divide(weights @ f1.max(axis=1), total),
        "mean_average_precision": divide(weights @ average_precision(positives, negatives), total),
    }


def _measure_clean(rows: Sequence[Row], weights: Table) -> dict[str, Values]:
    """Compute the flagged share of clean images, and the share of those without a flagged pixel."""
    clean = [row.detection.counts if row.area == 0 and row.detection is not None else None for row in rows]
    flagged = np.array([np.nan if counts is None else counts.false_positives / counts.pixels for counts in clean])
    is_clean = np.isfinite(flagged)
    if not is_clean.any():
        return {}
    total = weights @ is_clean.astype(np.float64)
    return {
        "false_positive_area": divide(weights @ np.where(is_clean, flagged, 0.0), total),
        "untouched": divide(weights @ (flagged == 0).astype(np.float64), total),
    }


def _measure_restoration(rows: Sequence[Row], weights: Table) -> dict[str, Values]:
    found: dict[str, Values] = {}
    own = _collect_parts(rows, "restoration")
    if any(own):
        found = _measure_filled(own, weights)
        for name in ("raw_psnr", "raw_ssim", "damaged_psnr", "lpips", "raw_lpips"):
            found |= _average_field(own, weights, name)
        found["raw_rmse"] = _rmse(own, weights, "raw_squared_error", "values")
        clean = [restoration if row.area == 0 else None for row, restoration in zip(rows, own, strict=True)]
        if any(clean):  # the effect of restoration on images that need none
            found["clean_rmse"] = _rmse(clean, weights, "image_squared_error", "image_values")
    given = _collect_parts(rows, "restoration_true_mask")
    if any(given):
        values = _measure_filled(given, weights)
        found |= {f"true_mask_{name}": value for name, value in values.items()}
    return found


def _measure_filled(parts: Sequence[RestorationRow | None], weights: Table) -> dict[str, Values]:
    """Compute the measures that are reported for every restorer."""
    return {
        **_average_field(parts, weights, "psnr"),
        **_average_field(parts, weights, "ssim"),
        "rmse": _rmse(parts, weights, "squared_error", "values"),
        **_average_field(parts, weights, "feature_distance"),
        "sharpness": _divide(parts, weights, "high_pass", "true_high_pass"),
        "seam": _divide(parts, weights, "across_seam", "along_seam"),
    }


_OPTIONAL = ("feature_distance", "lpips", "raw_lpips")


def _average_field(parts: Sequence[RestorationRow | None], weights: Table, name: str) -> dict[str, Values]:
    """Average over the images that have a value; empty if it was not measured at all."""
    values = [None if part is None else getattr(part, name) for part in parts]
    if name in _OPTIONAL and all(value is None for value in values):
        return {}
    return {name: _average(values, weights)}


def _divide(parts: Sequence[RestorationRow | None], weights: Table, above: str, below: str) -> Values:
    sums = weights @ np.array([(0, 0) if p is None else attrgetter(above, below)(p) for p in parts], dtype=np.float64)
    return divide(sums[:, 0], sums[:, 1])


def _rmse(parts: Sequence[RestorationRow | None], weights: Table, errors: str, values: str) -> Values:
    return np.sqrt(_divide(parts, weights, errors, values))


def _average(values: Sequence[float | None], weights: Table) -> Values:
    """Average over the images that have a value."""
    is_there = np.array([value is not None for value in values], dtype=np.float64)
    filled = np.array([0.0 if value is None else value for value in values])
    return divide(weights @ filled, weights @ is_there)


def _compute_f1(hits: Table, wrong: Table, missed: Table) -> NDArray[np.float64]:
    return np.where(hits + missed > 0, divide(2 * hits, 2 * hits + wrong + missed), np.nan)


def _collect_calibrations(detections: Sequence[DetectionRow | None]) -> Table:
    width = 3 * CALIBRATION_BINS
    return np.array([np.zeros(width) if d is None else np.ravel(d.calibration) for d in detections], dtype=np.float64)


def _collect_parts(rows: Sequence[Row] | Sequence[BaselineRow | None], name: str) -> list[RestorationRow | None]:
    return [None if row is None else getattr(row, name) for row in rows]


def _resample(rows: Sequence[Row], resamples: int, seed: int) -> Table:
    return resample([row.source for row in rows], resamples, seed)
