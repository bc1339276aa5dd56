"""Folders of photos that were really damaged."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk import SampleError
from hcl_sdk.data import AnnotatedDataset, Items


def save(path: Path, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return array


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Two sets, in which files have several suffixes and some have no clean photo."""
    rng = np.random.default_rng(0)
    root = tmp_path / "real"
    for name, size in (("film", (20, 30)), ("stamps", (16, 12))):
        for i in range(3):
            save(root / name / "input" / f"{i}.bmp", rng.integers(256, size=(*size, 3), dtype=np.uint8))
            mask = np.zeros(size, np.uint8)
            mask[i : i + 5, 2:6] = 255
            save(root / name / "mask" / f"{i}.png", mask)
            if i != 1:
                save(root / name / "clean" / f"{i}.png", rng.integers(256, size=(*size, 3), dtype=np.uint8))
    ignore = np.zeros((20, 30), np.uint8)
    ignore[10:] = 255
    save(root / "film" / "ignore" / "2.png", ignore)
    (root / "notes").mkdir()
    return root


def test_a_set_is_its_inputs_and_its_clean_members(real: Path) -> None:
    dataset = AnnotatedDataset(path=str(real / "film"))
    assert [dataset.name(i) for i in range(len(dataset))] == ["0", "1", "2", "clean/0", "clean/2"]
    samples = [dataset[i] for i in range(5)]
    for i, sample in enumerate(samples[:3]):
        assert np.array_equal(sample.image, np.array(Image.open(real / "film" / "input" / f"{i}.bmp")))
        assert sample.corruption_mask is not None
        assert np.array_equal(sample.corruption_mask, np.array(Image.open(real / "film" / "mask" / f"{i}.png")) > 0)
        assert (sample.clean is None) == (i == 1)
    assert [sample.ignored is None for sample in samples] == [True, True, False, True, True]
    assert samples[2].ignored.sum() == 300
    clean = np.array(Image.open(real / "film" / "clean" / "2.png"))
    for image in (samples[2].clean, samples[4].image, samples[4].clean):
        assert image is not None
        assert np.array_equal(image, clean)
    assert not samples[4].corruption_mask.any()
    assert samples[2].source == samples[4].source != samples[3].source


def test_several_sets_are_told_apart(real: Path) -> None:
    dataset = AnnotatedDataset(path=str(real))
    assert len(dataset) == 10
    assert dataset.name(0) == "film/0"
    assert dataset.name(9) == "stamps/clean/2"
    assert {dataset[i].content for i in range(5)} == {"film"}
    assert dataset[9].content == "stamps"
    assert dataset[0].source != dataset[5].source
    assert len(AnnotatedDataset(path=str(real), clean_members=False)) == 6


def test_whole_photos_as_items(real: Path) -> None:
    items = Items(AnnotatedDataset(path=str(real)), None, corruption=None, seed=0)
    assert items[2].image.shape == (20, 30, 3)
    assert items[2].ignored.shape == (20, 30)
    assert items[9].image.shape == (16, 12, 3)
    square = Items(AnnotatedDataset(path=str(real)), 10, corruption=None, seed=0)[2]
    assert square.ignored.shape == square.corruption_mask.shape == (10, 10)
    assert square.ignored[6:].all()
    assert not square.ignored[:4].any()


def test_photos_saved_once_more(real: Path) -> None:
    plain, saved = (AnnotatedDataset(path=str(real), jpeg=jpeg)[0] for jpeg in (None, 80))
    file = io.BytesIO()
    Image.fromarray(plain.image).save(file, format="JPEG", quality=80)
    assert np.array_equal(saved.image, np.array(Image.open(file)))
    assert saved.clean is not None
    assert plain.clean is not None
    assert np.array_equal(saved.clean, plain.clean)
    with pytest.raises(ValueError, match="jpeg"):
        AnnotatedDataset(path=str(real), jpeg=0)


def test_mismatched_inputs_are_refused(real: Path) -> None:
    film = real / "film"
    shutil.copy(film / "ignore" / "2.png", film / "ignore" / "7.png")
    with pytest.raises(ValueError, match=r"ignore without input in .*film.*: 7"):
        AnnotatedDataset(path=str(film))
    (film / "ignore" / "7.png").unlink()
    (film / "mask" / "1.png").unlink()
    with pytest.raises(ValueError, match=r"input without mask: 1\.bmp"):
        AnnotatedDataset(path=str(real))
    shutil.rmtree(film / "mask")
    with pytest.raises(ValueError, match="expected a folder with masks"):
        AnnotatedDataset(path=str(film))
    with pytest.raises(ValueError, match="expected the folders input and mask"):
        AnnotatedDataset(path=str(real / "notes"))
    for path in (real / "stamps" / "mask").iterdir():
        save(path, 255 - np.array(Image.open(path)))
    with pytest.raises(ValueError, match="seem to be meant with corrupted='black'"):
        AnnotatedDataset(path=str(real / "stamps"))


def test_a_mask_of_another_size_is_an_error_of_its_sample(real: Path) -> None:
    save(real / "film" / "mask" / "1.png", np.zeros((5, 5), np.uint8))
    dataset = AnnotatedDataset(path=str(real / "film"))
    with pytest.raises(SampleError, match="mask must be bool"):
        dataset[1]
    assert dataset[0].corruption_mask.any()
