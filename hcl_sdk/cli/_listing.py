"""The listings of ``hcl components`` and ``hcl plugins``."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from hcl_sdk.cli._tables import Table, show, write_plain
from hcl_sdk.errors import suggest
from hcl_sdk.plugins import list_disabled_packages, registry
from hcl_sdk.registry import (
    BUILTIN_DISTRIBUTION,
    KINDS_AND_WEIGHTS,
    Entry,
    PluginError,
    PluginReport,
    UnknownNameError,
    suggest_package,
)


def show_components(only: str | None = None) -> None:
    """Print name, package and summary of everything registered, by kind; ``only`` is the one kind to print."""
    tables = [
        Table(
            title=kind,
            rows=[(e.qualified_name, e.distribution or BUILTIN_DISTRIBUTION, e.summary) for e in entries],
        )
        for kind, entries in groupby(registry.list_entries(), key=lambda entry: entry.kind)
        if only in (None, kind)
    ]
    show(*tables, *_list_notes())


def describe_component(name: str) -> str:
    """Describe every component with this name, of any kind: description, fields, defaults and ranges."""
    found = []
    for kind in KINDS_AND_WEIGHTS:
        with contextlib.suppress(UnknownNameError):
            found.append(registry.find(kind, name))
    if not found:
        names = [entry.qualified_name for entry in registry.list_entries()]
        hint = suggest_package(name) or suggest(name, names, "see hcl components for all names")
        raise click.ClickException("; ".join([f"there is no component {name!r}", hint, *_list_notes()]))
    return "\n\n".join(_describe_entry(e) for e in found)


def _describe_entry(entry: Entry) -> str:
    head = (
        f"{entry.kind} {entry.qualified_name}, from {entry.distribution or BUILTIN_DISTRIBUTION}: {entry.target_text}"
    )
    if entry.kind == "weights":
        return f"{head}\n\n{entry.summary}"
    cls = registry.get(entry.kind, entry.qualified_name)
    return "\n\n".join([head, inspect.getdoc(cls) or entry.summary, _describe_fields(cls)])


def _describe_fields(cls: Any) -> str:
    import attrs

    from hcl_sdk.interfaces import get_field_type
    from hcl_sdk.interfaces.typecheck import describe

    rows = [("field", "type", "default", "range")]
    for field in attrs.fields(cls):
        kind = describe(get_field_type(cls, field.name))
        rows.append((field.name, kind, _format_default(field.default), ", ".join(_describe_ranges(field.validator))))
    if len(rows) == 1:
        return "It has no fields."
    return write_plain(Table(header=rows[0], rows=rows[1:]))


def _format_default(default: Any) -> str:
    import attrs

    if default is attrs.NOTHING:
        return "(required)"
    factory = getattr(default, "factory", None)  # of attrs.Factory
    return repr(default) if factory is None else f"{getattr(factory, '__name__', factory)}()"


def _describe_ranges(validator: Any) -> Iterator[str]:
    """Describe the range that attrs' validators allow; custom validators are explained in the component's docstring."""
    for part in getattr(validator, "_validators", ()):  # all of several
        yield from _describe_ranges(part)
    if hasattr(validator, "compare_op"):
        yield f"{validator.compare_op} {validator.bound}"
    elif hasattr(validator, "options"):
        yield f"one of {', '.join(map(repr, validator.options))}"
    elif hasattr(validator, "min_length"):
        yield f"at least {validator.min_length} long"
    elif hasattr(validator, "max_length"):
        yield f"at most {validator.max_length} long"
    elif hasattr(validator, "regex"):
        yield f"matches {validator.regex.pattern!r}"
    elif hasattr(validator, "member_validator"):
        yield from _describe_ranges(getattr(validator, "iterable_validator", None))
        yield from (f"each {text}" for text in _describe_ranges(validator.member_validator))
    elif hasattr(validator, "validator"):  # optional
        yield from (f"{text} or None" for text in _describe_ranges(validator.validator))


def show_plugins(*, check: bool) -> None:
    """Print a table of the plugins; below it, why broken ones are broken.

    Args:
        check: also load every component and check every folder of weights, except those on the Hub.

    Raises:
        click.ClickException: if ``check`` is set and anything is broken.
    """
    reports = registry.plugins
    entries = registry.list_entries() if check else []
    faults = list(find_faults(entries)) if check else []  # it imports torch
    faulty = {name for name, _ in faults}
    problems = [f"{_label(r, reports)} is {r.status}: {r.error}" for r in reports if r.status != "ok"]
    if any(r.status == "broken" for r in reports):
        problems.append("(HCL_STRICT_PLUGINS=1 makes broken plugins an error of every command, for CI.)")
    absent = sorted(list_disabled_packages() - {"*"} - {r.distribution for r in reports})
    problems += [f"Warning: HCL_DISABLE_PLUGINS names {name}, which is not an installed plugin" for name in absent]
    show(describe_plugins(faulty), *(["\n".join(problems)] if problems else []))
    if not check:
        return
    broken = [f"{_label(r, reports)}: {r.error}" for r in reports if r.status == "broken"]
    broken += [message for _, message in faults]
    if broken:
        raise click.ClickException("\n  ".join([f"{len(broken)} broken:", *broken]))
    click.echo(f"\nAll {len(entries)} components and weights can be loaded.")


def describe_plugins(faulty: Collection[str] = ()) -> Table:
    """Make a row for each plugin; one with a ``faulty`` name is broken. What is built in is counted, not named."""
    reports = registry.plugins
    rows = []
    for r in reports:
        status = "broken" if set(r.names).intersection(faulty) else r.status
        gives = ", ".join((*r.names, *(f"hcl {c}" for c in r.commands))) or "-"
        if r.distribution == BUILTIN_DISTRIBUTION:
            gives = f"{len(r.names)} components and weights: see hcl components"
        rows.append((_label(r, reports), r.version, status, gives))
    return Table(header=("plugin", "version", "status", "provides"), rows=rows)


def find_faults(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    """Yield the qualified name of everything that cannot be loaded, and why."""
    from hcl_sdk.weights import WEIGHTS, WeightsError, read_config

    for entry in entries:
        try:
            if entry.kind != "weights":
                registry.get(entry.kind, entry.qualified_name)
            elif isinstance(folder := registry.find_weights_source(entry.qualified_name), Path):
                read_config(folder)
                if not (folder / WEIGHTS).is_file():
                    raise WeightsError(f"{folder} holds no {WEIGHTS}")
        except PluginError as error:
            yield entry.qualified_name, str(error)
        except (WeightsError, OSError) as error:
            yield entry.qualified_name, f"weights {entry.qualified_name}: {error}"


def _label(report: PluginReport, reports: Sequence[PluginReport]) -> str:
    """Name the package, and the entry point if the package has several."""
    alone = sum(r.distribution == report.distribution for r in reports) == 1
    return report.distribution if alone else f"{report.distribution}:{report.entry_point}"


def _list_notes() -> list[str]:
    failed = [r.distribution for r in registry.plugins if r.status == "broken"]
    return [f"broken plugins ({', '.join(failed)}) provide nothing: see hcl plugins"] if failed else []
