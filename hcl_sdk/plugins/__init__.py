"""Discovering plugins, and the process-wide registry of what they provide.

A plugin is an installed package with an entry point in the group ``hcl_sdk`` that refers to a module (or object) with
at least one of the hooks::

    from hcl_sdk import hookimpl

    api_version = 1

    @hookimpl
    def hcl_register(registry):
        registry.restorer("blur-fill", "hcl_blur.restorer:BlurFill", summary="...")

Two environment variables are read when plugins are discovered: ``HCL_DISABLE_PLUGINS`` names packages, separated by
commas, whose plugins are ignored (``*`` for all but the built-ins); ``HCL_STRICT_PLUGINS=1`` makes every broken plugin
an error, for continuous integration.
"""

from __future__ import annotations

import copy
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hcl_sdk.errors import describe_error, locate_error
from hcl_sdk.plugins._commands import Commands, name_commands
from hcl_sdk.plugins._entry_points import GROUP, FoundPoint, find_entry_points
from hcl_sdk.plugins._hooks import Hooks, hcl_add_commands, hcl_before_save, hcl_register, hookimpl
from hcl_sdk.registry import (
    BUILTIN_DISTRIBUTION,
    SCRIPT_DISTRIBUTION,
    Entry,
    PluginError,
    PluginReport,
    Registry,
    check_no_clash,
    mark_plugin_code,
    normalize,
)

if TYPE_CHECKING:
    from hcl_sdk.pipeline import Pipeline

__all__ = [
    "API_VERSION",
    "GROUP",
    "SUPPORTED",
    "Commands",
    "Hooks",
    "PluginWarning",
    "discover",
    "hcl_add_commands",
    "hcl_before_save",
    "hcl_register",
    "hookimpl",
    "list_disabled_packages",
    "name_commands",
    "registry",
]

API_VERSION = 1
"""The version of the plugin interface, which a plugin states as its ``api_version``."""

SUPPORTED: dict[int, str] = {1: ""}
"""Supported versions of the interface, with the date (``2030-01-31``) until which deprecated ones are supported."""


class PluginWarning(UserWarning):
    """A plugin failed, and hcl_sdk continues without its contribution."""


def discover(registry: Registry) -> list[PluginReport]:
    """Discover the built-ins and all installed plugins, and register what they provide.

    Every plugin is loaded, checked and called separately: one that raises an error is reported as broken and provides
    nothing, and the others are not affected. Of a package that is installed twice, the one that Python would import
    counts.

    Args:
        registry: the registry; results of an earlier discovery are replaced, names registered by scripts are kept.

    Returns:
        One report per plugin: the built-ins first, then by (package, entry point).

    Raises:
        PluginError: if ``HCL_STRICT_PLUGINS`` is set and plugins are broken; the message names all of them.
    """
    hooks = Hooks()
    entries: list[Entry] = []
    commands: list[Entry] = []
    reports: list[PluginReport] = []
    disabled = list_disabled_packages()
    for found in find_entry_points():
        status, error = "ok", found.error
        given: tuple[Entry, ...] = ()
        added: tuple[Entry, ...] = ()
        if found.distribution != BUILTIN_DISTRIBUTION and disabled & {"*", found.distribution}:
            status, error = "disabled", "by HCL_DISABLE_PLUGINS"
        elif error:
            status = "broken"
        else:
            try:
                with mark_plugin_code():
                    given, added = _load(found, hooks, (*entries, *commands))
            except KeyboardInterrupt:
                raise
            except BaseException as raised:  # SystemExit, a panic of an extension module: nothing may end the program
                status, error = "broken", describe_error(raised) + locate_error(raised)
        entries += given
        commands += added
        reports.append(
            PluginReport(
                distribution=found.distribution,
                version=found.version,
                entry_point=found.point.name,
                value=found.point.value,
                status=status,
                error=error,
                names=tuple(entry.qualified_name for entry in given),
                commands=tuple(entry.qualified_name for entry in added),
            )
        )
    registry.set_discovered(entries, reports, commands=commands, hooks=hooks)
    broken = [r for r in reports if r.status == "broken"]
    if broken and is_strict():
        raise PluginError(
            "broken plugins, and HCL_STRICT_PLUGINS is set:\n"
            + "\n".join(f"  {r.distribution} {r.version} ({r.entry_point} = {r.value}): {r.error}" for r in broken)
        )
    return reports


