"""Subcommands that plugins add to ``hcl``, see :func:`hcl_sdk.plugins.hcl_add_commands`.

Plugins are discovered only to list all commands, or to look up a name that is not one of hcl's own.
"""

from __future__ import annotations

from typing import Any

import click

from hcl_sdk.cli._output import let_threads_print, own_output
from hcl_sdk.registry import PluginError, RegistryError, UnknownNameError


class PluginGroup(click.Group):
    """A group that also has the commands of plugins, which are imported when they are called."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a program; whatever plugins print while being imported goes to standard error."""
        with own_output():
            return super().main(*args, **kwargs)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List hcl's own commands, then those of plugins, without importing the latter."""
        from hcl_sdk.plugins import name_commands, registry

        super().format_commands(ctx, formatter)
        try:
            commands = name_commands(registry.commands, self.list_commands(ctx))
        except PluginError as error:
            raise click.ClickException(str(error)) from error
        if commands:
            with formatter.section("Commands from plugins"):
                formatter.write_dl([(name, entry.summary) for name, entry in commands.items()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one of hcl's own commands, or import a plugin's."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        from hcl_sdk.plugins import registry
        from hcl_sdk.registry import load_target

        try:
            entry = registry.find_command(cmd_name, self.list_commands(ctx))
        except UnknownNameError as error:
            ctx.fail(str(error))
        except RegistryError as error:
            raise click.ClickException(str(error)) from error
        command = load_target(entry, _check_command)
        let_threads_print()
        return command


def _check_command(_: str, value: Any) -> None:
    if not isinstance(value, click.Command):
        raise TypeError(f"expected a click.Command, got {value!r}")
