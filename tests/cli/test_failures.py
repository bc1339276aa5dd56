from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import torch
from click.testing import Result
from photo_files import HEIGHT, WIDTH, draw, draw_mask, list_files, read_pixels
from PIL import Image

import hcl_sdk
from hcl_sdk import GatedUNet, Pipeline
from hcl_sdk.cli._failures import explain_failures
from hcl_sdk.photos import opening
from hcl_sdk.photos.photo import Photo


def test_a_file_that_may_not_be_read_is_listed_and_stops_nothing(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png")
    draw("b.png")
    opened = opening._open

    def refuse(file: Any) -> Any:
        if os.fspath(file) == "a.png":
            raise PermissionError(13, "Permission denied", "a.png")
        return opened(file)

    monkeypatch.setattr(opening, "_open", refuse)
    result = hcl("detect", "a.png", "b.png", status=1)
    assert "Error: a.png: it cannot be read: Permission denied\n" in result.stderr
    assert list_files("hcl_output") == {"b_mask.png"}


def test_photos_of_formats_that_are_not_read_are_named(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if pillow-heif were not installed, although an earlier test may have registered it.
    monkeypatch.setattr("hcl_sdk.photos.formats._register_heif", lambda: None)
    Image.init()  # so that no other format is registered in this test alone
    monkeypatch.setattr(Image, "OPEN", {name: read for name, read in Image.OPEN.items() if name != "HEIF"})
    suffixes = {suffix: name for suffix, name in Image.EXTENSION.items() if name != "HEIF"}
    monkeypatch.setattr(Image, "EXTENSION", suffixes)
    draw("p/a.png")
    for name in ("b.heic", "c.HEIC", "d.cr2", "notes.txt"):
        Path("p", name).write_bytes(b"not read")
    said = hcl("detect", "p").stderr
    assert "; 1 other file ignored; " in said
    assert "1 .cr2 file ignored: convert raw photos to TIFF or PNG first" in said
    assert "2 .heic files ignored: pip install pillow-heif, which reads them, or convert them to JPEG or PNG" in said
    Path("p/a.png").unlink()
    assert "2 .heic files ignored" in hcl("detect", "p", status=1).stderr


def test_unreadable_files_are_listed_at_the_end_and_do_not_stop_the_run(hcl: Callable[..., Result]) -> None:
    draw("p/a.png")
    Path("p/b.png").write_bytes(Path("p/a.png").read_bytes()[:200])
    draw("p/c.png")
    result = hcl("restore", "p", "gone.jpg", status=1)
    *_, first, second = result.stderr.splitlines()
    assert first.startswith("Error: p/b.png: ")
    assert second == "Error: gone.jpg: there is no such file"
    assert "2 photos" in result.stderr
    assert "2 failed" in result.stderr
    assert list_files("hcl_output") == {"a_mask.png", "a_restored.png", "c_mask.png", "c_restored.png"}


def test_quiet_leaves_the_errors_alone(hcl: Callable[..., Result]) -> None:
    draw("a.png")
    result = hcl("detect", "a.png", "gone.jpg", "--quiet", status=1)
    assert result.stdout == ""
    assert result.stderr == "Error: gone.jpg: there is no such file\n"


class Panic(BaseException):
    """As extension modules written in Rust raise them."""


class Mute:
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (torch.OutOfMemoryError("no memory"), "not enough memory on cpu"),
        (MemoryError(), "not enough memory on cpu"),
        (RuntimeError("[enforce fail] . DefaultCPUAllocator: can't allocate memory"), "not enough memory on cpu"),
        (RuntimeError("MPS backend out of memory"), "not enough memory on cpu"),
        (RuntimeError("an error\nof a plugin"), "RuntimeError: an error of a plugin\n"),
        (ValueError("NaN"), "ValueError: NaN\n"),
        (OSError("no space left"), "no space left\n"),
        (SystemExit(3), "SystemExit: 3\n"),
        (asyncio.CancelledError(), "CancelledError\n"),
        (Panic("index out of bounds"), "Panic: index out of bounds\n"),
        (Panic(Mute()), "Panic: (its message cannot be shown: RuntimeError)\n"),
    ],
)
def test_a_photo_that_fails_does_not_stop_the_run(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, error: BaseException, said: str
) -> None:
    draw("a.png")
    draw("b.png")
    detect = Pipeline.detect

    def fail(self: Pipeline, photo: Photo, **options: Any) -> Any:
        if photo.path.name == "a.png":
            raise error
        return detect(self, photo, **options)

    monkeypatch.setattr(Pipeline, "detect", fail)
    assert f"Error: a.png: {said}" in hcl("detect", "a.png", "b.png", status=1).stderr
    assert list_files("hcl_output") == {"b_mask.png"}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "out/log.jsonl"),
            "out/log.jsonl: No space left on device",
        ),
        (OSError(errno.EXDEV, "Invalid link", "a", None, "b"), "[Errno 18] Invalid link: 'a' -> 'b'"),
        (OSError("a disk is full"), "OSError: a disk is full"),
    ],
    ids=["one file", "two files", "no file"],
)
def test_an_error_of_the_system_names_the_file_first(error: OSError, said: str) -> None:
    with pytest.raises(click.ClickException) as caught, explain_failures():
        raise error
    assert caught.value.message.startswith(said)


