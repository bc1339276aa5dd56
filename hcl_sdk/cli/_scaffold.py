"""``hcl plugins new``: creates a package with one component to start from."""

from __future__ import annotations

import importlib.resources
import importlib.util
import keyword
import sys
from pathlib import Path
from string import Template

import click

from hcl_sdk._version import __version__
from hcl_sdk.plugins import API_VERSION
from hcl_sdk.registry import SCRIPT_DISTRIBUTION, is_name

_TAKEN = (SCRIPT_DISTRIBUTION, "tests")

_FILES = {
    "pyproject.toml": "package/pyproject.toml",
    "README.md": "package/README.md",
    ".github/workflows/test.yml": "package/test.yml",
    "${module}/__init__.py": "package/init.py",
    "${module}/${kind}.py": "kinds/${kind}.py",
    "${module}/py.typed": "package/py.typed",
    "tests/test_${module}.py": "package/test.py",
}
"""File in the package -> its template."""

_NEEDS = {
    "shape": ("numpy",),
    "content": ("numpy",),
    "dataset": ("numpy", "pillow"),
}
"""Dependencies of a component besides hcl_sdk and attrs; torch unless stated."""

_USES = {
    "encoder": "detector:\n  encoder: {use: ${qualified}}",
    "interaction": "detector:\n  interaction: {use: ${qualified}}",
    "head": "detector:\n  head: {use: ${qualified}}",
    "clusterer": "detector:\n  clusterer: {use: ${qualified}}",
    "restorer": "restorer: {use: ${qualified}}",
    "loss": "restoration:\n  losses: [{use: ${qualified}}]",
    "shape": "data:\n  corruption:\n    rules:\n      - {shapes: [{use: ${qualified}}], contents: [noise]}",
    "content": "data:\n  corruption:\n    rules:\n      - {shapes: [blobs], contents: [{use: ${qualified}}]}",
    "dataset": "data:\n  dataset: {use: ${qualified}, path: photos}",
}
"""How a configuration names a component of each kind."""

_RUN_KINDS = "loss", "shape", "content", "dataset"
"""Kinds that only a training run names."""

_ADVICE = "expected lowercase words joined by hyphens, such as hcl-blur"


def make(name: str, kind: str, output: Path) -> None:
    """Write the package, and print what to do next.

    Args:
        name: name of the package and its folder.
        kind: kind of the component.
        output: the folder to create that folder in.

    Raises:
        click.ClickException: if the name is invalid or taken, or the folder exists.
    """
    words = _make_substitutions(name, kind)
    folder = output / name
    if folder.exists():
        raise click.ClickException(f"{folder} already exists; choose another name or another --output")
    written = []
    try:
        for path, template in _FILES.items():
            file = folder / Template(path).substitute(words)
            file.parent.mkdir(parents=True, exist_ok=True)
            text = _read_template(Template(template).substitute(words)).substitute(words)
            file.write_text(text, encoding="utf-8")
            written.append(file)
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be written: {error}") from error
    click.echo(f"Created {folder}:")
    for file in written:
        click.echo(f"  {file.relative_to(folder).as_posix()}")
    click.echo(
        f"\nInstall it, run its tests, and check that it honors its contract:\n"
        f'  pip install -e "{folder.as_posix()}[test]"\n'
        f"  pytest {folder.as_posix()}\n"
        f"  hcl plugins check {name}"
    )


def _make_substitutions(name: str, kind: str) -> dict[str, str]:
    """Return the substitutions for the templates."""
    if not is_name(name):
        raise click.BadParameter(f"{name!r} is not a valid package name; {_ADVICE}", param_hint="'NAME'")
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or name in _TAKEN:
        raise click.BadParameter(f"{name!r} cannot be used as a module name; {_ADVICE}", param_hint="'NAME'")
    if importlib.util.find_spec(module) is not None:
        raise click.BadParameter(
            f"{name!r} would hide the installed module {module}; choose another name",
            param_hint="'NAME'",
        )
    short = name.removeprefix("hcl-")
    component = short if is_name(short) else name
    title = "".join(word.capitalize() for word in component.split("-"))
    words = {
        "name": name,
        "module": module,
        "kind": kind,
        "component": component,
        "qualified": f"{name}/{component}",
        "cls": title if title.lower().endswith(kind) else f"{title}{kind.capitalize()}",
        "api_version": str(API_VERSION),
        "version": __version__,
        "needs": "".join(f', "{package}"' for package in _NEEDS.get(kind, ("torch",))),
    }
    where = "the configuration of a pipeline (that of a training run has it under `pipeline:`)"
    if kind in _RUN_KINDS:
        where = "the configuration of a training run"
    return words | {"usage": Template(_USES[kind]).substitute(words), "where": where}


def _read_template(path: str) -> Template:
    file = importlib.resources.files("hcl_sdk.cli").joinpath("templates", *f"{path}.template".split("/"))
    return Template(file.read_text(encoding="utf-8"))
