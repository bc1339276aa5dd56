"""Which results a resumed run takes for done."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from photo_files import draw, list_files

from hcl_sdk import GatedUNet, Pipeline, detect_folder, restore_folder
from hcl_sdk.folders import ArgumentError, FolderReport


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that one is in, with two photos that are older than any result."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("p/a.png", "p/b.jpg")):
        os.utime(draw(name, seed), (1e9, 1e9))


def resume(pipeline: Pipeline, **options: object) -> tuple[int, int]:
    """Resume a run; returns how many photos were restored and how many were done."""
    report: FolderReport = restore_folder("p", "out", pipeline=pipeline, resume=True, **options)  # pyright: ignore[reportArgumentType]
    return report.done, report.were_there


def touch(file: str, later: float) -> None:
    """Give a file the time of the result ``a_restored.png``, so many seconds later."""
    at = Path("out/a_restored.png").stat().st_mtime + later
    os.utime(file, (at, at))


def test_a_photo_that_is_newer_than_its_results_is_restored_again(tiny_pipeline: Pipeline) -> None:
    restore_folder("p", "out", pipeline=tiny_pipeline)
    assert resume(tiny_pipeline) == (0, 2)
    draw("p/a.png", seed=7)
    touch("p/a.png", later=10)
    assert resume(tiny_pipeline) == (1, 1)


def test_a_mask_that_is_newer_than_the_restored_photo_is_filled_again(tiny_pipeline: Pipeline) -> None:
    detect_folder("p", "out", pipeline=tiny_pipeline)
    restore_folder("p", "out", pipeline=tiny_pipeline, corruption_masks="out")
    assert resume(tiny_pipeline, corruption_masks="out") == (0, 2)
    touch("out/a_mask.png", later=10)
    assert resume(tiny_pipeline, corruption_masks="out") == (1, 1)


@pytest.mark.parametrize("name", ["a_mask.png", "a_restored.jpg"])
@pytest.mark.parametrize("damage", [lambda whole: b"", lambda whole: whole[: len(whole) // 2], lambda _: b"no photo"])
def test_damaged_results_are_made_anew(tiny_pipeline: Pipeline, name: str, damage: Callable[[bytes], bytes]) -> None:
    restore_folder("p", "out", pipeline=tiny_pipeline, format="jpg")
    whole = Path("out", name).read_bytes()
    Path("out", name).write_bytes(damage(whole))
    assert resume(tiny_pipeline, format="jpg") == (1, 1)
    assert Path("out", name).read_bytes() == whole


def test_other_settings_and_weights_do_not_resume_a_run(tiny_pipeline: Pipeline) -> None:
    restore_folder("p", "out", pipeline=tiny_pipeline)
    before = Path("out/a_restored.png").stat().st_mtime_ns
    with torch.random.fork_rng():
        torch.manual_seed(5)
        other = tiny_pipeline.replace(restorer=GatedUNet(dim=4, multipliers=(1, 2)))
    changed = tiny_pipeline.replace(sensitivity=0.9, only=())
    for pipeline, options, said in (
        (changed, {}, r"sensitivity 0\.5, now 0\.9"),
        (other, {}, "another restorer"),
        (tiny_pipeline, {"region": (0, 0, 9, 9)}, r"region None, now \[0, 0, 9, 9\]"),
        (tiny_pipeline, {"corruption_masks": "out"}, "masks detected, now passed in"),
    ):
        with pytest.raises(ArgumentError, match=rf"results in out were made with other settings \({said}\)") as caught:
            resume(pipeline, **options)
        assert caught.value.arguments == ("resume",)
    assert Path("out/a_restored.png").stat().st_mtime_ns == before
    assert resume(tiny_pipeline) == (0, 2)
    for name in list_files("out"):
        Path("out", name).unlink()
    assert resume(changed) == (2, 0)  # nothing is left of the other settings


def test_results_of_several_runs_with_other_settings_are_told_apart(tiny_pipeline: Pipeline) -> None:
    restore_folder("p", "out", pipeline=tiny_pipeline)
    changed = tiny_pipeline.replace(sensitivity=0.9)
    restore_folder("p/a.png", "out", pipeline=changed)
    assert resume(changed) == (1, 1)
    Path("out/.hcl-settings.json").unlink()
    assert resume(changed) == (2, 0)  # nobody knows what they were made with
