"""Measuring a pipeline on a dataset: what it finds, what it leaves unchanged, and how well it fills."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import attrs
import numpy as np
import torch
from attrs.validators import and_, ge, le, optional
from torch import Tensor
from tqdm.auto import tqdm

from hcl_sdk._renamed import keep_old_name
from hcl_sdk.corruptions.corruption import Corruption
from hcl_sdk.corruptions.ranges import check_growing
from hcl_sdk.data.items import Item, Items
from hcl_sdk.errors import escape
from hcl_sdk.evaluation.detection import measure_detection
from hcl_sdk.evaluation.networks import Networks
from hcl_sdk.evaluation.report import BINS, Report, summarize
from hcl_sdk.evaluation.restoration import measure_restoration
from hcl_sdk.evaluation.rows import SENSITIVITIES, BaselineRow, RestorationRow, Row
from hcl_sdk.evaluation.sheets import choose_cases, draw_contact_sheet
from hcl_sdk.files import make_output_folder, open_whole
from hcl_sdk.files.reports import SHEETS, is_report
from hcl_sdk.functional.eight_bit import from_uint8
from hcl_sdk.interfaces import Configurable, Dataset, Restorer, component
from hcl_sdk.losses.perceptual import PerceptualLoss
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.plugins import registry
from hcl_sdk.result import Result
from hcl_sdk.runtime import gather, is_first_process, take_share, warn_of_crowding

MAX_SIZE = 16384
"""Allowed side lengths of scaled images, in pixels."""

SHOWN = 12
"""Rows of a contact sheet."""


@component
class Evaluation(Configurable):
    """Settings of an evaluation.

    Attributes:
        dataset: photos, which are corrupted, or pairs of damaged and clean photos, which are not.
        corruption: how photos are damaged; None for pairs, or to see what is found in undamaged photos.
        size: side length in pixels: the center of each photo is scaled to a square of this size. None measures whole
            photos at their own size.
        seed: random seed of the corruption.
        areas: bounds of the groups by corrupted share of the photo, 0 to 1.
        limit: the number of photos to use, spread evenly over the dataset; None for all.
        batch_size: photos that are processed at once.
        true_masks: also restore with the true masks, as if detection were perfect.
        baselines: restorers that are given the same masks for comparison.
        resamples: number of bootstrap samples for the confidence intervals.
        perceptual: the network for feature distances: any encoder, or VGG-19; None skips them.
        lpips: network of LPIPS (Zhang et al., "The Unreasonable Effectiveness of Deep Features", CVPR 2018); None
            skips it. Needs ``pip install hcl_sdk[metrics]``.
        fid: weights of the Inception network for FID (Heusel et al., NeurIPS 2017): a file, or ``download``; None skips
            it. Needs ``pip install hcl_sdk[metrics]``.
    """

    dataset: Dataset
    corruption: Corruption | None = attrs.field(factory=lambda: Corruption(clean=0.1, area=(0.01, 0.6)))
    size: int | None = attrs.field(default=256, validator=optional(and_(ge(1), le(MAX_SIZE))))
    seed: int = attrs.field(default=3407, validator=ge(0))
    areas: tuple[float, ...] = attrs.field(default=BINS, validator=check_growing)
    limit: int | None = attrs.field(default=None, validator=optional(ge(1)))
    batch_size: int = attrs.field(default=8, validator=and_(ge(1), le(4096)))
    true_masks: bool = False
    baselines: tuple[Restorer, ...] = ()
    resamples: int = attrs.field(default=1000, validator=ge(1))
    perceptual: PerceptualLoss | None = None
    lpips: Literal["alex", "vgg", "squeeze"] | None = None
    fid: str | None = None

    def make_items(self) -> Items:
        """Make the images; item ``i`` depends on ``seed`` and ``i`` alone."""
        return Items(self.dataset, self.size, corruption=self.corruption, seed=self.seed)

    def list_numbers(self) -> list[int]:
        """List the numbers of the items that are used."""
        count = len(self.dataset)
        if self.limit is None or self.limit >= count:
            return list(range(count))
        return [i * count // self.limit for i in range(self.limit)]

    items = keep_old_name("items", make_items)
    numbers = keep_old_name("numbers", list_numbers)


@dataclass(frozen=True, kw_only=True)
class _Case:
    """An item and its result."""

    item: Item
    result: Result


def evaluate(
    pipeline: Pipeline,
    evaluation: Evaluation,
    out: str | Path | None = None,
    *,
    networks: Networks | None = None,
    progress: bool = False,
) -> Report:
    """Measure a pipeline.

    Under ``accelerate launch`` the processes share the work, and the results are the same as with one process.

    Args:
        pipeline: with a detector, a restorer or both. Without a detector the true masks are restored.
        evaluation: the settings of the evaluation.
        out: a folder for ``metrics.json``, ``table.md``, ``items.jsonl`` and contact sheets of the best and worst
            cases, and of the clean images with most flagged pixels; None writes nothing.
        networks: used instead of those that ``evaluation.lpips`` and ``evaluation.fid`` name.
        progress: show a progress bar.

    Returns:
        The same report in every process.

    Raises:
        OSError: if ``out`` cannot be written to.
        ValueError: if no image can be read, the dataset has neither masks nor clean images, or there are baselines for
            a pipeline without a restorer.
    """
    if evaluation.baselines and pipeline.restorer is None:
        raise ValueError("baselines are restorers to compare with, and the pipeline has no restorer")
    items, numbers = evaluation.make_items(), evaluation.list_numbers()
    size = evaluation.batch_size
    warn_of_crowding(pipeline.device)
    # Whole batches are shared, so that every image is in the same batch for any number of processes.
    batches = take_share([numbers[i : i + size] for i in range(0, len(numbers), size)])
    if out is not None and is_first_process():
        make_output_folder(Path(out))
        if taken := [name for name in SHEETS if not is_report(out) and Path(out, name).exists()]:
            raise FileExistsError(f"{Path(out, taken[0])} would be overwritten; choose another output folder")
    if evaluation.perceptual is not None:
        evaluation.perceptual.to(pipeline.device)
    networks = networks or Networks.load(evaluation.lpips, evaluation.fid, pipeline.device)
    rows: list[Row] = []
    unreadable: dict[str, str] = {}
    bar = tqdm(total=sum(map(len, batches)), unit="photo", disable=not progress, dynamic_ncols=True)
    with bar, torch.no_grad():
        for batch in batches:
            cases = _make_cases(pipeline, items, batch, unreadable)
            rows += [_measure(number, case, evaluation, pipeline, networks) for number, case in cases]
            bar.update(len(batch))
    rows = sorted(gather(rows), key=lambda row: row.number)
    unreadable = dict(pair for pairs in gather([unreadable]) for pair in pairs.items())
    for name, why in unreadable.items():
        if progress:
            tqdm.write(escape(f"left out: {name}: {why}"), file=sys.stderr)
    if not rows:
        raise ValueError(f"no photo of the dataset could be read: {next(iter(unreadable.items()), 'it is empty')}")
    report = summarize(
        rows,
        unreadable,
        networks.collect_results(),
        areas=evaluation.areas,
        resamples=evaluation.resamples,
        seed=evaluation.seed,
    )
    if out is not None and is_first_process():
        report.save(out)
        _save_sheets(Path(out), rows, pipeline, items)
    return report


def _make_cases(
    pipeline: Pipeline, items: Items, numbers: Sequence[int], unreadable: dict[str, str]
) -> list[tuple[int, _Case]]:
    read: list[tuple[int, Item]] = []
    for number in numbers:
        try:
            read.append((number, items[number]))
        except PhotoError as error:
            unreadable[items.name(number)] = str(error)
    if not read:
        return []
    images = [item.image for _, item in read]
    if pipeline.detector is None:
        results = [_restore(pipeline, item) for _, item in read]
    elif pipeline.restorer is None:
        results = pipeline.detect(images, batch_size=len(images))
    else:
        results = pipeline(images, batch_size=len(images))
    return [(number, _Case(item=item, result=result)) for (number, item), result in zip(read, results, strict=True)]


def _restore(pipeline: Pipeline, item: Item) -> Result:
    if item.corruption_mask is None:
        raise ValueError(f"{item.name}: a pipeline without a detector needs masks, and the dataset has none")
    return pipeline.restore(item.image, corruption_mask=item.corruption_mask)


def _measure(number: int, case: _Case, evaluation: Evaluation, pipeline: Pipeline, networks: Networks) -> Row:
    """Measure everything about one image."""
    item, result = case.item, case.result
    if item.corruption_mask is None and item.clean is None:
        raise ValueError(f"{item.name}: the dataset has neither masks nor clean images; nothing can be measured")
    row = Row(number=number, name=item.name, source=item.source, shape=item.shape, content=item.content, area=None)
    mask, ignored = _to_tensor(item.corruption_mask), _to_tensor(item.ignored)
    if mask is not None and ignored is not None:
        mask = mask & ~ignored
    if mask is not None and (ignored is None or not ignored.all()):
        scored = mask.numel() - (0 if ignored is None else int(ignored.sum()))
        row = replace(row, area=int(mask.sum()) / scored)
        if pipeline.detector is not None:
            found = [pipeline.to_mask(result, sensitivity=s) for s in SENSITIVITIES]
            row = replace(row, detection=measure_detection(result, mask, found, ignored, _to_tensor(item.damage_map)))
    if item.clean is None or pipeline.restorer is None:
        return row
    image, clean, network = from_uint8(item.image[None]), from_uint8(item.clean[None]), evaluation.perceptual
    restoration = measure_restoration(result, image, clean, mask, network=network)
    raw = image if result.raw is None else result.raw
    restoration = replace(restoration, **networks.measure(_get_composited(result), raw, clean))
    with_true_mask = evaluation.true_masks and mask is not None and pipeline.detector is not None
    baselines: dict[str, BaselineRow] = {}
    for name, baseline in zip(registry.label_all(evaluation.baselines), evaluation.baselines, strict=True):
        other = pipeline.replace(restorer=baseline)
        baselines[name] = BaselineRow(
            restoration=_fill(other, item, clean, result.corruption_mask, mask, network),
            restoration_true_mask=_fill(other, item, clean, mask, mask, network) if with_true_mask else None,
        )
    return replace(
        row,
        restoration=restoration,
        restoration_true_mask=_fill(pipeline, item, clean, mask, mask, network) if with_true_mask else None,
        baselines=baselines,
    )


def _fill(
    pipeline: Pipeline,
    item: Item,
    clean: Tensor,
    given: Tensor | None,
    truth: Tensor | None,
    network: PerceptualLoss | None,
) -> RestorationRow:
    """Fill a given mask, and measure the result."""
    assert given is not None
    result = pipeline.restore(item.image, corruption_mask=given)
    return measure_restoration(result, from_uint8(item.image[None]), clean, truth, network=network)


def _get_composited(result: Result) -> Tensor:
    return result.photo.rgb if result.composited is None else result.composited.rgb


def _to_tensor(mask: np.ndarray | None) -> Tensor | None:
    return None if mask is None else torch.from_numpy(mask)[None, None]


def _save_sheets(out: Path, rows: Sequence[Row], pipeline: Pipeline, items: Items) -> None:
    for name, (score, chosen) in choose_cases(rows, SHOWN).items():
        sheet = draw_contact_sheet(_show(pipeline, items, chosen, score))
        with open_whole(out / f"{name}.jpg") as file:
            sheet.save(file, "JPEG", quality=90)


def _show(
    pipeline: Pipeline, items: Items, chosen: Sequence[tuple[float, int]], score: str
) -> Iterator[tuple[str, Item, Result]]:
    for value, number in chosen:
        ((_, case),) = _make_cases(pipeline, items, [number], {})
        about = ", ".join(filter(None, (case.item.name, case.item.shape, case.item.content)))
        yield f"{score} {value:.3g}: {about}", case.item, case.result
