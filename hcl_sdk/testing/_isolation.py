"""A registry that forgets what is registered in it for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hcl_sdk.plugins import registry
from hcl_sdk.registry import Registry


@contextmanager
def isolate_registry() -> Iterator[Registry]:
    """Return the registry of this process without the names from scripts; afterwards its state is restored.

    Built-ins and installed plugins are available. Everything registered inside is gone afterwards, and may be
    registered again with another target.

    Example:
        >>> with isolate_registry() as registry:
        ...     registry.head("mine", "somewhere:Head")
        ...     [entry.qualified_name for entry in registry.list_entries("head") if entry.distribution == "script"]
        ['script/mine']
        >>> [entry.qualified_name for entry in registry.list_entries("head") if entry.distribution == "script"]
        []
    """
    with registry.isolate():
        yield registry
