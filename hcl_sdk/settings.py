"""The settings of a pipeline, each defined exactly once.

Python, YAML, ``config.json`` and the command line take names, types, ranges and defaults from these fields. Nothing
heavy is imported, so that the command line can use them at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import attrs

from hcl_sdk.errors import check_keywords, describe_value, is_whole_number, suggest

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
    return int(value) if is_whole_number(value) else value


def _to_float(value: float) -> float:
    """Convert real numbers to float; leave anything else unchanged."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:  # beyond any range; the validator's message is better
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


@attrs.frozen
class Option:
    """A command-line option for a setting: ``--min-area`` for ``min_area``. Type and range are those of the field.

    Attributes:
        group: the topic of the setting; commands list the options of a group together.
        help: its effect, in one sentence.
        metavar: the placeholder of the value in the help; None for an option that is on or off.
    """

    group: Literal["finding", "sizes", "filling"]
    help: str
    metavar: str | None = None


def _describe_option(*arguments: Any) -> dict[str, Any]:
    return {"option": Option(*arguments)}


@attrs.define(eq=False, slots=False, kw_only=True, on_setattr=attrs.setters.NO_OP)
class Settings:
    """The settings of a :class:`~hcl_sdk.Pipeline`. Values are validated whenever they are set.

    Args:
        detection_size: photos are shrunk for detection until their shorter side has at most this many pixels; None for
            never: memory and time then grow with the photo.
        context_size: photos whose shorter side has more pixels than this after shrinking are analyzed a second time,
            shrunk to this size, and the logits of both confidences are averaged, with a third of the weight for this
            size: large regions stand out in a small image, thin ones in a large one. Photos with less than half as many
            are enlarged to it for detection (to ``detection_size`` if that is less), 4 times at most. None for a single
            analysis.
        detail_size: photos whose shorter side has more pixels than ``detection_size`` are analyzed once more in tiles,
            after shrinking them to this shorter side if it has more: thin and small damage shows only in the photo's
            own pixels. The detector's ``detail_fusion``, which is required, combines everything into one confidence and
            one verdict. None for never.
        restoration_size: the same as ``detection_size`` for restoration, applied to the part of the photo to be filled
            and its surroundings. A restorer that uses the detector's features works at the scale of the detection
            instead.
        threshold: a pixel is corrupted where ``confidence > threshold``, in [0, 1]; tuned with the weights.
        peak_threshold: only regions of such pixels count that have ``confidence > peak_threshold`` somewhere, in [0,
            1]; 0 keeps all. Tuned with the weights. See
            :func:`~hcl_sdk.functional.hysteresis.apply_hysteresis_threshold`.
        sensitivity: how readily a pixel is called corrupted, in [0, 1]: 0 finds nothing, 0.5 leaves both thresholds
            unchanged, 1 finds everything; see :func:`~hcl_sdk.functional.sensitivity.adjust_threshold`.
        only: keep only regions with these kinds of damage, out of ``text``, ``graphic``, ``scratch``, ``patch``,
            ``fill`` and ``other``; empty for all kinds. Needs a detector with a ``damage_head``.
        skip: drop regions with these kinds of damage. Needs a detector with a ``damage_head``.
        min_area: drop regions that cover less than this share of the photo's pixels, in [0, 1].
        follow_colors: let detected regions follow the colors of the photo: continue over connected pixels of their own
            colors, so that nothing of a pen stroke or a caption is left behind, keep to what the veil of a watermark
            explains, and include plain areas that they enclose; part of the confidence. See
            :func:`~hcl_sdk.functional.arrays.follow_image`.
        fill_enclosed: include small areas that a detected region encloses, such as the plain inside of a logo, unless
            the detector is sure that they are valid. See :func:`~hcl_sdk.functional.arrays.fill_enclosed`.
        dilate: pixels of the photo by which the mask grows before it is filled, so that no soft edge remains visible.
        feather: width in pixels of the border outside it over which the fill fades into the photo.
        soft_edges: let a detected mask grow by the width over which its confidence falls off, if that is more than
            ``dilate``: along soft edges, and in photos larger than ``detection_size``. A ``dilate`` given for a call is
            exact. See :func:`~hcl_sdk.functional.arrays.measure_softness`.
        seamless: shift the fill smoothly so that it meets the photo at the border of the hole; see
            :func:`~hcl_sdk.functional.compositing.close_seam`. Always done where ``texture`` is above 0.
        texture: how much of the fill's texture is the photo's own, in [0, 1]: 0 is the restorer alone, which is smooth
            and has the smallest pixel error; 1 looks most like a photo. See
            :func:`~hcl_sdk.functional.texture.synthesize` and
            :func:`~hcl_sdk.functional.texture.blend_texture`.
        unveil: remove watermarks, stains and other see-through damage by computing what lies beneath, where possible,
            and fill only the rest; see :func:`~hcl_sdk.functional.veils.remove_veils`.
    """

    detection_size: int | None = attrs.field(
        default=512,
        converter=_to_int,
        validator=_PIXELS,
        metadata=_describe_option(
            "sizes", "Shrink larger photos to this shorter side for detection, to save memory.", "PIXELS"
        ),
    )
    context_size: int | None = attrs.field(default=None, converter=_to_int, validator=_PIXELS)
    detail_size: int | None = attrs.field(
        default=None,
        converter=_to_int,
        validator=_PIXELS,
        metadata=_describe_option(
            "sizes",
            "Analyze larger photos once more, in tiles, up to this shorter side: finds thin damage.",
            "PIXELS",
        ),
    )
    restoration_size: int | None = attrs.field(default=512, converter=_to_int, validator=_PIXELS)
    threshold: float = attrs.field(default=0.5, converter=_to_float, validator=_PROBABILITY)
    peak_threshold: float = attrs.field(default=0.0, converter=_to_float, validator=_PROBABILITY)
    sensitivity: float = attrs.field(
        default=0.5,
        converter=_to_float,
        validator=_SHARE,
        metadata=_describe_option(
            "finding", "How readily a pixel is called corrupted: 0 finds nothing, 1 everything.", "S"
        ),
    )
    only: tuple[Damage, ...] = attrs.field(
        default=(),
        converter=_to_tuple,
        validator=_check_kinds,
        metadata=_describe_option(
            "finding", f"Keep only regions of these kinds, comma-separated: {', '.join(DAMAGE)}.", "KINDS"
        ),
    )
    skip: tuple[Damage, ...] = attrs.field(
        default=(),
        converter=_to_tuple,
        validator=_check_kinds,
        metadata=_describe_option("finding", "Drop regions of these kinds, comma-separated.", "KINDS"),
    )
    min_area: float = attrs.field(
        default=0.0,
        converter=_to_float,
        validator=_SHARE,
        metadata=_describe_option(
            "finding", "Drop regions smaller than this share of the photo, such as 0.001.", "SHARE"
        ),
    )
    follow_colors: bool = attrs.field(default=False, validator=_check_flag)
    fill_enclosed: bool = attrs.field(default=False, validator=_check_flag)
    dilate: float = attrs.field(
        default=0.0,
        converter=_to_float,
        validator=_WIDTH,
        metadata=_describe_option("filling", "Grow the mask before filling it.", "PIXELS"),
    )
    feather: float = attrs.field(
        default=0.0,
        converter=_to_float,
        validator=_WIDTH,
        metadata=_describe_option("filling", "Fade the fill into the photo over this width.", "PIXELS"),
    )
    soft_edges: bool = attrs.field(default=False, validator=_check_flag)
    seamless: bool = attrs.field(
        default=False,
        validator=_check_flag,
        metadata=_describe_option("filling", "Shift the fill smoothly so that it meets the photo at its border."),
    )
    texture: float = attrs.field(
        default=0.0,
        converter=_to_float,
        validator=_SHARE,
        metadata=_describe_option("filling", "How much of the fill's texture is the photo's own, 0 to 1.", "SHARE"),
    )
    unveil: bool = attrs.field(
        default=False,
        validator=_check_flag,
        metadata=_describe_option("filling", "Remove watermarks and other see-through damage, and fill the rest."),
    )

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


