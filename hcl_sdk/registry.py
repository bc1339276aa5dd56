"""Names -> components and weights.

A :class:`Registry` holds what the built-ins, the installed plugins and the running script have registered. Importing
this module, and listing what there is, imports neither torch nor any component.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import importlib.resources
import inspect
import re
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from hcl_sdk.interfaces import (
        Clusterer,
        Configurable,
        Content,
        Dataset,
        Encoder,
        Head,
        Interaction,
        Loss,
        Restorer,
        Shape,
    )

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
"""All that can be registered."""

BUILTIN_DISTRIBUTION = "hcl-sdk"
"""The distribution whose names are bare."""

SCRIPT_DISTRIBUTION = "script"
"""What stands for the distribution of a name that was registered by a script rather than by a package."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_CLASS_TARGET = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_HUB_TARGET = re.compile(r"hub:[\w.-]+/[\w.-]+")
_FOLDER_TARGET = re.compile(r"(?!hub:)[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:(?!\.\.?(/|$))[\w.-]+(/(?!\.\.?(/|$))[\w.-]+)*")


class RegistryError(LookupError):
    """A name that stands for nothing or for two things, or a class without a name."""


class UnknownNameError(RegistryError):
    """A name that nothing was registered under."""


class PluginError(RuntimeError):
    """A plugin that cannot be loaded, or gave something that is not what it said."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What was registered under a name.

    Attributes:
        kind: one of ``KINDS_AND_WEIGHTS``.
        name: the bare name.
        distribution: normalized name of the package that gave it, None for a built-in, ``script`` for a script.
        target: where it is, or the class itself.
        summary: one line about it.
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
        """``target`` as text; for a class, where it was defined."""
        return self.target if isinstance(self.target, str) else f"{self.target.__module__}:{self.target.__qualname__}"


@dataclass(frozen=True, kw_only=True)
class PluginReport:
    """What became of one plugin.

    Attributes:
        distribution: normalized name of the package.
        version: of the package.
        entry_point: name of the entry point.
        value: what the entry point refers to.
        status: ``ok``; ``broken``: it raised, and gave nothing; ``disabled``: by the environment.
        error: why it is broken or disabled, in one line; empty for ``ok``.
        names: the qualified names that it gave.
    """

    distribution: str
    version: str
    entry_point: str
    value: str
    status: Literal["ok", "broken", "disabled"]
    error: str = ""
    names: tuple[str, ...] = ()


def normalize(distribution: str) -> str:
    """The normalized name of a distribution: ``My_Package.X`` -> ``my-package-x``."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


