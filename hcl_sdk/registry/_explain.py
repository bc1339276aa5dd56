"""Explaining why a name is unknown or a class has no name, and what to do about it."""

from __future__ import annotations

import difflib
import importlib.metadata
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hcl_sdk.registry._entries import (
    BUILTIN_DISTRIBUTION,
    SCRIPT_DISTRIBUTION,
    Entry,
    PluginReport,
    is_name,
    normalize,
)

if TYPE_CHECKING:
    from hcl_sdk.interfaces import Configurable


# The bare names that this project's own plugins provide.
_IN_PLUGINS = {
    "diffusers": "hcl-diffusers",
    "lama": "hcl-lama",
    "metric-learning": "hcl-metric-learning",
    "navier-stokes": "hcl-opencv",
    "patchmatch": "hcl-patchmatch",
    "research": "hcl-weights",
    "telea": "hcl-opencv",
    "timm": "hcl-timm",
    "transformers": "hcl-transformers",
}


def suggest_package(name: str) -> str:
    """Name the one of this project's packages that provides a component; empty for others, and if it is installed.

    Args:
        name: bare, or qualified with that package.
    """
    prefix, _, bare = name.rpartition("/")
    distribution = _IN_PLUGINS.get(bare)
    if distribution is None or normalize(prefix) not in ("", distribution) or _find_version(distribution) is not None:
        return ""
    return f"the package {distribution} provides it: pip install {distribution}"


def _find_version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None


def explain_unknown(kind: str, name: str, everything: Sequence[Entry], reports: Sequence[PluginReport]) -> str:
    """Explain in one line why nothing of a kind is registered under a name.

    Args:
        kind: the kind that was requested.
        name: bare or qualified.
        everything: all registered names, of any kind.
        reports: the reports about the plugins.
    """
    entries = [entry for entry in everything if entry.kind == kind]
    distribution, _, bare = name.rpartition("/")
    distribution = normalize(distribution)
    parts = [f"unknown {kind} {name!r}"]
    if distribution:
        parts += _explain_distribution(distribution, kind, bare, entries, reports)
    elif others := dict.fromkeys(entry.kind for entry in everything if entry.name == bare):
        parts.append(f"that name belongs to the kind {' and '.join(others)}")
    package = "" if distribution else suggest_package(name)  # of a qualified name, the package is explained above
    parts.append(package or _suggest(name, bare, entries))
    if not distribution and not package:
        parts += [f"perhaps it belongs to {_describe(r)}" for r in reports if r.status != "ok"]
    return "; ".join(parts)


def explain_unregistered(cls: type[Configurable], failed: Sequence[str]) -> str:
    """Explain how to give a component class a name.

    Args:
        cls: the class.
        failed: names of classes that could not be loaded for comparison.
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower().strip("_").replace("_", "-")
    not_compared = f"\n(these could not be loaded to be compared: {', '.join(failed)})" if failed else ""
    return (
        f"{cls.__qualname__} is not registered, so that a configuration cannot name it. In a script, write\n\n"
        f"    from hcl_sdk.plugins import registry\n"
        f'    registry.{cls.kind}("{name}", {cls.__name__})\n\n'
        f"or in a package's hcl_register hook\n\n"
        f'    registry.{cls.kind}("{name}", "{cls.__module__}:{cls.__qualname__}"){not_compared}'
    )


def _suggest(name: str, bare: str, entries: Sequence[Entry]) -> str:
    near = {e.name: e.qualified_name for e in entries} | {e.qualified_name: e.qualified_name for e in entries}
    for wanted in (name, bare):
        if match := difflib.get_close_matches(wanted, near, n=1):
            return f"did you mean {near[match[0]]!r}?"
    return f"known: {', '.join(entry.qualified_name for entry in entries) or 'none'}"


def _explain_distribution(
    distribution: str, kind: str, bare: str, entries: Sequence[Entry], reports: Sequence[PluginReport]
) -> list[str]:
    """Explain why a name of this distribution is missing."""
    if distribution == SCRIPT_DISTRIBUTION:
        return [f'it was registered by a script, which must first run registry.{kind}("{bare}", ...) here as well']
    if distribution == BUILTIN_DISTRIBUTION:
        return ["the built-ins have bare names"]
    own = [report for report in reports if report.distribution == distribution]
    if failures := [f"it would come from {_describe(report)}" for report in own if report.status != "ok"]:
        return failures
    if own:
        given = ", ".join(entry.qualified_name for entry in entries if entry.distribution == distribution)
        return [f"{distribution} {own[0].version} provides {given or f'no {kind}'}"]
    version = _find_version(distribution)
    if version is None:
        if kind == "weights":  # a folder or somebody's weights on the Hub, at least as likely as a package's
            return []
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", distribution):
            return [f"{distribution!r} is not the name of a package"]
        return [f"the package {distribution} is not installed" + f": pip install {distribution}" * is_name(bare)]
    return [f"the installed package {distribution} {version} has no plugin for hcl_sdk"]


def _describe(report: PluginReport) -> str:
    return f"the plugin {report.distribution} {report.version}, which is {report.status} ({report.error})"
