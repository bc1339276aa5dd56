"""Shapes, contents, datasets and weights, each broken in one way: exactly the check that is for it names the fault."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checking import find_faults
from numpy.typing import NDArray
from torch import Tensor

from hcl_sdk import (
    Content,
    ConvNeXtEncoder,
    Dataset,
    Detector,
    GatedUNet,
    Pipeline,
    Pyramid,
    Sample,
    Shape,
    SoftKMeans,
    component,
)
from hcl_sdk.registry import Registry
from hcl_sdk.testing import check_content, check_dataset, check_shape, check_weights


@component
class Corner(Shape):
    share: float = 0.5

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[Any]:
        mask = np.zeros(size, np.bool_)
        mask[: round(size[0] * self.share * rng.random()), :] = True
        return mask


@component
class Bytes(Corner):
    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[Any]:
        return super().draw(size, rng).astype(np.uint8)


@component
class FollowsTheGlobalSeed(Corner):
    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[Any]:
        return np.roll(super().draw(size, rng), int(np.random.get_state()[1][0]) % 5, axis=0)  # pyright: ignore[reportArgumentType]


@component
class KeepsItsMask(Corner):
    def __attrs_post_init__(self) -> None:
        self._masks = {}

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[Any]:
        if size not in self._masks:
            self._masks[size] = super().draw(size, rng)
        return self._masks[size]


@component
class DrawsGlobally(Corner):
    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> NDArray[Any]:
        random.random()
        return super().draw(size, rng)


@component
class HoldsAFunction(Corner):
    def __attrs_post_init__(self) -> None:
        self._scale = lambda value: value


@component
class Tinted(Content):
    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[Any]:
        return (image // 2 + rng.integers(100, size=3)).astype(np.uint8)


@component
class FloatingPoint(Tinted):
    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[Any]:
        return super().paint(image, corruption_mask, rng, another) / np.float32(255)


@component
class PaintsOnThePhoto(Tinted):
    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[Any]:
        image[corruption_mask] = 0
        return super().paint(image, corruption_mask, rng, another)


@component
class ContentOfTheGlobalSeed(Tinted):
    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[Any]:
        return super().paint(image, corruption_mask, rng, another) + np.uint8(np.random.get_state()[1][0] % 5)  # pyright: ignore[reportArgumentType]


@component
class KeepsItsTint(Tinted):
    def __attrs_post_init__(self) -> None:
        self._tint = None

    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[Any]:
        if self._tint is None:
            self._tint = rng.integers(100, size=3)
        return (image // 2 + self._tint).astype(np.uint8)


@component
class ContentDrawnGlobally(Tinted):
    def paint(
        self,
        image: NDArray[np.uint8],
        corruption_mask: NDArray[np.bool_],
        rng: np.random.Generator,
        another: Callable[[], NDArray[np.uint8]],
    ) -> NDArray[Any]:
        np.random.random()
        return super().paint(image, corruption_mask, rng, another)


@component
class ContentWithAFunction(Tinted):
    def __attrs_post_init__(self) -> None:
        self._scale = lambda value: value


@component
class Gray(Dataset):
    count: int = 3

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < self.count:
            raise IndexError(index)
        return Sample(image=np.full((4, 6, 3), 10 * index, np.uint8))

    def name(self, index: int) -> str:
        return f"gray-{index}"


@component
class Endless(Gray):
    def __getitem__(self, index: int) -> Sample:
        return super().__getitem__(index % self.count)


@component
class SaysOneTooMany(Gray):
    def __len__(self) -> int:
        return self.count + 1


@component
class Nameless(Gray):
    def name(self, index: int) -> str:
        return "gray"


@component
class Caching(Gray):
    def __attrs_post_init__(self) -> None:
        self._cache = {}

    def __getitem__(self, index: int) -> Sample:
        if index not in self._cache:
            self._cache[index] = super().__getitem__(index)
        return self._cache[index]


@component
class CropsAtRandom(Gray):
    def __getitem__(self, index: int) -> Sample:
        np.random.random()
        return super().__getitem__(index)


@component
class HoldsALock(Gray):
    def __attrs_post_init__(self) -> None:
        self._lock = threading.Lock()


@pytest.mark.parametrize(
    ("kit", "sound"), [(check_shape, Corner), (check_content, Tinted), (check_dataset, Gray)], ids=lambda x: x.__name__
)
def test_sound_ones_pass(kit: Any, sound: type[Any]) -> None:
    report = kit(sound)
    assert report.count("skipped") == 1  # no installed package registers it
    assert report.count("passed") == len(report.outcomes) - 1


def test_a_former_name_of_a_check_may_still_be_expected_to_fail() -> None:
    report = check_content(FloatingPoint, expected_failures={"paints_pictures_of_any_size": "it counts from 0 to 1"})
    (outcome,) = [outcome for outcome in report.outcomes if outcome.status == "expected failure"]
    assert outcome.check == "paints_content_of_any_size"


@pytest.mark.parametrize(
    ("kit", "broken", "check", "reason"),
    [
        (check_shape, Bytes, "draws_masks_of_any_size", "draw returns uint8; expected bool"),
        (check_shape, FollowsTheGlobalSeed, "generator_decides", "draw from rng alone"),
        (check_shape, KeepsItsMask, "generator_decides", "the result depends on earlier calls"),
        (check_shape, DrawsGlobally, "random_state_is_left_alone", "global random state of random"),
        (check_shape, HoldsAFunction, "survives_pickling", "cannot be pickled"),
        (check_content, FloatingPoint, "paints_content_of_any_size", "paint returns float32; expected uint8"),
        (check_content, PaintsOnThePhoto, "photo_is_left_alone", "image is modified"),
        (check_content, ContentOfTheGlobalSeed, "generator_decides", "draw from rng alone"),
        (check_content, KeepsItsTint, "generator_decides", "the result depends on earlier calls"),
        (check_content, ContentDrawnGlobally, "random_state_is_left_alone", "global random state of numpy"),
        (check_content, ContentWithAFunction, "survives_pickling", "cannot be pickled"),
        (check_dataset, Endless, "samples_are_there", "length is 3, and dataset[3] raises no IndexError"),
        (check_dataset, Nameless, "names_tell_samples_apart", "several samples are called gray"),
        (check_dataset, Caching, "samples_repeat", "the image of sample 0 is another at the second call"),
        (check_dataset, CropsAtRandom, "random_state_is_left_alone", "global random state of numpy"),
        (check_dataset, HoldsALock, "survives_pickling", "cannot be pickled"),
    ],
)
def test_exactly_the_check_for_a_fault_names_it(kit: Any, broken: type[Any], check: str, reason: str) -> None:
    found = find_faults(kit, broken)
    assert list(found) == [check]
    assert reason in found[check]


def test_a_length_that_is_too_large_is_named() -> None:
    found = find_faults(check_dataset, SaysOneTooMany)
    assert found["samples_are_there"] == "its length is 4, and dataset[3] raises IndexError: 3"


def test_a_data_set_without_samples_is_named() -> None:
    assert "it has no samples" in find_faults(check_dataset, lambda: Gray(count=0))["samples_are_there"]


@pytest.fixture
def weights(tmp_path: Path) -> Any:
    encoder = ConvNeXtEncoder(channels=(4, 6), depths=(1, 1), kernel_size=3)
    pipeline = Pipeline(Detector(encoder=encoder), GatedUNet(dim=4, multipliers=(1,)), device="cpu")
    pipeline.save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


def test_weights_pass(weights: Any) -> None:
    assert check_weights(weights).count("passed") == 3


def test_an_incomplete_folder_is_named(weights: Any) -> None:
    (weights / "model.safetensors").unlink()
    assert list(find_faults(check_weights, weights)) == ["folder_is_complete"]


def test_weights_that_do_not_fit_their_configuration_are_named(weights: Any) -> None:
    config = json.loads((weights / "config.json").read_text())
    config["restorer"]["dim"] = 5
    (weights / "config.json").write_text(json.dumps(config))
    found = find_faults(check_weights, weights)
    assert "does not fit its configuration" in found["photos_are_processed"]


@component
class LooksAtTheBatch(ConvNeXtEncoder):
    def forward(self, image: Tensor) -> Pyramid:
        return super().forward(image - image.mean(dim=0))


def test_weights_whose_masks_depend_on_the_batch_are_named(tmp_path: Path, hcl_registry: Registry) -> None:
    hcl_registry.encoder("looks", LooksAtTheBatch)
    encoder = LooksAtTheBatch(channels=(4, 6), depths=(1, 1), kernel_size=3)
    detector = Detector(encoder=encoder, clusterer=SoftKMeans(one_class=False))
    Pipeline(detector, device="cpu").save_pretrained(tmp_path / "weights")
    assert list(find_faults(check_weights, tmp_path / "weights")) == ["batch_equals_single_images"]