class Registry:
    """The names of components and weights.

    Registering (:meth:`encoder` and the like) imports nothing and is possible at any time. The first look-up
    (:meth:`get`, :meth:`name_of`, :meth:`entries`, :attr:`plugins`, :meth:`weights_source`) discovers the plugins.

    Args:
        distribution: the package on whose behalf names are registered; None for the built-ins.
        discover: called with the registry before the first look-up; it calls :meth:`set_discovered`.

    Example:
        >>> registry = Registry()
        >>> registry.encoder("swin", "hcl_sdk.encoders.swin:SwinEncoder", summary="the published encoder")
        >>> [entry.qualified_name for entry in registry.entries("encoder")]
        ['script/swin']
    """

    def __init__(
        self,
        distribution: str | None = SCRIPT_DISTRIBUTION,
        discover: Callable[[Registry], object] | None = None,
    ) -> None:
        self._distribution = distribution
        self._discover = discover
        self._own: list[Entry] = []
        self._found: tuple[Entry, ...] = ()
        self._reports: tuple[PluginReport, ...] = ()
        self._is_discovered = discover is None
        self._is_closed = False
        self._lock = threading.RLock()
        self._discovering_thread: int | None = None
        self._loaded: dict[Entry, type[Configurable]] = {}

    # Registering

    def encoder(self, name: str, target: str | type[Encoder], *, summary: str = "") -> None:
        """Register an encoder.

        Args:
            name: lower-case words joined by hyphens, such as ``swin``.
            target: ``"package.module:Class"``, imported when the component is first used, or the class.
            summary: one line about it.

        Raises:
            ValueError: for a name or target that is not of that form, or a name that was given to something else
                before. (In a script a class may be defined and registered again, as by running a notebook's cell.)
            TypeError: for a class that is not a component of this kind.
            PluginError: for a name that a plugin registers elsewhere than in its hook.
        """
        self._add("encoder", name, target, summary)

    def interaction(self, name: str, target: str | type[Interaction], *, summary: str = "") -> None:
        """Register an interaction. Arguments and errors are those of :meth:`encoder`."""
        self._add("interaction", name, target, summary)

    def head(self, name: str, target: str | type[Head], *, summary: str = "") -> None:
        """Register a head. Arguments and errors are those of :meth:`encoder`."""
        self._add("head", name, target, summary)

    def clusterer(self, name: str, target: str | type[Clusterer], *, summary: str = "") -> None:
        """Register a clusterer. Arguments and errors are those of :meth:`encoder`."""
        self._add("clusterer", name, target, summary)

    def restorer(self, name: str, target: str | type[Restorer], *, summary: str = "") -> None:
        """Register a restorer. Arguments and errors are those of :meth:`encoder`."""
        self._add("restorer", name, target, summary)

    def loss(self, name: str, target: str | type[Loss], *, summary: str = "") -> None:
        """Register a loss, of detection or of restoration. Arguments and errors are those of :meth:`encoder`."""
        self._add("loss", name, target, summary)

    def shape(self, name: str, target: str | type[Shape], *, summary: str = "") -> None:
        """Register a shape of corruption. Arguments and errors are those of :meth:`encoder`."""
        self._add("shape", name, target, summary)

    def content(self, name: str, target: str | type[Content], *, summary: str = "") -> None:
        """Register a content of corruption. Arguments and errors are those of :meth:`encoder`."""
        self._add("content", name, target, summary)

    def dataset(self, name: str, target: str | type[Dataset], *, summary: str = "") -> None:
        """Register a data set. Arguments and errors are those of :meth:`encoder`."""
        self._add("dataset", name, target, summary)

    def weights(self, name: str, target: str, *, summary: str = "") -> None:
        """Register weights: a folder with what ``Pipeline.save_pretrained`` writes.

        Args:
            name: lower-case words joined by hyphens, such as ``default``.
            target: ``"package:relative/folder"`` inside an installed package, or ``"hub:organization/name"``.
            summary: one line about it.

        Raises:
            ValueError, PluginError: as :meth:`encoder` does.
        """
        self._add("weights", name, target, summary)

    def _add(self, kind: str, name: str, target: Any, summary: str) -> None:
        if self._is_closed:
            raise PluginError(
                f"{kind} {name!r} is registered after hcl_register returned; register everything inside the hook"
            )
        if self._discovering_thread == threading.get_ident():
            raise PluginError(
                f"{kind} {name!r} is registered as if by a script while plugins are being discovered; "
                f"use the registry that hcl_register is given"
            )
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                f"{kind} {name!r}: expected a name in lower-case words joined by hyphens, such as 'top-down'"
            )
        if kind == "weights":
            if not isinstance(target, str) or not (_HUB_TARGET.fullmatch(target) or _FOLDER_TARGET.fullmatch(target)):
                raise ValueError(
                    f"weights {name!r}: expected 'package:relative/folder' or 'hub:organization/name', got {target!r}"
                )
        elif not isinstance(target, str):
            _check_component(kind, target)
        elif not _CLASS_TARGET.fullmatch(target):
            raise ValueError(f"{kind} {name!r}: expected 'package.module:Class' or a class, got {target!r}")
        entry = Entry(kind=kind, name=name, distribution=self._distribution, target=target, summary=summary)
        for i, other in enumerate(self._own):
            if entry.distribution == SCRIPT_DISTRIBUTION and _is_same_target(entry, other):
                self._own[i] = entry
                self._loaded.pop(other, None)
                return
        _check_new(entry, self._own)
        self._own.append(entry)

    # Discovery

    def close(self) -> tuple[Entry, ...]:
        """Take no more names; return those that were registered."""
        self._is_closed = True
        return tuple(self._own)

    def set_discovered(self, entries: Iterable[Entry], reports: Sequence[PluginReport]) -> None:
        """Set what the built-ins and plugins gave, in place of what an earlier discovery found."""
        self._found, self._reports = tuple(entries), tuple(reports)

    @property
    def plugins(self) -> tuple[PluginReport, ...]:
        """What became of every plugin, the built-ins first."""
        self._ensure_discovered()
        return self._reports

    def _ensure_discovered(self) -> None:
        with self._lock:
            if self._is_discovered or self._discover is None:
                return
            if self._discovering_thread is not None:  # the lock is held: by this very thread
                raise PluginError(
                    "the registry was asked for a component while plugins are being discovered; a plugin only "
                    "registers, and looks names up when they are used"
                )
            self._discovering_thread = threading.get_ident()
            try:
                self._discover(self)
            finally:
                self._discovering_thread = None
            self._is_discovered = True

    # Looking up

    def entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """All that is registered (of one kind), built-ins first, then by qualified name.

        Raises:
            ValueError: for a kind that does not exist.
            PluginError: if plugins failed and the environment asks for strictness.
        """
        if kind is not None:
            _check_kind(kind)
        self._ensure_discovered()
        chosen = (entry for entry in (*self._found, *self._own) if kind is None or entry.kind == kind)
        return tuple(
            sorted(
                chosen, key=lambda e: (KINDS_AND_WEIGHTS.index(e.kind), e.distribution is not None, e.qualified_name)
            )
        )

    def find(self, kind: str, name: str) -> Entry:
        """What a name stands for.

        Args:
            kind: one of ``KINDS_AND_WEIGHTS``.
            name: ``distribution/name``, or the bare name where it is a built-in's or only one package gives it.

        Raises:
            UnknownNameError: if nothing has that name. The message says what comes nearest, which plugin failed that
                might have given it, and what to install.
            RegistryError: if two packages give that bare name.
            ValueError: for a kind that does not exist.
            PluginError: if plugins failed and the environment asks for strictness.
        """
        entries = self.entries(kind)
        distribution, _, bare = name.rpartition("/")
        if distribution:
            matching = [e for e in entries if e.name == bare and e.distribution == normalize(distribution)]
        else:
            matching = [e for e in entries if e.name == bare]
            matching = [e for e in matching if e.distribution is None] or matching
        if not matching:
            raise UnknownNameError(self._why_unknown(kind, name))
        if len(matching) > 1:
            options = " or ".join(repr(e.qualified_name) for e in matching)
            raise RegistryError(f"{kind} {name!r} is given by {len(matching)} packages; write {options}")
        return matching[0]

    def get(self, kind: str, name: str) -> type[Configurable]:
        """The component class that a name stands for, imported now if it was not yet.

        Args:
            kind: one of ``COMPONENT_KINDS``.
            name: as for :meth:`find`.

        Raises:
            UnknownNameError, RegistryError, ValueError: as :meth:`find` does.
            PluginError: if the class cannot be imported or is not a component of that kind.
        """
        if kind == "weights":
            raise ValueError("weights have no class; ask for weights_source(name)")
        return self._load(self.find(kind, name))

    def weights_source(self, name: str) -> Path | str:
        """Where registered weights are: the path of a folder, or ``"hub:organization/name"``.

        Raises:
            UnknownNameError, RegistryError: as :meth:`find` does.
            PluginError: if the folder is not there.
        """
        entry = self.find("weights", name)
        target = entry.target_text
        if target.startswith("hub:"):
            return target
        package, _, folder = target.partition(":")
        try:
            path = Path(str(importlib.resources.files(package).joinpath(*folder.split("/"))))
        except Exception as error:
            raise PluginError(f"{_owner(entry)}: cannot be found: {one_line(error)}") from error
        if not path.is_dir():
            raise PluginError(f"{_owner(entry)}: there is no folder {path}")
        return path

    def name_of(self, cls: type[Configurable]) -> str:
        """The qualified name of a component class, which is compared by identity.

        Raises:
            RegistryError: if the class is not registered; the message has the line that would register it.
        """
        if getattr(cls, "kind", None) not in COMPONENT_KINDS:
            raise RegistryError(f"{cls.__qualname__} is of no kind that has names ({', '.join(COMPONENT_KINDS)})")
        entries = self.entries(cls.kind)
        for entry in entries:
            if self._loaded_class(entry) is cls:
                return entry.qualified_name
        # Targets in modules that nobody imported yet may still be this class under another module's name.
        failed = []
        for entry in entries:
            try:
                if self._load(entry) is cls:
                    return entry.qualified_name
            except PluginError:
                failed.append(entry.qualified_name)
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls.__name__).lower().strip("_").replace("_", "-")
        not_compared = f"\n(these could not be loaded to be compared: {', '.join(failed)})" if failed else ""
        raise RegistryError(
            f"{cls.__qualname__} is not registered, so that a configuration cannot name it. In a script, write\n\n"
            f"    from hcl_sdk.plugins import registry\n"
            f'    registry.{cls.kind}("{name}", {cls.__name__})\n\n'
            f"or in a package's hcl_register hook\n\n"
            f'    registry.{cls.kind}("{name}", "{cls.__module__}:{cls.__qualname__}"){not_compared}'
        )

    def label(self, cls: type[Configurable]) -> str:
        """What to call a component class in tables and logs: its bare name, or the class's own if it has none."""
        try:
            return self.name_of(cls).rpartition("/")[2]
        except RegistryError:
            return cls.__name__

    def labels(self, parts: Iterable[Configurable]) -> list[str]:
        """What to call components beside each other: their :meth:`label`, numbered from the second of one label on."""
        counts: Counter[str] = Counter()
        labels = []
        for part in parts:
            label = self.label(type(part))
            counts[label] += 1
            labels.append(label if counts[label] == 1 else f"{label}-{counts[label]}")
        return labels

    def _loaded_class(self, entry: Entry) -> Any:
        """The class of an entry if that needs no import; else None."""
        if not isinstance(entry.target, str):
            return entry.target
        module, _, path = entry.target.partition(":")
        value: Any = sys.modules.get(module)
        for part in path.split("."):
            value = getattr(value, part, None)
        return value

    def _load(self, entry: Entry) -> type[Configurable]:
        if not isinstance(entry.target, str):
            return entry.target
        if entry not in self._loaded:
            module, _, path = entry.target.partition(":")
            try:
                value: Any = importlib.import_module(module)
                for part in path.split("."):
                    value = getattr(value, part)
                _check_component(entry.kind, value)
            except (Exception, SystemExit) as error:
                raise PluginError(
                    f"{_owner(entry)}: cannot be loaded from {entry.target!r}: {one_line(error)}{place(error)}"
                ) from error
            self._loaded[entry] = value
        return self._loaded[entry]

    def _why_unknown(self, kind: str, name: str) -> str:
        entries = self.entries(kind)
        distribution, _, bare = name.rpartition("/")
        distribution = normalize(distribution)
        parts = [f"unknown {kind} {name!r}"]
        if distribution:
            parts += self._about_distribution(distribution, kind, bare)
        else:
            others = dict.fromkeys(e.kind for e in self.entries() if e.name == bare)
            if others:
                parts.append(f"that name belongs to the kind {' and '.join(others)}")
        near = {e.name: e.qualified_name for e in entries} | {e.qualified_name: e.qualified_name for e in entries}
        for wanted in (name, bare):
            if match := difflib.get_close_matches(wanted, near, n=1):
                parts.append(f"did you mean {near[match[0]]!r}?")
                break
        else:
            known = ", ".join(e.qualified_name for e in entries)
            parts.append(f"known: {known or 'none'}")
        if not distribution:
            parts += [f"it may be one of those of {_failure(r)}" for r in self._reports if r.status != "ok"]
        return "; ".join(parts)

    def _about_distribution(self, distribution: str, kind: str, bare: str) -> list[str]:
        """Why a name of this distribution is not there."""
        if distribution == SCRIPT_DISTRIBUTION:
            return [f'it was registered by a script, which must first run registry.{kind}("{bare}", ...) here as well']
        if distribution == BUILTIN_DISTRIBUTION:
            return ["the built-ins have bare names"]
        reports = [r for r in self._reports if r.distribution == distribution]
        if failures := [f"it would come from {_failure(r)}" for r in reports if r.status != "ok"]:
            return failures
        if reports:
            given = ", ".join(e.qualified_name for e in self.entries(kind) if e.distribution == distribution)
            return [f"{distribution} {reports[0].version} gives {given or f'no {kind}'}"]
        try:
            version = importlib.metadata.version(distribution)
        except (importlib.metadata.PackageNotFoundError, ValueError):
            if kind == "weights":  # a folder, or somebody's on the Hub, at least as likely as a package's
                return []
            if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", distribution):
                return [f"{distribution!r} is not the name of a package"]
            advice = f": pip install {distribution}" if _NAME.fullmatch(bare) else ""
            return [f"the package {distribution} is not installed{advice}"]
        return [f"the installed package {distribution} {version} has no plugin for hcl_sdk"]


