"""Limits on the requests of visitors."""

from __future__ import annotations

import attrs

from hcl_sdk.settings import Number

_POSITIVE = Number(type=int, low=1, expected="a whole number >= 1")


@attrs.frozen(kw_only=True)
class Limits:
    """Limits on a visitor's requests, and on how long files are kept. All are at least 1.

    Attributes:
        megabytes: the maximum size of a file.
        megapixels: the maximum size of a photo.
        photos: the maximum number of photos that a visitor may have at a time.
        visitors: the maximum number of visitors whose photos are kept. Beyond it, those who have been idle longest
            lose theirs.
        waiting: the maximum number of requests in the queue; further requests are told that the page is busy.
        minutes: the time after which the photos of an idle visitor are deleted. Closing the page deletes them at once.
    """

    megabytes: int = attrs.field(default=25, validator=_POSITIVE)
    megapixels: int = attrs.field(default=24, validator=_POSITIVE)
    photos: int = attrs.field(default=12, validator=_POSITIVE)
    visitors: int = attrs.field(default=32, validator=_POSITIVE)
    waiting: int = attrs.field(default=64, validator=_POSITIVE)
    minutes: int = attrs.field(default=30, validator=_POSITIVE)