def explain_no_kinds(settings: Settings) -> str | None:
    """Explain that ``only`` and ``skip`` together leave no kind of damage; None if they leave some."""
    if set(settings.only or DAMAGE) - set(settings.skip):
        return None
    chosen = {"only": settings.only, "skip": settings.skip}
    said = " and ".join(f"{name} {', '.join(kinds)}" for name, kinds in chosen.items() if kinds)
    return f"{said}: no kind of damage is left to find"


def list_settings(group: str) -> list[str]:
    """List the settings whose options are of a group, see :class:`Option`."""
    fields = attrs.fields(Settings)
    return [field.name for field in fields if "option" in field.metadata and field.metadata["option"].group == group]


PRESETS: dict[str, dict[str, Any]] = {
    "watermark": {"only": ("graphic", "text"), "sensitivity": 0.6, "dilate": 1.0, "feather": 2.0, "unveil": True},
    "old-photo": {"skip": ("graphic", "text", "patch"), "sensitivity": 0.5, "dilate": 1.0, "feather": 2.0},
    "datestamp": {"only": ("text",), "sensitivity": 0.8, "dilate": 1.0, "feather": 2.0},
    "graffiti": {"only": ("graphic", "text"), "sensitivity": 0.6, "dilate": 1.0, "feather": 2.0},
}
"""Settings by job: which kinds of damage count, how readily a pixel is called corrupted, and how it is filled."""
