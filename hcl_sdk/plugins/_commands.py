"""The subcommands that plugins add to ``hcl``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from hcl_sdk.registry import Entry, PluginError, check_form, check_no_clash


class Commands:
    """Accepts the subcommands that a plugin adds to ``hcl``; the argument of ``hcl_add_commands``.

    Args:
        distribution: normalized name of the plugin's package.
    """

    def __init__(self, distribution: str) -> None:
        self._distribution = distribution
        self._entries: list[Entry] = []
        self._is_closed = False

    def add(self, name: str, target: str, *, summary: str = "") -> None:
        """Add a subcommand.

        It is called by its name, ``hcl name``, unless hcl itself or another plugin has a command with that name; and
        always as ``hcl distribution/name``.

        Args:
            name: lowercase words joined by hyphens, such as ``export``.
            target: ``"package.module:command"``, a ``click.Command``, imported when it is called or its help is shown.
            summary: its description in ``hcl --help``, in one line, which needs no import.

        Raises:
            ValueError: if the name or target is malformed, or the name was given before.
            PluginError: if the hook has already returned.
        """
        if self._is_closed:
            raise PluginError(
                f"command {name!r} is added after hcl_add_commands returned; add everything inside the hook"
            )
        check_form("command", name, target)
        if not isinstance(target, str):
            raise ValueError(f"command {name!r}: expected 'package.module:command', got {target!r}")
        entry = Entry(kind="command", name=name, distribution=self._distribution, target=target, summary=summary)
        check_no_clash([entry], self._entries)
        self._entries.append(entry)

    def close(self) -> tuple[Entry, ...]:
        """Accept no more commands; return those that were added."""
        self._is_closed = True
        return tuple(self._entries)


def name_commands(commands: Iterable[Entry], taken: Collection[str]) -> dict[str, Entry]:
    """Name the commands of plugins as they can be called, sorted.

    Args:
        commands: the commands of all plugins.
        taken: the names of hcl's own commands.

    Returns:
        Bare names if they are free and only one plugin provides them, otherwise qualified ones.
    """
    commands = tuple(commands)
    counts = Counter(entry.name for entry in commands)
    shown = {
        entry.qualified_name if entry.name in taken or counts[entry.name] > 1 else entry.name: entry
        for entry in commands
    }
    return dict(sorted(shown.items()))
