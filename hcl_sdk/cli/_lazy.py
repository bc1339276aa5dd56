"""A click group whose commands are imported on demand."""

from __future__ import annotations

import importlib
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that imports a command when it is first used.

    Args:
        targets: command name -> ``module:function``.
    """

    def __init__(self, *arguments: Any, targets: dict[str, str] | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._targets = targets or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all command names, sorted."""
        return sorted({*super().list_commands(ctx), *self._targets})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if there is none with that name."""
        if cmd_name in self._targets and cmd_name not in self.commands:
            module, _, function = self._targets[cmd_name].partition(":")
            self.add_command(getattr(importlib.import_module(module), function), cmd_name)
        return super().get_command(ctx, cmd_name)
