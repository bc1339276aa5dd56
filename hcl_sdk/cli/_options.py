"""Options that several commands have, and the types of their values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import click

Decorator: TypeAlias = "Callable[[Callable[..., Any]], Callable[..., Any]]"


class PathType(click.Path):
    """The path of a file or folder; click's own takes an empty text for the folder one is in."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, if it is one."""
        if value == "":
            self.fail("expected a path, got an empty text.", param, ctx)
        if "://" in str(value):
            self.fail(f"URLs are not read; download it first: {value}", param, ctx)
        return super().convert(value, param, ctx)


class _SettingType(click.ParamType):
    """A setting of pipelines: type and range are those of the field of this name."""

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


def setting_option(name: str, metavar: str, help_text: str) -> Decorator:
    """An option for the field of this name of :class:`~hcl_sdk.settings.Settings`, which the weights have otherwise."""
    option = f"--{name.replace('_', '-')}"
    return click.option(option, metavar=metavar, type=_SettingType(), help=help_text)


def output_option(default: str | None, help_text: str) -> Decorator:
    """``-o``, a folder; without a default it has to be given."""
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


def check_not_empty(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Refuse an empty text where a name is expected."""
    if not value:
        raise click.BadParameter("expected a name, got an empty text.", ctx, param)
    return value


weights_option = click.option(
    "--weights",
    metavar="NAME",
    default="default",
    show_default=True,
    callback=check_not_empty,
    help="A folder of weights, the name of registered ones, or org/name on the Hugging Face Hub.",
)
device_option = click.option("--device", metavar="DEVICE", help="cpu, cuda, cuda:1, mps ...  [default: the fastest]")


def quiet_option(help_text: str) -> Decorator:
    """``-q``."""
    return click.option("-q", "--quiet", is_flag=True, help=help_text)


def combine(*options: Decorator) -> Decorator:
    """Several options as one decorator; help shows them in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


photo_options = combine(
    click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PathType(readable=False)),
    click.option("-r", "--recursive", is_flag=True, help="Search the folders inside folders too."),
    output_option("hcl_output", "Where the results go; made if it is not there."),
    click.option("--resume", is_flag=True, help="Go on with a run that was stopped: leave out what has its results."),
    setting_option(
        "sensitivity",
        "S",
        "How ready to call a pixel corrupted: 0 finds nothing, 1 everything.  [default: the weights' own]",
    ),
    setting_option(
        "detection_size",
        "PIXELS",
        "Shrink larger photos to this shorter side for detection: less memory.  [default: the weights' own]",
    ),
    weights_option,
    device_option,
    click.option(
        "--precision", type=click.Choice(["no", "fp16", "bf16"]), default="no", help="no: float32 (the default)."
    ),
    click.option("--plot", is_flag=True, help="Also write NAME_plot.png: input, confidence, mask, restored."),
    click.option("--json", "as_json", is_flag=True, help="One JSON object per photo on standard output."),
    quiet_option("No progress bar, no summary; errors only."),
)
"""What ``detect`` and ``restore`` have in common."""


def measuring_options(output: str, output_help: str) -> Decorator:
    """What ``evaluate`` and ``benchmark`` have in common."""
    return combine(
        click.argument("arguments", metavar="[CONFIG] [KEY=VALUE]...", nargs=-1, required=True),
        weights_option,
        output_option(output, output_help),
        device_option,
        click.option("--json", "as_json", is_flag=True, help="The numbers as one JSON object on standard output."),
        quiet_option("No progress bar, no tables; errors only."),
    )
