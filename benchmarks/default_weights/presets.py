"""Compare the presets with the plain defaults, each on drawn damage of its job.

    python benchmarks/default_weights/presets.py PHOTOS [--only NAMES] [--most 10] [--jobs JOB ...] [--search]

Damage is drawn with plain Pillow and saved as JPEG, as in ``newcomer.py``; old photos are toned first. For each job the
table shows, for the plain defaults and for the preset: the share of the damage found, the F1 of its pixels, how much
is flagged elsewhere and in clean photos, and the PSNR of the whole restored photo against the undamaged one.
All are means over damaged photos; the PSNR's gain has a 95 % interval from a bootstrap over photos.

``--search`` tries other values and prints the best: use other photos for it than those whose table you show.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from drawings import badge, cracks, dust, glow, spray, tag, tiled, tone_sepia
from newcomer import (
    Damage,
    add_photo_options,
    draw_damage,
    grow_mask,
    pen,
    read_photos,
    save_as_jpeg,
    scratches,
    stamp,
    watermark,
)
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk import Pipeline, Result
from hcl_sdk.settings import PRESETS

Values = dict[str, Any]


JOBS: dict[str, tuple[Damage, ...]] = {
    "watermark": (watermark, tiled, badge),
    "old-photo": (scratches, cracks, dust),
    "datestamp": (stamp, glow),
    "graffiti": (pen, spray, tag),
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """The undamaged photo, the true mask, and the detection of the damaged photo."""

    clean: NDArray[np.uint8]
    true: NDArray[np.bool_]
    result: Result


class Measure:
    """Measures settings on the damaged photos of one job."""

    def __init__(self, pipeline: Pipeline, job: str, photos: list[Image.Image], quality: int) -> None:
        self.pipeline = pipeline
        if job == "old-photo":
            photos = [tone_sepia(photo) for photo in photos]
        self.cases = []
        for damage in JOBS[job]:
            for i, photo in enumerate(photos):
                drawn, true = draw_damage(damage, photos, i)
                result = pipeline.detect(save_as_jpeg(drawn, quality))
                self.cases.append(Case(clean=np.asarray(photo), true=true, result=result))
        self.clean = [pipeline.detect(save_as_jpeg(photo, quality)) for photo in photos]
        self.photos = len(photos)

    def measure_detection(self, values: Values) -> dict[str, float]:
        """Measure the mean recall and F1, and the flagged share elsewhere and in clean photos."""
        recalls, scores, besides = [], [], []
        for case in self.cases:
            found = self._make_mask(case.result, values)
            both = (found & case.true).sum()
            recalls.append(both / case.true.sum())
            scores.append(2 * both / (found.sum() + case.true.sum()))
            besides.append((found & ~grow_mask(case.true)).mean())
        clean = [self._make_mask(result, values).mean() for result in self.clean]
        names = "recall", "f1", "besides", "clean"
        lists = recalls, scores, besides, clean
        return {name: float(np.mean(each)) for name, each in zip(names, lists, strict=True)}

    def measure_psnr(self, values: Values | None) -> NDArray[np.float64]:
        """Measure the PSNR of every restored photo, in dB; None for that of the damaged ones."""
        return np.array([_compute_psnr(case.clean, self._restore(case, values)) for case in self.cases])

    def _restore(self, case: Case, values: Values | None) -> NDArray[np.uint8]:
        if values is None:
            return np.asarray(case.result.photo.to_native())
        filling = {name: values[name] for name in ("dilate", "feather", "unveil") if name in values}
        mask = self.pipeline.to_mask(case.result, **_select_choices(values))
        return np.asarray(self.pipeline.replace(**filling).restore(case.result.photo, corruption_mask=mask).restored)

    def _make_mask(self, result: Result, values: Values) -> NDArray[np.bool_]:
        return self.pipeline.to_mask(result, **_select_choices(values))[0, 0].numpy()


def _select_choices(values: Values) -> Values:
    return {name: values[name] for name in ("sensitivity", "only", "skip", "min_area") if name in values}


def _compute_psnr(clean: NDArray[np.uint8], restored: NDArray[np.uint8]) -> float:
    return float(-10 * np.log10(np.mean(((clean.astype(float) - restored) / 255) ** 2)))


def _estimate_interval(gains: NDArray[np.float64], photos: int) -> tuple[float, float]:
    """Estimate the 95 % interval of the mean by bootstrap; all damaged copies of a photo are drawn together."""
    means = gains.reshape(-1, photos).mean(axis=0)
    rng = np.random.default_rng(0)
    drawn = means[rng.integers(photos, size=(2000, photos))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def show(measure: Measure, job: str) -> None:
    """Print the rows of a job."""
    plain = measure.measure_psnr({})
    for name, values in (("plain", {}), (job, PRESETS[job])):
        d = measure.measure_detection(values)
        restored = plain if not values else measure.measure_psnr(values)
        low, high = _estimate_interval(restored - plain, measure.photos)
        gain = f"{(restored - plain).mean():+.2f} ({low:+.2f} to {high:+.2f})" if values else ""
        print(
            f"| {job} | {name} | {d['recall']:.0%} | {d['f1']:.2f} | {d['besides']:.2%} | {d['clean']:.2%} | "
            f"{measure.measure_psnr(None).mean():.2f} | {restored.mean():.2f} | {gain} |",
            flush=True,
        )


def search(measure: Measure, job: str) -> None:
    """Print the results of other values: first for what counts as damage, then for how it is filled."""
    kinds: list[Values] = [{}, {"skip": ("patch",)}, {"skip": ("patch", "fill")}]
    kinds += [{name: PRESETS[job][name]} for name in ("only", "skip") if name in PRESETS[job]]
    kinds += [
        {"only": ("graphic", "text", "scratch")},
        {"only": ("graphic", "text", "other")},
        {"skip": ("text", "patch")},
    ]
    tried = []
    for chosen, sensitivity, area in itertools.product(kinds, (0.4, 0.5, 0.6, 0.7, 0.8), (0.0, 1e-4)):
        values = {**chosen, "sensitivity": sensitivity, "min_area": area}
        tried.append((measure.measure_detection(values), values))
    tried.sort(key=lambda pair: -pair[0]["f1"])
    for d, values in tried[:14]:
        print(" ".join(f"{name} {value:.4f}" for name, value in d.items()), values, flush=True)
    best = tried[0][1]
    fills: list[Values] = [{"dilate": d, "feather": f} for d, f in ((1, 2), (2, 3), (4, 4))]
    for filling in [*fills, {"dilate": 1, "feather": 2, "unveil": True}]:
        print(f"{job} PSNR {measure.measure_psnr({**best, **filling}).mean():.3f}", filling, flush=True)
    # A missed scratch costs little PSNR, so the sensitivity is varied by itself.
    for sensitivity in (0.5, 0.6, 0.7, 0.8):
        values = {**best, **fills[0], "sensitivity": sensitivity}
        print(f"{job} PSNR {measure.measure_psnr(values).mean():.3f}", values, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_photo_options(parser, most=10)
    parser.add_argument("--jobs", nargs="+", choices=tuple(JOBS), default=tuple(JOBS))
    parser.add_argument("--search", action="store_true", help="try other values")
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights, device="cpu")
    photos = read_photos(arguments.photos, arguments.only, arguments.side, arguments.most)
    print(f"{len(photos)} photos, shorter side {arguments.side} pixels, JPEG {arguments.quality}\n")
    if not arguments.search:
        print(
            "| job | settings | found | F1 | flagged elsewhere | clean photos flagged | PSNR before | restored | gain |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
    for job in arguments.jobs:
        measure = Measure(pipeline, job, photos, arguments.quality)
        (search if arguments.search else show)(measure, job)


if __name__ == "__main__":
    main()
