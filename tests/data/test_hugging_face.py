"""Data sets of the library datasets."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from photo_files import draw_gray, encode_mask, encode_photo, read_grays

from hcl_sdk import SampleError
from hcl_sdk.config import build, describe
from hcl_sdk.data import (
    HuggingFaceDataset,
)


@pytest.fixture
def datasets() -> Any:
    return pytest.importorskip("datasets")


@pytest.fixture
def rows(datasets: Any) -> Any:
    table = {
        "image": [{"bytes": encode_photo((i, i, i)), "path": None} for i in range(3)]
        + [{"bytes": b"bad", "path": None}],
        "truth": [{"bytes": encode_photo((200, 200, 200)), "path": None}] * 4,
        "hole": [{"bytes": encode_mask(), "path": None}] * 4,
        "label": [1, 2, 3, 4],
    }
    column = datasets.Image()
    features = {"image": column, "truth": column, "hole": column, "label": datasets.Value("int32")}
    return datasets.Dataset.from_dict(table, features=datasets.Features(features))


def test_a_hugging_face_data_set_in_memory(datasets: Any, rows: Any) -> None:
    dataset = HuggingFaceDataset.wrap(rows, clean="truth", mask="hole")
    assert len(dataset) == 4
    assert (dataset[2].image[0, 0, 0], dataset[2].clean[0, 0, 0]) == (2, 200)
    assert dataset[0].corruption_mask.mean() == 0.25
    with pytest.raises(SampleError, match=r"train\[3\]"):
        dataset[3]
    with pytest.raises(ValueError, match="no column photo; the dataset has image, truth, hole, label"):
        HuggingFaceDataset.wrap(rows, image="photo")
    with pytest.raises(ValueError, match="is empty"):
        HuggingFaceDataset.wrap(rows.select([]))
    with pytest.raises(TypeError, match=r"cannot express a datasets\.Dataset in memory; save_to_disk it"):
        describe(dataset)
    with pytest.raises(TypeError, match="one split of it; got a DatasetDict"):
        HuggingFaceDataset.wrap(datasets.DatasetDict(train=rows))
    with pytest.raises(ValueError, match=r"contents or paths in the column 'label'; got Value\('int32'\)"):
        HuggingFaceDataset.wrap(rows, mask="label")
    with pytest.raises(ValueError, match=r"masks in '\(in memory\), column hole' cover 75 % .* corrupted='white'"):
        HuggingFaceDataset.wrap(rows, mask="hole", corrupted="black")
    rows = rows.map(lambda _: {"hole": {"bytes": encode_mask(white=False), "path": None}})
    assert HuggingFaceDataset.wrap(rows, mask="hole", corrupted="black")[0].corruption_mask.mean() == 0.25
    assert pickle.loads(pickle.dumps(dataset))[2].image[0, 0, 0] == 2


def test_a_hugging_face_data_set_on_the_disk(datasets: Any, rows: Any, tmp_path: Path) -> None:
    rows.save_to_disk(str(tmp_path / "saved"))
    dataset = HuggingFaceDataset(path=str(tmp_path / "saved"))
    assert len(dataset) == 4
    assert dataset[1].image[0, 0, 0] == 1
    again: Any = build(describe(dataset), "dataset")
    assert again[1].image[0, 0, 0] == 1
    with pytest.raises(ValueError, match="cannot be loaded"):
        HuggingFaceDataset(path=str(tmp_path / "nowhere"))
    datasets.DatasetDict(test=rows, other=rows.select([2])).save_to_disk(str(tmp_path / "splits"))
    assert HuggingFaceDataset(path=str(tmp_path / "splits"), split="other")[0].image[0, 0, 0] == 2
    with pytest.raises(ValueError, match="split 'train', cannot be loaded: there are the splits test, other"):
        HuggingFaceDataset(path=str(tmp_path / "splits"))


def test_a_folder_of_photos_or_parquet_files_is_a_hugging_face_data_set(
    datasets: Any, rows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    for number in (1, 2):
        draw_gray(tmp_path / "photos" / "train" / f"{number}.png", number)
    dataset = pickle.loads(pickle.dumps(HuggingFaceDataset(path=str(tmp_path / "photos"))))
    assert read_grays(dataset) == [1, 2]
    (tmp_path / "parquet").mkdir()
    rows.to_parquet(str(tmp_path / "parquet" / "test-00000.parquet"))
    dataset = HuggingFaceDataset(path=str(tmp_path / "parquet"), split="test[:2]", clean="truth", mask="hole")
    assert read_grays(dataset) == [0, 1]
    assert dataset[1].corruption_mask.mean() == 0.25
    assert len(pickle.dumps(dataset)) < 20_000
    with pytest.raises(ValueError, match="split 'train', cannot be loaded"):
        HuggingFaceDataset(path=str(tmp_path / "parquet"))


def test_the_library_datasets_is_asked_for_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r"pip install hcl_sdk\[datasets\]"):
        HuggingFaceDataset(path="somebody/photos")
