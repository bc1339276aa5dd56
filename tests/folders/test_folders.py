from __future__ import annotations

import errno
import json
import logging
import os
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from photo_files import draw, list_files, read_pixels
from PIL import Image

import hcl_sdk
from hcl_sdk import FolderReport, GatedUNet, Pipeline, detect_folder, restore_folder
from hcl_sdk.files import ProtectedFiles, check_writable, expand_home, is_same_file, open_whole, write_whole
from hcl_sdk.folders import ArgumentError, NoPhotosError, PhotoOutcome, make_plan
from hcl_sdk.weights import WeightsError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that one is in, with photos/a.png, photos/in/b.jpg, photos/bad.png and photos/notes.txt."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("photos/a.png", "photos/in/b.jpg")):
        draw(name, seed)
    Path("photos/bad.png").write_bytes(b"not a photo")
    Path("photos/notes.txt").write_text("not a photo")
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_a_folder_is_restored_with_an_outcome_for_each_photo(tiny_pipeline: Pipeline) -> None:
    told: list[PhotoOutcome] = []
    report = restore_folder("photos", "out", pipeline=tiny_pipeline, coco="coco.json", on_photo=told.append)
    assert isinstance(report, FolderReport)
    assert (report.done, report.were_there) == (2, 0)
    assert [str(path) for path, _ in report.failures] == ["photos/bad.png"]
    assert report.left_out == ("1 other file ignored",)
    assert list_files("out") == {"a_mask.png", "a_restored.png", "in/b_mask.png", "in/b_restored.png"}
    assert [(outcome.path.as_posix(), outcome.error is None) for outcome in told] == [
        ("photos/a.png", True),
        ("photos/bad.png", False),
        ("photos/in/b.jpg", True),
    ]
    for outcome in (told[0], told[2]):
        alone = tiny_pipeline(outcome.path)
        assert outcome.size == (22, 30)
        assert outcome.corrupted_share == pytest.approx(alone.corruption_mask.double().mean().item())
        assert [region.box for region in outcome.regions] == [region.box for region in alone.regions]
        np.testing.assert_array_equal(read_pixels(outcome.files["restored"]), np.asarray(alone.restored))
        np.testing.assert_array_equal(read_pixels(outcome.files["mask"]), np.asarray(alone.mask))
    found = json.loads(Path("coco.json").read_text())
    assert [image["file_name"] for image in found["images"]] == ["photos/a.png", "photos/in/b.jpg"]


@pytest.mark.usefixtures("folder")
def test_the_logger_is_told_of_each_photo(tiny_pipeline: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="hcl_sdk"):
        detect_folder("photos", "out", pipeline=tiny_pipeline)
    said = [(r.levelname, r.getMessage()) for r in caplog.records if r.name == "hcl_sdk.folders"]
    assert [level for level, _ in said] == ["WARNING" if "bad.png" in text else "INFO" for _, text in said]
    assert sorted(text.partition(":")[0] for _, text in said) == ["photos/a.png", "photos/bad.png", "photos/in/b.jpg"]


@pytest.mark.usefixtures("folder")
def test_names_that_are_not_utf8_are_written_everywhere(tiny_pipeline: Pipeline) -> None:
    name = os.fsdecode(b"n/\xe9.png")
    draw("n/a.png").rename(name)
    Path(os.fsdecode(b"n/\xff.png")).write_bytes(b"not a photo")
    handler = logging.FileHandler("log.txt", encoding="utf-8", errors="strict")
    logger = logging.getLogger("hcl_sdk.folders")
    logger.addHandler(handler)
    try:
        report = detect_folder("n", "out", pipeline=tiny_pipeline, coco="coco.json", report="report.html", plot=True)
    finally:
        logger.removeHandler(handler)
        handler.close()
    assert (report.done, len(report.failures)) == (1, 1)
    assert json.loads(Path("coco.json").read_text())["images"][0]["file_name"] == name
    assert r"n/\udcff.png: this is not a photo" in Path("log.txt").read_text(encoding="utf-8")
    assert r"\udce9.png" in Path("report.html").read_text(encoding="utf-8")
    assert {os.fsdecode(b"\xe9_mask.png"), os.fsdecode(b"\xe9_plot.png")} <= list_files("out")


@pytest.mark.usefixtures("folder")
def test_a_folder_is_examined_and_gone_on_with(tiny_pipeline: Pipeline) -> None:
    assert detect_folder(["photos/a.png"], "out", pipeline=tiny_pipeline).done == 1
    before = Path("out/a_mask.png").stat().st_mtime_ns
    report = detect_folder("photos", "out", pipeline=tiny_pipeline, resume=True)
    assert (report.done, report.were_there, len(report.failures)) == (1, 1, 1)
    assert list_files("out") == {"a_mask.png", "in/b_mask.png"}
    assert Path("out/a_mask.png").stat().st_mtime_ns == before
    assert detect_folder("photos", "flat", pipeline=tiny_pipeline, recursive=False).done == 1


