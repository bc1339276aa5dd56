"""Photos are read and written while others are processed; the results are those of one thing after the other."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from photo_files import draw, list_files, read_pixels

from hcl_sdk import Photo, Pipeline, detect_folder, restore_folder
from hcl_sdk.folders import ArgumentError, PhotoOutcome
from hcl_sdk.folders.overlap import run_overlapped
from hcl_sdk.photos import read
from hcl_sdk.pipeline import Pipeline as PipelineClass

MEETING = 20.0  # seconds until threads that should meet are taken for ones that never will


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    weights=st.lists(st.floats(0, 10), max_size=12),
    workers=st.integers(0, 4),
    most=st.floats(0, 30),
)
def test_items_come_out_in_order_and_the_number_held_is_bounded(
    weights: list[float], workers: int, most: float
) -> None:
    lock, held, peaks = threading.Lock(), [], []

    def begin(item: int) -> int:
        with lock:
            held.append(item)
            peaks.append(list(held))
        return item

    def end(item: int) -> int:
        with lock:
            held.remove(item)
        return item

    done = list(
        run_overlapped(
            range(len(weights)),
            read=begin,
            work=lambda item: item,
            write=end,
            workers=workers,
            weigh=weights.__getitem__,
            most_held=most,
        )
    )
    assert done == list(range(len(weights)))
    for together in peaks:
        assert len(together) == 1 or sum(weights[i] for i in together) <= most


def test_reading_working_and_writing_happen_at_the_same_time() -> None:
    """Three different items meet, one in each stage; they would wait for each other in vain otherwise."""
    together = threading.Barrier(3)

    def meet(stage: int) -> Callable[[int], int]:
        def run(item: int) -> int:
            if item == 2 - stage:  # the third is read while the second is processed and the first written
                together.wait(MEETING)
            return item

        return run

    done = run_overlapped(range(5), read=meet(0), work=meet(1), write=meet(2), workers=2, weigh=lambda _: 0.0)
    assert list(done) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("stage", ["read", "work", "write"])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_an_exception_in_a_stage_stops_all_stages(stage: str, workers: int) -> None:
    begun = []

    def run(name: str) -> Callable[[int], int]:
        def run_stage(item: int) -> int:
            begun.append((name, item))
            if (name, item) == (stage, 2):
                raise KeyboardInterrupt
            return item

        return run_stage

    done = []
    stages: dict[str, Any] = {name: run(name) for name in ("read", "work", "write")}
    with pytest.raises(KeyboardInterrupt):
        done.extend(run_overlapped(range(100), **stages, workers=workers, weigh=lambda _: 1.0))
    assert max(item for _, item in begun) <= 2 + 2 * workers + 1
    assert not [t for t in threading.enumerate() if t.name.startswith("hcl_sdk-photos")]


@pytest.mark.parametrize("begun", [2, 3, 6])
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_an_interruption_comes_after_the_outcomes_of_all_photos_that_were_written(
    tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, workers: int, begun: int
) -> None:
    """While a later photo is processed, files of earlier ones appear; every photo that has them is reported once."""
    for seed in range(8):
        draw(f"p/{seed}.png", seed=seed)
    detect, calls = PipelineClass.detect, []

    def interrupt(self: Pipeline, photo: Photo, **options: Any) -> object:
        calls.append(photo)
        if len(calls) == begun:
            raise KeyboardInterrupt
        return detect(self, photo, **options)

    monkeypatch.setattr(PipelineClass, "detect", interrupt)
    told = []
    with pytest.raises(KeyboardInterrupt):
        detect_folder("p", "o", pipeline=tiny_pipeline, workers=workers, on_photo=told.append)
    assert [outcome.path.name for outcome in told] == [f"{seed}.png" for seed in range(len(told))]
    assert list_files("o") == {outcome.files["mask"].name for outcome in told}


def test_an_interruption_while_an_outcome_is_told_loses_no_other(
    tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(6):
        draw(f"p/{seed}.png", seed=seed)
    told, second_is_written, save = [], threading.Event(), Photo.save

    def save_second_first(self: Photo, path: Path, **options: Any) -> None:
        if path.name == "0_mask.png":
            assert second_is_written.wait(MEETING)
        save(self, path, **options)
        if path.name == "1_mask.png":
            second_is_written.set()

    def tell(outcome: PhotoOutcome) -> None:
        told.append(outcome)
        if len(told) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Photo, "save", save_second_first)
    with pytest.raises(KeyboardInterrupt):
        detect_folder("p", "o", pipeline=tiny_pipeline, workers=2, on_photo=tell)
    assert len(told) >= 2
    assert [outcome.path.name for outcome in told] == [f"{seed}.png" for seed in range(len(told))]
    assert list_files("o") == {outcome.files["mask"].name for outcome in told}


def test_files_are_written_once_all_that_is_reported_is_known(
    tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise an interruption in between would leave files of a photo that was never reported."""
    draw("p/a.png")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PipelineClass, "find_suspect", interrupt)
    with pytest.raises(KeyboardInterrupt):
        detect_folder("p", "o", pipeline=tiny_pipeline, workers=0)
    assert not list_files("o")


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interruption_while_a_result_is_awaited_loses_none(workers: int) -> None:
    """The first item is still being written when the interruption comes to the thread that waits for it."""
    main, waits = threading.main_thread().ident, threading.Event()
    assert main is not None

    def write(item: int) -> int:
        if item == 0:
            signal.pthread_kill(main, signal.SIGINT)
            waits.wait(0.05)
        return item

    stages: dict[str, Any] = {"read": int, "work": int, "write": write}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    done = []
    try:
        with pytest.raises(KeyboardInterrupt):
            done.extend(run_overlapped(range(1), **stages, workers=workers, weigh=lambda _: 1.0))
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == [0]


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_results_and_failures_do_not_depend_on_the_number_of_workers(tiny_pipeline: Pipeline, workers: int) -> None:
    for seed in range(6):
        draw(f"p/{seed}.png", seed=seed, size=(24 + seed, 20))
    Path("p/3.png").write_bytes(b"not a photo")
    outcomes = []
    report = restore_folder("p", "o", pipeline=tiny_pipeline, workers=workers, on_photo=outcomes.append)
    assert [outcome.path.name for outcome in outcomes] == [f"{seed}.png" for seed in range(6)]
    assert [outcome.error is None for outcome in outcomes] == [seed != 3 for seed in range(6)]
    assert (report.done, [path.name for path, _ in report.failures]) == (5, ["3.png"])
    assert list_files("o") == {f"{seed}_{what}.png" for seed in range(6) if seed != 3 for what in ("mask", "restored")}
    for seed in (0, 5):
        assert np.array_equal(read_pixels(f"o/{seed}_restored.png"), tiny_pipeline(f"p/{seed}.png").restored)