@pytest.mark.parametrize("error", [RuntimeError("no layers"), Panic("no layers"), SystemExit("no layers")], ids=repr)
def test_a_component_that_cannot_be_created_gives_one_error(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: Any) -> None:
        raise error

    draw("a.png")
    monkeypatch.setattr(GatedUNet, "build", fail)
    said = hcl("restore", "a.png", status=1).stderr.splitlines()
    assert len(said) == 1
    assert f"{type(error).__name__}: no layers ({__file__}:" in said[0]


def test_a_component_failing_in_an_evaluation_gives_one_error_that_names_it(
    hcl: Callable[..., Result], weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: GatedUNet, *_: Any) -> None:
        raise Panic("no layers")

    draw("p/a.png")
    monkeypatch.setattr(GatedUNet, "forward", fail)
    fields = ["dataset.use=folder", "dataset.path=p", "size=32", "--weights", weights, "--device", "cpu", "--quiet"]
    said = hcl("evaluate", *fields, status=1).stderr.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"Error: the restorer gated-unet failed: Panic: no layers ({__file__}:")
    assert said[0].endswith("; HCL_TRACEBACK=1 shows the traceback")


def test_the_traceback_of_a_photo_that_fails_is_shown_on_request(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: GatedUNet, *_: Any) -> None:
        raise RuntimeError("of a plugin")

    photo = draw("a.png")
    draw_mask("mask.png")
    monkeypatch.setattr(GatedUNet, "forward", fail)
    quiet = hcl("restore", photo, "--mask", "mask.png", status=1).stderr
    assert "Error: a.png: the restorer gated-unet failed: RuntimeError: of a plugin\n" in quiet
    assert "Traceback" not in quiet
    monkeypatch.setenv("HCL_TRACEBACK", "1")
    shown = hcl("restore", photo, "--mask", "mask.png", status=1).stderr
    assert '    raise RuntimeError("of a plugin")\n' in shown


def test_regions_that_cannot_be_found_stop_nothing(hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "b.png"):
        draw(name)
    found = hcl_sdk.Result.regions.func

    def fail(result: hcl_sdk.Result) -> Any:
        if result.photo.path.name == "a.png":
            raise MemoryError
        return found(result)

    monkeypatch.setattr(hcl_sdk.Result, "regions", property(fail))
    result = hcl("detect", "a.png", "b.png", "--coco", "coco.json", status=1)
    assert "Error: a.png: not enough memory" in result.stderr
    assert "1 photo examined" in result.stderr
    coco = json.loads(Path("coco.json").read_text())
    assert [(image["id"], image["file_name"]) for image in coco["images"]] == [(1, "b.png")]


