"""Where the package is not a folder of files: in a zip archive, in a frozen program, without metadata."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import hcl_sdk
from hcl_sdk._lazy import attach_stub
from hcl_sdk._pyinstaller import list_hook_folders

PACKAGE = Path(hcl_sdk.__file__).parent

# Runs where hcl_sdk can be imported from one place only, whatever is installed, and has no metadata there.
ALONE = """
import sys
from importlib import metadata
place = sys.argv.pop(1)
find = metadata.MetadataPathFinder.find_distributions
metadata.MetadataPathFinder.find_distributions = lambda *_: (d for d in find(*_) if not d._path.name.startswith("hcl_"))
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in repr(f)]
sys.path.insert(0, place)
import hcl_sdk
try:
    metadata.version("hcl_sdk")
except metadata.PackageNotFoundError:
    pass
else:
    raise AssertionError("it has metadata")
assert hcl_sdk.__file__.startswith(place), hcl_sdk.__file__
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as a zip archive."""
    path = tmp_path_factory.mktemp("zip") / "hcl_sdk.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(PACKAGE.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                archive.write(file, file.relative_to(PACKAGE.parent))
    return path


def run_alone(place: Path, code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", ALONE + code, str(place), *map(str, arguments)]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=place.parent)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.mark.parametrize("kind", ["zip", "folder"])
def test_version_and_help_need_no_metadata(kind: str, archive: Path) -> None:
    place = archive if kind == "zip" else PACKAGE.parent
    printed = run_alone(place, "sys.argv[0] = 'hcl'; from hcl_sdk.cli import main; main()", "--version")
    assert printed == f"hcl {hcl_sdk.__version__}"


def test_a_photo_is_examined_with_the_package_in_a_zip(archive: Path) -> None:
    code = """
import io
from importlib import resources
from PIL import Image
photo = Image.open(io.BytesIO(resources.files("hcl_sdk").joinpath("assets/sample.jpg").read_bytes())).resize((64, 48))
pipeline = hcl_sdk.Pipeline.from_pretrained(device="cpu")
print(pipeline.detect(photo).corruption_mask.shape[-2:], hcl_sdk.Pipeline.from_pretrained(device="cpu").threshold)
"""
    expected = hcl_sdk.Pipeline.from_pretrained(device="cpu").threshold
    assert run_alone(archive, code) == f"torch.Size([48, 64]) {expected}"


def test_a_copy_without_the_stub_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "hollow").mkdir()
    (tmp_path / "hollow" / "__init__.py").touch()
    spec = importlib.util.spec_from_file_location("hollow", tmp_path / "hollow" / "__init__.py")
    assert spec is not None
    with pytest.raises(ImportError, match=r"hollow has no __init__\.pyi.*expected .*hollow"):
        attach_stub(spec)


def test_pyinstaller_finds_the_hook() -> None:
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    group = "pyinstaller40"
    points = [EntryPoint(name, value, group) for name, value in project["entry-points"][group].items()]
    assert [point.load()() for point in points] == [list_hook_folders()]
    assert [file.name for folder in list_hook_folders() for file in Path(folder).glob("hook-*")] == ["hook-hcl_sdk.py"]


def test_the_hook_collects_everything_looked_up_at_run_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the functions that PyInstaller gives to hooks, as its manual describes them."""
    given: dict[str, Any] = {}

    def collect_submodules(package: str, filter: Any) -> list[str]:
        assert package == "hcl_sdk"
        files = [file.relative_to(PACKAGE.parent).with_suffix("") for file in PACKAGE.rglob("*.py")]
        names = [".".join(file.parts).removesuffix(".__init__") for file in files]
        return [name for name in names if filter(name)]

    def collect_data_files(package: str) -> list[tuple[str, str]]:
        assert package == "hcl_sdk"
        files = [file for file in PACKAGE.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")]
        return [(str(file), str(file.parent.relative_to(PACKAGE.parent))) for file in files]

    hooks = type(sys)("PyInstaller.utils.hooks")
    hooks.__dict__.update(
        collect_submodules=collect_submodules,
        collect_data_files=collect_data_files,
        copy_metadata=lambda package: [(f"{package}.dist-info", f"{package}.dist-info")],
    )
    for name in ("PyInstaller", "PyInstaller.utils"):
        monkeypatch.setitem(sys.modules, name, type(sys)(name))
    monkeypatch.setitem(sys.modules, hooks.__name__, hooks)
    exec((Path(list_hook_folders()[0]) / "hook-hcl_sdk.py").read_text(encoding="utf-8"), given)

    stubs = [stub for stub in PACKAGE.rglob("__init__.pyi") if stub.parent.name != "testing"]
    assert len(stubs) == 4
    for stub in stubs:
        package = ".".join(stub.parent.relative_to(PACKAGE.parent).parts)
        lines = ast.parse(stub.read_text(encoding="utf-8")).body
        assert {f"{package}.{line.module}" for line in lines if isinstance(line, ast.ImportFrom)} <= {
            *given["hiddenimports"]
        }
    assert {"hcl_sdk.builtin", "hcl_sdk.cli.restore", "hcl_sdk.restorers.residual_unet"} <= set(given["hiddenimports"])
    assert not [name for name in given["hiddenimports"] if "testing" in name or "pyinstaller" in name]
    files = {f"{folder}/{Path(file).name}" for file, folder in given["datas"]}
    assert {str(stub.relative_to(PACKAGE.parent)) for stub in stubs} <= files
    assert {"hcl_sdk/__init__.pyi", "hcl_sdk/assets/default/model.safetensors", "hcl_sdk/assets/sample.jpg"} <= files
    assert "hcl_sdk.dist-info/hcl_sdk.dist-info" in files


@pytest.mark.skipif(
    importlib.util.find_spec("PyInstaller") is None or not os.environ.get("HCL_TEST_FREEZE"),
    reason="freezing takes minutes: pip install pyinstaller, and set HCL_TEST_FREEZE=1",
)
def test_a_frozen_program_examines_a_photo(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nimport numpy as np\nimport hcl_sdk\nfrom hcl_sdk.cli import main\n"
        "result = hcl_sdk.Pipeline.from_pretrained(device='cpu').detect(np.zeros((40, 50, 3), np.uint8))\n"
        "print(hcl_sdk.__version__, tuple(result.corruption_mask.shape), flush=True)\n"
        "main(['components', 'residual-unet'])\n"
    )
    command = [
        sys.executable,
        "-m",
        "PyInstaller",
        "--noconfirm",
        "--log-level",
        "WARN",
        "--distpath",
        "dist",
        str(program),
    ]
    subprocess.run(command, cwd=tmp_path, check=True)
    run = subprocess.run([tmp_path / "dist/program/program"], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"{hcl_sdk.__version__} (1, 1, 40, 50)\n")
    assert "residual-unet" in run.stdout
