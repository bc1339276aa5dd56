from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hcl_ray
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hcl_ray import tables
from hcl_ray.guard import DIED, Guard
from hcl_ray.model import Settings
from PIL import Image

from hcl_sdk import Pipeline, Result


def read_listed(folder: Path) -> dict[str, str]:
    lines = [json.loads(line) for line in (folder / "failures.jsonl").read_text().splitlines()]
    return {line["key"]: line["error"] for line in lines}


def read_rows(folder: Path) -> dict[str, dict]:
    found = [row for file in folder.rglob("*.parquet") for row in pq.ParquetFile(file).read().to_pylist()]
    assert len({row["key"] for row in found}) == len(found)
    return {row["key"]: row for row in found}


def read_pixels(contents: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(contents)) as image:
        return np.asarray(image)


def check(row: dict, result: Result) -> None:
    """Is the row what the pipeline made of the photo?"""
    height, width = result.photo.size
    assert (row["width"], row["height"], row["error"]) == (width, height, None)
    mask = np.asarray(result.mask)
    assert row["corrupted_share"] == (mask > 0).mean()
    np.testing.assert_array_equal(read_pixels(row["corruption_mask"]), mask)
    assert [(tuple(r["box"]), r["area"]) for r in row["regions"]] == [(r.box, r.area) for r in result.regions]
    for found, region in zip(row["regions"], result.regions, strict=True):
        assert found["confidence"] == pytest.approx(region.confidence)
    if result.composited is not None:
        np.testing.assert_array_equal(read_pixels(row["restored"]), np.asarray(result.restored))


def write_parquet(file: Path, column: pa.Array, names: list[str] | None = None, rows: int = 10) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"image": column, **({} if names is None else {"name": names})})
    pq.write_table(table, file, row_group_size=rows)


