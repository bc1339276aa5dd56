"""What is measured of one image, as values: everything in a report is computed from these."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

LEVELS = 200
"""Levels of confidence that average precision distinguishes."""

SENSITIVITIES = tuple(n / 20 for n in range(1, 20))
"""Sensitivities whose precision and recall are told."""

CALIBRATION_BINS = 15
"""Equal ranges of confidence whose mean is compared with how many pixels are corrupted."""

_LEFT_OUT = ("lpips", "raw_lpips", "feature_distance")


class Counts(NamedTuple):
    """Pixels: true positives, false positives, true negatives, false negatives."""

    hits: int
    wrong: int
    rejected: int
    missed: int

    @property
    def pixels(self) -> int:
        """All of them."""
        return sum(self)

    @property
    def f1(self) -> float | None:
        """F1; None where nothing is positive."""
        if self.hits + self.missed == 0:
            return None
        return 2 * self.hits / (2 * self.hits + self.wrong + self.missed)


@dataclass(frozen=True, kw_only=True)
class ScaleRow:
    """A scale of a detection, *valid* being positive.

    Attributes:
        bce: binary cross-entropy.
        counts: of its pixels.
    """

    bce: float
    counts: Counts


@dataclass(frozen=True, kw_only=True)
class DetectionRow:
    """What was found, *corrupted* being positive. Pixels that are left out of the score are in none of the counts.

    Attributes:
        counts: of the pixels.
        f1: of them; None where nothing is corrupted.
        levels: how many corrupted and how many valid pixels there are at each level of confidence.
        calibration: of each range of confidence its pixels, the sum of their confidence, and how many are corrupted.
        sensitivities: counts at each of the ``SENSITIVITIES``.
        scales: fine to coarse.
        kinds: of the corrupted pixels that were found: how many of each kind of damage lie in regions that are called
            each, by the places of the kinds in :data:`~hcl_sdk.interfaces.DAMAGE`; None if the truth is not known, or
            the detector does not know kinds.
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
    """How well an image was filled. Sums are over pixels and channels; the hole is the true mask.

    Attributes:
        psnr: of the composited image, dB; as all of this row up to ``damaged_psnr``, None of an image without damage.
        ssim: likewise; None too of an image smaller than its window.
        raw_psnr: of the restorer's own output.
        raw_ssim: likewise.
        damaged_psnr: of the image before restoration.
        image_squared_error: over the whole image, of values 0 to 255.
        image_values: how many these are.
        squared_error: in the hole.
        raw_squared_error: in the hole, of the restorer's own output.
        values: how many values the hole has; 0 where there is none.
        high_pass: energy of the highest frequencies in the hole.
        true_high_pass: the same of the clean image.
        across_seam: gradients across the border of what was filled.
        along_seam: gradients along it.
        feature_distance: of features in the hole; None without a hole, or a network to look through.
        lpips: of the composited image; None without its network.
        raw_lpips: of the restorer's own output, likewise.
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
    """What another restorer made of the same masks.

    Attributes:
        restoration: given the mask that was found.
        restoration_true_mask: given the true one; None where that is not asked for.
    """

    restoration: RestorationRow
    restoration_true_mask: RestorationRow | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One image.

    Attributes:
        number: in the dataset.
        name: likewise.
        source: what it was made of; images of one source are not independent.
        shape: of the damage, where it is known.
        content: likewise.
        area: the corrupted share of the image; None without a true mask.
        detection: None without a detector or a true mask.
        restoration: None without a restorer or a clean image.
        restoration_true_mask: given the true mask; None where that is not asked for.
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
        """Plain values; what was not measured is left out, what is not defined is None."""
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
