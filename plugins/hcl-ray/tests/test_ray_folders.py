from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import hcl_ray
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hcl_ray import folders
from hcl_ray.guard import DIED, Guard
from hcl_ray.model import Settings
from PIL import Image

from hcl_sdk import Pipeline
from hcl_sdk.cli import main
from hcl_sdk.folders import Outputs
from hcl_sdk.folders.record import RECORD
from hcl_sdk.photos import photo as photo_module

COUNT = 2000


def list_files(folder: Path) -> set[str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
    return {path.relative_to(folder).as_posix() for path in files}


def name_results(names: list[str], *kinds: str) -> set[str]:
    return {f"{name}_{kind}.png" for name in names for kind in kinds} | {"failures.jsonl", "settings.json"}


def read_listed(folder: Path) -> list[str]:
    lines = [json.loads(line) for line in (folder / "failures.jsonl").read_text().splitlines()]
    assert all(line["error"] for line in lines)
    return [line["key"] for line in lines]


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image)


@pytest.fixture
def photos(tmp_path: Path, drawn: list[Path]) -> Callable[[int], Path]:
    """A folder with so many photos, those of the folders in it included."""

    def make(count: int) -> Path:
        for i in range(count):
            file = tmp_path / "photos" / (f"inside/{i}.png" if i % 5 == 0 else f"{i}.png")
            file.parent.mkdir(parents=True, exist_ok=True)
            os.link(drawn[i % len(drawn)], file)
        return tmp_path / "photos"

    return make


def test_every_photo_of_a_folder_is_restored_once_and_bad_ones_are_listed(
    cluster: None,
    weights: str,
    pipeline: Pipeline,
    drawn: list[Path],
    bad: list[bytes],
    photos: Callable[[int], Path],
    tmp_path: Path,
) -> None:
    folder, out = photos(COUNT), tmp_path / "out"
    wrong = [f"{i}.png" for i in (1, 17, 1002, 1999)]
    for name, contents in zip(wrong, bad, strict=True):
        (folder / name).unlink()
        (folder / name).write_bytes(contents)
    good = sorted(name.removesuffix(".png") for name in list_files(folder) if name not in wrong)
    summary = hcl_ray.restore(folder, out, weights=weights)
    assert (summary.done, summary.there) == (COUNT - 4, 0)
    assert [key for key, _ in summary.failures] == read_listed(out) == sorted(wrong)
    assert "the file is empty" in dict(summary.failures)["1.png"]
    assert list_files(out) == name_results(good, "mask", "restored")
    expected = [pipeline(file) for file in drawn]
    for name in good:
        result = expected[int(Path(name).name) % len(drawn)]
        np.testing.assert_array_equal(pixels(out / f"{name}_mask.png"), np.asarray(result.mask))
        np.testing.assert_array_equal(pixels(out / f"{name}_restored.png"), np.asarray(result.restored))

    # Again: nothing but what is missing is written.
    times = {name: (out / name).stat().st_mtime_ns for name in list_files(out)}
    for name in ("0_mask.png", "3_restored.png"):
        (out / ("inside" if name[0] == "0" else "") / name).unlink()
    (folder / wrong[1]).unlink()
    os.link(drawn[17], folder / wrong[1])
    summary = hcl_ray.restore(folder, out, weights=weights)
    assert (summary.done, summary.there) == (3, COUNT - 4 - 2)
    assert read_listed(out) == sorted(set(wrong) - {"17.png"})
    written = {name for name in list_files(out) if (out / name).stat().st_mtime_ns != times.get(name)}
    new = {f"{name}_{kind}.png" for name in ("inside/0", "3", "17") for kind in ("mask", "restored")}
    assert written == new | {"failures.jsonl"}