def one_line(error: BaseException) -> str:
    """``ImportError: No module named 'x'``, without line breaks."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def place(error: BaseException) -> str:
    """`` (file:line)`` of where it was raised, or called what raised it; empty if no code but this package's was."""
    own = Path(__file__).parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        passed_through = frame.filename.startswith("<") or file.parent.name in ("importlib", "pluggy")
        if not passed_through and not file.is_relative_to(own):
            return f" ({frame.filename}:{frame.lineno})"
    return ""


def check_no_clash(entries: Iterable[Entry], earlier: Sequence[Entry]) -> None:
    """Raise ``ValueError`` if an entry has the kind and the qualified name of an earlier one."""
    for entry in entries:
        _check_new(entry, earlier)


def _check_new(entry: Entry, earlier: Iterable[Entry]) -> None:
    for other in earlier:
        if (other.kind, other.qualified_name) == (entry.kind, entry.qualified_name):
            raise ValueError(
                f"{entry.kind} {entry.name!r} is registered twice by {entry.distribution or BUILTIN_DISTRIBUTION}: "
                f"as {other.target_text} and as {entry.target_text}"
            )


def _is_same_target(entry: Entry, other: Entry) -> bool:
    """Whether a name is given to what it was given to before, defined anew: a cell of a notebook was run again."""
    return (entry.kind, entry.name, entry.target_text) == (other.kind, other.name, other.target_text)


