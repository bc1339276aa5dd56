"""Photos, folders and outputs with names and places that nobody would choose."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image
from runs import RunConfig, load_state, read_log, train

from hcl_sdk import Pipeline
from hcl_sdk.cli import main
from hcl_sdk.config import ConfigError, build, dump_yaml
from hcl_sdk.corruptions import AnotherPhoto, Full
from hcl_sdk.data import Contamination, FolderDataset
from hcl_sdk.evaluation import Benchmark, Evaluation, evaluate, make_manifest
from hcl_sdk.interfaces import Dataset
from hcl_sdk.training import Trainer, load_run

STRANGE = os.fsdecode(b"caf\xe9")


@pytest.fixture
def strange(photos: Path, tmp_path: Path) -> Path:
    """A folder whose name, and some names in it, are not UTF-8; one photo cannot be read."""
    folder = tmp_path / STRANGE
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    for i, path in enumerate(sorted(photos.iterdir())[:4]):
        shutil.copy(path, folder / (f"{STRANGE}{i}.png" if i % 2 else path.name))
    (folder / os.fsdecode(b"\xff.png")).write_bytes(b"no photo")
    return folder


def test_names_that_are_not_utf8(
    run_config: RunConfig, strange: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = run_config(f"data.dataset.path={strange}", "steps=6", "validate_every=3", "validation.size=16")
    config["validation"]["dataset"] = {"use": "folder", "path": str(strange)}
    pipeline, recipe = load_run(config, device="cpu")
    Trainer(pipeline, recipe).dry_run()
    out = tmp_path / f"run-{STRANGE}"
    train(config | {"steps": 3}, out)
    assert train(config, out).finished
    told = [line["unreadable"] for line in read_log(out) if "unreadable" in line]
    assert told == [os.fsdecode(b"\xff.png")]
    assert load_state(out)["unreadable"].keys() == set(told)
    assert r"left out: \udcff.png" in capsys.readouterr().err
    assert Pipeline.from_pretrained(out / "weights", device="cpu").detector is not None


def test_names_that_are_not_utf8_in_an_evaluation(
    tiny_pipeline: Pipeline, strange: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = Evaluation(dataset=FolderDataset(path=str(strange)), size=32, resamples=5)
    report = evaluate(tiny_pipeline, measured, tmp_path / "out", progress=True)
    assert r"left out: \udcff.png: " in capsys.readouterr().err
    assert os.fsdecode(b"\xff.png") in report.unreadable
    assert r"- \udcff.png: " in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in (tmp_path / "out" / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["name"] for row in rows} == {report.rows[i].name for i in range(4)}
    assert (tmp_path / "out" / "worst_detection.jpg").is_file()


def test_names_that_are_not_utf8_in_a_benchmark(
    photos: Path, strange: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in strange.glob("*.png"):
        path.write_bytes(b"no photo")
    content = AnotherPhoto(dataset=FolderDataset(path=str(strange)))
    drawn = (Contamination(shape=Full(), content=content, shape_name="full", content_name="photo"),)
    own = FolderDataset(path=str(photos))
    make_manifest(
        Benchmark(dataset=own, contaminations=drawn, areas=(0.1, 1.0), attempts=2, each=1, seeds=(0,), size=32)
    )
    said = capsys.readouterr().err.splitlines()
    assert said
    assert all(line.startswith("left out: ") and r"caf\udce9" in line for line in said)


def test_files_written_among_the_photos_are_not_photos(
    run_config: RunConfig, tiny_pipeline: Pipeline, photos: Path, tmp_path: Path
) -> None:
    own = tmp_path / "photos"
    shutil.copytree(photos, own)
    config = run_config(f"data.dataset.path={own}", "validate_every=1", "validation.size=16", "validation.limit=2")
    config["validation"]["dataset"] = {"use": "folder", "path": str(own)}
    train(config | {"steps": 2}, own / "a" / "run")
    measured = Evaluation(dataset=FolderDataset(path=str(own)), size=32, resamples=5)
    evaluate(tiny_pipeline, measured, own / "measured")
    assert len(list(own.rglob("*.jpg"))) > 2
    assert train(config, own / "a" / "run").finished
    assert len(FolderDataset(path=str(own))) == 12
    (own / "a" / "b").mkdir()
    shutil.copy(own / "0.png", own / "a" / "b" / "0.png")
    assert len(FolderDataset(path=str(own))) == 13


def test_a_run_in_the_folder_of_its_photos_resumes(run_config: RunConfig, photos: Path, tmp_path: Path) -> None:
    own = tmp_path / "photos"
    shutil.copytree(photos, own)
    config = run_config(f"data.dataset.path={own}", "validate_every=1", "validation.size=16", "validation.limit=2")
    config["validation"]["dataset"] = {"use": "folder", "path": str(own)}
    train(config | {"steps": 2}, own)
    assert list((own / "panels").iterdir())
    assert train(config | {"steps": 3}, own).finished


def test_a_package_that_is_not_installed(
    run_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    config = run_config()
    config["data"]["dataset"] = {"use": "hugging-face", "path": "nowhere"}
    path = tmp_path / "run.yaml"
    path.write_text(dump_yaml(config))
    done = CliRunner().invoke(main, ["train", str(path), "-o", str(tmp_path / "run")])
    assert done.exit_code == 1
    assert "data.dataset: datasets of Hugging Face need: pip install hcl_sdk[datasets]" in done.output
    assert "Traceback" not in done.output
    with pytest.raises(ConfigError, match="pip install hcl_sdk"):
        build({"use": "hugging-face", "path": "nowhere"}, Dataset)


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("batch_size=1000000000", "batch_size"),
        ("data.size=1000000", "size"),
        ("data.workers=1000000", "workers"),
        ("optimization.lr=1e300", "lr"),
        ("optimization.lr=.inf", "lr"),
        ("optimization.lr_factors={detector.: 1e300}", "lr_factors|<= 1000000"),
        ("optimization.lr_factors={detector.: -1.0}", "lr_factors|>= 0"),
        ("optimization.weight_decay=1e300", "weight_decay"),
    ],
)
def test_huge_numbers_are_refused(run_config: RunConfig, assignment: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_run(run_config(assignment), device="cpu")


def test_a_batch_that_no_memory_holds_is_refused_before_the_work(run_config: RunConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"batch_size: the 1048576 images of 4096 x 4096 pixels alone need .* GB"):
        train(run_config("batch_size=1048576", "data.size=4096"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_on_a_full_disk_a_sheet_is_named_and_not_left_half_written(
    tiny_pipeline: Pipeline, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(image: Image.Image, file: Any, *_: Any, **__: Any) -> None:
        file.write(b"half") if hasattr(file, "write") else Path(file).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fill)
    measured = Evaluation(dataset=FolderDataset(path=str(photos)), size=16, resamples=5, limit=2)
    with pytest.raises(OSError, match=r"No space left on device: '.*out/\w+\.jpg'$"):
        evaluate(tiny_pipeline, measured, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"items.jsonl", "metrics.json", "table.md"}
