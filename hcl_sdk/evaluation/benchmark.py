"""The benchmark: every content crossed with every shape, in steps of the corrupted area, from several seeds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import attrs
import numpy as np
from attrs.validators import and_, ge, le, min_len
from tqdm.auto import tqdm

from hcl_sdk.config import describe
from hcl_sdk.corruptions.contents.blur import Blur
from hcl_sdk.corruptions.contents.caption import Caption
from hcl_sdk.corruptions.contents.color import RandomColor
from hcl_sdk.corruptions.contents.cracks import Cracks
from hcl_sdk.corruptions.contents.cutout import Cutout
from hcl_sdk.corruptions.contents.date_stamp import DateStamp
from hcl_sdk.corruptions.contents.drops import Drops
from hcl_sdk.corruptions.contents.film import FilmDamage
from hcl_sdk.corruptions.contents.glitch import Glitch
from hcl_sdk.corruptions.contents.gradient import Gradient
from hcl_sdk.corruptions.contents.graffiti import Graffiti
from hcl_sdk.corruptions.contents.logo import Logo
from hcl_sdk.corruptions.contents.mosaic import Mosaic
from hcl_sdk.corruptions.contents.noise import Noise
from hcl_sdk.corruptions.contents.pen import Pen
from hcl_sdk.corruptions.contents.photo import AnotherPhoto
from hcl_sdk.corruptions.contents.same_photo import SamePhoto
from hcl_sdk.corruptions.contents.stickers import Stickers
from hcl_sdk.corruptions.contents.text import TextContent
from hcl_sdk.corruptions.contents.torn import TornPaper
from hcl_sdk.corruptions.contents.watermark import Watermark
from hcl_sdk.corruptions.ranges import between, check_growing
from hcl_sdk.corruptions.shapes.blobs import Blobs
from hcl_sdk.corruptions.shapes.brush import BrushStrokes
from hcl_sdk.corruptions.shapes.logos import Logos
from hcl_sdk.corruptions.shapes.rectangles import Rectangles
from hcl_sdk.corruptions.shapes.regular import Full
from hcl_sdk.corruptions.shapes.text import TextShape
from hcl_sdk.data.manifest import Contamination, DamagedPhotos, Entry, Manifest, ManifestDataset, fingerprint
from hcl_sdk.errors import escape
from hcl_sdk.evaluation.evaluation import MAX_SIZE, Evaluation, evaluate
from hcl_sdk.evaluation.report import BINS, Report
from hcl_sdk.interfaces import Configurable, Content, Dataset, Restorer, Shape, component
from hcl_sdk.losses.perceptual import PerceptualLoss
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.runtime import is_first_process, wait_for_everyone

MANIFEST = "manifest.json"

AREAS = (0.0005, *BINS)
"""Bounds of the groups by corrupted share of the photo: real damage often covers far less than 1 %."""


def _make_contaminations() -> tuple[Contamination, ...]:
    shapes: dict[str, Shape] = {
        "blobs": Blobs(radius=(0.1, 0.5)),
        "brush": BrushStrokes(count=(1, 9), width=(0.04, 0.15)),
        "rectangles": Rectangles(count=(1, 4), side=(0.15, 0.8)),
        "text": TextShape(count=(2, 10), height=(0.1, 0.5)),
        "logos": Logos(count=(1, 5), side=(0.3, 1.0)),
    }
    contents: dict[str, Content] = {
        "photo": AnotherPhoto(),
        "color": RandomColor(),
        "noise": Noise(),
        "mosaic": Mosaic(),
        "same photo": SamePhoto(),
    }
    # These bring a shape of their own.
    own: dict[str, Content] = {
        "graffiti": Graffiti(count=(3, 14)),
        "text": TextContent(count=(2, 12), height=(0.08, 0.4)),
        "opaque logo": Logo(count=(1, 5), side=(0.3, 1.0), opacity=(1.0, 1.0)),
        "watermark": Logo(count=(1, 5), side=(0.3, 1.0), opacity=(0.4, 0.9)),
        "caption": Caption(),
        "date stamp": DateStamp(),
        "stock watermark": Watermark(),
        "stickers": Stickers(),
        "pen": Pen(),
        "film damage": FilmDamage(),
        "cracks": Cracks(),
        "torn paper": TornPaper(),
        "drops": Drops(),
        "glitch": Glitch(),
        "cutout": Cutout(),
    }
    # These come last, so that all others are drawn as they were before there were these.
    more: dict[str, Content] = {"gradient": Gradient(), "blur": Blur()}

    def cross(contents: dict[str, Content]) -> list[Contamination]:
        return [
            Contamination(shape=shape, content=content, shape_name=form, content_name=name)
            for name, content in contents.items()
            for form, shape in shapes.items()
        ]

    forms = [
        Contamination(shape=Full(), content=c, shape_name="own form", content_name=name) for name, c in own.items()
    ]
    return (*cross(contents), *forms, *cross(more))


@component
class Benchmark(Configurable):
    """Settings of a benchmark: contents crossed with shapes, by corrupted area; and undamaged photos.

    Attributes:
        dataset: undamaged photos that nothing was trained on.
        contaminations: contents and shapes that are combined.
        areas: bounds of the groups by corrupted share of the photo, 0 to 1; each group gets its photos.
        each: damaged photos for each contamination, area and seed.
        seeds: random seeds; photos, damage and edges are drawn from each of them separately.
        blur: range from which the radius of the soft edge is drawn, in pixels.
        size: side length in pixels: the center of each photo is scaled to a square.
        attempts: maximum number of draws for an area; areas that a contamination does not reach within these are
            skipped.
        baselines: restorers that are given the same masks for comparison.
        batch_size: photos that are processed at once.
        resamples: number of bootstrap samples for the confidence intervals.
        perceptual: the network for feature distances: any encoder, or VGG-19; None skips them.
    """

    dataset: Dataset
    contaminations: tuple[Contamination, ...] = attrs.field(factory=_make_contaminations, validator=min_len(1))
    areas: tuple[float, ...] = attrs.field(default=AREAS, validator=[min_len(2), check_growing])
    each: int = attrs.field(default=2, validator=ge(1))
    seeds: tuple[int, ...] = attrs.field(default=(0, 1, 2), validator=min_len(1))
    blur: tuple[float, float] = attrs.field(default=(0.0, 3.0), validator=between(0))
    size: int = attrs.field(default=256, validator=and_(ge(1), le(MAX_SIZE)))
    attempts: int = attrs.field(default=100, validator=ge(1))
    baselines: tuple[Restorer, ...] = ()
    batch_size: int = attrs.field(default=8, validator=ge(1))
    resamples: int = attrs.field(default=1000, validator=ge(1))
    perceptual: PerceptualLoss | None = None

    def __attrs_post_init__(self) -> None:
        names = [c.name for c in self.contaminations]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"'contaminations' must have different names: {', '.join(twice)}")


def make_manifest(benchmark: Benchmark, *, progress: bool = False) -> Manifest:
    """Draw the damaged photos of a benchmark.

    For each contamination, area, seed and number, the next photo is damaged again and again until its corrupted share
    lies in the area.

    Raises:
        ValueError: if no photo can be read.
    """
    dataset = benchmark.dataset
    names = list_readable(dataset)
    made = DamagedPhotos(dataset, benchmark.size, names)
    entries = [
        Entry(photo=name, pixels=fingerprint(clean := made.make_clean(name), np.zeros(clean.shape[:2], np.bool_)))
        for name in names
    ]
    bar = tqdm(
        total=len(benchmark.seeds) * len(benchmark.contaminations) * (len(benchmark.areas) - 1) * benchmark.each,
        unit="photo",
        disable=not progress,
        dynamic_ncols=True,
    )
    with bar:
        for seed in benchmark.seeds:
            order = np.random.default_rng([seed, len(names)]).permutation(len(names))
            turn = 0
            for c, contamination in enumerate(benchmark.contaminations):
                for a, area in enumerate(pairwise(benchmark.areas)):
                    for number in range(benchmark.each):
                        photo = names[order[turn % len(names)]]
                        entry = _draw_entry(benchmark, made, contamination, photo, (seed, c, a, number), area)
                        entries += [entry] if entry else []
                        turn += 1
                        bar.update()
    return Manifest(
        size=benchmark.size,
        photos=tuple(names),
        contaminations={c.name: describe(c) for c in benchmark.contaminations},
        entries=tuple(entries),
    )


def list_readable(dataset: Dataset) -> list[str]:
    """List the names of the photos that can be read; ValueError if there are none."""
    names, problems = [], []
    for i in range(len(dataset)):
        try:
            dataset[i]
            names.append(dataset.name(i))
        except PhotoError as error:
            problems.append(str(error))
    if not names:
        raise ValueError(f"no photo of the dataset can be read: {problems[0] if problems else 'it is empty'}")
    return names


def _draw_entry(
    benchmark: Benchmark,
    made: DamagedPhotos,
    contamination: Contamination,
    photo: str,
    seed: Sequence[int],
    area: tuple[float, float],
) -> Entry | None:
    clean = made.make_clean(photo)
    blur = round(float(np.random.default_rng(list(seed)).uniform(*benchmark.blur)), 3)
    for attempt in range(benchmark.attempts):
        entry = Entry(photo=photo, contamination=contamination.name, seed=(*seed, attempt), blur=blur)
        try:
            damaged = made.make_damaged(clean, photo, contamination, entry)
        except PhotoError as error:  # a mask, a logo or another photo; it is drawn again
            tqdm.write(escape(f"left out: {error}"), file=sys.stderr)
            continue
        share = float(damaged.corruption_mask.mean())
        if area[0] <= share < area[1]:
            pixels = fingerprint(damaged.image, damaged.corruption_mask)
            return replace(entry, area=round(share, 4), pixels=pixels)
    return None


def run_benchmark(
    pipeline: Pipeline,
    benchmark: Benchmark,
    out: str | Path,
    *,
    manifest: str | Path | None = None,
    progress: bool = False,
) -> Report:
    """Measure a pipeline on a benchmark, as :func:`~hcl_sdk.evaluation.evaluate` does.

    Args:
        pipeline: with a detector, a restorer or both.
        benchmark: the settings of the benchmark.
        out: the folder for ``manifest.json`` and the files of an evaluation.
        manifest: the manifest of another run, used instead of drawing one; it also determines the size.
        progress: show a progress bar.

    Raises:
        ValueError: if no photo can be read, or the manifest does not match the photos.
    """
    path = Path(out) / MANIFEST
    wait_for_everyone()  # before the first process is busy with drawing
    if is_first_process():
        Path(out).mkdir(parents=True, exist_ok=True)
        drawn = make_manifest(benchmark, progress=progress) if manifest is None else Manifest.load(manifest)
        drawn.save(path)
    wait_for_everyone()
    evaluation = Evaluation(
        dataset=ManifestDataset(photos=benchmark.dataset, manifest=str(path)),
        corruption=None,
        size=Manifest.load(path).size,
        areas=benchmark.areas,
        batch_size=benchmark.batch_size,
        true_masks=True,
        baselines=benchmark.baselines,
        resamples=benchmark.resamples,
        perceptual=benchmark.perceptual,
    )
    return evaluate(pipeline, evaluation, out, progress=progress)
