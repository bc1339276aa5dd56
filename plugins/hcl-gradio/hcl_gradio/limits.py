"""What one visitor of the page may ask for."""

from __future__ import annotations

import attrs

_POSITIVE = attrs.validators.and_(attrs.validators.instance_of(int), attrs.validators.ge(1))


@attrs.frozen(kw_only=True)
class Limits:
    """What one visitor may ask for, and for how long it is kept.

    Attributes:
        megabytes: of one file, at most.
        megapixels: of one photo, at most.
        photos: of one visitor at a time, at most.
        visitors: whose photos are kept at the same time, at most; beyond that those go that were idle longest.
        waiting: requests in the queue, at most; later ones are told that the page is busy.
        minutes: after which the photos of an idle visitor are deleted. They are deleted at once when a page is closed.
    """

    megabytes: int = attrs.field(default=25, validator=_POSITIVE)
    megapixels: int = attrs.field(default=24, validator=_POSITIVE)
    photos: int = attrs.field(default=12, validator=_POSITIVE)
    visitors: int = attrs.field(default=32, validator=_POSITIVE)
    waiting: int = attrs.field(default=64, validator=_POSITIVE)
    minutes: int = attrs.field(default=30, validator=_POSITIVE)