@pytest.mark.usefixtures("folder")
def test_found_masks_can_be_passed_in(tiny_pipeline: Pipeline) -> None:
    Path("photos/bad.png").unlink()
    detect_folder("photos", "out", pipeline=tiny_pipeline)
    mask = np.zeros((22, 30), bool)
    mask[2:5, 2:5] = True
    Image.fromarray(mask).save("out/a_mask.png")
    edited = Path("out/a_mask.png").read_bytes()
    assert restore_folder("photos", "out", pipeline=tiny_pipeline, corruption_masks="out", format="tiff").done == 2
    assert Path("out/a_mask.png").read_bytes() == edited
    np.testing.assert_array_equal(read_pixels("out/a_restored.tiff")[~mask], read_pixels("photos/a.png")[~mask])
    assert (read_pixels("out/a_restored.tiff")[mask] != read_pixels("photos/a.png")[mask]).any()


@pytest.mark.usefixtures("folder")
def test_mistakes_are_ordinary_errors_before_the_work(tiny_pipeline: Pipeline) -> None:
    blind = Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), device="cpu")
    wrong: list[tuple[Callable[[], object], str, tuple[str, ...]]] = [
        (lambda: detect_folder("photos", "photos", pipeline=tiny_pipeline), "choose another folder", ("output",)),
        (
            lambda: restore_folder("photos", "out", pipeline=tiny_pipeline, corruption_masks="photos/a.png"),
            "one mask for 3 photos",
            ("corruption_masks",),
        ),
        (
            lambda: restore_folder("photos", "out", pipeline=tiny_pipeline, format="doc"),
            "expected one of png",
            ("format",),
        ),
        (
            lambda: detect_folder("photos", "out", pipeline=tiny_pipeline, coco="c.json", resume=True),
            "resuming skips some of them",
            ("coco", "resume"),
        ),
        (lambda: detect_folder("photos", "out", pipeline=blind), "there is no detector", ("pipeline",)),
        (
            lambda: detect_folder("photos", "out", pipeline=tiny_pipeline, region=(0, 0, 0, 5)),
            "width and height of a region must be at least 1; got 0,0,0,5",
            ("region",),
        ),
        (
            lambda: detect_folder("photos", "out", pipeline=tiny_pipeline, max_megapixels="200"),  # pyright: ignore[reportArgumentType]
            "expected a number above 0; got '200'",
            ("max_megapixels",),
        ),
        (
            lambda: detect_folder("photos", "out", pipeline=tiny_pipeline, coco="found", report="./found"),
            "both would be written to found",
            ("coco", "report"),
        ),
        (
            lambda: detect_folder("photos", "out", pipeline=tiny_pipeline, coco="out/a_mask.png"),
            "would collide with the mask of photos/a.png",
            ("coco",),
        ),
    ]
    for call, message, arguments in wrong:
        with pytest.raises(ArgumentError, match=message) as caught:
            call()
        assert caught.value.arguments == arguments
        again = pickle.loads(pickle.dumps(caught.value))
        assert (str(again), again.arguments) == (str(caught.value), arguments)
    Path("empty").mkdir()
    with pytest.raises(NoPhotosError, match=r"no photo files in empty \(no files\)"):
        detect_folder("empty", "out", pipeline=tiny_pipeline)
    with pytest.raises(OSError, match=r"the results cannot be written to photos/a\.png/out"):
        detect_folder("photos/in", "photos/a.png/out", pipeline=tiny_pipeline)
    with pytest.raises(FileExistsError, match=r"the input photos/a\.png would be overwritten"):
        detect_folder("photos", "out", pipeline=tiny_pipeline, coco="photos/a.png")
    assert not Path("out").exists()


@pytest.mark.usefixtures("folder")
def test_a_plan_writes_nothing() -> None:
    before = list_files(".")
    plan = make_plan([Path("photos")], Path("out"), restoring=True, recursive=True, file_format=".JPG")
    assert [(photo.folder.as_posix(), photo.name) for photo in plan.inputs.photos] == [
        (".", "a"),
        (".", "bad"),
        ("in", "b"),
    ]
    assert plan.outputs.file_format == "jpg"
    assert plan.masks is None
    assert list_files(".") == before


def test_the_one_liners_are_public() -> None:
    assert hcl_sdk.restore_folder is restore_folder
    assert hcl_sdk.detect_folder is detect_folder


def test_text_is_written_whole_and_links_and_devices_remain(tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    link.symlink_to(target)
    write_whole(link, "one")
    write_whole(link, "two")
    assert link.is_symlink()
    assert target.read_text() == "two"
    write_whole("/dev/null", "gone")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(OSError, match="nowhere"):
        write_whole(tmp_path / "nowhere" / "x.json", "three")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "target.json"]


def test_open_files_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    with open(tmp_path / "log.txt", "w+b", buffering=0) as file:
        file.write(b"before\n")
        number = os.fstat(file.fileno()).st_ino
        for path in (f"/dev/fd/{file.fileno()}", f"/proc/self/fd/{file.fileno()}"):
            check_writable(Path(path))
            write_whole(path, "text\n")
        file.write(b"after\n")
    assert (tmp_path / "log.txt").read_text() == "before\ntext\ntext\nafter\n"
    assert (tmp_path / "log.txt").stat().st_ino == number
    reading, writing = os.pipe()
    check_writable(Path(f"/dev/fd/{writing}"))
    write_whole(f"/dev/fd/{writing}", "text")
    assert os.read(reading, 100) == b"text"
    os.close(reading)
    os.close(writing)
    with open(tmp_path / "log.txt", "rb") as file, pytest.raises(OSError, match="cannot be written"):
        check_writable(Path(f"/dev/fd/{file.fileno()}"))
    assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]


