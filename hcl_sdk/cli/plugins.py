"""``hcl plugins``, ``hcl plugins check`` and ``hcl plugins new``."""

from __future__ import annotations

from pathlib import Path

import click

from hcl_sdk.cli._options import PathType, check_not_empty
from hcl_sdk.registry import COMPONENT_KINDS


@click.group(invoke_without_command=True)
@click.option("--check", is_flag=True, help="Also load every component; the exit status is 1 if anything is broken.")
@click.pass_context
def plugins(context: click.Context, check: bool) -> None:
    """List installed plugins and what they provide.

    A broken plugin is listed with its error.

    HCL_DISABLE_PLUGINS=a,b disables these packages; HCL_STRICT_PLUGINS=1 makes every broken plugin an error.
    """
    if context.invoked_subcommand is not None:
        if check:
            raise click.UsageError("--check applies to the list of plugins and cannot be combined with a subcommand")
        return
    from hcl_sdk.cli._listing import show_plugins

    show_plugins(check=check)


@plugins.command("check")
@click.argument("name", callback=check_not_empty)
@click.option("-v", "--verbose", is_flag=True, help="Also list the checks that passed.")
def check_plugin(name: str, verbose: bool) -> None:
    """Check that an installed plugin honors its contract.

    NAME is a package, or one of its components: package/name.

    Small instances are created and run to check shapes, sizes, gradients, seeding and whatever else the kind of
    component promises. A check that does not apply is skipped with a reason. The exit status is 1 if any check fails.
    """
    from hcl_sdk.cli._checking import check

    check(name, verbose)


@plugins.command("new")
@click.argument("name")
@click.option(
    "--kind", metavar="KIND", type=click.Choice(COMPONENT_KINDS), required=True, help=f"{', '.join(COMPONENT_KINDS)}."
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=PathType(file_okay=False),
    default=".",
    help="Where to create the folder NAME.",
)
def new_plugin(name: str, kind: str, output: Path) -> None:
    """Create a plugin package with one component, ready to install, test and edit.

    NAME is the name of the package and of its folder, such as hcl-blur.
    """
    from hcl_sdk.cli._scaffold import make

    make(name, kind, output)
