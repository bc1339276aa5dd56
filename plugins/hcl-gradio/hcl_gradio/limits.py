"""What a visitor of the page may ask for."""

from __future__ import annotations

import attrs


def _check_positive(_: Limits, attribute: attrs.Attribute[int], value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{attribute.name} must be a whole number >= 1; got {value!r} ({type(value).__name__})")
    if value < 1:
        raise ValueError(f"{attribute.name} must be a whole number >= 1; got {value!r}")


@attrs.frozen(kw_only=True)
class Limits:
    """What a visitor may ask for, and for how long it is kept. All are at least 1.

    Attributes:
        megabytes: the maximum size of a file.
        megapixels: the maximum size of a photo.
        photos: the maximum number of photos that a visitor may have at a time.
        visitors: the maximum number of visitors whose photos are kept. Beyond it, those who have been idle longest
            lose theirs.
        waiting: the maximum number of requests in the queue; further requests are told that the page is busy.
        minutes: the time after which the photos of an idle visitor are deleted. Closing the page deletes them at once.
    """

    megabytes: int = attrs.field(default=25, validator=_check_positive)
    megapixels: int = attrs.field(default=24, validator=_check_positive)
    photos: int = attrs.field(default=12, validator=_check_positive)
    visitors: int = attrs.field(default=32, validator=_check_positive)
    waiting: int = attrs.field(default=64, validator=_check_positive)
    minutes: int = attrs.field(default=30, validator=_check_positive)
