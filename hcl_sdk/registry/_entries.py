"""Registered names, and reports about the plugins that register them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from hcl_sdk.interfaces import Configurable

COMPONENT_KINDS = (
    "encoder",
    "interaction",
    "head",
    "clusterer",
    "restorer",
    "loss",
    "shape",
    "content",
    "dataset",
)
"""The kinds of components, in the order of processing; spelled out so that listing them needs no torch."""

KINDS_AND_WEIGHTS = (*COMPONENT_KINDS, "weights")
"""Everything that can be registered."""

BUILTIN_DISTRIBUTION = "hcl-sdk"
"""The distribution whose names are bare."""

SCRIPT_DISTRIBUTION = "script"
"""The distribution of names that were registered by a script instead of a package."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CLASS_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_HUB_TARGET = re.compile(r"hub:[\w.-]+/[\w.-]+")
_FOLDER_TARGET = re.compile(r"(?!hub:)[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:(?!\.\.?(/|$))[\w.-]+(/(?!\.\.?(/|$))[\w.-]+)*")


class RegistryError(LookupError):
    """A name is unknown or ambiguous, or a class has no name."""

    __module__ = "hcl_sdk.registry"


class UnknownNameError(RegistryError):
    """Nothing is registered under a name."""

    __module__ = "hcl_sdk.registry"


class PluginError(RuntimeError):
    """A plugin cannot be loaded, or provides something other than it declared."""

    __module__ = "hcl_sdk.registry"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A registered name.

    Attributes:
        kind: one of ``KINDS_AND_WEIGHTS``, or ``command``.
        name: the bare name.
        distribution: normalized name of the package that registered it; None for a built-in, ``script`` for a script.
        target: where it is, or the class itself.
        summary: a description in one line.
    """

    kind: str
    name: str
    distribution: str | None
    target: str | type[Configurable]
    summary: str = ""

    @property
    def qualified_name(self) -> str:
        """The name that always works: ``distribution/name``, or the bare name of a built-in."""
        return self.name if self.distribution is None else f"{self.distribution}/{self.name}"

    @property
    def target_text(self) -> str:
        """``target`` as text; for a class, where it is defined."""
        return self.target if isinstance(self.target, str) else f"{self.target.__module__}:{self.target.__qualname__}"


@dataclass(frozen=True, kw_only=True)
class PluginReport:
    """The outcome of discovering one plugin.

    Attributes:
        distribution: normalized name of the package.
        version: version of the package.
        entry_point: name of the entry point.
        value: the reference in the entry point.
        status: ``ok``; ``broken``: it raised an error, and provides nothing; ``disabled``: by the environment.
        error: why it is broken or disabled, in one line; empty for ``ok``.
        names: the qualified names that it registered.
        commands: the names of the subcommands that it added to ``hcl``.
    """

    distribution: str
    version: str
    entry_point: str
    value: str
    status: Literal["ok", "broken", "disabled"]
    error: str = ""
    names: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


def normalize(distribution: str) -> str:
    """Normalize the name of a distribution: ``My_Package.X`` -> ``my-package-x``."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def check_form(kind: str, name: Any, target: Any) -> None:
    """Raise ``ValueError`` unless a name, and a target given as text, are well-formed."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{kind} {name!r}: expected a name in lowercase words joined by hyphens, such as 'top-down'")
    if kind == "weights":
        if not isinstance(target, str) or not (_HUB_TARGET.fullmatch(target) or _FOLDER_TARGET.fullmatch(target)):
            raise ValueError(
                f"weights {name!r}: expected 'package:relative/folder' or 'hub:organization/name', got {target!r}"
            )
    elif isinstance(target, str) and not _CLASS_TARGET.fullmatch(target):
        raise ValueError(f"{kind} {name!r}: expected 'package.module:Class' or a class, got {target!r}")


def is_name(text: str) -> bool:
    """Whether something can be registered under this bare name."""
    return _NAME.fullmatch(text) is not None


def check_no_clash(entries: Iterable[Entry], earlier: Iterable[Entry]) -> None:
    """Raise ``ValueError`` if an entry has the kind and the qualified name of an earlier one."""
    taken = {(other.kind, other.qualified_name): other for other in earlier}
    for entry in entries:
        if other := taken.get((entry.kind, entry.qualified_name)):
            raise ValueError(
                f"{entry.kind} {entry.name!r} is registered twice by {entry.distribution or BUILTIN_DISTRIBUTION}: "
                f"as {other.target_text} and as {entry.target_text}"
            )