def write_shard(file: Path, samples: dict[str, bytes]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as archive:
        for name, contents in samples.items():
            info = tarfile.TarInfo(name)
            info.size = len(contents)
            archive.addfile(info, io.BytesIO(contents))


def test_parquet_is_restored_part_by_part(
    cluster: None, weights: str, pipeline: Pipeline, drawn: list[Path], bad: list[bytes], tmp_path: Path
) -> None:
    photos = [file.read_bytes() for file in drawn]
    write_parquet(tmp_path / "in" / "a" / "x.parquet", pa.array([*photos, *bad, None], pa.binary()))
    # As Hugging Face writes them.
    write_parquet(tmp_path / "in" / "b" / "x.parquet", pa.array([{"bytes": p, "path": "p"} for p in photos[:5]]))
    (tmp_path / "in" / "b" / "y.parquet").write_bytes(b"no Parquet")
    out = tmp_path / "out"
    source = str(tmp_path / "in" / "*" / "*.parquet")
    summary = hcl_ray.restore(source, out, weights=weights, actors=1)
    assert (summary.done, summary.there) == (25, 0)
    wrong = [*(f"a/x.parquet:{i}" for i in range(20, 25)), "b/y.parquet"]
    assert [key for key, _ in summary.failures] == wrong
    assert read_listed(out) == dict(summary.failures)
    assert "the value is null" in read_listed(out)["a/x.parquet:24"]
    assert "Parquet magic bytes" in read_listed(out)["b/y.parquet"]
    files = {file.relative_to(out).as_posix() for file in out.rglob("*.parquet")}
    assert files == {"a/x-00000.parquet", "a/x-00001.parquet", "a/x-00002.parquet", "b/x-00000.parquet"}
    found = read_rows(out)
    assert len(found) == 30
    for name, count in (("a/x", 20), ("b/x", 5)):
        for i in range(count):
            check(found[f"{name}.parquet:{i}"], pipeline(drawn[i]))
    failed = found["a/x.parquet:21"]
    assert failed["error"]
    assert [name for name, value in failed.items() if value is not None] == ["key", "error"]

    # Again, with one part missing.
    (out / "a" / "x-00001.parquet").unlink()
    times = {file: file.stat().st_mtime_ns for file in out.rglob("*.parquet")}
    again = hcl_ray.restore(source, out, weights=weights, actors=1)
    assert (again.done, again.there, again.failures) == (10, 15, summary.failures)
    assert all(file.stat().st_mtime_ns == time for file, time in times.items())
    assert read_rows(out) == found


def test_names_come_from_a_column(
    cluster: None, weights: str, pipeline: Pipeline, drawn: list[Path], tmp_path: Path
) -> None:
    paths = pa.array([str(file) for file in drawn[:6]])
    write_parquet(tmp_path / "x.parquet", paths, names=[f"photo {i}" for i in range(6)])
    hcl_ray.detect(tmp_path / "x.parquet", tmp_path / "out", weights=weights, key="name")
    found = read_rows(tmp_path / "out")
    assert list(found) == [f"photo {i}" for i in range(6)]
    assert "restored" not in found["photo 0"]
    for i in range(6):
        check(found[f"photo {i}"], pipeline.detect(drawn[i]))


def test_shards_are_restored_part_by_part(
    cluster: None, weights: str, pipeline: Pipeline, drawn: list[Path], bad: list[bytes], tmp_path: Path
) -> None:
    photos = [file.read_bytes() for file in drawn]
    many = {f"{i:03d}.png": photos[i % 20] for i in range(300)}
    many |= {"bad.png": bad[2], "000.json": b"{}", "000.mask.png": photos[0]}
    write_shard(tmp_path / "s-0.tar", many)
    write_shard(tmp_path / "s-1.tar", {"in/a.png": photos[3]})
    (tmp_path / "s-2.tar").write_bytes(b"no archive" * 100)
    write_shard(tmp_path / "s-3.tar", {"a.txt": b"no photo"})
    out = tmp_path / "out"
    summary = hcl_ray.restore(tmp_path / "s-*.tar", out, weights=weights, actors=1)
    assert summary.done == 301
    assert list(read_listed(out)) == ["s-0.tar/bad", "s-2.tar", "s-3.tar"]
    assert "no photos are in it" in read_listed(out)["s-3.tar"]
    assert {file.name for file in out.glob("*.parquet")} == {
        "s-0-00000.parquet",
        "s-0-00001.parquet",
        "s-1-00000.parquet",
    }
    found = read_rows(out)
    assert len(found) == 302
    expected = [pipeline(file) for file in drawn]
    for i in range(300):
        check(found[f"s-0.tar/{i:03d}"], expected[i % 20])
    check(found["s-1.tar/in/a"], expected[3])


def test_of_a_part_the_photo_that_ends_its_process_is_listed(
    weights: str, pipeline: Pipeline, drawn: list[Path], tmp_path: Path
) -> None:
    class Died(Guard):
        """As a guard that has seen processes end with the eighth photo."""

        def __init__(self) -> None:
            """Without the ledger, which is for the processes of a cluster."""

        def run(
            self, table: pa.Table, work: Callable[[pa.Table], pa.Table], died: Callable[[pa.Table], pa.Table]
        ) -> Any:
            rows = [table.slice(i, 1) for i in range(table.num_rows)]
            return pa.concat_tables([(died if row["key"][0].as_py() == "7" else work)(row) for row in rows])

    names = [str(i) for i in range(20)]
    write_parquet(tmp_path / "x.parquet", pa.array([file.read_bytes() for file in drawn]), names, rows=20)
    source = tables.Parquet("image", "name")
    settings: Settings = {"weights": weights, "device": "cpu"}
    worker = tables.PartWorker(source, tmp_path / "out", restoring=False, settings=settings, guard=Died())
    part = {"key": "x-00000", "file": str(tmp_path / "x.parquet"), "label": "x", "number": 0, "first": 0, "photos": 20}
    assert worker(pa.Table.from_pylist([part], tables.PARTS)).to_pylist() == [{"key": "x-00000", "error": None}]
    found = read_rows(tmp_path / "out")
    assert list(found) == names
    assert tables.read_failures(tmp_path / "out" / "x-00000.parquet") == [("7", DIED)]
    check(found["8"], pipeline.detect(drawn[8]))


def test_a_part_whose_process_is_killed_leaves_no_file(weights: str, drawn: list[Path], tmp_path: Path) -> None:
    there: list[Path] = []

    class Damaged(tables.Parquet):
        """As a process sees its folder at the moment when it is killed."""

        def read(self, part: dict[str, Any]) -> Iterator[pa.Table]:
            yield from super().read(part)
            there.extend((tmp_path / "out").iterdir())
            raise ValueError("the file ends early")

    class Unguarded(Guard):
        """As a guard of processes that do not end."""

        def __init__(self) -> None:
            """Without the ledger, which is for the processes of a cluster."""

        def run(self, table: pa.Table, work: Callable[[pa.Table], pa.Table], died: Any) -> pa.Table:
            return work(table)

    write_parquet(tmp_path / "x.parquet", pa.array([drawn[0].read_bytes()]))
    settings: Settings = {"weights": weights, "device": "cpu"}
    source = Damaged("image", None)
    worker = tables.PartWorker(source, tmp_path / "out", restoring=False, settings=settings, guard=Unguarded())
    part = {"key": "x-00000", "file": str(tmp_path / "x.parquet"), "label": "x", "number": 0, "first": 0, "photos": 1}
    outcome = worker(pa.Table.from_pylist([part], tables.PARTS)).to_pylist()
    assert outcome == [{"key": "x-00000", "error": "the file ends early"}]
    assert not there
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"column": "photo"}, "there is no column 'photo'; there is image"),
        ({"key": "name"}, "there is no column 'name'"),
    ],
)
def test_columns_that_are_not_there_are_named(
    cluster: None, weights: str, drawn: list[Path], tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    write_parquet(tmp_path / "x.parquet", pa.array([drawn[0].read_bytes()]))
    summary = hcl_ray.restore(tmp_path / "x.parquet", tmp_path / "out", weights=weights, **arguments)
    [(key, error)] = summary.failures
    assert key == "x.parquet"
    assert message in error


def test_files_that_are_not_there_are_refused(cluster: None, weights: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no file .*x\.parquet"):
        hcl_ray.restore(tmp_path / "x.parquet", tmp_path / "out", weights=weights)
    with pytest.raises(ValueError, match="expected tar files"):
        hcl_ray.restore(tmp_path / "*.tar", tmp_path / "out", weights=weights)