def list_disabled_packages() -> set[str]:
    """List the packages in ``HCL_DISABLE_PLUGINS``, normalized."""
    names = (name.strip() for name in os.environ.get("HCL_DISABLE_PLUGINS", "").split(","))
    return {normalize(name) for name in names if name}


def is_strict() -> bool:
    """Whether ``HCL_STRICT_PLUGINS`` makes every failure of a plugin an error."""
    return os.environ.get("HCL_STRICT_PLUGINS", "") not in ("", "0")


def call_before_save(pipeline: Pipeline, config: dict[str, Any], folder: Path) -> None:
    """Call ``hcl_before_save`` of all plugins; its documentation says what happens if one fails.

    Raises:
        PluginError: if ``HCL_STRICT_PLUGINS`` is set and plugins failed; the message names all of them.
    """
    if registry.hooks is None:
        return
    own = copy.deepcopy(config)
    failures = list(registry.hooks.call_all("hcl_before_save", pipeline=pipeline, config=own, folder=folder))
    if failures and is_strict():
        raise PluginError("\n  ".join(["hcl_before_save failed, and HCL_STRICT_PLUGINS is set:", *failures]))
    for failure in failures:
        warnings.warn(f"hcl_before_save failed and was skipped: {failure}", PluginWarning, stacklevel=3)


def _load(found: FoundPoint, hooks: Hooks, earlier: tuple[Entry, ...]) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Load and check a plugin, and call the hooks with which it registers components and commands."""
    distribution = found.distribution
    if distribution == SCRIPT_DISTRIBUTION:
        raise PluginError(f"a package cannot be called {SCRIPT_DISTRIBUTION!r}: that stands for names given in scripts")
    plugin: Any = found.point.load()
    _check_api_version(getattr(plugin, "api_version", API_VERSION), distribution)
    is_new = hooks.add(plugin, f"{distribution} {found.version}, {found.point.value}")
    try:
        own = Registry(None if distribution == BUILTIN_DISTRIBUTION else distribution)
        commands = Commands(distribution)
        hooks.call(plugin, "hcl_register", registry=own)
        hooks.call(plugin, "hcl_add_commands", commands=commands)
        given, added = own.close(), commands.close()
        check_no_clash((*given, *added), earlier)
    except BaseException:
        if is_new:
            hooks.remove(plugin)
        raise
    return given, added


def _check_api_version(stated: Any, distribution: str) -> None:
    """Refuse a plugin for an unsupported interface; warn about one for a deprecated interface."""
    if not isinstance(stated, int) or isinstance(stated, bool) or stated not in SUPPORTED:
        newer = isinstance(stated, int) and stated > API_VERSION
        advice = "update hcl_sdk" if newer else f"it should state one of {', '.join(map(str, SUPPORTED))}"
        raise PluginError(
            f"it was written for api_version {stated!r}; this hcl_sdk has api_version {API_VERSION}: {advice}"
        )
    if until := SUPPORTED[stated]:
        # A FutureWarning, because it is meant for the plugin's users; Python hides other deprecation warnings from
        # them.
        warnings.warn(
            f"the plugin {distribution} was written for api_version {stated}, which works until {until}; "
            f"update {distribution}, or ask its authors to move to api_version {API_VERSION}",
            FutureWarning,
            stacklevel=2,
        )


registry = Registry(discover=discover)
"""The registry of this process. Plugins are discovered when something is first looked up in it."""
