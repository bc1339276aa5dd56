"""Looking up names."""

from __future__ import annotations

from collections.abc import Sequence

from hcl_sdk.registry._entries import Entry, PluginReport, RegistryError, UnknownNameError, normalize
from hcl_sdk.registry._explain import explain_unknown


def look_up(kind: str, name: str, everything: Sequence[Entry], reports: Sequence[PluginReport]) -> Entry:
    """Look up the entry of a kind by name.

    Args:
        kind: the kind that is requested.
        name: ``distribution/name``, or the bare name if it is a built-in's or only one package provides it.
        everything: all registered names, of any kind.
        reports: the reports about the plugins.

    Raises:
        UnknownNameError: if nothing has that name; the message says why.
        RegistryError: if two packages provide that bare name.
    """
    distribution, _, bare = name.rpartition("/")
    matching = [entry for entry in everything if entry.kind == kind and entry.name == bare]
    if distribution:
        matching = [entry for entry in matching if entry.distribution == normalize(distribution)]
    else:
        matching = [entry for entry in matching if entry.distribution is None] or matching
    if not matching:
        raise UnknownNameError(explain_unknown(kind, name, everything, reports))
    if len(matching) > 1:
        options = " or ".join(repr(entry.qualified_name) for entry in matching)
        raise RegistryError(f"{kind} {name!r} is provided by {len(matching)} packages; write {options}")
    return matching[0]
