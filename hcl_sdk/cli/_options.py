"""Options shared by several commands, and their parameter types."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, TypeAlias, TypeVar

import click

from hcl_sdk.files import find_descriptor
from hcl_sdk.photos.formats import MAX_MEGAPIXELS

if TYPE_CHECKING:
    from hcl_sdk.runtime import Precision
    from hcl_sdk.settings import Damage

_V = TypeVar("_V")

Decorator: TypeAlias = "Callable[[Callable[..., Any]], Callable[..., Any]]"


class PathType(click.Path):
    """A path to a file or folder. Unlike ``click.Path``, it rejects the empty string and URLs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or fail."""
        if value == "":
            self.fail("expected a path, got an empty string.", param, ctx)
        if "://" in str(value):
            self.fail(f"URLs are not supported; download the file first: {value}", param, ctx)
        if find_descriptor(str(value)) == 1:
            with contextlib.suppress(OSError, ValueError):  # it was replaced, as in a test
                value = f"/dev/fd/{sys.stdout.fileno()}"  # the command's own; what libraries print goes elsewhere
        return super().convert(value, param, ctx)


class _SettingType(click.ParamType):
    """A pipeline setting; type and range come from the field of the same name."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from hcl_sdk.settings import get_number  # help need not wait for attrs

        assert param is not None
        assert param.name is not None
        expected = get_number(param.name)
        number = (click.INT if expected.type is int else click.FLOAT).convert(value, param, ctx)
        if not expected.allows(number):
            self.fail(f"expected {expected.expected}; got {value}.", param, ctx)
        return number


class _RegionType(click.ParamType):
    """A rectangle."""

    name = "region"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple):
            return value
        try:
            x, y, width, height = map(int, str(value).split(","))
        except ValueError:
            self.fail(f"expected four whole numbers X,Y,WIDTH,HEIGHT in pixels; got {value!r}.", param, ctx)
        if x < 0 or y < 0 or width < 1 or height < 1:
            self.fail(f"expected X and Y from 0 on, WIDTH and HEIGHT from 1 on; got {value!r}.", param, ctx)
        return x, y, width, height


class _KindsType(click.ParamType):
    """Kinds of damage, with commas between them."""

    name = "kinds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from hcl_sdk.settings import DAMAGE

        kinds = tuple(kind.strip() for kind in value.split(","))
        if unknown := [kind for kind in kinds if kind not in DAMAGE]:
            self.fail(
                f"expected some of {', '.join(DAMAGE)}, with commas between them; got {unknown[0]!r}.", param, ctx
            )
        return kinds


def setting_option(name: str, metavar: str, help_text: str) -> Decorator:
    """Add an option for a field of :class:`~hcl_sdk.settings.Settings`; without it the weights' own value applies."""
    option = f"--{name.replace('_', '-')}"
    return click.option(option, metavar=metavar, type=_SettingType(), help=help_text)


def output_option(default: str | None, help_text: str) -> Decorator:
    """Add ``-o``, a folder; it is required if there is no default."""
    return click.option(
        "-o",
        "--output",
        metavar="DIR",
        type=PathType(file_okay=False),
        default=default,
        required=default is None,
        show_default=default is not None,
        help=help_text,
    )