def test_the_home_of_nobody_is_not_found_rather_than_an_error_of_its_own() -> None:
    assert expand_home("~nobody-here/x") == Path("~nobody-here/x")
    assert expand_home("~/x") == Path.home() / "x"
    with pytest.raises(WeightsError, match="~nobody-here/x"):
        Pipeline.from_pretrained("~nobody-here/x")


KILLED = """
import os, signal, sys
from pathlib import Path
from hcl_sdk.files import open_whole
with open_whole(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a file has a name from the beginning")
def test_a_process_killed_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "x.png"
    target.write_bytes(b"before")
    run = subprocess.run([sys.executable, "-c", KILLED, target])
    assert run.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path) == ["x.png"]
    assert target.read_bytes() == b"before"


def test_a_folder_run_removes_what_killed_processes_left(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    draw(tmp_path / "p/a.png")
    draw(tmp_path / "p/in/b.png")
    output = tmp_path / "o"
    (output / "in").mkdir(parents=True)
    old = [output / ".hcl-0123456789abcdef.part", output / "in" / ".hcl-fedcba9876543210.part"]
    of_others = [output / ".hcl-notes.part", output / "x.hcl-0123456789abcdef.part"]
    in_use = output / ".hcl-00112233445566aa.part"  # another process may be writing it
    for path in (*old, *of_others, in_use):
        path.write_bytes(b"part")
    for path in (*old, *of_others):
        os.utime(path, (1e9, 1e9))
    detect_folder(tmp_path / "p", output, pipeline=tiny_pipeline)
    left = {output / name for name in list_files(output)}
    assert left == {*of_others, in_use, output / "a_mask.png", output / "in" / "b_mask.png"}


@pytest.mark.parametrize("nameless", [True, False])
def test_a_file_appears_when_all_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool) -> None:
    if not nameless:
        monkeypatch.setattr("hcl_sdk.files._writing._open_nameless", lambda _: None)
    target = tmp_path / "x.png"
    with open_whole(target) as file:
        file.write(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    with pytest.raises(TypeError), open_whole(target) as file:
        file.writelines([b"half", None])  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert target.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["x.png"]
    with open(tmp_path / "y", "w"):
        assert os.stat(target).st_mode == os.stat(tmp_path / "y").st_mode


@pytest.mark.parametrize("nameless", [True, False])
def test_a_write_error_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool) -> None:
    if not nameless:
        monkeypatch.setattr("hcl_sdk.files._writing._open_nameless", lambda _: None)
    target = tmp_path / "x.json"
    full = OSError(errno.ENOSPC, "No space left on device")
    for raised, named in ((full, target), (FileNotFoundError(errno.ENOENT, "No such file", "other"), "other")):
        with pytest.raises(OSError, match=f"'{named}'$"), open_whole(target):
            raise raised
    (tmp_path / "folder").mkdir()
    for wrong in (tmp_path / "folder", tmp_path / "gone" / "x.json"):
        with pytest.raises(OSError, match=f"'{wrong}'$"), open_whole(wrong) as file:
            file.write(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_whether_a_file_can_be_written_is_tried_without_changing_it(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("old")
    for path in (tmp_path / "there", tmp_path / "new" / "x.json", Path("/dev/null")):
        check_writable(path)
    assert (tmp_path / "there").read_text() == "old"
    assert os.listdir(tmp_path / "new") == []
    for path, why in (
        ("/proc/x.json", "No such file"),
        (tmp_path, "directory"),
        (tmp_path / "there" / "x", "exists"),
    ):
        with pytest.raises(OSError, match=f"{re.escape(str(path))} cannot be written: .*{why}"):
            check_writable(Path(path))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("option", ["coco", "report"])
def test_a_file_about_all_photos_is_checked_before_the_work(
    tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr(Pipeline, "detect", lambda *_, **__: pytest.fail("the work has begun"))
    with pytest.raises(OSError, match=r"/proc/x\.json cannot be written"):
        detect_folder("photos", "o", pipeline=tiny_pipeline, **{option: "/proc/x.json"})  # pyright: ignore[reportArgumentType]


def test_a_file_is_known_under_every_name(tmp_path: Path) -> None:
    photo, link, other = tmp_path / "a.png", tmp_path / "link.png", tmp_path / "b.png"
    photo.write_bytes(b"a")
    link.symlink_to(photo)
    assert is_same_file(photo, link)
    assert not is_same_file(photo, other)
    assert not is_same_file(other, other)
    protected = ProtectedFiles([photo, other])
    protected.check(tmp_path / "c.png")
    for name in (photo, link):
        with pytest.raises(FileExistsError, match=rf"the input {photo}.* would be overwritten"):
            protected.check(name)
