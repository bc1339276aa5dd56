"""Every code block of the documentation does what the page says.

A page runs from top to bottom in a folder of its own, which holds a damaged ``photo.jpg``. ``python`` blocks share one
namespace; of ``bash`` blocks the lines that begin with ``hcl`` run the command, and the others must be of a few known
forms; ``yaml`` blocks must be valid configurations; a ``text`` block is what the block before it prints, with ``...``
for what varies. Two kinds of HTML comments, which readers do not see, help:

- ``<!-- test: file=NAME -->`` before a block: it is the content of that file;
- ``<!-- test: exit=1 -->`` before a block: its last command ends so;
- ``<!-- test: plugin=NAME -->`` before a block: it runs where that first-party plugin is installed;
- ``<!-- test: setup``, lines of Python, ``-->``: run where they stand; ``patch(object, name, value)`` is undone later.
"""

from __future__ import annotations

import doctest
import importlib.util
import pkgutil
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from shutil import copy
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from PIL import Image

import hcl_sdk
from hcl_sdk import Pipeline
from hcl_sdk.cli import main
from hcl_sdk.cli.quickstart import damage
from hcl_sdk.plugins import discover, registry
from hcl_sdk.testing import conformance
from hcl_sdk.testing._pages import PIECE, Block, compare, read_blocks, run_block

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TUTORIAL_PACKAGE = ROOT / "tests" / "plugin_packages" / "good"
CPU_BUILD = ["pip", "install", "torch", "--index-url", "https://download.pytorch.org/whl/cpu"]
FROM_PYPI = {"pytest": "pytest", "scikit-image": "skimage"}
"""What pages install from PyPI, and the module that it brings."""