def _check_kind(kind: str) -> None:
    if kind not in KINDS_AND_WEIGHTS:
        raise ValueError(f"expected a kind, one of {', '.join(KINDS_AND_WEIGHTS)}; got {kind!r}")


def _check_component(kind: str, cls: Any) -> None:
    """Raise ``TypeError`` unless ``cls`` is a decorated, complete component class of that kind."""
    from hcl_sdk.interfaces import KINDS, Configurable  # imports torch
    from hcl_sdk.interfaces.base import is_decorated

    base = KINDS[kind]
    if not isinstance(cls, type) or not issubclass(cls, Configurable):
        raise TypeError(f"expected a class derived from hcl_sdk.{base.__name__}, got {cls!r}")
    if not issubclass(cls, base):
        actual = getattr(cls, "kind", None)
        raise TypeError(
            f"expected a class derived from hcl_sdk.{base.__name__}, got {cls.__qualname__}, "
            f"{f'which is of the kind {actual}' if actual else 'which is of no kind'}"
        )
    if not is_decorated(cls):
        raise TypeError(f"{cls.__qualname__} is not decorated with @hcl_sdk.component alone")
    if inspect.isabstract(cls):
        raise TypeError(
            f"{cls.__qualname__} does not implement {', '.join(sorted(getattr(cls, '__abstractmethods__', ())))}"
        )
    if any(field.name == "use" for field in cls.__attrs_attrs__):  # type: ignore[attr-defined]
        raise TypeError(f"{cls.__qualname__} has a field 'use', which in a configuration is the component's name")


def _owner(entry: Entry) -> str:
    given = {None: "built-in", SCRIPT_DISTRIBUTION: "script"}.get(entry.distribution, f"plugin {entry.distribution}")
    return f"{given}: {entry.kind} {entry.qualified_name!r}"


def _failure(report: PluginReport) -> str:
    plugin = f"the plugin {report.distribution} {report.version}"
    return f"{plugin}, which is {report.status} ({report.error})"