def check_not_empty(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty text where a name is expected."""
    if value == "":
        raise click.BadParameter("expected a name, got an empty string.", ctx, param)
    return value


config_option = click.option(
    "--config",
    metavar="FILE",
    type=PathType(exists=True, dir_okay=False),
    help="A YAML file that says what differs from the weights: settings, another restorer.",
)
weights_option = click.option(
    "--weights",
    metavar="NAME",
    default="default",
    show_default=True,
    callback=check_not_empty,
    help="A folder of weights, the name of registered weights, or org/name on the Hugging Face Hub.",
)
device_option = click.option("--device", metavar="DEVICE", help="cpu, cuda, cuda:1, mps ...  [default: the fastest]")


def quiet_option(help_text: str) -> Decorator:
    """Add ``-q``."""
    return click.option("-q", "--quiet", is_flag=True, help=help_text)


def bundle(
    values: Callable[..., _V], *options: Decorator
) -> Callable[[Callable[Concatenate[_V, ...], None]], Callable[..., None]]:
    """Combine several options into one decorator, and their values into one argument.

    The decorated function gets an instance of ``values``, a dataclass with a field for each option, as its first
    argument, followed by the values of its own options. Help lists the options in this order.
    """
    names = list(inspect.signature(values).parameters)

    def decorate(function: Callable[Concatenate[_V, ...], None]) -> Callable[..., None]:
        @functools.wraps(function)
        def call(**given: Any) -> None:
            function(values(**{name: given.pop(name) for name in names}), **given)

        decorated: Callable[..., None] = call
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


@dataclass(frozen=True, kw_only=True)
class PhotoOptions:
    """The options that ``detect`` and ``restore`` share."""

    paths: tuple[Path, ...]
    recursive: bool
    output: Path
    resume: bool
    preset: str | None
    sensitivity: float | None
    region: tuple[int, int, int, int] | None
    only: tuple[Damage, ...] | None
    skip: tuple[Damage, ...] | None
    min_area: float | None
    detection_size: int | None
    detail_size: int | None
    weights: str | None
    config: Path | None
    device: str | None
    precision: Precision
    max_megapixels: float
    workers: int
    plot: bool
    report: Path | None
    as_json: bool
    quiet: bool


_PRESETS = "watermark", "old-photo", "datestamp", "graffiti"  # of settings.PRESETS; help need not wait for attrs

photo_options = bundle(
    PhotoOptions,
    click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PathType(readable=False)),
    click.option("-r", "--recursive", is_flag=True, help="Search subfolders too."),
    output_option("hcl_output", "Output folder, created if missing."),
    click.option("--resume", is_flag=True, help="Resume an interrupted run: skip photos that already have results."),
    click.option(
        "--preset",
        metavar="JOB",
        type=click.Choice(_PRESETS),
        help=f"Settings for a job: {', '.join(_PRESETS)}. Other options take precedence.",
    ),
    setting_option(
        "sensitivity",
        "S",
        "How readily a pixel is called corrupted: 0 finds nothing, 1 everything.  [default: from the weights]",
    ),
    click.option(
        "--region",
        metavar="X,Y,W,H",
        type=_RegionType(),
        help="Look for what is corrupted in this rectangle only, in pixels from the upper left corner.",
    ),
    click.option(
        "--only",
        metavar="KINDS",
        type=_KindsType(),
        help="Keep only regions of these kinds, comma-separated: text, graphic, scratch, patch, fill, other.",
    ),
    click.option("--skip", metavar="KINDS", type=_KindsType(), help="Drop regions of these kinds, comma-separated."),
    setting_option("min_area", "SHARE", "Drop regions smaller than this share of the photo, such as 0.001."),
    setting_option(
        "detection_size",
        "PIXELS",
        "Shrink larger photos to this shorter side for detection, to save memory.  [default: from the weights]",
    ),
    setting_option(
        "detail_size",
        "PIXELS",
        "Look at larger photos once more, in tiles, up to this shorter side: finds what is thin.  "
        "[default: from the weights]",
    ),
    click.option(
        "--weights",
        metavar="NAME",
        callback=check_not_empty,
        help="A folder of weights, the name of registered ones, or org/name on the Hugging Face Hub.  "
        "[default: those of --config, or default]",
    ),
    config_option,
    device_option,
    click.option(
        "--precision", type=click.Choice(["no", "fp16", "bf16"]), default="no", help="no means float32 (the default)."
    ),
    click.option(
        "--max-megapixels",
        metavar="N",
        type=click.FloatRange(0, min_open=True),
        default=MAX_MEGAPIXELS,
        show_default=True,
        help="Refuse larger photos: a small file can claim any size.",
    ),
    click.option(
        "--workers",
        metavar="N",
        type=click.IntRange(0),
        default=2,
        show_default=True,
        help="Threads that read and write photos while another one is processed; 0 for none.",
    ),
    click.option("--plot", is_flag=True, help="Also write NAME_plot.png: input, confidence, mask, restored."),
    click.option(
        "--report",
        metavar="FILE",
        type=PathType(dir_okay=False),
        help="Also write one HTML page with all photos, the most corrupted first.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object per photo to standard output."),
    quiet_option("No progress bar, no summary; errors only."),
)


@dataclass(frozen=True, kw_only=True)
class MeasuringOptions:
    """The options that ``evaluate`` and ``benchmark`` share."""

    arguments: tuple[str, ...]
    weights: str
    output: Path
    device: str | None
    as_json: bool
    quiet: bool


def measuring_options(
    output: str, output_help: str
) -> Callable[[Callable[Concatenate[MeasuringOptions, ...], None]], Callable[..., None]]:
    """Add the options that ``evaluate`` and ``benchmark`` share; ``output`` is the default of ``-o``."""
    return bundle(
        MeasuringOptions,
        click.argument("arguments", metavar="[CONFIG] [KEY=VALUE]...", nargs=-1, required=True),
        weights_option,
        output_option(output, output_help),
        device_option,
        click.option(
            "--json", "as_json", is_flag=True, help="Print the metrics as one JSON object to standard output."
        ),
        quiet_option("No progress bar, no tables; errors only."),
    )
