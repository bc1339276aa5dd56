"""What a name stands for."""

from __future__ import annotations

from collections.abc import Sequence

from hcl_sdk.registry._entries import Entry, PluginReport, RegistryError, UnknownNameError, normalize
from hcl_sdk.registry._explain import explain_unknown


def look_up(kind: str, name: str, everything: Sequence[Entry], reports: Sequence[PluginReport]) -> Entry:
    """The entry of a kind that a name stands for.

    Args:
        kind: of what is asked for.
        name: ``distribution/name``, or the bare name where it is a built-in's or only one package gives it.
        everything: all that is registered, of any kind.
        reports: what became of the plugins.

    Raises:
        UnknownNameError: if nothing has that name; the message says why.
        RegistryError: if two packages give that bare name.
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
        raise RegistryError(f"{kind} {name!r} is given by {len(matching)} packages; write {options}")
    return matching[0]
