"""``hcl plugins``, ``hcl plugins check`` and ``hcl plugins new``."""

from __future__ import annotations

from pathlib import Path

import click

from hcl_sdk.cli._options import PathType, check_not_empty
from hcl_sdk.registry import COMPONENT_KINDS


@click.group(invoke_without_command=True)
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
    from hcl_sdk.cli._listing import all_plugins, check_plugins

    click.echo(all_plugins())
    if check:
        check_plugins()


@plugins.command("check")
@click.argument("name", callback=check_not_empty)
@click.option("-v", "--verbose", is_flag=True, help="Also name the checks that passed.")
def check_plugin(name: str, verbose: bool) -> None:
    """Check that all that an installed package gives keeps what its kind promises.

    NAME is a package, or one component of it: package/name.

    Small instances are made and run: of the shapes, sizes, gradients, seeds and the like that each kind has to keep. A
    check that does not apply is skipped, with the reason. The exit status is 1 if one fails.
    """
    from hcl_sdk.cli._checking import check

    check(name, verbose)


@plugins.command("new")
@click.argument("name")
@click.option(
    "--kind", metavar="KIND", type=click.Choice(COMPONENT_KINDS), required=True, help=f"{', '.join(COMPONENT_KINDS)}."
)
@click.option(
    "-o", "--output", metavar="DIR", type=PathType(file_okay=False), default=".", help="Where the folder NAME is made."
)
def new_plugin(name: str, kind: str, output: Path) -> None:
    """Make a package with a component, ready to be installed, tested and changed.

    NAME is that of the package, such as hcl-blur; the folder is called the same.
    """
    from hcl_sdk.cli._scaffold import make

    make(name, kind, output)
