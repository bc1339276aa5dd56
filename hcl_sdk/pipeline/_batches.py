"""Many photos in one call: batches of the same working size, a progress bar and a log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from tqdm.auto import tqdm

from hcl_sdk.errors import check_whole_number
from hcl_sdk.photos.photo import Photo
from hcl_sdk.pipeline._resizing import find_working_size
from hcl_sdk.result import Result
from hcl_sdk.settings import Settings

_logger = logging.getLogger("hcl_sdk.pipeline")


def run_batches(
    photo: Any,
    work: Callable[[list[Photo]], list[Result]],
    *,
    settings: Settings,
    batch_size: int,
    progress: bool,
) -> Result | list[Result]:
    """Apply ``work`` to a photo or to a list of photos, batching those of the same working size.

    Args:
        photo: one photo, or a list.
        work: called with photos of the same working size.
        settings: those of the working size.
        batch_size: the maximum number of photos per batch.
        progress: show a progress bar.

    Raises:
        TypeError: if the batch size is not a whole number.
        ValueError: if it is below 1.
    """
    batch_size = check_whole_number("batch_size", batch_size)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    if not is_list(photo):
        return work([Photo.open(photo)])[0]
    photos = [Photo.open(source) for source in photo]
    by_size: dict[tuple[int, int], list[int]] = {}
    for i, opened in enumerate(photos):
        by_size.setdefault(find_working_size(opened, settings), []).append(i)
    results: dict[int, Result] = {}
    with tqdm(total=len(photos), unit="photo", leave=False, disable=not progress) as bar:
        for indices in by_size.values():
            for begin in range(0, len(indices), batch_size):
                batch = indices[begin : begin + batch_size]
                results.update(zip(batch, work([photos[i] for i in batch]), strict=True))
                bar.update(len(batch))
                if _logger.isEnabledFor(logging.INFO):
                    for i in batch:
                        _logger.info("photo %d of %d: %r", i + 1, len(photos), results[i])
    return [results[i] for i in range(len(photos))]


def is_list(photo: Any) -> bool:
    """Return whether a list of photos was passed, not a single one."""
    return isinstance(photo, Sequence) and not isinstance(photo, str | bytes | bytearray | memoryview)
