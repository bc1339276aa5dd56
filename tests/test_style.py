"""What CONTRIBUTING.md asks of names and types, as far as a program can tell."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PICTURE = re.compile(r"\bpictures?\b", re.IGNORECASE)
KEPT = ROOT / "tests" / "plugin_packages" / "vintage"  # as it was published, see test_contract.py
TEXTS = sorted(
    file
    for folder in ("hcl_sdk", "plugins", "tests", "examples", "benchmarks", "docs")
    for file in (ROOT / folder).rglob("*")
    if file.suffix in (".py", ".pyi", ".md", ".toml", ".yaml", ".js", ".css")
    and file != Path(__file__)
    and not file.is_relative_to(KEPT)
)


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_a_photo_is_a_photo_and_an_image_an_image() -> None:
    assert len(TEXTS) > 500
    lines = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in TEXTS
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if PICTURE.search(line)
    ]
    assert not lines, "a photo is what a user hands in, an image is a tensor"


BRITISH = re.compile(
    r"colour|grey(?!scale=)|behaviour|neighbour|centre|favour|analyse|(normal|initial|optim|recogn|quant|organ)is(e|ing)",
    re.IGNORECASE,
)
"""Pypng's writer has an argument ``greyscale``."""


def test_spelling_is_american() -> None:
    found = [
        f"{file.relative_to(ROOT)}: {word[0]}"
        for file in TEXTS
        for word in BRITISH.finditer(file.read_text(encoding="utf-8"))
    ]
    assert not found


VERBS = ("embed", "need", "seed")  # which end like a participle
NOUNS = (
    "supervised_contrastive_loss",  # a formula with a name of its own
    "_searchsorted",  # torch's function, whose name it takes
    *("pasted", "tiled"),  # damages, which the gallery names
)
ASIDES = re.compile(r"(What|Which|Of|Where|How|As|Why|That|Those)\b")


def list_functions(file: Path) -> list[ast.FunctionDef]:
    """All but properties and pytest's fixtures, which are used as values."""
    return [
        node
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and not any(re.search("property|fixture", ast.unparse(decorator)) for decorator in node.decorator_list)
    ]


def assert_verb(where: str, node: ast.FunctionDef) -> None:
    words = node.name.strip("_").split("_")
    assert not words[0].endswith("ed") or words[0] in VERBS or node.name in NOUNS, f"{where} is a participle"
    assert words[-1] not in ("of", "for"), f"{where} is a noun"


def test_functions_are_verbs_and_their_docstrings_sentences() -> None:
    plugins = [file for file in ROOT.glob("plugins/*/hcl_*/**/*.py") if "tests" not in file.relative_to(ROOT).parts]
    others = [file for folder in ("benchmarks", "docs", "examples") for file in (ROOT / folder).rglob("*.py")]
    assert len(plugins) > 50
    functions = {
        f"{file.relative_to(ROOT)}:{node.lineno}: {node.name}": node
        for file in [*(ROOT / "hcl_sdk").rglob("*.py"), *plugins, *others]
        for node in list_functions(file)
    }
    assert len(functions) > 1000
    for where, node in functions.items():
        assert_verb(where, node)
        if "_checks" not in where:  # which state what holds
            assert not ASIDES.match(ast.get_docstring(node) or ""), f"{where}: its docstring does not say what it does"


def test_docstrings_of_classes_and_modules_are_noun_phrases() -> None:
    files = [*(ROOT / "hcl_sdk").rglob("*.py"), *ROOT.glob("plugins/*/hcl_*/**/*.py")]
    assert len(files) > 200
    asides = [
        f"{file.relative_to(ROOT)}: {docstring.splitlines()[0]}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef | ast.Module) and ASIDES.match(docstring := ast.get_docstring(node) or "")
    ]
    assert not asides


def test_helpers_of_tests_are_verbs() -> None:
    files = [*(ROOT / "tests").rglob("*.py"), *ROOT.glob("plugins/*/tests/**/*.py")]
    assert len(files) > 200
    for file in files:
        for node in list_functions(file):
            if node.name.startswith("test_"):
                assert not re.match("test_what_", node.name), f"{file.relative_to(ROOT)}: {node.name} names no behavior"
            else:
                assert_verb(f"{file.relative_to(ROOT)}:{node.lineno}: {node.name}", node)


def test_roles_in_docstrings_are_those_that_the_reference_reads() -> None:
    """A role with a title, or with a name in another form, would be shown as it is written."""
    role, readable = re.compile(r":(?:class|meth|func|attr|data|mod|exc):`[^`]*`"), re.compile(r":\w+:`~?[\w.]+`")
    roles = [found for file in (ROOT / "hcl_sdk").rglob("*.py") for found in role.findall(file.read_text("utf-8"))]
    assert len(roles) > 50
    assert [found for found in roles if not readable.fullmatch(found)] == []


def test_entries_of_docstrings_are_indented_as_the_reference_reads_them() -> None:
    """An entry that is indented too deep disappears in the one before it."""
    entries = 0
    for file in [*(ROOT / "hcl_sdk").rglob("*.py"), *(ROOT / "plugins").glob("*/hcl_*/**/*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef | ast.FunctionDef):
                continue
            lines = (ast.get_docstring(node) or "").splitlines()
            inputs = [] if isinstance(node, ast.ClassDef) else [*node.args.args, *node.args.kwonlyargs]
            names = {a.arg for a in inputs} | {
                part.target.id
                for part in node.body
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
            }
            for number, line in enumerate(lines):
                where = f"{file.relative_to(ROOT)}: {node.name}: {line.strip()}"
                if number and lines[number - 1] in ("Args:", "Attributes:", "Raises:", "Returns:"):
                    assert line.startswith("    ") and line[4] != " ", where  # noqa: PT018
                    entries += 1
                if (entry := re.match(r" {5,}(\w+)(, \w+)*: ", line)) and {"Args:", "Attributes:"} & {*lines[:number]}:
                    assert entry[1] not in names, where
    assert entries > 500


def test_pyright_finds_the_modules_of_every_plugin(project: dict[str, Any]) -> None:
    settings = project["tool"]["pyright"]
    (plugins,) = [each for each in settings["executionEnvironments"] if each["root"] == "plugins"]
    folders = {f"plugins/{file.parent.name}" for file in ROOT.glob("plugins/*/pyproject.toml")}
    assert set(plugins["extraPaths"]) == {".", *folders}
    assert set(settings["include"]) >= {"hcl_sdk", "plugins", "tests", "examples", "benchmarks"}
    assert settings["exclude"] == ["**/__pycache__", "tests/plugin_packages"]