def test_torch_running_out_of_memory_is_recognized(hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    draw("a.png")
    monkeypatch.setattr(Pipeline, "detect", lambda *_, **__: torch.empty(2**60))
    assert "Error: a.png: not enough memory" in hcl("detect", "a.png", status=1).stderr


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_an_interruption_leaves_only_whole_files(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    draw("a.png")
    draw("b.png")
    draw("c.png")
    save = Photo.save

    def interrupt(self: Photo, path: Any, **options: Any) -> None:
        save(self, path, **options)
        if Path(path).name == "b_mask.png":
            raise KeyboardInterrupt

    monkeypatch.setattr(Photo, "save", interrupt)
    arguments = ["detect", "a.png", "b.png", "c.png", "--coco", "coco.json", "--workers", workers]
    result = hcl(*arguments, status=130)
    assert "Traceback" not in result.output
    assert result.stderr.endswith("Interrupted.\n")
    left = list_files("hcl_output")
    assert {"a_mask.png", "b_mask.png"} <= left <= {"a_mask.png", "b_mask.png", *(["c_mask.png"] if workers else [])}
    for name in left:
        assert read_pixels(Path("hcl_output", name)).shape == (HEIGHT, WIDTH)
    assert not Path("coco.json").exists()


@pytest.mark.parametrize(("number", "last"), [(signal.SIGTERM, "Terminated."), (signal.SIGINT, "Interrupted.")])
def test_a_stopped_run_says_what_is_done_and_how_to_resume(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, number: signal.Signals, last: str
) -> None:
    photos = [draw("p/a.png"), draw("p/b.png"), draw("p/c.png")]
    Path("p/0.png").write_bytes(b"not a photo")
    save = Photo.save

    def stop(self: Photo, path: Any, **options: Any) -> None:
        if Path(path).name == "b_mask.png":
            signal.raise_signal(number)
        save(self, path, **options)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # shells start what runs behind them without it
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Photo, "save", stop)
            arguments = ["detect", "p", "--report", "report.html", "--workers", 0]
            said = hcl(*arguments, status=128 + number).stderr.splitlines()
            quiet = hcl(*arguments[:2], "-q", "-o", "other", "--workers", 0, status=128 + number).stderr.splitlines()
    finally:
        signal.signal(signal.SIGINT, before)
    assert said[-3].endswith(
        "1 photo examined, results in hcl_output; 1 failed; --resume without --report continues with the rest"
    )
    assert said[-2].startswith("Error: p/0.png: this is not a photo")
    assert said[-1] == last
    assert quiet == said[-2:]
    page = Path("report.html").read_text()
    assert [str(photo) in page for photo in photos] == [True, False, False]
    assert "p/0.png" in page
    assert "The run was stopped before it had processed all of the 4 photos." in page
    resumed = hcl("detect", "p", "--resume", status=1).stderr
    assert "2 photos examined, results in hcl_output; 1 already done; 1 failed" in resumed


def test_a_run_that_wrote_nothing_names_no_results(hcl: Callable[..., Result]) -> None:
    said = hcl("detect", "nope.jpg", status=1).stderr
    assert said == "0 photos examined; 1 failed\nError: nope.jpg: there is no such file\n"
    assert not list_files("hcl_output")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["a.png", "--weights", "no-such-weights"], 1, "no-such-weights"),
        (["a.png", "--device", "abacus"], 2, "abacus"),
        (["a.png", "--sensitivity", "1.5"], 2, "--sensitivity"),
        (["a.png", "--sensitivity", "nan"], 2, "--sensitivity"),
        (["a.png", "--dilate", "-1"], 2, "--dilate"),
        (["a.png", "--dilate", "inf"], 2, "--dilate"),
        (["a.png", "--feather", "nan"], 2, "--feather"),
        (["a.png", "--detection-size", "0"], 2, "--detection-size"),
        (["a.png", "--workers", "-1"], 2, "--workers"),
        (["a.png", "--detection-size", "2.5"], 2, "'2.5' is not a valid integer"),
        (["a.png", "--sensitivity", "2"], 2, "'--sensitivity': expected a number from 0 to 1; got 2."),
        (["a.png", "--dilate", "wide"], 2, "'wide' is not a valid float"),
        (["a.png", "--precision", "double"], 2, "fp16"),
        (["a.png", "--format", "doc"], 2, "png"),
        (["a.png", "--mask", "gone.png"], 2, "gone.png"),
        (["a.png", "--mask", "a.png", "--sensitivity", "0.4"], 2, "--sensitivity"),
        (["a.png", "b.png", "--mask", "a.png"], 2, "'--mask': one mask for 2 photos"),
        (["a.png", "-o", "a.png"], 2, "a.png"),
        (["a.png", "-o", ""], 2, "expected a path, got an empty string"),
        (["a.png", ""], 2, "expected a path, got an empty string"),
        (["a.png", "--weights", ""], 2, "expected a name, got an empty string"),
        (["a.png", "--device", "meta"], 2, "device 'meta' is not available here"),
        (["a.png", "--weights", "a.png"], 1, "a.png is a file; expected a folder written by save_pretrained or a name"),
        (["a.png", "--weights", "./gone"], 1, "no such folder: ./gone"),
        (["https://x/a.jpg"], 2, "URLs are not supported; download the file first: https://x/a.jpg"),
        (["empty"], 1, "no photo files in empty (1 other file ignored)"),
        ([], 2, "PATH"),
    ],
)
def test_wrong_options_give_one_error(hcl: Callable[..., Result], arguments: list[str], status: int, said: str) -> None:
    draw("a.png")
    Path("empty").mkdir()
    Path("empty/notes.txt").write_text("not a photo")
    result = hcl("restore", *arguments, status=status)
    assert said in result.stderr
    assert result.stderr.count("Error: ") == 1
    assert not Path("hcl_output").exists()


