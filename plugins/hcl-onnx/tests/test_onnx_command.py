"""The command, and what it must not write over; folders that are no regular files."""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hcl_onnx.cli import main
from hcl_onnx.manifest import DETECTOR, MANIFEST, ModelError
from hcl_onnx.run import Runner
from PIL import Image


def draw_photo(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def write_bmp_with_alpha(file: Path) -> None:
    """Write a BMP with an alpha channel, which Pillow reads but does not write: version 4, with masks of channels."""
    pixels = draw_photo(12, 17, 4).tobytes()
    channels = struct.pack("<4I4s48x", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs")
    header = struct.pack("<IiiHHI20x", 108, 17, 12, 1, 32, 3) + channels
    start = struct.pack("<2sIII", b"BM", 14 + len(header) + len(pixels), 0, 14 + len(header))
    file.write_bytes(start + header + pixels)


def replace_by_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / MANIFEST).write_text("[" * 100_000), "is not JSON"),
        (lambda folder: (folder / MANIFEST).write_text(" " * 10_000_001), "not a regular file of at most 10,000,000"),
        (lambda folder: replace_by_pipe(folder / MANIFEST), "is not a regular file"),
        (lambda folder: replace_by_pipe(folder / DETECTOR), "holds no detector.onnx"),
    ],
)
def test_damaged_exports_are_refused_without_waiting(
    plain: Any, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    shutil.copytree(plain[1], tmp_path / "copy")
    damage(tmp_path / "copy")
    with pytest.raises(ModelError, match=message):
        Runner(tmp_path / "copy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"files": []}, "files: expected dict, got list"),
        ({"files": {"../secret": "0"}}, "files: expected names in the folder, each with a SHA-256; got '../secret'"),
        ({"files": {"detector.onnx": 5}}, "each with a SHA-256; got 'detector.onnx'"),
        ({"config": 5}, "config: expected dict, got int"),
        ({"config": {}}, "config lacks detection_size, restoration_size"),
        ({"detection_size": "x"}, r"config.detection_size: expected a whole number from 1 on or null, got 'x'"),
        ({"restoration_size": 0}, "config.restoration_size: expected a whole number from 1 on or null, got 0"),
        ({"threshold": math.nan}, "config.threshold: expected a number from 0 to 1, got nan"),
        ({"dilate": -5}, r"config.dilate: expected a number from 0 to 1.79769e\+308, got -5"),
        ({"feather": "x"}, "config.feather: expected a number"),
        ({"min_area": True}, "config.min_area: expected a number from 0 to 1, got True"),
        ({"detector": {"verdict": {"calibration": [1, "x", 0]}}}, r"calibration: expected three numbers, got \[1, 'x'"),
        ({"detector": {"verdict": {"calibration": 5}}}, "calibration: expected three numbers, got 5"),
    ],
)
def test_values_that_no_export_writes_are_refused(
    plain: Any, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    shutil.copytree(plain[1], tmp_path / "copy")
    content = json.loads((tmp_path / "copy" / MANIFEST).read_text())
    (content if change.keys() <= content.keys() else content["config"]).update(change)
    (tmp_path / "copy" / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=message):
        Runner(tmp_path / "copy")


def test_the_output_is_checked_before_the_work(
    plain: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Runner, "__call__", pytest.fail)
    Image.fromarray(draw_photo(12, 17, 3)).save("x.png")
    assert main(["run", "x.png", "--model", str(plain[1]), "-o", "x.png"]) == 1
    assert capsys.readouterr().err == "hcl-onnx: the results cannot be written to x.png: File exists\n"


@pytest.mark.parametrize(
    ("photos", "options", "said"),
    [
        (["io/x.png", "io/x_mask.png"], ["-o", "io"], "the input io/x_mask.png would be overwritten"),
        (["io/x.png", "io/x_restored.png"], ["-o", "io"], "the input io/x_restored.png would be overwritten"),
        (["a/x.png", "b/x.png"], ["-o", "out"], "the results of a/x.png and b/x.png would all be called out/x_..."),
        (["a/x.png", "a/X.jpg"], ["-o", "out"], "would all be called out/x_..."),
        (["a/x.png"], ["-o", "out", "--mask", "out/x_mask.png"], "the input out/x_mask.png would be overwritten"),
    ],
)
def test_conflicting_outputs_are_found_before_the_work(
    plain: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    photos: list[str],
    options: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Runner, "__init__", lambda *_, **__: pytest.fail("it was worked on"))
    for name in ("io/x.png", "io/x_mask.png", "io/x_restored.png", "a/x.png", "a/X.jpg", "b/x.png", "out/x_mask.png"):
        Path(name).parent.mkdir(exist_ok=True)
        Image.fromarray(draw_photo(12, 17, 3)).save(name)
    before = {file: file.read_bytes() for file in Path().rglob("*.*")}
    assert main(["run", *photos, "--model", str(plain[1]), *options]) == 1
    assert said in capsys.readouterr().err
    assert {file: file.read_bytes() for file in Path().rglob("*.*")} == before


@pytest.mark.parametrize(("photo", "mode", "other"), [("x.jpg", "CMYK", ".tiff"), ("x.bmp", "RGBA", ".png")])
def test_a_restored_photo_of_an_unusual_mode_overwrites_no_input(
    plain: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    photo: str,
    mode: str,
    other: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if mode == "RGBA":
        write_bmp_with_alpha(Path(photo))
    else:
        Image.fromarray(draw_photo(12, 17, 4), mode).save(photo)
    with Image.open(photo) as image:
        assert image.mode == mode
    shutil.copy(photo, "y" + Path(photo).suffix)
    Image.fromarray(draw_photo(12, 17, 3)).save(f"x_restored{other}")
    before = {file.name: file.read_bytes() for file in Path().iterdir()}
    assert main(["run", *sorted(before), "--model", str(plain[1]), "-o", "."]) == 1
    assert f"hcl-onnx: the input x_restored{other} would be overwritten" in capsys.readouterr().err
    after = {file.name: file.read_bytes() for file in Path().iterdir()}
    assert after.items() >= before.items()
    results = {f"x_restored_restored{other}", "x_restored_mask.png", f"y_restored{other}", "y_mask.png"}
    assert after.keys() - before.keys() == results  # of the others; none of x


def test_a_result_overwrites_neither_photo_nor_mask(plain: Any, tmp_path: Path) -> None:
    source, mask = tmp_path / "photo_mask.png", tmp_path / "x_mask.png"
    Image.fromarray(draw_photo(12, 17, 3)).save(source)
    Image.fromarray(np.ones((12, 17), bool)).save(mask)
    result = Runner(plain[1]).restore(source, corruption_mask=mask)
    for name in ("photo", "x"):
        with pytest.raises(FileExistsError, match="would be overwritten"):
            result.save(tmp_path, name=name)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["photo_mask.png", "x_mask.png"]


def test_the_command_takes_a_photo_once_and_no_larger_ones(
    plain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(draw_photo(12, 17, 3)).save("x.png")
    assert main(["run", "x.png", "./x.png", "--model", str(plain[1]), "-o", "out"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert main(["run", "x.png", "--model", str(plain[1]), "--max-megapixels", "0.0001"]) == 1
    assert "17 x 12 are 0.000204 megapixels; expected at most 0.0001" in capsys.readouterr().err


def test_output_that_cannot_be_written_does_not_stop_the_command(plain: Any, tmp_path: Path) -> None:
    for name in ("x.png", "y.png"):
        Image.fromarray(draw_photo(12, 17, 3)).save(tmp_path / name)
    command = [sys.executable, "-m", "hcl_onnx", "run", "x.png", "y.png", "--model", str(plain[1]), "-o", "out"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert done.stderr == "hcl-onnx: standard output cannot be written: No space left on device\n"
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_associated_alpha_comes_back_as_it_was(plain: Any, tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    values = draw_photo(12, 17, 4)
    values[..., :3] = np.minimum(values[..., :3], values[..., 3:])
    tifffile.imwrite(tmp_path / "x.tif", values, photometric="rgb", extrasamples=["assocalpha"])
    mask = np.zeros((12, 17), bool)
    mask[3:6, 4:8] = True
    result = Runner(plain[1]).restore(tmp_path / "x.tif", corruption_mask=mask)
    assert result.alpha is not None
    restored = tifffile.imread(result.save(tmp_path / "out")["restored"])
    assert np.array_equal(restored[result.alpha == 0], values[result.alpha == 0])
    with Image.open(tmp_path / "x.tif") as image:
        assert np.array_equal(result.restored[result.alpha == 0], np.asarray(image)[result.alpha == 0])
