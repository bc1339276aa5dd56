"""The measurements of one image as values, from which everything in a report is computed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

LEVELS = 200
"""Levels of confidence that average precision distinguishes."""

SENSITIVITIES = tuple(n / 20 for n in range(1, 20))
"""Sensitivities for which precision and recall are reported."""

CALIBRATION_BINS = 15
"""Equal ranges of confidence, the mean of which is compared with the share of corrupted pixels."""

_LEFT_OUT = ("lpips", "raw_lpips", "feature_distance")


class Counts(NamedTuple):
    """Numbers of pixels; either class may be the positive one."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def pixels(self) -> int:
        """The number of all pixels."""
        return sum(self)

    @property
    def f1(self) -> float | None:
        """F1; None if nothing is positive."""
        if self.true_positives + self.false_negatives == 0:
            return None
        return 2 * self.true_positives / (2 * self.true_positives + self.false_positives + self.false_negatives)


@dataclass(frozen=True, kw_only=True)
class ScaleRow:
    """A scale of a detection, *valid* being positive.

    Attributes:
        bce: binary cross-entropy.
        counts: counts of its pixels.
    """

    bce: float
    counts: Counts


@dataclass(frozen=True, kw_only=True)
class DetectionRow:
    """The detection, *corrupted* being positive. Pixels excluded from the score are not counted.

    Attributes:
        counts: counts of the pixels.
        f1: F1 of the pixels; None if nothing is corrupted.
        levels: numbers of corrupted and of valid pixels at each level of confidence.
        calibration: for each range of confidence, the number of its pixels, the sum of their confidence, and the number
            of corrupted ones.
        sensitivities: counts at each of the ``SENSITIVITIES``.
        scales: fine to coarse.
        kinds: of the corrupted pixels that were found, the number of each kind of damage in regions that were
            classified as each, in the order of :data:`~hcl_sdk.interfaces.DAMAGE`; None if the truth is unknown, or the
            detector does not predict kinds.
    """

    counts: Counts
    f1: float | None
    levels: tuple[list[int], list[int]]
    calibration: tuple[list[float], list[float], list[float]]
    sensitivities: tuple[Counts, ...]
    scales: tuple[ScaleRow, ...]
    kinds: list[list[int]] | None = None


@dataclass(frozen=True, kw_only=True)
class RestorationRow:
    """The restoration of an image. Sums are over pixels and channels; the hole is the true mask.

    Attributes:
        psnr: PSNR of the composited image in dB; like everything up to ``damaged_psnr``, None for undamaged images.
        ssim: SSIM of the composited image; also None if the image is smaller than its window.
        raw_psnr: PSNR of the restorer's raw output, in dB.
        raw_ssim: SSIM of the restorer's raw output.
        damaged_psnr: PSNR of the image before restoration, in dB.
        image_squared_error: squared error over the whole image, of values 0 to 255.
        image_values: the number of these values.
        squared_error: squared error in the hole, of values 0 to 255.
        raw_squared_error: the same for the restorer's raw output.
        values: the number of values in the hole; 0 if there is none.
        high_pass: energy of the highest frequencies in the hole.
        true_high_pass: the same for the clean image.
        across_seam: gradients across the border of the filled region.
        along_seam: gradients along it.
        feature_distance: distance of features in the hole; None without a hole or a network.
        lpips: LPIPS of the composited image; None without its network.
        raw_lpips: LPIPS of the restorer's raw output; None without its network.
    """

    psnr: float | None
    ssim: float | None
    raw_psnr: float | None
    raw_ssim: float | None
    damaged_psnr: float | None
    image_squared_error: float
    image_values: int
    squared_error: float = 0.0
    raw_squared_error: float = 0.0
    values: int = 0
    high_pass: float = 0.0
    true_high_pass: float = 0.0
    across_seam: float = 0.0
    along_seam: float = 0.0
    feature_distance: float | None = None
    lpips: float | None = None
    raw_lpips: float | None = None


@dataclass(frozen=True, kw_only=True)
class BaselineRow:
    """The results of another restorer for the same masks.

    Attributes:
        restoration: given the mask that was found.
        restoration_true_mask: given the true mask; None if that was not requested.
    """

    restoration: RestorationRow
    restoration_true_mask: RestorationRow | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One image.

    Attributes:
        number: its number in the dataset.
        name: its name in the dataset.
        source: what it was made from; images of the same source are not independent.
        shape: the shape of the damage, if known.
        content: the content of the damage, if known.
        area: the corrupted share of the image, 0 to 1; None without a true mask.
        detection: None without a detector or a true mask.
        restoration: None without a restorer or a clean image.
        restoration_true_mask: given the true mask; None if that was not requested.
        baselines: other restorers, by name.
    """

    number: int
    name: str
    source: str
    shape: str
    content: str
    area: float | None
    detection: DetectionRow | None = None
    restoration: RestorationRow | None = None
    restoration_true_mask: RestorationRow | None = None
    baselines: dict[str, BaselineRow] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; omit what was not measured; undefined values are None."""
        plain = asdict(self)
        for part in ("detection", "restoration", "restoration_true_mask"):
            if plain[part] is None:
                del plain[part]
        if self.detection is not None and self.detection.kinds is None:
            del plain["detection"]["kinds"]
        if "restoration" not in plain:
            del plain["baselines"]
        parts = [plain, *plain.get("baselines", {}).values()]
        for part in parts:
            for name in ("restoration", "restoration_true_mask"):
                if part.get(name) is None:
                    part.pop(name, None)
                    continue
                for key in _LEFT_OUT:
                    if part[name][key] is None:
                        del part[name][key]
        return plain
