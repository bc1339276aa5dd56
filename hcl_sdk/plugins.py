"""Finding plugins, and the process-wide registry of what they give.

A plugin is an installed package with an entry point in the group ``hcl_sdk`` that refers to a module (or object) with
this hook::

    from hcl_sdk import hookimpl

    api_version = 1

    @hookimpl
    def hcl_register(registry):
        registry.restorer("blur-fill", "hcl_blur.restorer:BlurFill", summary="...")

Two environment variables are read when plugins are discovered: ``HCL_DISABLE_PLUGINS`` names packages, separated by
commas, whose plugins are left alone (``*`` for all but the built-ins); ``HCL_STRICT_PLUGINS=1`` makes every broken
plugin an error, for continuous integration.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import warnings
from collections.abc import Iterator
from typing import Any

import pluggy

from hcl_sdk.errors import describe_error, locate_error
from hcl_sdk.registry import (
    BUILTIN_DISTRIBUTION,
    SCRIPT_DISTRIBUTION,
    Entry,
    PluginError,
    PluginReport,
    Registry,
    check_no_clash,
    normalize,
)

GROUP = "hcl_sdk"
"""The entry-point group, and the name of the project for pluggy."""

API_VERSION = 1
"""The version of the plugin interface, which a plugin states as its ``api_version``."""

SUPPORTED: dict[int, str] = {1: ""}
"""Versions that plugins may be written for; with the date (``2030-01-31``) until which one that is going is kept."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def hcl_register(registry: Registry) -> None:
    """Register components and weights.

    Args:
        registry: takes the names that this plugin gives, until the hook returns.
    """


def discover(registry: Registry) -> list[PluginReport]:
    """Find the built-ins and all installed plugins, and put what they give into a registry.

    Every plugin is loaded, checked and called on its own: one that raises is reported as broken and gives nothing, and
    the others are not affected. Of a package that is installed twice, the one that Python would import counts.

    Args:
        registry: what an earlier discovery found is replaced; what a script registered stays.

    Returns:
        One report a plugin: the built-ins, then by (package, entry point).

    Raises:
        PluginError: naming all broken plugins, if ``HCL_STRICT_PLUGINS`` is set.
    """
    entries: list[Entry] = []
    reports: list[PluginReport] = []
    disabled = disabled_packages()
    for point, distribution, version, unreadable in _entry_points():
        status, error, given = "ok", unreadable, ()
        if distribution != BUILTIN_DISTRIBUTION and disabled & {"*", distribution}:
            status, error = "disabled", "by HCL_DISABLE_PLUGINS"
        elif error:
            status = "broken"
        else:
            try:
                given = _entries_of(point, distribution)
                check_no_clash(given, entries)
            except (Exception, SystemExit) as raised:  # a plugin must not be able to end the program
                status, error, given = "broken", describe_error(raised) + locate_error(raised), ()
        entries += given
        reports.append(
            PluginReport(
                distribution=distribution,
                version=version,
                entry_point=point.name,
                value=point.value,
                status=status,
                error=error,
                names=tuple(entry.qualified_name for entry in given),
            )
        )
    registry.set_discovered(entries, reports)
    broken = [r for r in reports if r.status == "broken"]
    if broken and os.environ.get("HCL_STRICT_PLUGINS", "") not in ("", "0"):
        raise PluginError(
            "broken plugins, and HCL_STRICT_PLUGINS is set:\n"
            + "\n".join(f"  {r.distribution} {r.version} ({r.entry_point} = {r.value}): {r.error}" for r in broken)
        )
    return reports


def disabled_packages() -> set[str]:
    """What ``HCL_DISABLE_PLUGINS`` names, normalized."""
    names = (name.strip() for name in os.environ.get("HCL_DISABLE_PLUGINS", "").split(","))
    return {normalize(name) for name in names if name}


