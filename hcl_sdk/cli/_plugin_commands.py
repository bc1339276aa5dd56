"""The subcommands that plugins add to ``hcl``, see :func:`hcl_sdk.plugins.hcl_add_commands`.

Plugins are looked for where all commands are listed, and where a name is none of hcl's own.
"""

from __future__ import annotations

from typing import Any

import click

from hcl_sdk.cli._output import own_output
from hcl_sdk.registry import PluginError, RegistryError, UnknownNameError


class PluginGroup(click.Group):
    """A group that has the commands of plugins beside its own; they are imported when they are called."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a program, whose standard output is its own."""
        with own_output():
            return super().main(*args, **kwargs)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the own commands, and below them those of plugins, without importing these."""
        from hcl_sdk.plugins import name_commands, registry

        super().format_commands(ctx, formatter)
        try:
            commands = name_commands(registry.commands, self.list_commands(ctx))
        except PluginError as error:
            raise click.ClickException(str(error)) from error
        if commands:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, entry.summary) for name, entry in commands.items()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name: an own one, or a plugin's, which is imported now."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        from hcl_sdk.plugins import registry
        from hcl_sdk.registry._loading import load_target

        try:
            entry = registry.find_command(cmd_name, self.list_commands(ctx))
        except UnknownNameError as error:
            ctx.fail(str(error))
        except RegistryError as error:
            raise click.ClickException(str(error)) from error
        return load_target(entry, _check_command)


def _check_command(_: str, value: Any) -> None:
    if not isinstance(value, click.Command):
        raise TypeError(f"expected a click.Command, got {value!r}")
