"""The registry of components and weights."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from hcl_sdk._renamed import keep_old_name
from hcl_sdk.registry._entries import (
    COMPONENT_KINDS,
    KINDS_AND_WEIGHTS,
    SCRIPT_DISTRIBUTION,
    Entry,
    PluginError,
    PluginReport,
    RegistryError,
    check_form,
    check_no_clash,
)
from hcl_sdk.registry._explain import explain_unregistered
from hcl_sdk.registry._loading import check_component, find_loaded_class, find_weights, load_class
from hcl_sdk.registry._lookup import look_up

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
    from hcl_sdk.plugins import Hooks


@dataclass(frozen=True)
class _Discovered:
    """The results of discovering plugins."""

    entries: tuple[Entry, ...] = ()
    reports: tuple[PluginReport, ...] = ()
    commands: tuple[Entry, ...] = ()
    hooks: Hooks | None = None


class Registry:
    """The names of components and weights.

    Registering (:meth:`encoder` and the like) imports nothing and is possible at any time. Plugins are discovered at
    the first look-up (:meth:`get`, :meth:`get_name`, :meth:`list_entries`, :attr:`plugins`,
    :meth:`find_weights_source`).

    Args:
        distribution: the package on whose behalf names are registered; None for the built-ins.
        discover: called with the registry before the first look-up; it calls :meth:`set_discovered`.

    Example:
        >>> registry = Registry()
        >>> registry.encoder("swin", "hcl_sdk.encoders.swin:SwinEncoder", summary="the published encoder")
        >>> [entry.qualified_name for entry in registry.list_entries("encoder")]
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
        self._discovered = _Discovered()
        self._is_discovered = discover is None
        self._is_closed = False
        self._lock = threading.RLock()
        self._discovering_thread: int | None = None
        self._loaded: dict[Entry, type[Configurable]] = {}

    # Registering

    def encoder(self, name: str, target: str | type[Encoder], *, summary: str = "") -> None:
        """Register an encoder.

        Args:
            name: lowercase words joined by hyphens, such as ``swin``.
            target: ``"package.module:Class"``, imported when the component is first used, or the class.
            summary: one line about it.

        Raises:
            ValueError: if the name or target is malformed, or the name was given to something else before. (Scripts may
                define and register a class again, as when a notebook's cell is run again.)
            TypeError: if the class is not a component of this kind.
            PluginError: if a plugin registers a name outside its hook.
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
        """Register a dataset. Arguments and errors are those of :meth:`encoder`."""
        self._add("dataset", name, target, summary)

    def weights(self, name: str, target: str, *, summary: str = "") -> None:
        """Register weights: a folder written by ``Pipeline.save_pretrained``.

        Args:
            name: lowercase words joined by hyphens, such as ``default``.
            target: ``"package:relative/folder"`` inside an installed package, or ``"hub:organization/name"``.
            summary: one line about it.

        Raises:
            ValueError, PluginError: like :meth:`encoder`.
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
        check_form(kind, name, target)
        if not isinstance(target, str):
            check_component(kind, target)
        entry = Entry(kind=kind, name=name, distribution=self._distribution, target=target, summary=summary)
        for i, other in enumerate(self._own):
            if entry.distribution == SCRIPT_DISTRIBUTION and _is_same_target(entry, other):
                self._own[i] = entry
                self._loaded.pop(other, None)
                return
        check_no_clash([entry], self._own)
        self._own.append(entry)

    @contextmanager
    def isolate(self, *, keep_scripts: bool = False) -> Iterator[Self]:
        """Forget, after the ``with`` statement, everything registered and discovered inside it.

        Names registered inside may be registered again afterwards, with another target. Inside, built-ins and installed
        plugins are available; names registered by scripts only with ``keep_scripts``.
        """
        self._ensure_discovered()  # now, so that discovery inside is not undone
        kept = self._own, self._loaded, self._discovered
        self._own, self._loaded = list(self._own) if keep_scripts else [], dict(self._loaded)
        try:
            yield self
        finally:
            self._own, self._loaded, self._discovered = kept

    # Discovery

    def close(self) -> tuple[Entry, ...]:
        """Accept no more names; return those that were registered."""
        self._is_closed = True
        return tuple(self._own)

    def set_discovered(
        self,
        entries: Iterable[Entry],
        reports: Iterable[PluginReport],
        *,
        commands: Iterable[Entry] = (),
        hooks: Hooks | None = None,
    ) -> None:
        """Set what the built-ins and plugins provide, replacing the results of an earlier discovery."""
        self._discovered = _Discovered(tuple(entries), tuple(reports), tuple(commands), hooks)

    @property
    def plugins(self) -> tuple[PluginReport, ...]:
        """The reports about all plugins, the built-ins first."""
        self._ensure_discovered()
        return self._discovered.reports

    @property
    def commands(self) -> tuple[Entry, ...]:
        """The subcommands that plugins add to ``hcl``."""
        self._ensure_discovered()
        return self._discovered.commands

    def find_command(self, name: str, own: Iterable[str] = ()) -> Entry:
        """Look up a plugin's subcommand by name.

        Args:
            name: ``distribution/name``, or the bare name if only one package provides it.
            own: the names of hcl's own commands, for the message.

        Raises:
            UnknownNameError, RegistryError, PluginError: like :meth:`find`.
        """
        built_in = [Entry(kind="command", name=n, distribution=None, target="hcl_sdk.cli:main") for n in own]
        return look_up("command", name, [*built_in, *self.commands], self._discovered.reports)

    @property
    def hooks(self) -> Hooks | None:
        """The hooks of the working plugins; None if plugins are not discovered."""
        self._ensure_discovered()
        return self._discovered.hooks

    def _ensure_discovered(self) -> None:
        with self._lock:
            if self._is_discovered or self._discover is None:
                return
            if self._discovering_thread is not None:  # the lock is held by this very thread
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

    def list_entries(self, kind: str | None = None) -> tuple[Entry, ...]:
        """List everything that is registered (of one kind), built-ins first, then by qualified name.

        Raises:
            ValueError: if the kind does not exist.
            PluginError: if plugins failed and the environment demands strictness.
        """
        if kind is not None:
            _check_kind(kind)
        self._ensure_discovered()
        chosen = (entry for entry in (*self._discovered.entries, *self._own) if kind is None or entry.kind == kind)
        return tuple(
            sorted(
                chosen, key=lambda e: (KINDS_AND_WEIGHTS.index(e.kind), e.distribution is not None, e.qualified_name)
            )
        )

    def find(self, kind: str, name: str) -> Entry:
        """Look up a name.

        Args:
            kind: one of ``KINDS_AND_WEIGHTS``.
            name: ``distribution/name``, or the bare name if it is a built-in's or only one package provides it.

        Raises:
            UnknownNameError: if nothing has that name. The message suggests the nearest name, the failed plugin that
                may have provided it, or what to install.
            RegistryError: if two packages provide that bare name.
            ValueError: if the kind does not exist.
            PluginError: if plugins failed and the environment demands strictness.
        """
        _check_kind(kind)
        return look_up(kind, name, self.list_entries(), self._discovered.reports)

    def get(self, kind: str, name: str) -> type[Configurable]:
        """Return the component class with a name, importing it if necessary.

        Args:
            kind: one of ``COMPONENT_KINDS``.
            name: as in :meth:`find`.

        Raises:
            UnknownNameError, RegistryError, ValueError: like :meth:`find`.
            PluginError: if the class cannot be imported or is not a component of that kind.
        """
        if kind == "weights":
            raise ValueError("weights have no class; call find_weights_source(name)")
        return self._load(self.find(kind, name))

    def find_weights_source(self, name: str) -> Path | str:
        """Find registered weights: the path of a folder, or ``"hub:organization/name"``.

        Raises:
            UnknownNameError, RegistryError: like :meth:`find`.
            PluginError: if the folder does not exist.
        """
        return find_weights(self.find("weights", name))

    def find_entry(self, cls: type[Configurable]) -> Entry | None:
        """Find the entry of a component class; None if there is none, or only in modules not yet imported."""
        return next((entry for entry in self.list_entries(cls.kind) if find_loaded_class(entry) is cls), None)

    def get_name(self, cls: type[Configurable]) -> str:
        """Return the qualified name of a component class, which is compared by identity.

        Raises:
            RegistryError: if the class is not registered; the message has the line that would register it.
        """
        if getattr(cls, "kind", None) not in COMPONENT_KINDS:
            raise RegistryError(f"{cls.__qualname__} is of no kind that has names ({', '.join(COMPONENT_KINDS)})")
        if entry := self.find_entry(cls):
            return entry.qualified_name
        # Targets in modules that are not imported yet may still be this class, under another module's name.
        failed = []
        for entry in self.list_entries(cls.kind):
            try:
                if self._load(entry) is cls:
                    return entry.qualified_name
            except PluginError:
                failed.append(entry.qualified_name)
        raise RegistryError(explain_unregistered(cls, failed))

    def label(self, cls: type[Configurable]) -> str:
        """Return the label of a component class in tables and logs: its bare name, or else the class's name."""
        try:
            return self.get_name(cls).rpartition("/")[2]
        except RegistryError:
            return cls.__name__

    def label_all(self, parts: Iterable[Configurable]) -> list[str]:
        """Give components distinct labels: their :meth:`label`, numbered from the second one with the same label."""
        counts: Counter[str] = Counter()
        labels = []
        for part in parts:
            label = self.label(type(part))
            counts[label] += 1
            labels.append(label if counts[label] == 1 else f"{label}-{counts[label]}")
        return labels

    entries = keep_old_name("entries", list_entries)
    labels = keep_old_name("labels", label_all)
    name_of = keep_old_name("name_of", get_name)
    weights_source = keep_old_name("weights_source", find_weights_source)

    def _load(self, entry: Entry) -> type[Configurable]:
        if entry not in self._loaded:
            self._loaded[entry] = load_class(entry)
        return self._loaded[entry]


def _is_same_target(entry: Entry, other: Entry) -> bool:
    """Whether a target is the earlier one, defined again, as when a notebook cell is run twice."""
    return (entry.kind, entry.name, entry.target_text) == (other.kind, other.name, other.target_text)


def _check_kind(kind: str) -> None:
    if kind not in KINDS_AND_WEIGHTS:
        raise ValueError(f"expected a kind, one of {', '.join(KINDS_AND_WEIGHTS)}; got {kind!r}")
