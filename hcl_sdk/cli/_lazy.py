"""Groups whose commands are imported when they are asked for."""

from __future__ import annotations

import importlib
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that is given the names of its commands' modules and functions, and imports each when it is needed.

    Args:
        targets: ``module:function`` of each command, by its name.
    """

    def __init__(self, *arguments: Any, targets: dict[str, str] | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._targets = targets or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted({*super().list_commands(ctx), *self._targets})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, which is imported now; None if there is none."""
        if cmd_name in self._targets and cmd_name not in self.commands:
            module, _, function = self._targets[cmd_name].partition(":")
            self.add_command(getattr(importlib.import_module(module), function), cmd_name)
        return super().get_command(ctx, cmd_name)
