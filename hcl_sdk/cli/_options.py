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

import attrs
import click

from hcl_sdk.files import find_descriptor
from hcl_sdk.photos.formats import MAX_MEGAPIXELS
from hcl_sdk.settings import DAMAGE, PRESETS, Number, Option, Settings, list_settings

if TYPE_CHECKING:
    from hcl_sdk.runtime import Precision

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
                value = f"/dev/fd/{sys.stdout.fileno()}"  # the command's own; output of libraries goes elsewhere
        return super().convert(value, param, ctx)


class _NumberType(click.ParamType):
    """A number in the range of a setting."""

    name = "number"

    def __init__(self, number: Number) -> None:
        self._number = number

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        converted = (click.INT if self._number.type is int else click.FLOAT).convert(value, param, ctx)
        if not self._number.allows(converted):
            self.fail(f"expected {self._number.expected}; got {value}.", param, ctx)
        return converted


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
        kinds = tuple(kind.strip() for kind in value.split(","))
        if unknown := [kind for kind in kinds if kind not in DAMAGE]:
            self.fail(
                f"expected some of {', '.join(DAMAGE)}, with commas between them; got {unknown[0]!r}.", param, ctx
            )
        return kinds


def setting_option(name: str, default: str = "from the weights") -> Decorator:
    """Add the option of a setting, see :class:`~hcl_sdk.settings.Option`; without it, its value is None.

    Args:
        name: the name of the setting.
        default: says in the help what applies then.
    """
    field = attrs.fields_dict(Settings)[name]
    option: Option = field.metadata["option"]
    help_text, flag = f"{option.help}  [default: {default}]", name.replace("_", "-")
    if option.metavar is None:
        return click.option(f"--{flag}/--no-{flag}", default=None, help=help_text)
    kind = _NumberType(field.validator) if isinstance(field.validator, Number) else _KindsType()
    return click.option(f"--{flag}", metavar=option.metavar, type=kind, help=help_text)


def setting_options(group: str) -> Decorator:
    """Add the options of all settings of a group."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for name in reversed(list_settings(group)):
            function = setting_option(name)(function)
        return function

    return decorate


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
    help="A YAML file with differences from the weights: settings, another restorer.",
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
    argument, followed by the settings among the options and the values of its own. Help lists the options in this
    order.
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
    """The options that ``detect`` and ``restore`` share, besides settings."""

    paths: tuple[Path, ...]
    recursive: bool
    output: Path
    resume: bool
    preset: str | None
    region: tuple[int, int, int, int] | None
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


photo_options = bundle(
    PhotoOptions,
    click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PathType(readable=False)),
    click.option("-r", "--recursive", is_flag=True, help="Search subfolders too."),
    output_option("hcl_output", "Output folder, created if missing."),
    click.option(
        "--resume",
        is_flag=True,
        help="Resume an interrupted run: skip photos that already have results, newer than the photo and made with the "
        "same settings.",
    ),
    click.option(
        "--preset",
        metavar="JOB",
        type=click.Choice(list(PRESETS)),
        help=f"Settings for a job: {', '.join(PRESETS)}. Other options take precedence.",
    ),
    setting_options("finding"),
    click.option(
        "--region",
        metavar="X,Y,W,H",
        type=_RegionType(),
        help="Search only this rectangle for damage, in pixels from the upper left corner.",
    ),
    setting_options("sizes"),
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
