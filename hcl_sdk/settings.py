"""The settings of a pipeline, each defined exactly once.

Python, YAML, ``config.json`` and the command line take names, types, ranges and defaults from these fields. Nothing
heavy is imported, so that the command line can use them at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import attrs

from hcl_sdk.errors import check_keywords, describe_value, suggest

Damage = Literal["text", "graphic", "scratch", "patch", "fill", "other"]
"""Kinds of damage as people see them: writing; logos, stickers, watermarks and drawings; thin lines, dust and cracks;
parts of photos; areas that are flat, noisy, blurred or coarse; anything else."""

DAMAGE: tuple[Damage, ...] = get_args(Damage)
"""The kinds of damage; their numbers are fixed: in a damage map, 0 is undamaged, and 1 is the first kind, "text"."""


@attrs.frozen(kw_only=True)
class Number:
    """The validator of a setting, which also describes its range.

    Attributes:
        type: ``int`` or ``float``.
        low, high: the range, inclusive. Infinity is never in range.
        expected: the same in words.
        optional: whether None is allowed.
    """

    type: type[int] | type[float]
    low: float
    high: float = sys.float_info.max
    expected: str
    optional: bool = False

    def __call__(self, instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if value is None and self.optional:
            return
        expected = f"{self.expected}, or None" if self.optional else self.expected
        if not isinstance(value, int if self.type is int else (int, float)) or isinstance(value, bool):
            raise TypeError(f"{attribute.name} must be {expected}; got {describe_value(value)}")
        if not self.allows(value):
            raise ValueError(f"{attribute.name} must be {expected}; got {describe_value(value)}")

    def allows(self, value: float) -> bool:
        """Whether a number is in the range; NaN never is."""
        return self.low <= value <= self.high


def _to_int(value: int | None) -> int | None:
    """Convert integers of other types, for example NumPy's, to Python's own; leave anything else unchanged."""
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


def _to_float(value: float) -> float:
    """Convert real numbers to float; leave anything else unchanged."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:  # beyond any range, which the validator reports better
        return value


def _to_tuple(value: Any) -> Any:
    """Convert a single kind of damage, or several, to a tuple; leave anything else unchanged."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, Iterable) else value


def _check_flag(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"{attribute.name} must be True or False; got {describe_value(value)}")


def _check_kinds(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    expected = f"{attribute.name} must be kinds of damage, some of {', '.join(DAMAGE)}"
    if not isinstance(value, tuple) or not all(isinstance(kind, str) for kind in value):
        raise TypeError(f"{expected}; got {describe_value(value)}")
    if unknown := [kind for kind in value if kind not in DAMAGE]:
        raise ValueError(f"{expected}; got {unknown[0]!r}")


_PIXELS = Number(type=int, low=1, expected="a whole number of pixels >= 1", optional=True)
_PROBABILITY = Number(type=float, low=0, high=1, expected="a probability, from 0 to 1")
_SHARE = Number(type=float, low=0, high=1, expected="a number from 0 to 1")
_WIDTH = Number(type=float, low=0, expected="a number of pixels >= 0")


@attrs.define(eq=False, slots=False, kw_only=True, on_setattr=attrs.setters.NO_OP)
class Settings:
    """The settings of a :class:`~hcl_sdk.Pipeline`. Values are validated whenever they are set."""

    detection_size: int | None = attrs.field(default=512, converter=_to_int, validator=_PIXELS)
    context_size: int | None = attrs.field(default=None, converter=_to_int, validator=_PIXELS)
    detail_size: int | None = attrs.field(default=None, converter=_to_int, validator=_PIXELS)
    restoration_size: int | None = attrs.field(default=512, converter=_to_int, validator=_PIXELS)
    threshold: float = attrs.field(default=0.5, converter=_to_float, validator=_PROBABILITY)
    peak_threshold: float = attrs.field(default=0.0, converter=_to_float, validator=_PROBABILITY)
    sensitivity: float = attrs.field(default=0.5, converter=_to_float, validator=_SHARE)
    only: tuple[Damage, ...] = attrs.field(default=(), converter=_to_tuple, validator=_check_kinds)
    skip: tuple[Damage, ...] = attrs.field(default=(), converter=_to_tuple, validator=_check_kinds)
    min_area: float = attrs.field(default=0.0, converter=_to_float, validator=_SHARE)
    fill_enclosed: bool = attrs.field(default=False, validator=_check_flag)
    dilate: float = attrs.field(default=0.0, converter=_to_float, validator=_WIDTH)
    feather: float = attrs.field(default=0.0, converter=_to_float, validator=_WIDTH)
    soft_edges: bool = attrs.field(default=False, validator=_check_flag)
    seamless: bool = attrs.field(default=False, validator=_check_flag)
    texture: float = attrs.field(default=0.0, converter=_to_float, validator=_SHARE)
    unveil: bool = attrs.field(default=False, validator=_check_flag)

    def __new__(cls, *_: Any, **given: Any) -> Self:
        check_keywords(cls.__name__, given, [field.name for field in attrs.fields(cls) if field.init])
        return super().__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        field = attrs.fields_dict(type(self)).get(name)
        if field is not None:
            value = _check(self, field, value)
        elif not hasattr(type(self), name):
            known = [field.name for field in attrs.fields(type(self)) if field.init]
            raise AttributeError(f"a {type(self).__name__} has no attribute {name!r}; {suggest(name, known)}")
        super().__setattr__(name, value)

    if not TYPE_CHECKING:  # type checkers would take any attribute for one that is there

        def __getattr__(self, name: str) -> Any:
            hint = "" if name.startswith("_") else f"; {suggest(name, _list_public(type(self)))}"
            raise AttributeError(f"a {type(self).__name__} has no attribute {name!r}{hint}")


def _list_public(cls: type[Settings]) -> list[str]:
    fields = [field.name for field in attrs.fields(cls) if field.init]
    return [*fields, *(name for name in dir(cls) if not name.startswith("_") and name not in fields)]


_check = attrs.setters.pipe(attrs.setters.convert, attrs.setters.validate)


def get_number(name: str) -> Number:
    """Return the validator of a setting."""
    validator = attrs.fields_dict(Settings)[name].validator
    assert isinstance(validator, Number)
    return validator


PRESETS: dict[str, dict[str, Any]] = {
    "watermark": {"only": ("graphic", "text"), "sensitivity": 0.6, "dilate": 1.0, "feather": 2.0, "unveil": True},
    "old-photo": {"skip": ("graphic", "text", "patch"), "sensitivity": 0.5, "dilate": 1.0, "feather": 2.0},
    "datestamp": {"only": ("text",), "sensitivity": 0.8, "dilate": 1.0, "feather": 2.0},
    "graffiti": {"only": ("graphic", "text"), "sensitivity": 0.6, "dilate": 1.0, "feather": 2.0},
}
"""Settings by job: which kinds of damage count, how readily a pixel is called corrupted, and how it is filled."""
