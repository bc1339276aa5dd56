"""What tests of installed packages share: build wheels, install them into an environment, run programs in it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Iterable
from pathlib import Path

import hcl_sdk

PACKAGES = Path(__file__).parent / "plugin_packages"


def environment(folder: Path, sources: Iterable[Path]) -> str:
    """The Python of an environment in which packages are installed from wheels, next to what is installed here."""
    paths = list(map(str, sources))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), *paths]
    subprocess.run(wheel, check=True)
    wheels = sorted(str(path) for path in folder.glob("*.whl"))
    assert len(wheels) == len(paths)
    place = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    names = {"base": str(place), "platbase": str(place)}
    site_packages = Path(sysconfig.get_path("purelib", "venv", vars=names))
    here = [sysconfig.get_path("purelib"), str(Path(hcl_sdk.__file__).parent.parent)]
    # With what is installed here in editable form, which paths in a .pth file would leave out.
    (site_packages / "here.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in here))
    executable = Path(sysconfig.get_path("scripts", "venv", vars=names)) / "python"
    subprocess.run([*pip, "--python", str(executable), "install", "--no-index", "--no-deps", *wheels], check=True)
    return str(executable)


def run(python: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the Python of an environment beside it, without variables that concern plugins or Python itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HCL_", "PYTHON", "PYTEST"))}
    return subprocess.run(
        [python, *arguments],
        env=clean | variables,
        cwd=Path(python).parent,
        capture_output=True,
        text=True,
        check=False,
    )


def run_program(python: str, program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program that is given as text."""
    return run(python, "-c", textwrap.dedent(program), **variables)
