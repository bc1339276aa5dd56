"""The one-liners ``hcl_sdk.restore`` and ``hcl_sdk.detect``, with the weights in the package."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

from hcl_sdk.errors import check_keywords
from hcl_sdk.photos.photo import Source
from hcl_sdk.pipeline._pipeline import Pipeline
from hcl_sdk.result import Result


def restore(photo: Source, *, corruption_mask: Source | None = None, **options: Any) -> Result:
    """Find the corrupted region of a photo and fill it, with the weights that ship with the package.

    The pipeline is created once and cached.

    Args:
        photo: one photo.
        corruption_mask: the region to fill instead of detecting it, as in :meth:`Pipeline.restore`.
        options: those of calling a :class:`Pipeline`, or of :meth:`Pipeline.restore` if a mask is given. Errors
            likewise.
    """
    if corruption_mask is None:
        known = [*inspect.signature(Pipeline.__call__).parameters, "corruption_mask"]
        check_keywords("restore", options, known[2:])
        return _load_default()(photo, **options)
    return _load_default().restore(photo, corruption_mask=corruption_mask, **options)


def detect(photo: Source, **options: Any) -> Result:
    """Find the corrupted region of a photo without filling it, with the weights that ship with the package.

    Args:
        photo: one photo.
        options: those of :meth:`Pipeline.detect`. Errors likewise.
    """
    return _load_default().detect(photo, **options)


@lru_cache(maxsize=1)
def _load_default() -> Pipeline:
    return Pipeline.from_pretrained("default")
