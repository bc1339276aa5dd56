"""The command ``hcl``.

Nothing heavy is imported until a command runs, so that ``hcl --help`` answers at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hcl_sdk.cli.plugin_commands import PluginGroup
from hcl_sdk.photos.formats import FORMATS
from hcl_sdk.registry import COMPONENT_KINDS, PluginError, RegistryError


class _Commands(PluginGroup):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(130)  # what shells expect after Ctrl-C
        except (PluginError, RegistryError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="hcl_sdk", prog_name="hcl", message="%(prog)s %(version)s")
def main() -> None:
    """Find the regions of photos that do not belong in them, and fill them.

    Every other pixel stays as it was. Begin with: hcl quickstart
    """


class _Number(click.FloatRange):
    """A number in a range; click's own lets infinity and "not a number" through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class _Path(click.Path):
    """The path of a file or folder; click's own takes an empty text for the folder one is in."""

    def __init__(self, **options: Any) -> None:
        super().__init__(path_type=Path, **options)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("expected a path, got an empty text.", param, ctx)
        if "://" in str(value):
            self.fail(f"URLs are not read; download it first: {value}", param, ctx)
        return super().convert(value, param, ctx)


def _not_empty(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not value:
        raise click.BadParameter("expected a name, got an empty text.", ctx, param)
    return value


_FORMATS = tuple(suffix.removeprefix(".") for suffix in FORMATS)


def _weights_option(function: Callable[..., Any]) -> Callable[..., Any]:
    help_text = "A folder of weights, the name of registered ones, or org/name on the Hugging Face Hub."
    return click.option(
        "--weights", metavar="NAME", default="default", show_default=True, callback=_not_empty, help=help_text
    )(function)


def _detection_size_option(help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option("--detection-size", metavar="PIXELS", type=click.IntRange(min=1), help=help_text)


def _measuring_options(output: str, output_help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What ``evaluate`` and ``benchmark`` have in common."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(
            (
                click.argument("arguments", metavar="[CONFIG] [KEY=VALUE]...", nargs=-1, required=True),
                _weights_option,
                click.option(
                    "-o",
                    "--output",
                    metavar="DIR",
                    type=_Path(file_okay=False),
                    default=output,
                    show_default=True,
                    help=output_help,
                ),
                click.option("--device", metavar="DEVICE", help="cpu, cuda, mps ...  [default: the fastest]"),
                click.option(
                    "--json", "as_json", is_flag=True, help="The numbers as one JSON object on standard output."
                ),
                click.option("-q", "--quiet", is_flag=True, help="No progress bar, no tables; errors only."),
            )
        ):
            function = option(function)
        return function

    return decorate


def _photo_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What ``detect`` and ``restore`` have in common."""
    for option in reversed(
        (
            click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=_Path(readable=False)),
            click.option("-r", "--recursive", is_flag=True, help="Search the folders inside folders too."),
            click.option(
                "-o",
                "--output",
                metavar="DIR",
                type=_Path(file_okay=False),
                default="hcl_output",
                show_default=True,
                help="Where the results go; made if it is not there.",
            ),
            click.option(
                "--resume", is_flag=True, help="Go on with a run that was stopped: leave out what has its results."
            ),
            click.option(
                "--sensitivity",
                metavar="S",
                type=_Number(0, 1),
                help="How ready to call a pixel corrupted: 0 finds nothing, 1 everything.  [default: the weights' own]",
            ),
            _detection_size_option(
                "Shrink larger photos to this shorter side for detection: less memory.  [default: the weights' own]"
            ),
            _weights_option,
            click.option("--device", metavar="DEVICE", help="cpu, cuda, cuda:1, mps ...  [default: the fastest]"),
            click.option(
                "--precision",
                type=click.Choice(["no", "fp16", "bf16"]),
                default="no",
                help="no: float32 (the default).",
            ),
            click.option("--plot", is_flag=True, help="Also write NAME_plot.png: input, confidence, mask, restored."),
            click.option("--json", "as_json", is_flag=True, help="One JSON object per photo on standard output."),
            click.option("-q", "--quiet", is_flag=True, help="No progress bar, no summary; errors only."),
        )
    ):
        function = option(function)
    return function


@main.command()
@_photo_options
@click.option(
    "--coco",
    metavar="FILE",
    type=_Path(dir_okay=False),
    help="Also write the regions of all photos as one COCO data set (JSON).",
)
def detect(**options: Any) -> None:
    """Write the mask of every photo.

    To NAME_mask.png, 255 = corrupted.

    A PATH is a photo or a folder of photos. How results are named and what happens to files that cannot be read: see
    hcl restore --help.
    """
    from hcl_sdk.cli.photos import process

    process(restoring=False, **options)


@main.command()
@_photo_options
@click.option(
    "--mask",
    metavar="FILE",
    type=_Path(exists=True),
    help="Fill this region (white) instead of what is found. Or a folder with a mask NAME_mask or NAME per photo.",
)
@click.option(
    "--dilate",
    metavar="PIXELS",
    type=_Number(min=0),
    help="Grow the mask before filling it.  [default: the weights' own]",
)
@click.option(
    "--feather",
    metavar="PIXELS",
    type=_Number(min=0),
    help="Fade the fill into the photo over this width.  [default: the weights' own]",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(_FORMATS, case_sensitive=False),
    metavar="EXT",
    help=f"File format of the restored photos: {', '.join(_FORMATS)}.",
)
def restore(**options: Any) -> None:
    """Write every photo restored.

    To NAME_restored.EXT, and its mask to NAME_mask.png, 255 = corrupted.

    A PATH is a photo or a folder of photos. The output folder gets the tree of a folder; of several folders, each
    under its own name. Of photos that differ in their suffix only, the suffix becomes part of NAME. Results of an
    earlier run are overwritten, but with --resume; an input never is.

    TIFF, BMP and PPM photos keep their format, all others become PNG (TIFF where PNG cannot hold them), so that no
    pixel outside the mask changes; --format jpg gives smaller files in which all do.

    A photo that cannot be read or restored does not stop the rest; it is listed at the end with the reason, and the
    exit status is 1.

    Several GPUs: accelerate launch -m hcl_sdk.cli restore PATH ...
    """
    from hcl_sdk.cli.photos import process

    process(restoring=True, **options)


@main.command()
@click.argument("checkpoint", type=_Path(exists=True, dir_okay=False))
@click.option("--preset", "name", metavar="NAME", required=True, help="ffhq256, imagenet256, places256 or places512.")
@click.option(
    "--version",
    type=click.IntRange(2, 4),
    default=4,
    show_default=True,
    help="Of the code that trained the checkpoint: 4 is the final one.",
)
@_detection_size_option("Stored with the weights: shrink larger photos to this shorter side for detection.")
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    required=True,
    type=_Path(file_okay=False),
    help="The folder of weights to write.",
)
def convert(checkpoint: Path, name: str, version: int, detection_size: int | None, output: Path) -> None:
    """Turn a published CHECKPOINT into a folder of weights.

    It is read without running code from it, and every name and shape in it is checked.
    """
    from hcl_sdk.published import ConversionError, preset
    from hcl_sdk.published import convert as converted

    try:
        config = preset(name, version)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--preset'") from error
    try:
        conversion = converted(checkpoint, config | {"detection_size": detection_size})
        conversion.pipeline.save_pretrained(output)
    except (ConversionError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Left out, for training only: {', '.join(conversion.left_out) or 'nothing'}")
    click.echo(f"Weights written to {output}. Use them with: hcl restore PHOTO --weights {output}")


@main.command()
@click.argument("config", metavar="CONFIG")
@click.argument("assignments", metavar="[KEY=VALUE]...", nargs=-1)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=_Path(file_okay=False),
    default="hcl_training",
    show_default=True,
    help="The folder of the run; an unfinished run in it is resumed.",
)
@click.option("--device", metavar="DEVICE", help="cpu, cuda, mps ...  [default: the fastest]")
@click.option("--dry-run", is_flag=True, help="Check the whole configuration and run one step; write nothing.")
@click.option("--show", is_flag=True, help="Print the configuration with the values given here; train nothing.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar, no summary; errors only.")
def train(
    config: str, assignments: tuple[str, ...], output: Path, device: str | None, dry_run: bool, show: bool, quiet: bool
) -> None:
    """Train a detector, a restorer or both.

    CONFIG is a YAML file, or the name of a configuration that comes with the package: small, ffhq256, imagenet256,
    places256, places512. Single values are set by KEY=VALUE, for example data.dataset.path=photos steps=2000.

    Ctrl-C stops after the present step and saves; the same command goes on from there, also after a crash. Several
    GPUs: accelerate launch -m hcl_sdk.cli train CONFIG ...
    """
    from hcl_sdk.cli.training import run

    run(config, assignments, output, device, dry_run, show, quiet)


@main.command()
@_measuring_options("hcl_evaluation", "Where the numbers and contact sheets go.")
def evaluate(
    arguments: tuple[str, ...], weights: str, output: Path, device: str | None, as_json: bool, quiet: bool
) -> None:
    """Measure how well weights find and fill damage.

    CONFIG is a YAML file; single values are set by KEY=VALUE. The data set is all that has to be given, for example
    dataset.use=folder dataset.path=photos, which damages the photos in every way that training knows.

    Several GPUs: accelerate launch -m hcl_sdk.cli evaluate CONFIG ...
    """
    from hcl_sdk.cli.evaluation import run
    from hcl_sdk.evaluation import Evaluation

    run(Evaluation, arguments, weights, output, device, as_json, quiet)


@main.command()
@_measuring_options("hcl_benchmark", "Where the manifest, the numbers and contact sheets go.")
@click.option(
    "--manifest",
    metavar="FILE",
    type=_Path(dir_okay=False, exists=True),
    help="The manifest of another run, to measure on the same pixels.",
)
def benchmark(
    arguments: tuple[str, ...],
    weights: str,
    output: Path,
    manifest: Path | None,
    device: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure weights on every content crossed with every shape, by area.

    The photos are all that has to be given: dataset.use=folder dataset.path=photos. Nothing may have been trained on
    them. The manifest that is written says how each of them was damaged; with the same photos it gives the same pixels
    anywhere.

    Several GPUs: accelerate launch -m hcl_sdk.cli benchmark ...
    """
    from hcl_sdk.cli.evaluation import run
    from hcl_sdk.evaluation import Benchmark

    run(Benchmark, arguments, weights, output, device, as_json, quiet, manifest)


@main.command()
@click.argument("name", required=False)
def components(name: str | None) -> None:
    """List what pipelines are made of; with NAME, the fields of one component.

    With its defaults, ranges and description. A NAME may be qualified: package/name.
    """
    from hcl_sdk.cli.listing import all_components, one_component

    click.echo(all_components() if name is None else one_component(name))


@main.group(invoke_without_command=True)
@click.option("--check", is_flag=True, help="Also load all that they give; the exit status is 1 if anything is broken.")
@click.pass_context
def plugins(context: click.Context, check: bool) -> None:
    """List the installed plugins and what they give.

    A broken one is shown with its error.

    HCL_DISABLE_PLUGINS=a,b leaves these packages alone; HCL_STRICT_PLUGINS=1 makes every broken plugin an error.
    """
    if context.invoked_subcommand is not None:
        if check:
            raise click.UsageError("--check is for the list of plugins; it goes with no subcommand")
        return
    from hcl_sdk.cli.listing import all_plugins, check_plugins

    click.echo(all_plugins())
    if check:
        check_plugins()


@plugins.command("check")
@click.argument("name", callback=_not_empty)
@click.option("-v", "--verbose", is_flag=True, help="Also name the checks that passed.")
def check_plugin(name: str, verbose: bool) -> None:
    """Check that all that an installed package gives keeps what its kind promises.

    NAME is a package, or one component of it: package/name.

    Small instances are made and run: of the shapes, sizes, gradients, seeds and the like that each kind has to keep. A
    check that does not apply is skipped, with the reason. The exit status is 1 if one fails.
    """
    from hcl_sdk.cli.checking import check

    check(name, verbose)


@plugins.command("new")
@click.argument("name")
@click.option(
    "--kind", metavar="KIND", type=click.Choice(COMPONENT_KINDS), required=True, help=f"{', '.join(COMPONENT_KINDS)}."
)
@click.option(
    "-o", "--output", metavar="DIR", type=_Path(file_okay=False), default=".", help="Where the folder NAME is made."
)
def new_plugin(name: str, kind: str, output: Path) -> None:
    """Make a package with a component, ready to be installed, tested and changed.

    NAME is that of the package, such as hcl-blur; the folder is called the same.
    """
    from hcl_sdk.cli.scaffold import make

    make(name, kind, output)


@main.command()
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=_Path(file_okay=False),
    default="hcl_quickstart",
    show_default=True,
    help="Where the pictures go.",
)
@_weights_option
@click.option("--device", metavar="DEVICE", help="cpu, cuda, cuda:1, mps ...  [default: the fastest]")
def quickstart(output: Path, weights: str, device: str | None) -> None:
    """Damage a sample photo, restore it, and show how that went."""
    from hcl_sdk.cli.quickstart import run

    run(output, weights, device)
