"""Processing photos one by one, from files to files."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TypeAlias

from tqdm.auto import tqdm

from hcl_sdk.errors import escape, suggest_keywords
from hcl_sdk.files import make_output_folder, remove_leftovers
from hcl_sdk.folders.errors import ArgumentError
from hcl_sdk.folders.overlap import WORKERS
from hcl_sdk.folders.page import ReportPage
from hcl_sdk.folders.plan import Plan, make_plan
from hcl_sdk.folders.record import settle_record
from hcl_sdk.folders.report import CocoCollection, FolderReport, PhotoOutcome
from hcl_sdk.folders.stages import Stages
from hcl_sdk.functional.arrays import Box, slice_box
from hcl_sdk.photos.find import make_natural_key
from hcl_sdk.photos.formats import MAX_MEGAPIXELS
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.runtime import gather, is_first_process, take_share, warn_of_crowding

_logger = logging.getLogger("hcl_sdk.folders")

Paths: TypeAlias = "str | os.PathLike[str] | Iterable[str | os.PathLike[str]]"
Listener: TypeAlias = "Callable[[PhotoOutcome], object]"


@suggest_keywords
def restore_folder(
    photos: Paths,
    output: str | os.PathLike[str],
    *,
    pipeline: Pipeline | None = None,
    corruption_masks: str | os.PathLike[str] | None = None,
    region: Box | None = None,
    recursive: bool = True,
    resume: bool = False,
    format: str | None = None,
    plot: bool = False,
    coco: str | os.PathLike[str] | None = None,
    report: str | os.PathLike[str] | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    workers: int = WORKERS,
    progress: bool = False,
    on_photo: Listener | None = None,
) -> FolderReport:
    """Restore all photos in a folder, as ``hcl restore`` does.

    Writes ``NAME_restored.EXT`` and ``NAME_mask.png`` for every photo to the output folder, which mirrors the input
    folder. Photos are processed one by one, while the next are read and the previous are written, so memory does not
    grow with their number. A photo that cannot be read or restored does not stop the run. Inputs are never overwritten.
    Under ``accelerate launch`` each process handles its share.

    Args:
        photos: a folder, a photo, or several of either. Hidden files and folders are skipped.
        output: the output folder, created if missing. If it lies inside an input folder, it is not searched.
        pipeline: the pipeline to use; None for the default weights.
        corruption_masks: a folder with a mask ``NAME_mask`` or ``NAME`` for every photo, in the same tree, or one mask
            for one photo: the regions to fill, instead of detecting them.
        region: (x, y, width, height) in pixels: detect corruption only in this rectangle of every photo.
        recursive: search subfolders too.
        resume: skip photos that already have results. Results older than the photo or its mask, by the times of the
            files, and files that are empty, unreadable or (PNG, JPEG) cut off do not count. The settings and weights
            are compared with those of the last run, which a hidden file in the output folder records.
        format: format of the restored photos, such as ``"jpg"``; None for a lossless one.
        plot: also write ``NAME_plot.png``, see :meth:`Result.plot`.
        coco: also write the regions of all photos to this file, as one COCO dataset.
        report: also write this file, one HTML page with thumbnails of all photos and the outlines of their masks, the
            most corrupted first. If the run is interrupted, it shows those that were done.
        max_megapixels: larger photos are refused: a small file can claim any size.
        workers: threads that read and write photos while the pipeline processes another one; 0 to do one thing after
            the other. The photos in memory together have at most 50 megapixels; a larger one is processed alone.
        progress: show a progress bar, on a terminal or in a notebook.
        on_photo: called with the outcome for each photo as soon as it is known.

    Raises:
        ArgumentError: a ``ValueError``; if arguments are invalid or cannot be combined, or a run is resumed with other
            settings or weights.
        NoPhotosError: a ``ValueError``; if there are no photos to process.
        OSError: if the output cannot be written.
    """
    plan = make_plan(
        _list_paths(photos),
        Path(output),
        restoring=True,
        recursive=recursive,
        corruption_masks=None if corruption_masks is None else Path(corruption_masks),
        file_format=format,
        plot=plot,
        max_megapixels=max_megapixels,
    )
    return run_plan(
        plan,
        pipeline,
        region=region,
        resume=resume,
        coco=coco,
        report=report,
        workers=workers,
        progress=progress,
        on_photo=on_photo,
    )


@suggest_keywords
def detect_folder(
    photos: Paths,
    output: str | os.PathLike[str],
    *,
    pipeline: Pipeline | None = None,
    region: Box | None = None,
    recursive: bool = True,
    resume: bool = False,
    plot: bool = False,
    coco: str | os.PathLike[str] | None = None,
    report: str | os.PathLike[str] | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    workers: int = WORKERS,
    progress: bool = False,
    on_photo: Listener | None = None,
) -> FolderReport:
    """Detect corrupted regions in all photos of a folder, as ``hcl detect`` does.

    Writes ``NAME_mask.png`` for every photo, 255 = corrupted. Arguments, result and errors are those of
    :func:`restore_folder`.
    """
    plan = make_plan(
        _list_paths(photos),
        Path(output),
        restoring=False,
        recursive=recursive,
        plot=plot,
        max_megapixels=max_megapixels,
    )
    return run_plan(
        plan,
        pipeline,
        region=region,
        resume=resume,
        coco=coco,
        report=report,
        workers=workers,
        progress=progress,
        on_photo=on_photo,
    )


def run_plan(
    plan: Plan,
    pipeline: Pipeline | None = None,
    *,
    region: Box | None = None,
    resume: bool = False,
    coco: str | os.PathLike[str] | None = None,
    report: str | os.PathLike[str] | None = None,
    regions: bool = False,
    workers: int = WORKERS,
    progress: bool = False,
    on_photo: Listener | None = None,
) -> FolderReport:
    """Process the photos of a plan; arguments, result and errors are those of :func:`restore_folder`.

    Args:
        regions: find the regions of every photo, for ``on_photo``.
    """
    _check_request(plan, region=region, resume=resume, coco=coco, report=report, workers=workers)
    pipeline = Pipeline.from_pretrained() if pipeline is None else pipeline
    plan.check_pipeline(pipeline)
    warn_of_crowding(pipeline.device)
    since = math.inf
    if plan.inputs.photos:
        make_output_folder(plan.outputs.folder)
        since = settle_record(plan, pipeline, region=region, resume=resume)
        for folder in {plan.outputs.folder, *(plan.outputs.folder / photo.folder for photo in plan.inputs.photos)}:
            remove_leftovers(folder)
    collection = None if coco is None else CocoCollection()
    done, failures = 0, take_share(plan.inputs.failures)
    # Divided before checking which results exist: another process may already have written some of them by then.
    own = take_share(plan.inputs.photos)
    masks = plan.masks or {}
    missing = [p for p in own if not (resume and plan.outputs.are_there(p, mask=masks.get(p), since=since))]
    left_out = plan.inputs.describe_left_out()

    def tell(outcome: PhotoOutcome) -> None:
        _log(outcome)
        if on_photo is not None:
            on_photo(outcome)

    def add(outcome: PhotoOutcome) -> None:
        nonlocal done
        if outcome.error is not None:
            failures.append((outcome.path, outcome.error))
        else:
            done += 1
            if collection is not None:
                collection.add(outcome)
        tell(outcome)

    with ExitStack() as stack:
        page = None if report is None else stack.enter_context(closing(ReportPage(Path(report))))
        for path, reason in failures:
            tell(PhotoOutcome(path=path, error=reason))
        try:
            needs_regions = regions or coco is not None
            stages = Stages(plan=plan, pipeline=pipeline, region=region, page=page, needs_regions=needs_regions)
            with _make_bar(len(missing), progress) as bar, closing(stages.run(missing, workers)) as outcomes:
                try:
                    for outcome in outcomes:
                        add(outcome)
                        bar.update()
                except KeyboardInterrupt as interruption:
                    # Came while an outcome was told: others may be written. Otherwise it comes back at once.
                    add(outcomes.throw(interruption))
                    for outcome in outcomes:
                        add(outcome)
        except KeyboardInterrupt:
            if page is not None:  # there is a single process then, which has nothing to gather
                said = f"The run was stopped before it had processed all of the {len(missing)} photos."
                page.write(FolderReport(done=done, were_there=0, failures=tuple(failures), left_out=(said, *left_out)))
            raise
        if coco is not None and collection is not None:
            collection.write(Path(coco))
        summary = _sum_up(done, len(own) - len(missing), failures, left_out)
        if page is not None:
            page.write(summary)
        return summary


def _check_request(
    plan: Plan,
    *,
    region: Box | None,
    resume: bool,
    coco: str | os.PathLike[str] | None,
    report: str | os.PathLike[str] | None,
    workers: int,
) -> None:
    """Check the arguments of :func:`run_plan`, and that the files covering all photos can be written.

    Raises:
        ArgumentError: if arguments are invalid or cannot be combined.
        OSError: if such a file cannot be written.
    """
    if not isinstance(workers, int) or isinstance(workers, bool) or workers < 0:
        raise ArgumentError(f"expected a whole number of threads >= 0; got {workers!r}", "workers")
    if region is not None and plan.masks is not None:
        raise ArgumentError(
            "masks replace detection, so a region to search has no effect; use one of them",
            "corruption_masks",
            "region",
        )
    if region is not None:
        try:
            slice_box(region, (sys.maxsize, sys.maxsize))  # whatever size the photos have
        except (TypeError, ValueError) as error:
            raise ArgumentError(str(error), "region") from error
    if coco is not None and report is not None and os.path.realpath(coco) == os.path.realpath(report):
        raise ArgumentError(f"both would be written to {coco}", "coco", "report")
    for argument, file in (("coco", coco), ("report", report)):
        if file is not None:
            if resume:
                raise ArgumentError(
                    "this file must cover all photos, but resuming skips some of them", argument, "resume"
                )
            plan.prepare_file(Path(file), argument)


def _make_bar(photos: int, progress: bool) -> tqdm[Any]:
    """Make a progress bar, which only the first process shows, and only on a terminal or in a notebook."""
    hidden = not progress or not is_first_process()
    on_terminal = None if "ipykernel" not in sys.modules else False  # None: hidden unless it is one
    return tqdm(total=photos, unit="photo", leave=False, disable=hidden or on_terminal)


def _log(outcome: PhotoOutcome) -> None:
    path = escape(str(outcome.path))  # a log is written as UTF-8
    if outcome.error is not None:
        _logger.warning("%s: %s", path, escape(outcome.error))
    else:
        _logger.info("%s: %.1f%% corrupted", path, 100 * outcome.corrupted_share)


def _sum_up(done: int, were_there: int, failures: list[tuple[Path, str]], left_out: list[str]) -> FolderReport:
    """Combine the outcomes of all processes."""
    counts = gather([(done, were_there)])
    failures = gather(failures)
    if len(counts) > 1:  # of one process they are in the order of the photos
        failures = sorted(failures, key=lambda failure: make_natural_key(str(failure[0])))
    done, were_there = (sum(column) for column in zip(*counts, strict=True))
    return FolderReport(done=done, were_there=were_there, failures=tuple(failures), left_out=tuple(left_out))


def _list_paths(photos: Paths) -> list[Path]:
    if isinstance(photos, str | os.PathLike):
        return [Path(photos)]
    return [Path(path) for path in photos]
