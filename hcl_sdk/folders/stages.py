"""The stages of each photo of a plan: it is read, processed and written."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from hcl_sdk.errors import escape
from hcl_sdk.folders.inputs import Input
from hcl_sdk.folders.overlap import run_overlapped
from hcl_sdk.folders.page import ReportPage
from hcl_sdk.folders.plan import Plan
from hcl_sdk.folders.report import PhotoOutcome, explain_failure
from hcl_sdk.functional.arrays import Box
from hcl_sdk.photos.photo import Photo
from hcl_sdk.photos.read import read_megapixels
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.result import Result

_logger = logging.getLogger("hcl_sdk.folders")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Opened:
    input: Input
    photo: Photo


@dataclass(frozen=True, kw_only=True, eq=False)
class _Processed:
    input: Input
    result: Result


@dataclass(frozen=True, kw_only=True)
class Stages:
    """The three stages. Each returns an outcome if it fails, and passes on the outcome of an earlier failure.

    Attributes:
        plan, pipeline, region: as in :func:`~hcl_sdk.folders.run_plan`.
        page: the report that photos are added to; None for no report.
        needs_regions: whether outcomes list the regions.
    """

    plan: Plan
    pipeline: Pipeline
    region: Box | None
    page: ReportPage | None
    needs_regions: bool

    def run(self, photos: Sequence[Input], workers: int) -> Generator[PhotoOutcome, None, None]:
        """Yield the outcome for each photo, in order; ``workers`` is the number of threads that read and write."""
        weigh = lru_cache(maxsize=1)(self._weigh)  # called repeatedly for a photo that there is no room for yet
        return run_overlapped(
            photos, read=self._read, work=self._process, write=self._write, workers=workers, weigh=weigh
        )

    def _weigh(self, photo: Input) -> float:
        """Return the megapixels of a photo, or 0 if it cannot be read: reading it will say why."""
        if not photo.path.is_file():  # a pipe can be read only once
            return 0.0
        try:
            return read_megapixels(photo.path, str(photo.path), max_megapixels=self.plan.max_megapixels)
        except Exception:
            return 0.0

    def _read(self, photo: Input) -> _Opened | PhotoOutcome:
        try:
            opened = Photo.open(photo.path, max_megapixels=self.plan.max_megapixels)
            self.plan.outputs.check_format(photo, opened)
            return _Opened(input=photo, photo=opened)
        except BaseException as error:
            return self._fail(photo, error)

    def _process(self, opened: _Opened | PhotoOutcome) -> _Processed | PhotoOutcome:
        if isinstance(opened, PhotoOutcome):
            return opened
        photo = opened.input
        try:
            if self.plan.masks is not None:
                result = self.pipeline.restore(opened.photo, corruption_mask=self.plan.masks[photo])
            elif self.plan.outputs.restoring:
                result = self.pipeline(opened.photo, region=self.region)
            else:
                result = self.pipeline.detect(opened.photo, region=self.region)
            return _Processed(input=photo, result=result)
        except BaseException as error:
            return self._fail(photo, error)

    def _write(self, processed: _Processed | PhotoOutcome) -> PhotoOutcome:
        if isinstance(processed, PhotoOutcome):
            return processed
        photo, result = processed.input, processed.result
        try:
            outcome = PhotoOutcome(
                path=photo.path,
                size=result.photo.size,
                corrupted_share=result.corrupted_share,
                regions=tuple(result.regions) if self.needs_regions else (),
                left_out=self.pipeline.count_left_out(result),
                suspect=self.pipeline.find_suspect(result),
                notes=result.photo.notes,
                # Last: an interruption or a failure of the others must not leave files that --resume takes for done.
                files=self.plan.outputs.write(result, photo, self.plan.protected),
            )
            if self.page is not None:
                self.page.add(outcome, result)
            return outcome
        except BaseException as error:
            return self._fail(photo, error)

    def _fail(self, photo: Input, error: BaseException) -> PhotoOutcome:
        """Report any failure, even of a plugin's own class: only the user may stop a long run."""
        if isinstance(error, KeyboardInterrupt):
            raise error
        _logger.debug("%s failed", escape(str(photo.path)), exc_info=error)
        return PhotoOutcome(path=photo.path, error=explain_failure(error, photo.path, self.pipeline.device))