def test_weights_without_a_part_still_do_the_rest(hcl: Callable[..., Result], pipeline: Pipeline) -> None:
    Pipeline(restorer=GatedUNet(dim=4, multipliers=(1,)), device="cpu").save_pretrained("restorer")
    Pipeline(pipeline.detector, device="cpu").save_pretrained("detector")
    draw("a.png")
    draw_mask("m.png")
    assert "no detector" in hcl("detect", "a.png", "--weights", "restorer", status=2).stderr
    assert "no detector" in hcl("restore", "a.png", "--weights", "restorer", status=2).stderr
    assert "no restorer" in hcl("restore", "a.png", "--weights", "detector", status=2).stderr
    hcl("detect", "a.png", "--weights", "detector")
    hcl("restore", "a.png", "--weights", "restorer", "--mask", "m.png")
    assert "restorer" in hcl("quickstart", "--weights", "detector", status=2).stderr


def test_damaged_weights_give_one_error(hcl: Callable[..., Result], weights: Path) -> None:
    shutil.copytree(weights, "damaged")
    Path("damaged/config.json").write_text('{"detector": {"encoder": "no-such-encoder"}}')
    draw("a.png")
    result = hcl("detect", "a.png", "--weights", "damaged", status=1)
    assert result.stderr.startswith("Error: ")
    assert "no-such-encoder" in result.stderr


def test_a_device_that_is_not_there_is_a_wrong_option(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png")
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    for device in ("cuda:2", "mps"):
        result = hcl("detect", "a.png", "--device", device, status=2)
        assert f"'{device}' is not available" in result.stderr


def test_our_own_messages_about_a_photo_do_not_name_the_exception(hcl: Callable[..., Result]) -> None:
    draw("a.png")
    said = hcl("detect", "a.png", "--region", "500,0,5,5", status=1).stderr
    assert "Error: a.png: nothing of a photo of " in said
