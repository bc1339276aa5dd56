"""The callable classes, by themselves and in a pipeline of Ray Data."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hcl_ray import Detect, Restore
from hcl_ray.batches import DETECTED, RESTORED
from PIL import Image

from hcl_sdk import Pipeline


def read_pixels(contents: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(contents)) as image:
        return np.asarray(image)


@pytest.fixture(scope="module")
def restore(weights: str) -> Restore:
    return Restore(weights=weights, device="cpu")


def test_columns_are_added_and_the_batch_s_own_kept(
    restore: Restore, pipeline: Pipeline, drawn: list[Path], bad: list[bytes]
) -> None:
    images = pa.array([drawn[0].read_bytes(), bad[1], None, drawn[1].read_bytes()], pa.large_binary())
    batch = pa.table({"image": images, "label": [3, 1, 4, 1]})
    table = restore(batch)
    assert table.select(["image", "label"]) == batch
    assert table.schema.names == ["image", "label", *RESTORED.names]
    assert [table.schema.field(name).type for name in RESTORED.names] == RESTORED.types
    rows = table.to_pylist()
    for row, file in ((rows[0], drawn[0]), (rows[3], drawn[1])):
        result = pipeline(file)
        np.testing.assert_array_equal(read_pixels(row["restored"]), np.asarray(result.restored))
        np.testing.assert_array_equal(read_pixels(row["corruption_mask"]), np.asarray(result.mask))
    assert rows[1]["error"].startswith("this is not a photo in a format that Pillow reads")
    assert rows[2]["error"] == "there is no photo: the value is null"
    assert rows[1]["restored"] is rows[2]["corruption_mask"] is None


def test_sixteen_bits_and_modes_stay(restore: Restore, pipeline: Pipeline, tmp_path: Path, drawn: list[Path]) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (20, 30), dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    with Image.open(drawn[0]) as image:
        image.convert("CMYK").save(tmp_path / "cmyk.jpg")
    contents = [(tmp_path / name).read_bytes() for name in ("deep.png", "cmyk.jpg")]
    first, second = restore(pa.table({"image": contents})).to_pylist()
    np.testing.assert_array_equal(read_pixels(first["restored"]), np.asarray(pipeline(tmp_path / "deep.png").restored))
    assert second["restored"][:4] == b"II*\0"  # TIFF, as PNG has no CMYK


def test_paths_and_structs_are_read(weights: str, drawn: list[Path], bad: list[bytes]) -> None:
    detect = Detect("photo", weights=weights, device="cpu")
    paths = detect(pa.table({"photo": [str(drawn[0]), str(drawn[0]) + "x"]})).to_pylist()
    assert paths[1]["error"] == "there is no such file"
    contents = [{"bytes": drawn[0].read_bytes(), "path": "x"}, {"bytes": None, "path": str(drawn[0])}]
    for row in detect(pa.table({"photo": contents})).to_pylist():
        assert row["corruption_mask"] == paths[0]["corruption_mask"]
    assert detect(pa.table({"photo": contents})).schema.names == ["photo", *DETECTED.names]


def test_one_bad_photo_of_a_batch_takes_no_other_with_it(
    weights: str, pipeline: Pipeline, drawn: list[Path], bad: list[bytes]
) -> None:
    detect = Detect(weights=weights, device="cpu", batch_size=4)
    images = [file.read_bytes() for file in drawn[:6]]
    images[2:2] = bad
    rows = detect(pa.table({"image": images})).to_pylist()
    assert [row["error"] is None for row in rows] == [True] * 2 + [False] * 4 + [True] * 4
    for row, file in zip([*rows[:2], *rows[6:]], drawn[:6], strict=True):
        assert (read_pixels(row["corruption_mask"]) == np.asarray(pipeline.detect(file).mask)).mean() >= 0.999


def test_a_format_that_cannot_hold_a_photo_is_a_failure(weights: str, drawn: list[Path], tmp_path: Path) -> None:
    restore = Restore(weights=weights, device="cpu", file_format="jpg")
    with Image.open(drawn[0]) as image:
        image.convert("RGBA").save(tmp_path / "a.png")
    rows = restore(pa.table({"image": [str(tmp_path / "a.png"), str(drawn[1])]})).to_pylist()
    assert rows[0]["error"].startswith("cannot write RGBA as JPEG; RGBA can be written as .png")
    assert rows[1]["restored"][:2] == b"\xff\xd8"


def test_wrong_batches_are_refused(restore: Restore) -> None:
    with pytest.raises(TypeError, match=r"expected a pyarrow.Table, got a dict; use map_batches\(..., batch_format='"):
        restore({"image": np.array([b""])})
    with pytest.raises(ValueError, match="there is no column 'image'; there is photo"):
        restore(pa.table({"photo": [b""]}))
    with pytest.raises(ValueError, match="columns that would be added to it: width, error; rename them first"):
        restore(pa.table({"image": [b""], "error": [""], "width": [0]}))
    with pytest.raises(TypeError, match=r"the column 'image' must be bytes of photo files, .*; it is int64"):
        restore(pa.table({"image": [1]}))
    with pytest.raises(TypeError, match="unknown settings dilate; expected weights, sensitivity"):
        Detect(dilate=3)


def test_a_pipeline_of_ray_data_goes_through(
    cluster: None, weights: str, pipeline: Pipeline, drawn: list[Path], bad: list[bytes], tmp_path: Path
) -> None:
    import ray

    for i, contents in enumerate([*(file.read_bytes() for file in drawn), *bad]):
        (tmp_path / f"{i}.png").write_bytes(contents)
    dataset = ray.data.read_binary_files(str(tmp_path), include_paths=True)
    dataset = dataset.rename_columns({"bytes": "image"}).map_batches(
        Restore,
        fn_constructor_kwargs={"weights": weights},
        batch_format="pyarrow",
        batch_size=5,
        compute=ray.data.ActorPoolStrategy(size=1),
        num_cpus=1,
    )
    rows = {row["path"].rpartition("/")[2]: row for row in dataset.drop_columns(["image"]).iter_rows()}
    assert len(rows) == 24
    assert [i for i in range(24) if rows[f"{i}.png"]["error"] is not None] == [20, 21, 22, 23]
    for i, file in enumerate(drawn):
        np.testing.assert_array_equal(read_pixels(rows[f"{i}.png"]["restored"]), np.asarray(pipeline(file).restored))


def test_workers_use_the_cores_that_they_have(cluster: None) -> None:
    import ray

    class Threads:  # Ray sends what is not importable to the workers as it is
        def __call__(self, batch: dict[str, np.ndarray]) -> Any:
            import torch

            return {"threads": np.array([torch.get_num_threads()])}

    pool = ray.data.ActorPoolStrategy(size=1)
    [row] = ray.data.from_items([0]).map_batches(Threads, compute=pool, num_cpus=1).take_all()
    assert row["threads"] == 1