def test_the_outcome_matches_the_command(
    cluster: None, weights: str, drawn: list[Path], photos: Callable[[int], Path], tmp_path: Path
) -> None:
    folder = photos(12)
    Image.open(drawn[3]).convert("CMYK").save(folder / "cmyk.jpg")
    Image.open(drawn[3]).save(folder / "1.jpg")  # besides 1.png
    Image.open(drawn[3]).save(folder / "t.tif")
    settings = {"sensitivity": 0.7, "detection_size": 20, "dilate": 2.0, "feather": 3.0}
    summary = hcl_ray.restore(folder, tmp_path / "out", weights=weights, **settings, actors=1)
    assert (summary.done, summary.failures) == (15, ())
    options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    arguments = ["restore", str(folder), "-r", "-o", str(tmp_path / "cli"), "--weights", weights, "--device", "cpu"]
    done = CliRunner().invoke(main, [*arguments, *options])
    assert done.exit_code == 0, done.output
    assert list_files(tmp_path / "out") - {"failures.jsonl", "settings.json"} == list_files(tmp_path / "cli")
    for name in list_files(tmp_path / "cli"):
        np.testing.assert_array_equal(pixels(tmp_path / "out" / name), pixels(tmp_path / "cli" / name))


def test_batches_of_several_sizes_detect_as_single_photos_do(
    cluster: None,
    weights: str,
    pipeline: Pipeline,
    drawn: list[Path],
    bad: list[bytes],
    photos: Callable[[int], Path],
    tmp_path: Path,
) -> None:
    folder, out = photos(20), tmp_path / "out"
    (folder / "bad.png").write_bytes(bad[1])
    summary = hcl_ray.detect(folder, out, weights=weights, batch_size=8, actors=1)
    assert (summary.done, read_listed(out)) == (20, ["bad.png"])
    assert list_files(out) == name_results([f"{'inside/' * (i % 5 == 0)}{i}" for i in range(20)], "mask")
    for i, file in enumerate(drawn):
        mask = pixels(out / f"{'inside/' * (i % 5 == 0)}{i}_mask.png")
        assert (mask == np.asarray(pipeline.detect(file).mask)).mean() >= 0.999


KILLED = """
import os
import signal
import sys

sys.path.append(sys.argv[5])
import hcl_ray
from conftest import start_ray
from hcl_ray import folders

group = os.getpgid(0)


class Ending(folders.FolderWorker):
    def __init__(self, **arguments):
        super().__init__(**arguments)
        self._results, self._model.run = self._model.run, self._until_the_end

    def _until_the_end(self, paths, check=None):
        for path, result in zip(paths, self._results(paths, check)):
            if path.name == "77.png":
                os.killpg(group, signal.SIGKILL)
                os._exit(1)  # Ray's own processes follow when they notice
            yield result


folders.FolderWorker = Ending
start_ray(sys.argv[4], num_cpus=1, object_store_memory=100_000_000)
hcl_ray.restore(sys.argv[1], sys.argv[2], weights=sys.argv[3])
"""


def test_a_killed_job_resumes(
    cluster: None, weights: str, pipeline: Pipeline, drawn: list[Path], photos: Callable[[int], Path], tmp_path: Path
) -> None:
    count = 200
    folder, out = photos(count), tmp_path / "out"
    with tempfile.TemporaryDirectory(prefix="ray") as place:
        program = [sys.executable, "-c", KILLED, str(folder), str(out), weights, place, str(Path(__file__).parent)]
        job = subprocess.run(program, start_new_session=True, capture_output=True, text=True)
    assert job.returncode == -signal.SIGKILL, job.stderr
    assert not (out / "failures.jsonl").exists()
    for file in out.rglob("*.png"):
        pixels(file)  # none is half written
    summary = hcl_ray.restore(folder, out, weights=weights, actors=1)
    assert summary.there > 0
    assert summary.done > 0
    assert summary.there + summary.done == count
    assert read_listed(out) == []
    names = [f"{'inside/' * (i % 5 == 0)}{i}" for i in range(count)]
    assert {name for name in list_files(out) if not name.endswith(".part")} == name_results(names, "mask", "restored")
    for i in range(count):
        expected = np.asarray(pipeline(drawn[i % len(drawn)]).restored)
        np.testing.assert_array_equal(pixels(out / f"{'inside/' * (i % 5 == 0)}{i}_restored.png"), expected)