def _entry_points() -> Iterator[tuple[importlib.metadata.EntryPoint, str, str, str]]:
    """Yield (entry point, normalized distribution, version, error) of the group, the built-ins first, then sorted.

    Files are looked into before they are parsed: parsing the metadata of everything installed takes long, and a
    malformed file of an unrelated package is none of our business. What stands for a value that cannot be read is "?".
    """
    found, seen = [], set[str]()
    for distribution in importlib.metadata.distributions():
        if not _has_group(distribution):
            continue
        name = version = "?"
        points, error = [importlib.metadata.EntryPoint(name="?", value="?", group=GROUP)], ""
        try:
            name = normalize(_header(distribution, "Name"))
            if name in seen:
                continue
            seen.add(name)
            # Asked by name: of several with this name, the first on the path, as Python imports it.
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                distribution = importlib.metadata.distribution(name)
            version = _header(distribution, "Version")
            points = [p for p in distribution.entry_points if p.group == GROUP]
        except Exception as raised:  # text that is not UTF-8, lines without an equals sign, ...
            error = f"its metadata, in {distribution.locate_file('')}, cannot be read: {describe_error(raised)}"
        found += [(point, name, version, error) for point in points]
    if BUILTIN_DISTRIBUTION not in seen:  # run from a source tree that is not installed
        builtin = importlib.metadata.EntryPoint(name="builtin", value="hcl_sdk.builtin", group=GROUP)
        found.append((builtin, BUILTIN_DISTRIBUTION, "(not installed)", ""))
    yield from sorted(found, key=lambda f: (f[1] != BUILTIN_DISTRIBUTION, f[1], f[0].name))


def _has_group(distribution: importlib.metadata.Distribution) -> bool:
    """Whether ``entry_points.txt`` has our group; of one that is no text, the bytes are looked into."""
    try:
        return f"[{GROUP}]" in (distribution.read_text("entry_points.txt") or "")
    except UnicodeDecodeError as error:
        return f"[{GROUP}]".encode() in error.object
    except Exception:
        return False


def _header(distribution: importlib.metadata.Distribution, key: str) -> str:
    if key not in distribution.metadata:
        raise ValueError(f"METADATA has no {key}")
    return distribution.metadata[key]


def _entries_of(point: importlib.metadata.EntryPoint, distribution: str) -> tuple[Entry, ...]:
    """Load a plugin, check it and call its hook."""
    if distribution == SCRIPT_DISTRIBUTION:
        raise PluginError(f"a package cannot be called {SCRIPT_DISTRIBUTION!r}: that stands for names given in scripts")
    plugin: Any = point.load()
    _check_api_version(getattr(plugin, "api_version", API_VERSION), distribution)
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(_HOOKS)
    manager.register(plugin)
    manager.check_pending()
    if not manager.hook.hcl_register.get_hookimpls():
        raise PluginError(f"{point.value} has no function hcl_register(registry) marked with @hcl_sdk.hookimpl")
    own = Registry(None if distribution == BUILTIN_DISTRIBUTION else distribution)
    manager.hook.hcl_register(registry=own)
    return own.close()


def _check_api_version(stated: Any, distribution: str) -> None:
    """Refuse a plugin of another interface; warn of one that works for some time yet."""
    if not isinstance(stated, int) or isinstance(stated, bool) or stated not in SUPPORTED:
        newer = isinstance(stated, int) and stated > API_VERSION
        advice = "update hcl_sdk" if newer else f"it should state one of {', '.join(map(str, SUPPORTED))}"
        raise PluginError(
            f"it was written for api_version {stated!r}; this hcl_sdk has api_version {API_VERSION}: {advice}"
        )
    if until := SUPPORTED[stated]:
        # A FutureWarning, because those who see it are users of the plugin; Python hides others from them.
        warnings.warn(
            f"the plugin {distribution} was written for api_version {stated}, which works until {until}; "
            f"update {distribution}, or ask its authors to move to api_version {API_VERSION}",
            FutureWarning,
            stacklevel=2,
        )


class _HOOKS:
    """What pluggy looks for hooks in; this module has more names than it should look at."""

    hcl_register = staticmethod(hcl_register)


registry = Registry(discover=discover)
"""The registry of this process. Plugins are discovered when something is first looked up in it."""
