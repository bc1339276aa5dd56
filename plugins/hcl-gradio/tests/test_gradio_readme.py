"""The code in the README does what the README says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from hcl_sdk import Pipeline
from hcl_sdk.testing import read_blocks, run_page

README = Path(__file__).parent.parent / "README.md"
ADDRESS = "http://127.0.0.1:7860"


@pytest.fixture
def here(address: str, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the photo and a README whose server is that of the tests."""
    with Image.open(photos[0]) as photo:
        photo.save(tmp_path / "photo.jpg", quality=95)
    (tmp_path / "README.md").write_text(README.read_text(encoding="utf-8").replace(ADDRESS, address), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_python_runs_and_prints_the_shown_output(here: Path, pipeline: Pipeline) -> None:
    assert run_page(here / "README.md") == 1
    expected = np.asarray(pipeline("photo.jpg").restored)
    assert np.array_equal(np.asarray(Image.open("restored.png")), expected)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_gets_the_same(here: Path, pipeline: Pipeline) -> None:
    (block,) = [block for block in read_blocks(here / "README.md", "bash") if "curl" in block.code]
    told = subprocess.run(["bash", "-eu", "-c", block.code], capture_output=True, text=True, timeout=600)
    assert told.stdout == "event: complete\n", told.stderr
    expected = pipeline("photo.jpg", sensitivity=0.5, feather=3, texture=1)
    assert np.array_equal(np.asarray(Image.open("restored.png")), np.asarray(expected.restored))


def test_the_stated_limits_match_the_command() -> None:
    from hcl_gradio import Limits
    from hcl_gradio.cli import page

    text, limits = README.read_text(encoding="utf-8"), Limits()
    for name in ("megabytes", "megapixels", "photos", "minutes"):
        assert f"`--{name}` ({getattr(limits, name)})" in text
        assert next(o for o in page.params if o.name == name).default == getattr(limits, name)
    assert f"at most {limits.visitors} visitors" in text
    assert f"at most {limits.waiting} requests queue" in text


def test_the_command_is_one_of_hcl() -> None:
    from hcl_sdk.cli import main

    told = CliRunner().invoke(main, ["page", "--help"])
    assert told.exit_code == 0, told.output
    assert "--port" in told.output