def test_a_photo_that_ends_its_process_is_listed_and_its_neighbors_are_done(
    cluster: None, weights: str, photos: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deadly(folders.FolderWorker):  # Ray sends what is not importable to the workers as it is
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            run = self._model.run
            self._model.run = lambda sources, check=None: (
                os._exit(1) if any(Path(os.fsdecode(s)).name == "7.png" for s in sources) else run(sources, check)
            )

    monkeypatch.setattr(folders, "FolderWorker", Deadly)
    summary = hcl_ray.detect(photos(40), tmp_path / "out", weights=weights, actors=1)
    assert summary.failures == (("7.png", DIED),)
    assert summary.done == 39
    names = [f"{'inside/' * (i % 5 == 0)}{i}" for i in range(40) if i != 7]
    assert list_files(tmp_path / "out") == name_results(names, "mask")


@pytest.mark.parametrize("batch_size", [1, 4])
def test_each_photo_is_decoded_once_and_one_that_the_format_cannot_hold_is_refused(
    weights: str, drawn: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    with Image.open(drawn[0]) as image:
        image.convert("RGBA").save(tmp_path / "clear.png")
    (tmp_path / "bad.png").write_bytes(b"not a photo")
    sources = [drawn[1], tmp_path / "clear.png", tmp_path / "bad.png", drawn[2], drawn[3]]
    decoded: list[Path] = []
    decode = photo_module.decode_file
    monkeypatch.setattr(
        photo_module,
        "decode_file",
        lambda file, *rest, **options: decoded.append(file) or decode(file, *rest, **options),
    )
    outputs = Outputs(folder=tmp_path / "out", restoring=True, file_format="jpg")
    settings: Settings = {"weights": weights, "device": "cpu", "batch_size": batch_size}
    worker = folders.FolderWorker(outputs, settings, cast(Guard, None))
    rows = [{"key": str(i), "path": str(file), "folder": ".", "name": str(i)} for i, file in enumerate(sources)]
    errors = worker._process(pa.Table.from_pylist(rows, folders.ROWS)).column("error").to_pylist()
    assert "cannot write RGBA as JPEG" in errors.pop(1)
    assert errors.pop(1) == "this is not a photo in a format that Pillow reads"
    assert errors == [None] * 3
    assert list_files(tmp_path / "out") == {f"{i}_{what}" for i in (0, 3, 4) for what in ("mask.png", "restored.jpg")}
    assert decoded == sources


def test_other_settings_are_refused_in_the_same_folder(
    cluster: None, weights: str, photos: Callable[[int], Path], tmp_path: Path
) -> None:
    folder, out = photos(2), tmp_path / "out"
    hcl_ray.restore(folder, out, weights=weights)
    with pytest.raises(ValueError, match=r"results of other settings \(sensitivity: None, now 0.3\); choose another"):
        hcl_ray.restore(folder, out, weights=weights, sensitivity=0.3)
    with pytest.raises(ValueError, match=r"other settings \(restoring: True, now False\)"):
        hcl_ray.detect(folder, out, weights=weights)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"sensitivty": 0.3}, TypeError, "unknown settings sensitivty; expected weights, sensitivity, "),
        ({"sensitivity": 2}, ValueError, "sensitivity must be a number from 0 to 1; got 2"),
        ({"sensitivity": "0.3"}, TypeError, "sensitivity must be a number"),
        ({"weights": "nowhere"}, ValueError, "weights nowhere"),
        ({"batch_size": 0}, ValueError, "batch_size must be a whole number >= 1; got 0"),
        ({"cpus": 64}, ValueError, "with 64 CPUs and 0 GPUs for each worker; the cluster has 2 CPUs and 0 GPUs"),
        ({"gpus": 1}, ValueError, "with 1 CPUs and 1 GPUs for each worker"),
        ({"actors": 0}, ValueError, "actors must be a whole number >= 1, or None; got 0"),
    ],
)
def test_mistakes_are_reported_at_once(
    cluster: None,
    weights: str,
    photos: Callable[[int], Path],
    tmp_path: Path,
    settings: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    arguments: dict[str, Any] = {"weights": weights, **settings}
    with pytest.raises(error, match=message):
        hcl_ray.restore(photos(1), tmp_path / "out", **arguments)


def test_folders_without_photos_are_refused(
    cluster: None, weights: str, photos: Callable[[int], Path], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no photo files in .*empty"):
        hcl_ray.restore(tmp_path / "empty", tmp_path / "out", weights=weights)
    with pytest.raises(ValueError, match="nowhere does not exist; expected a folder of photos, or a file that ends in"):
        hcl_ray.restore(tmp_path / "nowhere", tmp_path / "out", weights=weights)
    folder = photos(1)
    with pytest.raises(ValueError, match="choose another folder"):
        hcl_ray.restore(folder, folder, weights=weights)
