"""The entry points in the group ``hcl_sdk``, and the packages they come from."""

from __future__ import annotations

import contextlib
import importlib.metadata
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint

from hcl_sdk.errors import describe_error
from hcl_sdk.registry import BUILTIN_DISTRIBUTION, normalize

GROUP = "hcl_sdk"
"""The entry-point group, and the name of the project for pluggy."""


@dataclass(frozen=True, kw_only=True)
class FoundPoint:
    """An entry point; "?" stands for anything that cannot be read.

    Attributes:
        point: the entry point itself.
        distribution: normalized name of its package.
        version: version of the package.
        error: what is wrong with the metadata of the package.
    """

    point: EntryPoint
    distribution: str
    version: str
    error: str = ""


def find_entry_points() -> list[FoundPoint]:
    """Find the entry points in the group, the built-ins first, then by package and name.

    Of a package that is installed twice, the one that Python would import counts.
    """
    try:
        points = importlib.metadata.entry_points(group=GROUP)
        found = [_identify(point, point.dist) for point in points if point.dist is not None]
    except Exception:  # a malformed file, perhaps of an unrelated package
        found = list(_find_singly())
    if all(f.distribution != BUILTIN_DISTRIBUTION for f in found):  # run from a source tree that is not installed
        builtin = EntryPoint(name="builtin", value="hcl_sdk.builtin", group=GROUP)
        found.append(FoundPoint(point=builtin, distribution=BUILTIN_DISTRIBUTION, version="(not installed)"))
    return sorted(found, key=lambda f: (f.distribution != BUILTIN_DISTRIBUTION, f.distribution, f.point.name))


def _identify(point: EntryPoint, distribution: Distribution) -> FoundPoint:
    name = version = "?"
    error = ""
    try:
        metadata = distribution.metadata
        for key in ("Name", "Version"):
            if key not in metadata:
                name = normalize(metadata["Name"]) if "Name" in metadata else name
                raise ValueError(f"METADATA has no {key}")
        name, version = normalize(metadata["Name"]), metadata["Version"]
    except Exception as raised:  # text that is not UTF-8, for example
        error = _explain_unreadable(distribution, raised)
    return FoundPoint(point=point, distribution=name, version=version, error=error)


def _find_singly() -> Iterator[FoundPoint]:
    """Find them package by package: one that cannot be read is reported if it is a plugin, and otherwise skipped."""
    seen = set[str]()
    for distribution in importlib.metadata.distributions():
        if not _has_group(distribution):
            continue
        whole = _identify(EntryPoint(name="?", value="?", group=GROUP), distribution)
        if whole.distribution != "?":
            if whole.distribution in seen:
                continue
            seen.add(whole.distribution)
            # Asked by name: of several with this name, the first on the path, as Python imports it.
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                distribution = importlib.metadata.distribution(whole.distribution)
        try:
            for point in distribution.entry_points:
                if point.group == GROUP:
                    yield _identify(point, distribution)
        except Exception as raised:  # lines without an equals sign, for example
            yield FoundPoint(
                point=whole.point,
                distribution=whole.distribution,
                version=whole.version,
                error=whole.error or _explain_unreadable(distribution, raised),
            )


def _has_group(distribution: Distribution) -> bool:
    """Whether ``entry_points.txt`` has our group; if the file is not text, its bytes are searched."""
    try:
        return f"[{GROUP}]" in (distribution.read_text("entry_points.txt") or "")
    except UnicodeDecodeError as error:
        return f"[{GROUP}]".encode() in error.object
    except Exception:
        return False


def _explain_unreadable(distribution: Distribution, error: Exception) -> str:
    return f"its metadata, in {distribution.locate_file('')}, cannot be read: {describe_error(error)}"