def test_photos_are_read_while_another_is_processed(tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(3):
        draw(f"p/{seed}.png", seed=seed)
    second_is_read = threading.Event()
    opened, detect = Photo.open, PipelineClass.detect

    def note(source: Path | Photo, **options: float) -> Photo:
        if isinstance(source, Path) and source.name == "1.png":
            second_is_read.set()
        return opened(source, **options)

    def wait(self: Pipeline, photo: Photo, **options: Any) -> object:
        assert second_is_read.wait(MEETING)
        return detect(self, photo, **options)

    monkeypatch.setattr(Photo, "open", note)
    monkeypatch.setattr(PipelineClass, "detect", wait)
    assert detect_folder("p", "o", pipeline=tiny_pipeline, workers=1).failures == ()


def test_large_photos_are_held_one_at_a_time(tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(4):
        draw(f"p/{seed}.png", seed=seed)
    monkeypatch.setattr("hcl_sdk.folders.stages.read_megapixels", lambda *_, **__: 60.0)
    opened, written = Photo.open, []

    def note(source: Path | Photo, **options: float) -> Photo:
        if isinstance(source, Path):
            written.append(len(list_files("o")) if Path("o").is_dir() else 0)
        return opened(source, **options)

    monkeypatch.setattr(Photo, "open", note)
    detect_folder("p", "o", pipeline=tiny_pipeline, workers=3)
    assert written == [0, 1, 2, 3]  # each is read when what came before it is written


def test_megapixels_are_read_from_the_header(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", size=(30, 20))
    assert read.read_megapixels(tmp_path / "a.png", "a.png") == 30 * 20 / 1e6


def test_a_number_of_workers_that_cannot_be_is_refused(tiny_pipeline: Pipeline) -> None:
    draw("a.png")
    for workers in (-1, 1.5, True):
        with pytest.raises(ArgumentError, match="whole number of threads >= 0"):
            detect_folder("a.png", "o", pipeline=tiny_pipeline, workers=workers)  # pyright: ignore[reportArgumentType]
