"""The hooks that a plugin can have, which are called one by one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from hcl_sdk.errors import describe_error, locate_error
from hcl_sdk.plugins._commands import Commands
from hcl_sdk.plugins._entry_points import GROUP
from hcl_sdk.registry import PluginError, Registry, mark_plugin_code

if TYPE_CHECKING:
    from hcl_sdk.pipeline import Pipeline

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def hcl_register(registry: Registry) -> None:
    """Register components and weights.

    Called once, when plugins are discovered.

    Args:
        registry: accepts the names that this plugin provides, until the hook returns.
    """


@hookspec
def hcl_add_commands(commands: Commands) -> None:
    """Add subcommands to ``hcl``.

    Called once, when plugins are discovered.

    Args:
        commands: accepts the commands that this plugin provides, until the hook returns.
    """


@hookspec
def hcl_before_save(pipeline: Pipeline, config: dict[str, Any], folder: Path) -> None:
    """Called before a pipeline is written to a folder of weights, and before it is uploaded.

    Use it to write additional files next to the weights, such as a license, or to convert layers to the form in which
    they are saved. Errors become warnings and stop neither the other plugins nor the saving; with
    ``HCL_STRICT_PLUGINS`` they become a ``PluginError``, and nothing is saved.

    Args:
        pipeline: the pipeline that is saved after the hook: if its weights are changed, they are saved as changed.
        config: a copy of the future contents of ``config.json``; changes to it have no effect.
        folder: the existing folder in which it is saved.
    """


class _Specs:
    """The names in which pluggy looks for hook specifications; this module has names that it should not see."""

    hcl_register = staticmethod(hcl_register)
    hcl_add_commands = staticmethod(hcl_add_commands)
    hcl_before_save = staticmethod(hcl_before_save)


class Hooks:
    """The hooks of all working plugins, in the order of the plugins.

    pluggy stores and validates them. They are called one by one, because pluggy's own call stops at the first error.
    """

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(_Specs)
        self._labels: dict[int, str] = {}

    def add(self, plugin: Any, label: str) -> bool:
        """Add the hooks of a plugin.

        Args:
            plugin: a module or object.
            label: its name in messages.

        Returns:
            Whether they were added; False for an object that another entry point has already provided.

        Raises:
            PluginError: if it has no hooks, one that does not exist, or one that wraps others.
            pluggy.PluginValidationError: if a hook has an unknown argument.
        """
        if self._manager.is_registered(plugin):  # by another entry point
            return False
        self._labels[id(plugin)] = label
        try:
            self._manager.register(plugin)
            callers = self._manager.get_hookcallers(plugin) or []
            if not callers:
                raise PluginError(
                    "it has no function hcl_register(registry) marked with @hcl_sdk.hookimpl, nor any other hook"
                )
            for caller in callers:
                own = _list_implementations(caller, plugin)
                if not caller.has_spec() and not all(implementation.optionalhook for implementation in own):
                    known = ", ".join(name for name in vars(_Specs) if name.startswith("hcl_"))
                    raise PluginError(f"unknown hook {caller.name!r}; there are {known}")
                if any(implementation.hookwrapper or implementation.wrapper for implementation in own):
                    raise PluginError(f"{caller.name} is a wrapper, but hooks are called for each plugin alone")
        except BaseException:
            self.remove(plugin)
            raise
        return True

    def remove(self, plugin: Any) -> None:
        """Remove a plugin."""
        if self._manager.is_registered(plugin):
            self._manager.unregister(plugin)

    def call(self, plugin: Any, hook: str, **arguments: Any) -> None:
        """Call a hook of one plugin, if it has it; errors propagate."""
        for implementation in _list_implementations(getattr(self._manager.hook, hook), plugin):
            implementation.function(*(arguments[name] for name in implementation.argnames))

    def call_all(self, hook: str, **arguments: Any) -> Iterator[str]:
        """Call a hook of every plugin that has it; yield a line for each error."""
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                with mark_plugin_code():
                    implementation.function(*(arguments[name] for name in implementation.argnames))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                yield f"{self._labels[id(implementation.plugin)]}: {describe_error(error)}{locate_error(error)}"


def _list_implementations(caller: pluggy.HookCaller, plugin: Any) -> list[pluggy.HookImpl]:
    return [implementation for implementation in caller.get_hookimpls() if implementation.plugin is plugin]