class Page:
    """Runs the blocks of one page in the current folder."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.monkeypatch = monkeypatch
        self.namespace: dict[str, Any] = {"__name__": "__page__", "patch": monkeypatch.setattr, "ROOT": ROOT}
        self.printed = ""

    def run(self, block: Block) -> None:
        unknown = set(block.options) - {"file", "exit", "plugin"}
        assert not unknown, f"unknown test options {unknown}"
        plugin = block.options.get("plugin")
        if plugin is not None and importlib.util.find_spec(plugin.replace("-", "_")) is None:
            assert (ROOT / "plugins" / plugin / "pyproject.toml").is_file(), f"there is no plugin {plugin}"
            return
        if "file" in block.options:
            file = Path(block.options["file"])
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.code.rstrip("\n") + "\n", encoding="utf-8")
        elif block.language in ("python", "setup"):
            self.printed = run_block(block, self.path, self.namespace)
        elif block.language == "bash":
            self.printed = ""
            commands = [c.strip() for line in block.code.splitlines() for c in line.split("#")[0].split("&&")]
            commands = [c for c in commands if c]
            for command in commands:
                self.command(command, int(block.options.get("exit", 0)) if command is commands[-1] else 0)
        elif block.language == "yaml":
            Pipeline.from_config(block.code, device="cpu")
        elif block.language == "toml":
            tomllib.loads(block.code)
        elif block.language == "text":
            compare(block, self.printed, doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        else:
            raise AssertionError(f"a block of the language {block.language!r}, which nothing checks")

    def command(self, text: str, status: int) -> None:
        words = shlex.split(text)
        while re.fullmatch(r"\w+=\S*", words[0]):
            name, value = words.pop(0).split("=", 1)
            self.monkeypatch.setenv(name, value)
        if words[:2] in (["hcl", "train"], ["hcl", "evaluate"]):  # the same, but soon done
            words += ["steps=1", "batch_size=2", "data.workers=0"] if words[1] == "train" else ["limit=4"]
        if words[:2] == ["hcl", "benchmark"]:
            words += ["areas=[0.1,0.3]", "attempts=3", "resamples=5"]
        if words[:2] == ["hcl", "page"]:  # it would serve until it is stopped
            with main.make_context("hcl", words[1:], resilient_parsing=True) as context:
                command = main.get_command(context, "page")
            assert command is not None, text
            command.make_context("page", words[2:])
        elif words[0] == "hcl":
            result = CliRunner().invoke(main, words[1:], prog_name="hcl", catch_exceptions=False)
            assert result.exit_code == status, f"{text}: exit status {result.exit_code}\n{result.output}"
            self.printed += result.stdout
        elif words[0] in ("hcl-onnx", "hcl-ray"):  # commands of their own, whose processes end with them
            done = subprocess.run(
                [str(Path(sys.executable).with_name(words[0])), *words[1:]], capture_output=True, text=True, timeout=900
            )
            assert done.returncode == status, f"{text}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
            self.printed += done.stdout
        elif words == CPU_BUILD:
            (torch,) = (r for r in map(Requirement, requires("hcl_sdk") or []) if r.name == "torch")
            assert torch.specifier.contains("2.13.0+cpu")  # what that index has is not replaced afterwards
        elif words[:2] == ["pip", "install"]:
            self.pip_install(words[2:])
        elif words[:2] == ["pytest", "--pyargs"]:
            assert words[2:4] == [conformance.__name__, "--hcl-check"], text
            assert conformance.find_entries(*words[4:]), text
        elif words[0] == "pytest":
            assert all((ROOT / argument).exists() for argument in words[1:] if argument[0] != "-"), text
        elif words[0] == "python" and words[1:2] != ["-m"]:
            assert (ROOT / words[1]).is_file(), text
        elif words[0] == "mkdir":
            (folder,) = words[1:]
            Path(folder).mkdir()
        elif words[0] == "cd":
            (folder,) = words[1:]
            copy("photo.jpg", folder)  # the reader's own, wherever that is
            self.monkeypatch.chdir(folder)
        elif words[:2] == ["accelerate", "launch"]:
            module = words[words.index("-m") + 1]
            assert importlib.util.find_spec(module), text
            with main.make_context("hcl", words[words.index(module) + 1 :], resilient_parsing=True) as context:
                assert main.get_command(context, words[words.index(module) + 1]), text
        else:
            known = (
                "python -m venv .venv",
                ". .venv/bin/activate",
                "mkdocs serve",
                "mkdocs build --strict",
                "ruff check .",
                "ruff format --check .",
                "pyright",
            )
            assert text in known, f"a command of which nothing is known: {text}"

    def pip_install(self, words: list[str]) -> None:
        """Check what is asked for against what there is; "install" what is in the page's own folder."""
        targets = [word for word in words if word != "-e"]
        assert targets, words
        for target in targets:
            if target in FROM_PYPI:
                assert importlib.util.find_spec(FROM_PYPI[target]), f"{target} is not among what tests install"
                continue
            found = re.fullmatch(r"(?P<path>[\w./-]+?)/?(\[(?P<extras>[\w,]+)\])?", target)
            assert found, target
            own = Path(found["path"])
            folder = own if own.name and own.is_dir() else ROOT / found["path"]
            assert (folder / "pyproject.toml").is_file(), f"there is no package in {target}"
            project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
            extras = set(found["extras"].split(",")) if found["extras"] else set()
            assert extras <= set(project.get("optional-dependencies", {})), target
            if folder is own:
                self.install(folder, project)

    def install(self, folder: Path, project: dict[str, Any]) -> None:
        """What an editable installation amounts to."""
        name = f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        (folder / name).mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (folder / name / "METADATA").write_text(metadata)
        lines = []
        for group, points in project["entry-points"].items():
            lines += [f"[{group}]", *(f"{point} = {value}" for point, value in points.items())]
        (folder / name / "entry_points.txt").write_text("\n".join(lines) + "\n")
        self.monkeypatch.syspath_prepend(str(folder.resolve()))
        discover(registry)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A folder with a photo; a page may install packages and register components, and all is as it was afterwards."""
    modules = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    with Image.open(ROOT / "hcl_sdk" / "assets" / "sample.jpg") as sample:
        damage(sample.convert("RGB")).save("photo.jpg", quality=95)
    with registry.isolate(keep_scripts=True):
        yield monkeypatch
    monkeypatch.undo()
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]
    discover(registry)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_code_of_the_page_runs_and_prints_the_shown_output(path: Path, here: pytest.MonkeyPatch) -> None:
    page = Page(path, here)
    for block in read_blocks(path):
        try:
            page.run(block)
        except BaseException as error:
            error.add_note(f"in the block at {path.relative_to(ROOT)}:{block.line}")
            raise


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_fence_of_the_page_is_a_block_that_is_run(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    fences = len(re.findall(r"^ *```", text, flags=re.MULTILINE))
    assert fences == 2 * sum(block.language != "setup" for block in read_blocks(path))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(path: Path) -> None:
    text = PIECE.sub("", path.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not target.startswith(("https://", "mailto:")):
            assert (path.parent / target).exists(), target


def test_the_tutorial_shows_every_file_of_the_package_that_the_tests_build() -> None:
    blocks = read_blocks(ROOT / "docs" / "tutorials" / "write-a-plugin.md")
    named = [(block.options.get("file", ""), block.code.strip()) for block in blocks]
    shown = {name.removeprefix("hcl-blur/"): code for name, code in named if name.endswith((".py", ".toml"))}
    files = [f for f in TUTORIAL_PACKAGE.rglob("*") if f.suffix in (".py", ".toml")]
    expected = {f.relative_to(TUTORIAL_PACKAGE).as_posix(): f.read_text(encoding="utf-8").strip() for f in files}
    assert shown == expected


def test_the_reference_names_every_public_name(pages: ModuleType) -> None:
    files = (ROOT / "docs" / "reference").glob("*.md")
    reference = "\n".join(pages.on_page_markdown(f.read_text(encoding="utf-8")) for f in files)
    documented = re.findall(r"^::: hcl_sdk\.(\w+)$", reference, flags=re.MULTILINE)
    modules = {module.name for module in pkgutil.iter_modules(hcl_sdk.__path__)}
    assert set(documented) - modules == set(dir(hcl_sdk))


def test_the_reference_names_objects_that_there_are() -> None:
    reference = "".join(f.read_text(encoding="utf-8") for f in (ROOT / "docs" / "reference").glob("*.md"))
    for name in re.findall(r"^::: ([\w.]+)$", reference, flags=re.MULTILINE):
        module, _, attribute = name.rpartition(".")
        try:
            assert hasattr(importlib.import_module(module), attribute) or importlib.util.find_spec(name), name
        except ModuleNotFoundError:
            owner, _, member = module.rpartition(".")
            assert hasattr(getattr(importlib.import_module(owner), member), attribute), name


def test_the_navigation_lists_every_page() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = set(re.findall(r"([\w/-]+\.md)$", navigation, flags=re.MULTILINE))
    assert listed == {f.relative_to(ROOT / "docs").as_posix() for f in (ROOT / "docs").rglob("*.md")}


def test_the_readme_marks_one_block_for_each_of_its_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for marker, expected in (
        ("quickstart", "hcl quickstart"),
        ("test", 'pip install -e ".[test]" && pytest --numprocesses=auto'),
    ):
        (block,) = re.findall(rf"^<!-- {marker}-command -->\n```bash\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
        assert block.strip().endswith(expected)


def test_figures_are_small() -> None:
    figures = [f for f in (ROOT / "docs" / "images").iterdir() if f.is_file()]
    assert figures
    assert all(f.stat().st_size < 200_000 for f in figures)


def test_a_wrong_page_is_noticed(here: pytest.MonkeyPatch) -> None:
    path = Path("page.md")
    path.write_text("```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n", encoding="utf-8")
    page = Page(path, here)
    python, shown = read_blocks(path)
    page.run(python)
    with pytest.raises(AssertionError, match="but this was printed"):
        page.run(shown)
    for wrong in (
        "hcl restor photo.jpg",
        "pip install --no-deps .",
        "hcl restore missing.jpg",
        "pip install .[nothing]",
        "rm -r .",
    ):
        with pytest.raises(AssertionError):
            page.run(Block(line=1, language="bash", code=wrong))
    assert Path("photo.jpg").exists()
