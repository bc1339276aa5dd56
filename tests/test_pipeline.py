from __future__ import annotations

import dataclasses
import gc
import io
import itertools
import json
import math
import pickle
import re
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import attrs
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import binary_dilation
from skimage.measure import label
from torch import Tensor
from torch.nn import functional as F

import hcl_sdk
from hcl_sdk import (
    ConvNeXtEncoder,
    DetailFusion,
    Detection,
    Detector,
    GatedUNet,
    Identity,
    PartialSwinRestorer,
    Pipeline,
    ProjectionHead,
    Prototypes,
    Pyramid,
    PyramidSpec,
    Result,
    SoftKMeans,
    Verdict,
)
from hcl_sdk.config import ConfigError, dump_yaml, load_yaml
from hcl_sdk.functional.compositing import feather_mask

# --- Parts whose results are known: red is what does not belong into a blue photo -------------------------------------


@hcl_sdk.component
class Colors(hcl_sdk.Encoder):
    """The image itself, averaged, at strides 1 and 2."""

    def build(self) -> None:
        pass

    @property
    def spec(self) -> PyramidSpec:
        return PyramidSpec(channels=(3, 3), strides=(1, 2))

    def forward(self, image: Tensor) -> Pyramid:
        return Pyramid(maps=(image, F.avg_pool2d(image, 2, ceil_mode=True)), spec=self.spec)


@hcl_sdk.component
class Directions(hcl_sdk.Head):
    """Colors as directions from grey."""

    dim: int = 3

    def build(self, spec: PyramidSpec) -> None:
        pass

    def forward(self, pyramid: Pyramid) -> tuple[Tensor, ...]:
        return tuple(F.normalize(m * 2 - 1, dim=1) for m in pyramid.maps)


@hcl_sdk.component
class Flat(hcl_sdk.Restorer):
    """Fills with one value, and keeps what it was given."""

    value: float = 0.5

    def build(self, spec: PyramidSpec | None) -> None:
        self.calls: list[tuple[Tensor, Detection]] = []

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        self.calls.append((image, detection))
        return torch.full_like(image, self.value)


@hcl_sdk.component
class FlatFromFeatures(Flat):
    """The same, of the kind that uses the detector's features."""

    uses_features: ClassVar[bool] = True


def red_finder() -> Detector:
    return Detector(
        encoder=Colors(),
        interaction=Identity(),
        head=Directions(),
        clusterer=SoftKMeans(classifier=False, one_class=False),
    )


def known(restorer: hcl_sdk.Restorer | None = None, **settings: Any) -> Pipeline:
    return Pipeline(red_finder(), Flat() if restorer is None else restorer, device="cpu", **settings)


def stained(
    height: int = 24, width: int = 32, box: tuple[int, int, int, int] = (6, 8, 14, 20)
) -> tuple[np.ndarray, np.ndarray]:
    """A blue photo with a red box (top, left, bottom, right), and the mask of the box."""
    mask = np.zeros((height, width), bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    photo = np.where(mask[..., None], np.array([250, 5, 10]), np.array([10, 5, 250])).astype(np.uint8)
    return photo, mask


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


# --- Finding and filling -------------------------------------------------------------------------------------------


def test_what_does_not_belong_is_found_and_filled_and_nothing_else_touched() -> None:
    photo, mask = stained()
    before = photo.copy()
    result = known()(photo)
    assert np.array_equal(photo, before)
    assert np.array_equal(result.corruption_mask[0, 0].numpy(), mask)
    assert ((result.confidence[0, 0].numpy() > 0.99) == mask).all()
    assert np.array_equal(result.restored[~mask], photo[~mask])
    assert (result.restored[mask] == 128).all()
    assert np.array_equal(result.alpha[0, 0].numpy(), mask)  # type: ignore[index]
    assert result.composited is not None
    assert result.detection is not None


@pytest.mark.parametrize("kind", ["path", "text", "image", "array", "tensor", "batched tensor", "uint8 tensor"])
def test_a_photo_comes_back_as_what_it_came_as(kind: str, tmp_path: Path) -> None:
    photo, mask = stained()
    Image.fromarray(photo).save(tmp_path / "photo.png")
    tensor = torch.from_numpy(photo).permute(2, 0, 1)
    source: Any = {
        "path": tmp_path / "photo.png",
        "text": str(tmp_path / "photo.png"),
        "image": Image.fromarray(photo),
        "array": photo,
        "tensor": tensor / 255,
        "batched tensor": tensor[None] / 255,
        "uint8 tensor": tensor,
    }[kind]
    restored = known()(source).restored
    if isinstance(source, Tensor):
        assert restored.shape == source.shape
        assert restored.dtype == source.dtype
        outside = torch.from_numpy(~mask).expand_as(source)
        assert torch.equal(restored[outside], source[outside])
        filled = restored[~outside].float() / (255 if source.dtype == torch.uint8 else 1)
        assert (filled - 0.5).abs().max() < 0.01
    else:
        assert isinstance(restored, np.ndarray if kind == "array" else Image.Image)
        assert np.array_equal(np.asarray(restored)[~mask], photo[~mask])
        assert (np.asarray(restored)[mask] == 128).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "CMYK", "P", "1", "I;16"])
def test_pixels_outside_stay_bit_identical_in_every_mode(mode: str) -> None:
    photo, mask = stained()
    if mode == "I;16":
        source = Image.fromarray(noise(24, 32, 1)[..., 0].astype(np.uint16) * 257)
    else:
        source = Image.fromarray(np.concatenate([photo, noise(24, 32, 1)], axis=2)).convert(mode)
    expected = {"P": "RGBA" if source.has_transparency_data else "RGB", "1": "L"}.get(mode, mode)
    restored = known().restore(source, corruption_mask=mask).restored
    assert restored.mode == expected
    assert restored.size == source.size
    old, new = np.asarray(source.convert(expected) if mode in ("P", "1") else source), np.asarray(restored)
    assert np.array_equal(old[~mask], new[~mask])
    assert not np.array_equal(old[mask], new[mask])


def test_lists_of_mixed_sizes_give_what_each_photo_gives_alone(tiny_pipeline: Pipeline) -> None:
    photos = [noise(24, 31, seed=1), noise(9, 50, seed=2), noise(24, 31, seed=3), noise(1, 1), noise(24, 31, seed=4)]
    results = tiny_pipeline(photos, seed=5, batch_size=2)
    found = tiny_pipeline.detect(tuple(photos), seed=5)
    assert len(results) == len(found) == 5
    for photo, result, detection in zip(photos, results, found, strict=True):
        alone = tiny_pipeline(photo, seed=5)
        assert torch.allclose(result.confidence, alone.confidence, atol=1e-5)
        assert torch.equal(result.corruption_mask, alone.corruption_mask)
        assert torch.equal(detection.corruption_mask, alone.corruption_mask)
        assert np.abs(result.restored.astype(int) - alone.restored.astype(int)).max() <= 1
        assert result.restored.shape == photo.shape
    assert tiny_pipeline([]) == []
    assert isinstance(tiny_pipeline([photos[0]]), list)
    assert isinstance(tiny_pipeline(photos[0]), Result)


def test_a_list_shows_its_progress_when_asked_and_tells_the_logger(
    tiny_pipeline: Pipeline, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = [noise(9, 12, seed=1), noise(8, 50, seed=2), noise(9, 12, seed=3)]
    with caplog.at_level("INFO", logger="hcl_sdk"):
        quiet = tiny_pipeline.detect(photos)
        assert capsys.readouterr().err == ""
        told = tiny_pipeline.detect(photos, progress=True)
    assert "/3 [" in capsys.readouterr().err
    assert all(torch.equal(a.corruption_mask, b.corruption_mask) for a, b in zip(quiet, told, strict=True))
    said = [record.getMessage() for record in caplog.records if record.name == "hcl_sdk.pipeline"]
    assert said[:3] == [f"photo {i + 1} of 3: {quiet[i]!r}" for i in (0, 2, 1)]


# --- What is held in memory ----------------------------------------------------------------------------------------


def bytes_of(value: Any) -> int:
    """With all of the memory that its tensors are views of."""
    return len(pickle.dumps(value))


@pytest.mark.parametrize("kind", [Flat, FlatFromFeatures])
def test_results_of_a_list_hold_what_those_of_single_photos_hold(kind: type[Flat]) -> None:
    photo, _ = stained(96, 128)
    pipeline = known(kind(), dilate=1)
    results = pipeline([photo] * 4, batch_size=4)
    for result in results:
        assert result.detection is not None
        assert result.detection.pyramid is None
        assert result.detection.embeddings == ()
        assert len(result.detection.scales) == len(result.detection.masks) == 2
    alone = bytes_of(pipeline(photo))
    assert bytes_of(results) < 4.2 * alone
    # As its docstring says: photos, confidence, mask and alpha; detection at strides 1 and 2; what was filled.
    assert alone < (3 + 3 + 5 + 4 + 25 + 12) * 96 * 128


@pytest.mark.parametrize("kind", [Flat, FlatFromFeatures])
def test_nothing_of_a_batch_is_left_when_the_next_one_begins(kind: type[Flat]) -> None:
    features: list[weakref.ref[Tensor]] = []
    pipeline = known(kind())
    assert pipeline.detector is not None
    assert pipeline.restorer is not None

    def remember(*args: Any) -> None:
        features.extend(weakref.ref(m) for m in args[-1].maps)

    def look(*_: Any) -> None:
        assert isinstance(pipeline.restorer, Flat)
        pipeline.restorer.calls.clear()
        gc.collect()
        assert not any(feature() is not None for feature in features)

    pipeline.detector.encoder.register_forward_hook(remember)
    pipeline.detector.encoder.register_forward_pre_hook(look)
    results = pipeline([stained()[0]] * 3, batch_size=1)
    assert len(features) == 6
    look()
    assert len(results) == 3


def test_a_small_region_of_a_large_photo_takes_little() -> None:
    mask = np.zeros((600, 500), bool)
    mask[100:104, 400:404] = True
    photo = noise(600, 500)
    result = Pipeline(restorer=Flat(), device="cpu").restore(photo, corruption_mask=mask)
    assert bytes_of(result) < (3 + 3 + 5 + 4) * 600 * 500 + 12 * 132**2 + 5000
    assert result.raw is not None
    assert result.raw.shape == (1, 3, 600, 500)
    assert np.array_equal(result.raw[0, :, mask].unique(), [0.5])
    far = (result.raw[0].permute(1, 2, 0).numpy() * 255)[:, :200]
    assert np.array_equal(far.round(), photo[:, :200])


@pytest.mark.parametrize("settings", [{}, {"seamless": True}, {"texture": 0.7, "dilate": 3, "feather": 5}])
def test_regions_that_are_far_apart_are_filled_at_their_own_resolution(settings: dict[str, Any]) -> None:
    photo, mask = noise(600, 900), np.zeros((600, 900), bool)
    mask[30:40, 20:50] = mask[560:572, 850:880] = True
    restorer = Flat()
    pipeline = Pipeline(restorer=restorer, restoration_size=200, device="cpu", **settings)
    both = pipeline.restore(photo, corruption_mask=mask)
    assert all(min(image.shape[-2:]) < 200 for image, _ in restorer.calls)  # not shrunk
    assert len(restorer.calls) == 2
    for rows in (slice(0, 300), slice(300, 600)):
        alone = np.zeros_like(mask)
        alone[rows] = mask[rows]
        one = pipeline.restore(photo, corruption_mask=alone)
        assert np.array_equal(both.restored[rows], one.restored[rows])
        assert both.raw is not None
        assert one.raw is not None
        assert torch.equal(both.raw[..., rows, :], one.raw[..., rows, :])


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 5000), (257, 383)])
def test_photos_of_odd_sizes(tiny_pipeline: Pipeline, size: tuple[int, int]) -> None:
    photo = noise(*size)
    result = tiny_pipeline(photo)
    assert result.confidence.shape == result.corruption_mask.shape == (1, 1, *size)
    outside = ~result.corruption_mask[0, 0].numpy()
    assert result.restored.shape == photo.shape
    assert np.array_equal(result.restored[outside], photo[outside])


def test_a_large_photo_is_worked_on_small(make_detector: Callable[..., Detector]) -> None:
    sizes: list[tuple[int, ...]] = []
    detector, restorer = make_detector(clusterer=SoftKMeans(one_class=False)), Flat()
    detector.encoder.register_forward_pre_hook(lambda _, args: sizes.append(tuple(args[0].shape)))
    photo = np.zeros((1500, 2000, 3), np.uint8)
    photo[700:800, 900:1000] = 255
    result = Pipeline(detector, restorer, detection_size=48, restoration_size=32, device="cpu")(photo)
    assert sizes == [(1, 3, 48, 64)]
    assert min(restorer.calls[0][0].shape[-2:]) == 32
    assert result.restored.shape == photo.shape
    assert result.confidence.shape == (1, 1, 1500, 2000)


@pytest.mark.parametrize("size", [(40, 61), (20, 33)])
def test_a_photo_is_looked_at_a_second_time_in_context(
    make_detector: Callable[..., Detector], size: tuple[int, int]
) -> None:
    detector = make_detector()
    pipeline = Pipeline(detector, detection_size=40, context_size=20)
    photo = noise(*size)
    confidence = pipeline.detect(photo).confidence
    large = pipeline.replace(context_size=None).detect(photo).confidence
    if min(size) == 20:
        assert torch.equal(confidence, large)
        return
    small = pipeline.replace(detection_size=20).detect(photo).detection
    assert small is not None
    other = F.interpolate(small.confidence, size, mode="bilinear")
    expected = ((torch.logit(large, 1e-4) + torch.logit(other, 1e-4)) / 2).sigmoid()
    assert torch.allclose(confidence, expected, atol=1e-5)
    assert not torch.allclose(confidence, large, atol=1e-3)


def test_photos_of_a_list_are_looked_at_in_context_as_each_alone(make_detector: Callable[..., Detector]) -> None:
    pipeline = Pipeline(make_detector(verdict=Verdict(dim=4)), detection_size=32, context_size=16)
    photos = [noise(40, 50, seed=1), noise(80, 100, seed=2), noise(33, 37, seed=3)]
    together = pipeline.detect(photos)
    for photo, result in zip(photos, together, strict=True):
        assert torch.allclose(result.confidence, pipeline.detect(photo).confidence, atol=1e-5)


def thin_red_finder() -> Detector:
    """Knows red and blue by heart, and what a few red pixels in blue ones become when a photo is shrunk: blue."""
    detector = attrs.evolve(red_finder(), clusterer=Prototypes(), detail_fusion=DetailFusion(dim=4), verdict=None)
    with torch.no_grad():
        assert isinstance(detector.clusterer, Prototypes)
        detector.clusterer.prototypes.copy_(torch.tensor([[-1.0, -1.0, 1.0], [1.0, -1.0, -1.0]]))
    return detector.eval()


def test_a_line_that_shrinking_loses_is_found_among_the_photos_own_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hcl_sdk.detector._TILE", 64)
    monkeypatch.setattr("hcl_sdk.detector._OVERLAP", 16)
    photo, mask = stained(320, 240, box=(150, 0, 152, 240))
    pipeline = Pipeline(thin_red_finder(), detection_size=20, device="cpu")
    assert not pipeline.detect(photo).corruption_mask.any()
    assert pipeline.detector is not None
    fusion = pipeline.detector.detail_fusion
    assert fusion is not None
    with torch.no_grad():  # it believes the tiles, and that there is damage
        fusion.shares.copy_(torch.tensor([0.1, 0.9]))
        fusion.get_parameter("judge.4.bias").fill_(20)
    result = pipeline.replace(detail_size=240).detect(photo)
    found = result.corruption_mask[0, 0].numpy()
    assert found[mask].all()
    assert not found[np.logical_not(binary_dilation(mask, iterations=2))].any()
    assert result.detection is not None
    assert result.verdict == pytest.approx(float(result.detection.verdict_logits.sigmoid()))  # type: ignore[union-attr]
    assert torch.allclose(pipeline.replace(detail_size=240).detect([photo, photo])[1].confidence, result.confidence)


def test_a_photo_as_large_as_the_detection_or_smaller_is_looked_at_once(make_detector: Callable[..., Detector]) -> None:
    detector = make_detector(verdict=Verdict(dim=4))
    fusing = attrs.evolve(detector, detail_fusion=DetailFusion(dim=4))
    for size in ((30, 40), (48, 48), (60, 48)):
        plain = Pipeline(detector, detection_size=48).detect(noise(*size))
        large = Pipeline(fusing, detection_size=48, detail_size=100).detect(noise(*size))
        assert torch.equal(plain.confidence, large.confidence)
        assert plain.verdict == large.verdict


def test_without_a_fusion_a_photos_own_pixels_cannot_be_asked_for(make_detector: Callable[..., Detector]) -> None:
    pipeline = Pipeline(make_detector(), GatedUNet(dim=4, multipliers=(1,)), detail_size=300)
    with pytest.raises(ValueError, match=r"detail_size=300 .* no detail_fusion; set detail_size to None"):
        pipeline.detect(noise(40, 50))
    mask = np.ones((40, 50), bool)
    assert pipeline.restore(noise(40, 50), corruption_mask=mask).restored.shape == (40, 50, 3)


def test_the_verdict_on_the_photo_weighs_every_pixel(make_detector: Callable[..., Detector]) -> None:
    detector = make_detector()
    plain = Pipeline(detector).detect(noise(40, 50))
    judged = Pipeline(attrs.evolve(detector, verdict=Verdict(dim=4))).detect(noise(40, 50))
    assert plain.verdict is None
    assert judged.verdict is not None
    assert 0 < judged.verdict < 1
    assert torch.allclose(judged.confidence, plain.confidence * judged.verdict, atol=1e-6)


def test_a_restorer_that_uses_features_gets_the_mask_that_the_verdict_left(
    make_detector: Callable[..., Detector],
) -> None:
    """Not that of the pixels alone, which the detector handed over."""
    detector = attrs.evolve(red_finder(), verdict=Verdict(dim=4))
    photo, mask = stained()
    restorer = FlatFromFeatures()
    result = Pipeline(detector, restorer, threshold=0.1, device="cpu")(photo)
    assert result.verdict is not None
    assert 0.2 < result.verdict < 0.8
    assert np.array_equal(result.corruption_mask[0, 0].numpy(), mask)
    [(_, detection)] = restorer.calls
    assert np.array_equal(detection.corruption_mask[0, 0].numpy(), mask)


def test_only_the_surroundings_of_the_mask_are_restored() -> None:
    restorer, photo = Flat(), noise(600, 500)
    mask = np.zeros((600, 500), bool)
    mask[100:120, 400:410] = True
    result = Pipeline(restorer=restorer, device="cpu").restore(photo, corruption_mask=mask)
    [(image, detection)] = restorer.calls
    assert torch.equal(image[0], torch.from_numpy(photo[36:184, 336:474]).permute(2, 0, 1) / 255)
    assert torch.equal(detection.corruption_mask[0, 0], torch.from_numpy(mask[36:184, 336:474]))
    assert (result.restored[mask] == 128).all()
    assert np.array_equal(result.restored[~mask], photo[~mask])


def test_no_pixel_of_the_mask_gets_lost_where_restoration_is_done_small() -> None:
    restorer, mask = Flat(), np.zeros((192, 192), bool)
    mask[5, 5] = mask[180, 100] = True
    Pipeline(restorer=restorer, restoration_size=16, device="cpu").restore(noise(192, 192), corruption_mask=mask)
    assert [min(image.shape[-2:]) for image, _ in restorer.calls] == [16, 16]  # each by itself
    assert sum(int(detection.corruption_mask.sum()) for _, detection in restorer.calls) == 2


def test_a_mask_over_the_whole_photo_fills_it_all() -> None:
    photo = noise(9, 11)
    result = known().restore(photo, corruption_mask=np.ones((9, 11), bool))
    assert (result.restored == 128).all()


def test_a_clean_photo_stays_as_it_is_and_the_restorer_rests(
    make_detector: Callable[..., Detector], set_classifier: Callable[[Detector, float], None]
) -> None:
    detector, restorer, photo = make_detector(), Flat(), noise(24, 31)
    set_classifier(detector, -3.0)
    result = Pipeline(detector, restorer, dilate=5, feather=5, device="cpu")(photo)
    assert np.array_equal(result.restored, photo)
    assert not result.corruption_mask.any()
    assert result.raw is None
    assert restorer.calls == []
    assert result.regions == []


# --- Settings ------------------------------------------------------------------------------------------------------


def test_dilation_and_feather_say_how_far_the_fill_reaches() -> None:
    photo, mask = stained(40, 40, (18, 18, 22, 22))
    rows, columns = np.nonzero(mask)
    distance = np.sqrt(
        ((np.indices(mask.shape)[..., None] - np.stack([rows, columns])[:, None, None]) ** 2).sum(axis=0)
    ).min(axis=-1)
    for dilate, feather in ((0, 0), (3, 0), (2.5, 4), (0, 6)):
        for result in (known()(photo, dilate=dilate, feather=feather), known(dilate=dilate, feather=feather)(photo)):
            assert np.array_equal(result.corruption_mask[0, 0].numpy(), mask)
            assert result.alpha is not None
            alpha = result.alpha[0, 0].numpy()
            assert (alpha[distance <= dilate] == 1).all()
            assert (alpha[(distance > dilate) & (distance >= dilate + feather)] == 0).all()
            between = (distance > dilate) & (distance < dilate + feather - 1e-3)
            assert ((alpha[between] > 0) & (alpha[between] < 1)).all()
            assert np.array_equal(result.restored[alpha == 0], photo[alpha == 0])
            assert (result.restored[alpha == 1] == 128).all()


def striped(height: int = 60, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """A photo with stripes, and a mask in its middle."""
    photo = np.full((height, width, 3), 60, np.uint8)
    photo[:, np.arange(width) % 6 < 3] = (200, 120, 30)
    mask = np.zeros((height, width), bool)
    mask[20:34, 30:46] = True
    return photo, mask


def test_a_found_mask_grows_with_the_softness_of_its_edge_and_a_given_one_does_not(
    tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hcl_sdk.pipeline._flow.measure_softness", lambda confidence, mask, threshold: 6.5)
    photo = stained()[0]
    soft = tiny_pipeline.replace(soft_edges=True, dilate=2, feather=3)
    result = soft(photo)
    assert result.corruption_mask.any()
    for found, dilate in (
        (result, 6.5),
        (soft.replace(dilate=9)(photo), 9),
        (soft(photo, dilate=1), 1),
        (soft.replace(soft_edges=False)(photo), 2),
        (soft.restore(photo, corruption_mask=result.corruption_mask), 2),
    ):
        assert found.alpha is not None
        assert torch.equal(found.alpha, feather_mask(found.corruption_mask, dilate, 3))
        kept = (found.alpha == 0)[0, 0].numpy()
        assert np.array_equal(found.restored[kept], photo[kept])


@pytest.mark.parametrize("restoration_size", [None, 20])
def test_texture_is_the_photos_own_at_its_own_resolution(restoration_size: int | None) -> None:
    photo, mask = striped()
    restorer = hcl_sdk.ResidualUNet(channels=(4, 6), depths=(0, 0))  # not trained: a smooth fill
    pipeline = Pipeline(restorer=restorer, restoration_size=restoration_size, device="cpu")

    def error(texture: float) -> float:
        result = pipeline.restore(photo, corruption_mask=mask, texture=texture)
        assert np.array_equal(result.restored[~mask], photo[~mask])
        assert result.raw is not None
        raw = (result.raw[0] * 255).round().byte().permute(1, 2, 0).numpy()
        assert np.array_equal(raw[mask], result.restored[mask])
        return float(np.square(result.restored[mask].astype(float) - photo[mask]).mean())

    alone = pipeline.restore(photo, corruption_mask=mask)
    assert np.array_equal(alone.restored, pipeline.restore(photo, corruption_mask=mask, texture=0).restored)
    assert error(1.0) < 0.3 * error(0.5) < 0.3 * error(0.0)
    pipeline.texture = 1.0
    again = pipeline.restore(photo, corruption_mask=mask).restored
    assert np.array_equal(again, pipeline.replace(texture=0).restore(photo, corruption_mask=mask, texture=1).restored)


def test_another_restorer_comes_without_texture_unless_it_is_asked_for(tmp_path: Path) -> None:
    pipeline = Pipeline(restorer=Flat(), texture=0.7, seamless=True, dilate=2)
    other = pipeline.replace(restorer=hcl_sdk.ResidualUNet())
    assert (other.texture, other.seamless, other.dilate) == (0, True, 2)
    assert pipeline.replace(restorer=hcl_sdk.ResidualUNet(), texture=0.4).texture == 0.4
    assert pipeline.replace(restorer=pipeline.restorer, dilate=3).texture == 0.7
    Pipeline(restorer="residual-unet", texture=0.7).save_pretrained(tmp_path / "own")
    named = {"weights": str(tmp_path / "own"), "restorer": {"use": "gated-unet"}}
    assert Pipeline.from_config(named).texture == 0
    assert Pipeline.from_config(named | {"texture": 0.5}).texture == 0.5
    assert Pipeline.from_config({"weights": str(tmp_path / "own"), "dilate": 1}).texture == 0.7


def test_large_damage_is_refined_in_parts_that_go_on_where_others_end(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, mask = striped()
    mask[14:40, 20:56] = True
    pipeline = Pipeline(restorer=hcl_sdk.ResidualUNet(channels=(4, 6), depths=(0, 0)), device="cpu")
    fills = {}
    for side in (2048, 12):
        monkeypatch.setattr("hcl_sdk.pipeline._flow.REFINED_AT_ONCE", side)
        fills[side] = [pipeline.restore(photo, corruption_mask=mask, texture=texture).restored for texture in (0, 1)]
    assert np.array_equal(fills[2048][0], fills[12][0])
    errors = {
        side: [np.square(one[mask].astype(float) - photo[mask]).mean() for one in both] for side, both in fills.items()
    }
    for alone, textured in errors.values():
        assert textured < 0.3 * alone
    for side in fills:
        assert np.array_equal(fills[side][1][~mask], photo[~mask])


def test_texture_of_a_restorer_that_uses_features() -> None:
    photo, mask = striped()
    pipeline = known(FlatFromFeatures())
    flat, textured = (pipeline.restore(photo, corruption_mask=mask, texture=t).restored for t in (0, 1))
    assert len(np.unique(flat[mask], axis=0)) == 1
    assert len(np.unique(textured[mask], axis=0)) > 1
    assert np.array_equal(textured[~mask], photo[~mask])


def waves(height: int, width: int) -> np.ndarray:
    """A smooth photo in [0, 1]."""
    rows, columns = np.mgrid[:height, :width] / 12
    return np.stack([np.sin(rows) * np.cos(columns), np.sin(rows + columns), np.cos(rows)], axis=-1) * 0.3 + 0.5


@hcl_sdk.component
class KnowsTheWaves(hcl_sdk.Restorer):
    """Fills with ``waves``, wherever it is asked to."""

    def build(self, spec: PyramidSpec | None) -> None:
        pass

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        return torch.from_numpy(waves(*image.shape[-2:])).permute(2, 0, 1).to(image).expand_as(image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_watermark_is_taken_off_and_what_is_opaque_is_filled(dtype: type) -> None:
    photo = waves(90, 120) + 0.03 * np.random.default_rng(0).standard_normal((90, 120, 1))  # grain, which nobody knows
    watermark, spot = np.zeros((90, 120), bool), np.zeros((90, 120), bool)
    watermark[10:22, 10:80] = watermark[30:80, 20:34] = True
    spot[60:80, 90:110] = True
    highest = np.iinfo(dtype).max
    damaged = np.where(watermark[..., None], 0.5 * photo + 0.5, photo)
    damaged[spot] = (1, 0, 0)
    damaged, clean = ((x * highest).round().astype(dtype) for x in (damaged, photo))
    mask = watermark | spot

    def errors(unveil: bool) -> tuple[float, float]:
        pipeline = Pipeline(restorer=KnowsTheWaves(), unveil=unveil, dilate=1, feather=2, device="cpu")
        restored = pipeline.restore(damaged, corruption_mask=mask).restored
        assert restored.dtype == dtype
        far = ~np.asarray(binary_dilation(mask, iterations=8), bool)
        assert np.array_equal(restored[far], clean[far])
        difference = np.square((restored.astype(float) - clean) / highest)
        return float(difference[watermark].mean()), float(difference[spot].mean())

    (filled, spot_filled), (unveiled, spot_unveiled) = errors(unveil=False), errors(unveil=True)
    assert unveiled < 0.3 * filled
    assert spot_unveiled == pytest.approx(spot_filled)


@hcl_sdk.component
class TooBright(KnowsTheWaves):
    """Knows the waves, but makes them brighter."""

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        return super().forward(image, detection) + 0.15


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_seamless_fill_meets_the_photo(dtype: type) -> None:
    mask = np.zeros((90, 120), bool)
    mask[20:60, 30:90] = True
    photo = (waves(90, 120) * np.iinfo(dtype).max).round().astype(dtype)

    def errors(**settings: Any) -> np.ndarray:
        pipeline = Pipeline(restorer=TooBright(), device="cpu", **settings)
        restored = pipeline.restore(photo, corruption_mask=mask).restored
        assert restored.dtype == dtype
        far = ~np.asarray(binary_dilation(mask, iterations=6), bool)
        assert np.array_equal(restored[far], photo[far])
        return np.abs(restored[mask].astype(float) - photo[mask]) / np.iinfo(dtype).max

    assert errors(seamless=False).mean() > 0.14
    assert errors(seamless=True).max() < 0.03
    assert errors(seamless=True, dilate=2, feather=3).max() < 0.03


def test_a_configuration_from_before_there_was_texture_has_none() -> None:
    config = Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), texture=0.5, device="cpu").to_config()
    assert Pipeline.from_config(config, device="cpu").texture == 0.5
    del config["texture"]
    assert Pipeline.from_config(config, device="cpu").texture == 0


def test_the_dilated_mask_is_what_the_restorer_gets() -> None:
    restorer = Flat()
    known(restorer)(stained(40, 40, (18, 18, 22, 22))[0], dilate=1)
    [(_, detection)] = restorer.calls
    assert int(detection.corruption_mask.sum()) == 16 + 16  # one more pixel on each of four sides


def test_the_threshold_is_strict(tiny_pipeline: Pipeline) -> None:
    photo = noise(24, 31)
    confidence = tiny_pipeline.detect(photo).confidence
    limit = float(confidence.flatten().sort().values[300])
    own = Pipeline(tiny_pipeline.detector, tiny_pipeline.restorer, threshold=limit, device="cpu")
    for result in (own.detect(photo), own(photo)):
        assert torch.equal(result.corruption_mask, confidence > limit)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_sensitivity_goes_from_nothing_over_the_threshold_to_everything(
    tiny_pipeline: Pipeline, threshold: float
) -> None:
    photo = noise(24, 31)
    pipeline = tiny_pipeline.replace(threshold=threshold)
    plain = pipeline.detect(photo)
    shares = []
    for sensitivity in (0.01, 0.2, 0.4, 0.5, 0.6, 0.8, 0.99):
        result = pipeline.detect(photo, sensitivity=sensitivity)
        assert torch.equal(result.confidence, plain.confidence)
        shares.append(result.corruption_mask.float().mean().item())
        if sensitivity == 0.5:
            assert torch.equal(result.corruption_mask, plain.corruption_mask)
    assert shares == sorted(shares)
    assert not pipeline.detect(photo, sensitivity=0).corruption_mask.any()
    assert pipeline.detect(photo, sensitivity=1).corruption_mask.all()
    pipeline.sensitivity = 0.8
    again = pipeline(photo, sensitivity=0.8), pipeline(photo)
    assert torch.equal(*(result.corruption_mask for result in again))
    limit = np.interp(0.8, [0, 0.5, 1], [1, threshold, 0])
    assert torch.equal(again[0].corruption_mask, plain.confidence > limit)


@pytest.mark.parametrize("peak_threshold", [0.0, 0.5, 0.98])
def test_every_step_of_the_sensitivity_moves_the_mask(peak_threshold: float) -> None:
    # Regions from hardly to nearly sure, each with a border that fades out.
    peaks = torch.linspace(-6, 8, 200).sigmoid()
    confidence = peaks[:, None] * torch.linspace(1, 0, 50)
    pipeline = known().replace(threshold=0.5, peak_threshold=peak_threshold)
    areas = [int(pipeline.to_mask(confidence.reshape(1, 1, 1, -1), sensitivity=step / 20).sum()) for step in range(21)]
    assert areas[0] == 0
    assert all(before < after for before, after in itertools.pairwise(areas))


def change_confidence(result: Result, confidence: Tensor, mask: Tensor) -> Result:
    return dataclasses.replace(result, _confidence=confidence, corruption_mask=mask)


def test_a_suspect_of_a_large_photo_is_found_at_the_working_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = known().replace(threshold=0.5, peak_threshold=0.98)
    confidence = torch.full((1, 1, 30, 40), 0.01)
    confidence[..., 5:9, 20:30] = 0.7
    found = pipeline.detect(np.zeros((2400, 3200, 3), np.uint8), sensitivity=0)
    missed = change_confidence(found, confidence, torch.zeros(1, 1, 2400, 3200, dtype=torch.bool))
    monkeypatch.setattr(Result, "confidence", property(lambda _: pytest.fail("four bytes a pixel")))
    suspect = pipeline.find_suspect(missed)
    assert suspect is not None
    assert suspect.box == (1600, 400, 800, 320)
    assert suspect.confidence == pytest.approx(0.7)


def test_a_miss_says_how_sure_where_and_at_which_sensitivity() -> None:
    pipeline = known().replace(threshold=0.5, peak_threshold=0.98)
    confidence = torch.full((1, 1, 30, 40), 0.01)
    confidence[..., 5:9, 20:30] = 0.5
    confidence[..., 6, 25] = 0.85
    confidence[..., 20, 3] = 0.7
    found = pipeline.detect(np.zeros((30, 40, 3), np.uint8), sensitivity=0)
    missed = change_confidence(found, confidence, torch.zeros_like(confidence, dtype=torch.bool))
    suspect = pipeline.find_suspect(missed)
    assert suspect is not None
    assert suspect.box == (20, 5, 10, 4)
    assert suspect.confidence == pytest.approx(0.85)
    mask = pipeline.to_mask(confidence, sensitivity=suspect.sensitivity)
    assert mask[..., 6, 25].all()
    assert not mask[..., 20, 3].any()
    assert not pipeline.to_mask(confidence, sensitivity=suspect.sensitivity - 0.01).any()
    assert "nothing found, 85% sure at most" in repr(missed)
    nothing = change_confidence(missed, torch.zeros_like(confidence), missed.corruption_mask)
    assert pipeline.find_suspect(nothing) is None


def test_what_the_second_threshold_cuts_is_a_suspect_and_what_fades_out_is_not() -> None:
    pipeline = known().replace(threshold=0.9, peak_threshold=0.98)
    confidence = torch.full((1, 1, 30, 40), 0.4)
    confidence[..., 2:12, 2:12] = 0.8  # the border of what is found
    confidence[..., 4:10, 4:10] = 0.99
    photo = np.zeros((30, 40, 3), np.uint8)
    found = change_confidence(pipeline.detect(photo), confidence, pipeline.to_mask(confidence))
    assert int(found.corruption_mask.sum()) == 36
    assert pipeline.find_suspect(found) is None
    confidence[..., 20:23, 30:36] = 0.95  # apart, above the first threshold only
    suspect = pipeline.find_suspect(found)
    assert suspect is not None
    assert suspect.box == (30, 20, 6, 3)
    assert pipeline.to_mask(confidence, sensitivity=suspect.sensitivity)[..., 20:23, 30:36].all()
    assert not pipeline.to_mask(confidence, sensitivity=suspect.sensitivity - 0.01)[..., 20:23, 30:36].any()


def test_a_mask_that_was_handed_in_has_no_suspect() -> None:
    mask = np.zeros((30, 40), bool)
    mask[4:8, 4:8] = True
    pipeline = known()
    assert pipeline.find_suspect(pipeline.restore(np.zeros((30, 40, 3), np.uint8), corruption_mask=mask)) is None


def test_a_region_counts_if_it_rises_above_the_second_threshold(tiny_pipeline: Pipeline) -> None:
    photo = noise(24, 31)
    confidence = tiny_pipeline.detect(photo).confidence
    low, high = (float(confidence.flatten().sort().values[rank]) for rank in (540, 735))
    pipeline = tiny_pipeline.replace(threshold=low, peak_threshold=high)
    regions = torch.from_numpy(label((confidence > low)[0, 0].numpy(), connectivity=2))
    peaks = regions[(confidence > high)[0, 0]].unique()
    assert 1 <= len(peaks) < regions.max()
    for result in (pipeline.detect(photo), pipeline(photo)):
        assert torch.equal(result.corruption_mask[0, 0], torch.isin(regions, peaks))
    assert not pipeline.detect(photo, sensitivity=0).corruption_mask.any()
    assert pipeline.detect(photo, sensitivity=1).corruption_mask.all()
    for sensitivity in (0.3, 0.7):
        detected = pipeline.detect(photo, sensitivity=sensitivity).corruption_mask
        assert torch.equal(pipeline.to_mask(confidence, sensitivity=sensitivity), detected)
    assert torch.equal(pipeline.to_mask(confidence), pipeline.detect(photo).corruption_mask)
    with pytest.raises(ValueError, match=r"^sensitivity must be "):
        pipeline.to_mask(confidence, sensitivity=2)


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"threshold": 1.5}, ValueError),
        ({"threshold": -0.1}, ValueError),
        ({"threshold": math.nan}, ValueError),
        ({"threshold": True}, TypeError),
        ({"peak_threshold": 2}, ValueError),
        ({"peak_threshold": None}, TypeError),
        ({"sensitivity": 1.01}, ValueError),
        ({"sensitivity": "high"}, TypeError),
        ({"dilate": -1}, ValueError),
        ({"dilate": math.inf}, ValueError),
        ({"dilate": None}, TypeError),
        ({"feather": np.float32(-0.5)}, ValueError),
        ({"feather": "3"}, TypeError),
        ({"texture": 1.1}, ValueError),
        ({"texture": "all"}, TypeError),
        ({"detection_size": 0}, ValueError),
        ({"detection_size": 2.5}, TypeError),
        ({"restoration_size": -4}, ValueError),
    ],
)
def test_settings_that_cannot_be_are_refused_when_made_when_set_and_when_called(
    setting: dict[str, Any], error: type[Exception]
) -> None:
    [(name, value)] = setting.items()
    with pytest.raises(error, match=f"^{name} must be ") as made:
        known(**setting)
    pipeline = known()
    before = repr(pipeline)
    with pytest.raises(error, match=f"^{name} must be ") as assigned:
        setattr(pipeline, name, value)
    assert str(assigned.value) == str(made.value)
    assert repr(pipeline) == before
    if not name.endswith("size") and "threshold" not in name and value is not None:
        with pytest.raises(error, match=f"^{name} must be ") as called:
            pipeline(stained()[0], **setting)
        assert str(called.value) == str(made.value)


def test_settings_can_be_set_and_count_from_then_on() -> None:
    photo, mask = stained(40, 40, (18, 18, 22, 22))
    pipeline = known()
    pipeline.dilate = 2
    assert pipeline(photo).alpha.sum() > mask.sum()  # type: ignore[union-attr]
    pipeline.threshold = 1
    assert not pipeline.detect(photo).corruption_mask.any()
    pipeline.detection_size = 8
    assert pipeline.detect(photo).detection.corruption_mask.shape == (1, 1, 8, 8)  # type: ignore[union-attr]


def test_a_misspelt_setting_is_answered_with_the_right_one(tmp_path: Path) -> None:
    photo, mask = stained()
    Image.fromarray(photo).save(tmp_path / "photo.png")
    pipeline = known()
    with pytest.raises(AttributeError, match=r"a Pipeline has no attribute 'sensitivty'; did you mean 'sensitivity'\?"):
        pipeline.sensitivty = 0.9  # pyright: ignore[reportAttributeAccessIssue]
    assert "sensitivty" not in vars(pipeline)
    with pytest.raises(AttributeError, match=r"a Pipeline has no attribute 'sensitivty'; did you mean 'sensitivity'\?"):
        _ = pipeline.sensitivty  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(AttributeError, match=r"a Pipeline has no attribute 'detct'; did you mean 'detect'\?"):
        _ = pipeline.detct  # pyright: ignore[reportAttributeAccessIssue]
    assert not hasattr(pipeline, "_repr_html_")
    misspelled: dict[str, Any] = {"dilatte": 3}
    calls: list[Callable[[], Any]] = [
        lambda: known(**misspelled),
        lambda: pipeline.replace(**misspelled),
        lambda: pipeline(photo, **misspelled),
        lambda: pipeline.restore(photo, corruption_mask=mask, **misspelled),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"unexpected keyword argument 'dilatte'; did you mean 'dilate'\?"):
            call()
    with pytest.raises(
        TypeError, match=r"Pipeline\.detect\(\) got .* 'dilate'; known: photo, sensitivity, region, only"
    ):
        pipeline.detect(photo, dilate=3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"GatedUNet\(\) got .*'multiplier'; did you mean 'multipliers'\?"):
        GatedUNet(multiplier=(1,))  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["detector", "restorer", "device"])
def test_parts_are_replaced_and_not_assigned(name: str) -> None:
    pipeline = known()
    before = getattr(pipeline, name)
    how = "to" if name == "device" else f"replace({name}="
    with pytest.raises(AttributeError, match=re.escape(f"Pipeline.{name} is read-only; pipeline.{how}")):
        setattr(pipeline, name, None)
    assert getattr(pipeline, name) is before


def test_parts_may_be_given_by_name() -> None:
    with pytest.warns(UserWarning, match=r"the restorer GatedUNet is newly created: its weights are random until"):
        pipeline = known(dilate=3).replace(restorer="gated-unet")
    assert isinstance(pipeline.restorer, GatedUNet)
    assert pipeline.dilate == 3
    with pytest.warns(UserWarning, match="random"):
        other = pipeline.replace(restorer={"use": "gated-unet", "dim": 4, "multipliers": [1, 2]})
    assert repr(other.restorer) == repr(GatedUNet(dim=4, multipliers=(1, 2)))
    made = Detector(
        encoder={"use": "convnext", "channels": [6, 8], "depths": [1, 1]},
        interaction="identity",
        head={"use": "projection", "dim": 6},
        clusterer="soft-kmeans",
    )
    assert isinstance(made.encoder, ConvNeXtEncoder)
    assert Pipeline(made, device="cpu").detect(noise(20, 24)).photo.size == (20, 24)
    with pytest.raises(ConfigError, match=r"restorer\.use: unknown restorer 'gated-unit'; did you mean 'gated-unet'\?"):
        pipeline.replace(restorer="gated-unit")
    with pytest.raises(ConfigError, match=r"encoder\.use: unknown encoder 'convnxt'"):
        Detector(encoder="convnxt")


def test_a_pipeline_moves_to_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = known(GatedUNet(dim=4, multipliers=(1, 2)))
    with pytest.raises(ValueError, match="nowhere"):
        pipeline.to("nowhere")
    monkeypatch.setattr("hcl_sdk.pipeline._pipeline.pick_device", torch.device)  # which knows of no meta device
    assert pipeline.to("meta") is pipeline
    assert pipeline.device == torch.device("meta")
    assert {parameter.device.type for parameter in pipeline.restorer.parameters()} == {"meta"}


def test_a_pipeline_has_bounds_unless_it_is_told_otherwise(make_detector: Callable[..., Detector]) -> None:
    photo = np.zeros((520, 1040, 3), np.uint8)
    photo[5:515, 5:1030] = 255  # what is to be filled, so that nothing is cut off around it
    mask = photo[..., 0] > 0
    sizes: tuple[tuple[dict[str, Any], tuple[int, int]], ...] = (
        ({}, (512, 1024)),
        ({"restoration_size": None}, (520, 1040)),
    )
    for size, expected in sizes:
        restorer = Flat()
        Pipeline(restorer=restorer, device="cpu", **size).restore(photo, corruption_mask=mask)
        assert tuple(restorer.calls[0][0].shape[-2:]) == expected
    detector = make_detector()
    seen: list[tuple[int, ...]] = []
    detector.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    Pipeline(detector, device="cpu").detect(photo)
    assert seen == [(1, 3, 512, 1024)]


@pytest.mark.parametrize("restorer", [Flat, FlatFromFeatures])
def test_a_region_limits_the_search_and_nothing_else(restorer: type[Flat]) -> None:
    photo, mask = stained()
    pipeline = known(restorer())
    box = (10, 0, 8, 24)
    inside = np.zeros_like(mask)
    inside[:, 10:18] = True
    found, whole = pipeline.detect(photo, region=box), pipeline.detect(photo)
    assert (found.corruption_mask[0, 0].numpy() == (mask & inside)).all()
    assert (found.confidence[0, 0].numpy()[inside] == whole.confidence[0, 0].numpy()[inside]).all()
    assert not found.confidence[0, 0].numpy()[~inside].any()
    result = pipeline(photo, region=box)
    assert (result.restored[mask & inside] == 128).all()
    assert (result.restored[~(mask & inside)] == photo[~(mask & inside)]).all()
    (_, detection) = pipeline.restorer.calls[-1]
    assert int(detection.corruption_mask.sum()) == int((mask & inside).sum())
    with pytest.raises(ValueError, match="nothing of a photo of 32 x 24 pixels lies in the region 32,0,5,5"):
        pipeline.detect(photo, region=(32, 0, 5, 5))
    with pytest.raises(TypeError, match="a region is four whole numbers"):
        pipeline.detect(photo, region=(1, 2, 3))  # pyright: ignore[reportArgumentType, reportCallIssue]


def test_what_is_replaced_is_all_that_changes() -> None:
    pipeline = known(dilate=2, detection_size=64, precision="bf16")
    other = pipeline.replace(restorer=FlatFromFeatures(), feather=1)
    assert other.detector is pipeline.detector
    assert isinstance(other.restorer, FlatFromFeatures)
    assert other.restorer.is_bound
    kept = ("dilate", "detection_size", "precision", "device", "threshold")
    assert [getattr(other, name) for name in kept] == [getattr(pipeline, name) for name in kept]
    assert (pipeline.feather, other.feather) == (0, 1)


def test_numbers_of_numpy_are_numbers() -> None:
    settings: dict[str, Any] = {
        "detection_size": np.int64(16),
        "restoration_size": np.uint8(8),
        "threshold": np.float32(0.25),
        "peak_threshold": np.float64(0.75),
        "sensitivity": np.float32(0.75),
        "dilate": np.int32(2),
        "feather": np.float64(1.5),
        "texture": np.float32(0.5),
    }
    pipeline = Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), device="cpu", **settings)
    config = json.loads(json.dumps(pipeline.to_config()))
    assert {name: config[name] for name in settings} == settings
    assert Pipeline.from_config(config, device="cpu").to_config() == config
    number: Any = np.float32(0.75)
    assert known().detect(stained()[0], sensitivity=number).corruption_mask.any()


def test_a_batch_of_nothing_is_refused(tiny_pipeline: Pipeline) -> None:
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        tiny_pipeline.detect(noise(4, 4), batch_size=0)


# --- Masks of one's own --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["path", "image", "array", "uint8 array", "tensor", "four dimensions"])
def test_a_mask_of_ones_own(kind: str, tmp_path: Path) -> None:
    photo, _ = stained()
    mask = np.zeros((24, 32), bool)
    mask[1:4, 2:9] = True
    drawn = Image.fromarray(mask.astype(np.uint8) * 255)
    drawn.save(tmp_path / "mask.png")
    source: Any = {
        "path": tmp_path / "mask.png",
        "image": drawn,
        "array": mask,
        "uint8 array": np.asarray(drawn),
        "tensor": torch.from_numpy(mask),
        "four dimensions": torch.from_numpy(mask)[None, None],
    }[kind]
    result = known().restore(photo, corruption_mask=source)
    assert np.array_equal(result.corruption_mask[0, 0].numpy(), mask)
    assert (result.restored[mask] == 128).all()
    assert np.array_equal(result.restored[~mask], photo[~mask])
    assert result.detection is None


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="24"):
        known().restore(stained()[0], corruption_mask=np.zeros((24, 30), bool))


def test_a_mask_can_be_edited_and_fed_back() -> None:
    photo, mask = stained()
    found = known().detect(photo)
    edited = found.corruption_mask
    edited[..., :2, :2] = True  # in place, as a user would
    result = known().restore(photo, corruption_mask=edited)
    assert (result.restored[:2, :2] == 128).all()
    assert (result.restored[mask] == 128).all()
    from_file = known().restore(photo, corruption_mask=found.mask)
    assert np.array_equal(from_file.corruption_mask[0, 0].numpy(), np.asarray(found.mask) > 0)


def test_results_may_be_used_in_further_computation_with_gradients(tiny_pipeline: Pipeline) -> None:
    confidence = tiny_pipeline.detect(noise(9, 9)).confidence
    weight = torch.ones(1, requires_grad=True)
    (confidence * weight).sum().backward()
    assert weight.grad is not None


# --- Restorers that use the detector's features ----------------------------------------------------------------------


def test_features_come_with_the_detectors_own_masks_when_nothing_was_changed() -> None:
    photo, mask = stained()
    restorer = FlatFromFeatures()
    result = known(restorer)(photo)
    [(image, detection)] = restorer.calls
    assert result.detection is not None
    assert image.shape == (1, 3, 24, 32)
    assert detection.pyramid is not None
    assert torch.equal(detection.pyramid.maps[0], image)
    assert [torch.equal(a, b) for a, b in zip(detection.masks, result.detection.masks, strict=True)] == [True, True]
    assert detection.scales
    assert (result.restored[mask] == 128).all()


@pytest.mark.parametrize("change", [{"dilate": 2}, {"sensitivity": 0.999}])
def test_features_come_with_masks_of_the_changed_mask_otherwise(change: dict[str, Any]) -> None:
    photo = stained()[0]
    photo[0, 0] = (128, 5, 130)  # uncertain
    restorer = FlatFromFeatures()
    result = known(restorer)(photo, **change)
    [(_, detection)] = restorer.calls
    assert result.detection is not None
    assert not torch.equal(detection.corruption_mask, result.detection.corruption_mask)
    assert detection.scales == ()
    assert result.alpha is not None
    mask = result.alpha == 1
    assert torch.equal(detection.corruption_mask, mask)
    assert torch.equal(detection.masks[0], mask)
    assert torch.equal(detection.masks[1], F.max_pool2d(mask.float(), 2, ceil_mode=True) > 0)


def test_features_come_with_masks_of_a_mask_of_ones_own() -> None:
    photo = stained()[0]
    mask = torch.zeros(24, 32, dtype=torch.bool)
    mask[3, 5] = True
    restorer = FlatFromFeatures()
    known(restorer).restore(photo, corruption_mask=mask)
    [(image, detection)] = restorer.calls
    assert detection.pyramid is not None
    assert torch.equal(detection.pyramid.maps[0], image)
    assert [m.nonzero().tolist() for m in detection.masks] == [[[0, 0, 3, 5]], [[0, 0, 1, 2]]]


def test_features_are_used_at_the_scale_of_the_detection() -> None:
    photo, _ = stained(96, 128, (24, 32, 56, 80))
    restorer = FlatFromFeatures()
    result = known(restorer, detection_size=24)(photo)
    [(image, detection)] = restorer.calls
    assert image.shape == detection.pyramid.maps[0].shape == (1, 3, 24, 32)  # type: ignore[union-attr]
    assert detection.corruption_mask.shape == (1, 1, 24, 32)
    assert result.restored.shape == photo.shape
    filled = result.corruption_mask[0, 0].numpy()
    assert (result.restored[filled] == 128).all()
    covered = F.interpolate(detection.corruption_mask.float(), (96, 128))[0, 0].bool().numpy()
    assert covered[filled].all()  # no pixel is filled that the restorer took for valid


def test_the_published_restorer_runs_behind_any_encoder(make_detector: Callable[..., Detector]) -> None:
    torch.manual_seed(0)
    restorer = PartialSwinRestorer(
        depths=(1, 1, 1),
        window_sizes=(4, 4, 4),
        heads=(1, 2, 2),
        bottleneck_depth=1,
        bottleneck_window_size=4,
        refinement_dim=4,
        refinement_multipliers=(1, 2),
    )
    pipeline = Pipeline(make_detector(clusterer=SoftKMeans(one_class=False)), restorer, device="cpu")
    photo = noise(21, 34)
    result = pipeline(photo)
    outside = ~result.corruption_mask[0, 0].numpy()
    assert np.array_equal(result.restored[outside], photo[outside])
    assert np.isfinite(pipeline.restore(photo, corruption_mask=np.ones((21, 34), bool)).restored).all()


# --- Parts -----------------------------------------------------------------------------------------------------------


def test_parts_that_are_missing_are_missed_with_a_hint(tiny_pipeline: Pipeline) -> None:
    photo, mask = stained()
    with pytest.raises(ValueError, match="needs a detector, a restorer or both"):
        Pipeline()
    only_restorer = Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), device="cpu")
    for call in (only_restorer, only_restorer.detect):
        with pytest.raises(ValueError, match=r"no detector; use pipeline\.restore"):
            call(photo)
    assert only_restorer.restore(photo, corruption_mask=mask).restored.shape == photo.shape
    only_detector = Pipeline(tiny_pipeline.detector, device="cpu")
    assert only_detector.detect(photo).corruption_mask.shape == (1, 1, 24, 32)
    with pytest.raises(ValueError, match=r"no restorer; use pipeline\.detect"):
        only_detector(photo)
    with pytest.raises(ValueError, match="no restorer"):
        only_detector.restore(photo, corruption_mask=mask)
    with pytest.raises(ValueError, match="there is no detector"):
        Pipeline(restorer=PartialSwinRestorer())


def test_parts_in_each_others_place_are_refused(tiny_detector: Detector) -> None:
    with pytest.raises(TypeError, match="detector must be a Detector or None; got a GatedUNet"):
        Pipeline(GatedUNet(dim=2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="restorer must be a Restorer or None; got a Detector"):
        Pipeline(restorer=tiny_detector)  # type: ignore[arg-type]


def test_a_restorer_that_does_not_fit_the_encoder_is_refused() -> None:
    encoder = ConvNeXtEncoder(channels=(4, 4), depths=(1, 1))
    detector = Detector(encoder=encoder, interaction=Identity(), head=ProjectionHead(dim=4))
    with pytest.raises(ValueError, match="2 scales"):
        Pipeline(detector, PartialSwinRestorer())


def test_models_are_put_in_evaluation_mode(make_detector: Callable[..., Detector]) -> None:
    detector = make_detector().train()
    Pipeline(detector, device="cpu")
    assert not any(module.training for module in detector.modules())


def test_a_restorer_that_is_handed_in_is_put_in_place_without_a_warning() -> None:
    restorer = GatedUNet(dim=2)  # its weights may have been loaded
    assert known().replace(restorer=restorer, dilate=1).restorer is restorer  # warnings are errors


@pytest.mark.parametrize("name", ["unveil", "seamless", "soft_edges"])
@pytest.mark.parametrize("value", ["yes", 3, None])
def test_a_setting_that_is_on_or_off_says_so(name: str, value: Any) -> None:
    pipeline = known()
    said = re.escape(f"{name} must be True or False; got {value!r} ({type(value).__name__})")
    with pytest.raises(TypeError, match=f"^{said}$"):
        setattr(pipeline, name, value)
    with pytest.raises(TypeError, match=f"^{said}$"):
        known(**{name: value})


def test_restore_takes_one_photo_and_others_a_list() -> None:
    photo, mask = stained()
    pipeline = known()
    for several in ([photo, photo], (photo,), (each for each in [photo])):
        with pytest.raises(TypeError, match=r"restore takes one photo and its corruption_mask; got a .*restore_folder"):
            pipeline.restore(several, corruption_mask=[mask])  # pyright: ignore[reportArgumentType]
    for call in (pipeline, pipeline.detect):
        with pytest.raises(TypeError, match=r"got generator; hand in several photos as a list, list\(photos\)"):
            call(each for each in [photo])  # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.mark.parametrize("photo", [3, None, {"a": 1}])
def test_what_is_no_photo_is_refused(tiny_pipeline: Pipeline, photo: Any) -> None:
    with pytest.raises(TypeError, match="a photo is a path"):
        tiny_pipeline(photo)


@pytest.mark.parametrize("call", ["__call__", "detect", "restore"])
def test_a_mask_under_another_name_is_answered_with_how_it_is_given(call: str) -> None:
    photo, mask = stained()
    with pytest.raises(TypeError, match="corruption_mask"):
        getattr(known(), call)(photo, mask=mask)


def test_bytes_and_open_files_are_photos(tmp_path: Path) -> None:
    photo, mask = stained()
    Image.fromarray(photo).save(tmp_path / "a.png")
    contents = (tmp_path / "a.png").read_bytes()
    pipeline = known()
    expected = np.asarray(pipeline(tmp_path / "a.png").restored)
    sources: tuple[Any, ...] = (contents, bytearray(contents), io.BytesIO(contents))
    for source in sources:
        np.testing.assert_array_equal(np.asarray(pipeline(source).restored), expected)
    with (tmp_path / "a.png").open("rb") as file:
        np.testing.assert_array_equal(np.asarray(pipeline([file, contents])[0].restored), expected)
    Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "m.png")
    result = pipeline.restore(contents, corruption_mask=(tmp_path / "m.png").read_bytes())
    assert (result.corruption_mask[0, 0].numpy() == mask).all()
    with (tmp_path / "a.png").open(encoding="latin-1") as file, pytest.raises(TypeError, match="mode 'rb'"):
        pipeline(file)  # pyright: ignore[reportArgumentType, reportCallIssue]
    with pytest.raises(hcl_sdk.PhotoError, match="the bytes: this is not a photo"):
        pipeline(b"no photo")


def test_a_url_is_refused_with_what_to_do() -> None:
    with pytest.raises(hcl_sdk.PhotoError, match=r"https://a\.b/c\.png: URLs are not read; download it first"):
        known()("https://a.b/c.png")


def test_a_photo_that_is_not_there_is_named(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.png"):
        tiny_pipeline(tmp_path / "nowhere.png")


# --- Precision, compilation, random numbers --------------------------------------------------------------------------


def test_two_precisions_live_in_one_process(make_detector: Callable[..., Detector]) -> None:
    dtypes: list[torch.dtype] = []
    full = Pipeline(make_detector(), GatedUNet(dim=4, multipliers=(1, 2)), device="cpu")
    low = Pipeline(full.detector, full.restorer, device="cpu", precision="bf16")
    assert full.detector is not None
    full.detector.encoder.register_forward_hook(lambda *args: dtypes.append(args[-1].maps[-1].dtype))
    photo = noise(24, 31)
    a, b, c = full.detect(photo), low.detect(photo), full.detect(photo)
    assert dtypes == [torch.float32, torch.bfloat16, torch.float32]
    assert torch.equal(a.confidence, c.confidence)
    assert b.confidence.dtype == torch.float32
    result = low.restore(photo, corruption_mask=np.ones((24, 31), bool))
    assert result.raw is not None
    assert result.raw.dtype == torch.float32
    other = full.restore(photo, corruption_mask=np.ones((24, 31), bool))
    assert np.abs(result.restored.astype(int) - other.restored.astype(int)).max() < 12


def test_an_unknown_precision_or_device_is_refused(tiny_detector: Detector) -> None:
    with pytest.raises(ValueError, match="precision"):
        Pipeline(tiny_detector, precision="fp8")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="device"):
        Pipeline(tiny_detector, device="tpu-ish")


def test_compiling_reaches_both_parts() -> None:
    pipeline = known(GatedUNet(dim=2, multipliers=(1,)))
    compiled: list[str] = []

    def backend(graph: Any, inputs: Any) -> Any:
        compiled.append(graph.__class__.__name__)
        return graph.forward

    photo, _ = stained()
    before = pipeline(photo)
    assert pipeline.compile(backend=backend) is pipeline
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the compiler
        after = pipeline(photo)
    assert compiled
    assert torch.allclose(before.confidence, after.confidence, atol=1e-5)
    assert np.abs(before.restored.astype(int) - after.restored.astype(int)).max() <= 1


def test_a_seed_says_all_and_the_global_random_state_is_left_alone(tiny_pipeline: Pipeline) -> None:
    photo, before = noise(24, 31), torch.get_rng_state()
    first = tiny_pipeline(photo, seed=7)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(55)
    second = tiny_pipeline(photo, seed=7)
    assert torch.equal(first.confidence, second.confidence)
    assert np.array_equal(first.restored, second.restored)
    others = [tiny_pipeline.detect(photo, seed=seed).confidence for seed in range(6)]
    assert any(not torch.allclose(first.confidence, other, atol=1e-3) for other in others)


# --- Configuration ---------------------------------------------------------------------------------------------------

COMPOSITIONS: dict[str, Callable[[], Pipeline]] = {
    "light": lambda: Pipeline(
        Detector(
            encoder=ConvNeXtEncoder(channels=(4, 8), depths=(1, 1)),
            interaction=hcl_sdk.BidirectionalFusion(dim=8),
            head=hcl_sdk.DeepProjectionHead(dim=8),
            clusterer=Prototypes(temperature=0.2),
            settle=(1.0, 0.5),
            upsampling="bilinear",
        ),
        GatedUNet(dim=4, multipliers=(1, 2)),
        detection_size=256,
        restoration_size=512,
        threshold=0.25,
        peak_threshold=0.75,
        sensitivity=0.625,
        dilate=1.5,
        feather=3,
        device="cpu",
    ),
    "published": lambda: Pipeline(
        Detector(encoder=hcl_sdk.SwinEncoder(dim=8, depths=(1, 1, 1))),
        PartialSwinRestorer(depths=(1, 1, 1), refinement_dim=4, refinement_multipliers=(1,)),
        device="cpu",
    ),
    "restorer": lambda: Pipeline(restorer=GatedUNet(dim=4), device="cpu"),
    "detector": lambda: Pipeline(
        Detector(
            encoder=ConvNeXtEncoder(channels=(4,), depths=(1,)),
            clusterer=SoftKMeans(repeats=2, classifier=False, one_class=False),
        ),
        device="cpu",
    ),
}


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_a_configuration_makes_the_same_composition(name: str, tmp_path: Path) -> None:
    pipeline = COMPOSITIONS[name]()
    config = pipeline.to_config()
    assert config["format"] == 1
    text = dump_yaml(config)
    (tmp_path / "pipeline.yaml").write_text(text)
    for source in (config, text, tmp_path / "pipeline.yaml", load_yaml(text)):
        made = Pipeline.from_config(source, device="cpu")
        assert made.to_config() == config
        assert repr(made) == repr(pipeline)


def test_a_pipeline_prints_as_the_code_that_makes_it() -> None:
    pipeline = COMPOSITIONS["light"]()
    assert eval(repr(pipeline), vars(hcl_sdk) | {n: getattr(hcl_sdk, n) for n in dir(hcl_sdk)}).to_config() == (
        pipeline.to_config()
    )


def test_a_short_configuration_is_enough() -> None:
    made = Pipeline.from_config("detector:\n  encoder: {use: convnext, depths: [1, 1, 1, 1]}\nrestorer: gated-unet\n")
    assert made.detector is not None
    assert made.detector.encoder.spec.channels == (32, 64, 128, 192)
    assert isinstance(made.restorer, GatedUNet)


def test_a_configuration_may_start_from_weights(tmp_path: Path, make_detector: Callable[..., Detector]) -> None:
    own = Pipeline(make_detector(), GatedUNet(dim=4, multipliers=(1, 2)), threshold=0.3, dilate=2, device="cpu")
    own.save_pretrained(tmp_path / "own")
    photo = noise(24, 31)
    start = f"weights: {tmp_path / 'own'}\n"
    same = Pipeline.from_config(start, device="cpu")
    np.testing.assert_array_equal(same(photo).restored, own(photo).restored)
    changed = Pipeline.from_config(
        start + "restorer: {use: gated-unet, dim: 4, multipliers: [1]}\ndilate: 5", device="cpu"
    )
    assert torch.equal(changed.detect(photo).confidence, own.detect(photo).confidence)
    assert isinstance(changed.restorer, GatedUNet)
    assert (changed.restorer.multipliers, changed.dilate, changed.threshold) == ((1,), 5, 0.3)
    assert Pipeline.from_config(start + "restorer: null", device="cpu").restorer is None
    with pytest.raises(ConfigError, match="detector: comes with the weights"):
        Pipeline.from_config(start + "detector: {encoder: convnext}")
    with pytest.raises(ConfigError, match=r"(?s)dilat: unknown key; did you mean 'dilate'.*threshold: "):
        Pipeline.from_config(start + "dilat: 5\nthreshold: 7")
    with pytest.raises(hcl_sdk.WeightsError):
        Pipeline.from_config("{weights: ./nowhere, dilate: 1}")


def test_weights_do_not_start_from_other_weights(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    tiny_pipeline.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"weights": "default"}))
    with pytest.raises(ConfigError, match="weights: unknown key"):
        Pipeline.from_pretrained(tmp_path)


def test_all_that_is_wrong_with_a_configuration_is_listed() -> None:
    text = """
        detector:
          encoder: {use: convnext, kernel_size: 4}
          clusterer: {use: soft-kmeans, iteration: 3}
        restorer: {use: gated-unets}
        threshold: 2
    """
    with pytest.raises(ConfigError) as caught:
        Pipeline.from_config(text)
    for part in ("detector.encoder.kernel_size", "detector.clusterer.iteration", "restorer.use", "threshold"):
        assert part in str(caught.value)


def test_parts_of_a_configuration_that_do_not_fit_are_its_problems() -> None:
    convnext = {"encoder": {"use": "convnext", "channels": [4, 4], "depths": [1, 1]}}
    for config, path, message in (
        ({"detector": convnext, "restorer": "partial-swin"}, "restorer", "2 scales"),
        ({"restorer": "partial-swin"}, "restorer", "there is no detector"),
        ({}, "", "a pipeline needs a detector, a restorer or both"),
        ({"detector": None, "restorer": None, "threshold": 0.2}, "", "got neither"),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            Pipeline.from_config(config, device="cpu")
        assert [where for where, _ in caught.value.problems] == [path]


def test_a_device_is_no_problem_of_the_configuration() -> None:
    wrong: list[dict[str, Any]] = [{"device": "tpu-ish"}, {"device": "cpu", "precision": "fp8"}]
    for options in wrong:
        with pytest.raises(ValueError, match="expected") as caught:
            Pipeline.from_config("restorer: gated-unet", **options)
        assert not isinstance(caught.value, ConfigError)


def test_a_detector_of_another_class_cannot_be_saved_as_a_detector(tmp_path: Path) -> None:
    @hcl_sdk.component
    class Careful(Detector):
        patience: int = 3

    pipeline = Pipeline(Careful(encoder=ConvNeXtEncoder(channels=(4,), depths=(1,))), device="cpu")
    with pytest.raises(TypeError, match="must be a Detector itself, not of a subclass; got a Careful"):
        pipeline.save_pretrained(tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


@pytest.mark.parametrize("parts", ["detector", "restorer", "detector restorer"])
def test_the_code_of_the_model_card_runs(
    parts: str, tiny_pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {part: getattr(tiny_pipeline, part) for part in parts.split()}
    Pipeline(**made, device="cpu").save_pretrained(tmp_path / "weights")
    card = (tmp_path / "weights" / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]
    photo, mask = stained()
    Image.fromarray(photo).save(tmp_path / "photo.jpg")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    monkeypatch.chdir(tmp_path)
    exec(code.replace("path or org/name of these weights", "./weights"), {})
    assert any((tmp_path / "result").iterdir())
    assert ("fills" in card.lower()) == ("restorer" in parts)


def test_the_model_card_does_not_repeat_the_configuration(tmp_path: Path) -> None:
    pipeline = Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), device="cpu")
    pipeline.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert "from_pretrained" in card
    assert not any(word in card for word in ("gated-unet", "multipliers", "threshold"))


def test_the_one_liner_uses_the_default_weights_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import hcl_sdk.pipeline._default as module

    asked: list[str] = []

    def from_pretrained(name: str = "default") -> Pipeline:
        asked.append(name)
        return known()

    photo, mask = stained()
    module._load_default.cache_clear()
    try:
        monkeypatch.setattr(module.Pipeline, "from_pretrained", from_pretrained)
        assert (hcl_sdk.restore(photo).restored[mask] == 128).all()
        assert hcl_sdk.restore(photo, dilate=1).alpha.sum() > mask.sum()
        assert (hcl_sdk.detect(photo, sensitivity=0.5).corruption_mask[0, 0].numpy() == mask).all()
        with pytest.raises(TypeError, match=r"restore\(\) got .* 'mask'; did you mean 'corruption_mask'\?"):
            hcl_sdk.restore(photo, mask=mask)
    finally:
        module._load_default.cache_clear()
    assert asked == ["default"]


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda image: image[..., :-1], r"float32 \[1, 3, 24, 30\]"),
        (lambda image: image[:, :1], r"float32 \[1, 1, 24, 31\]"),
        (lambda image: (255 * image).byte(), r"uint8 \[1, 3, 24, 31\]"),
        (lambda image: None, "NoneType"),
    ],
)
def test_a_restorer_that_returns_no_image_of_that_size_is_named(change: Any, got: str) -> None:
    @hcl_sdk.component
    class Odd(hcl_sdk.Restorer):
        def build(self, spec: Any) -> None:
            pass

        def forward(self, image: Tensor, detection: Any) -> Any:
            return change(image)

    photo, mask = np.zeros((24, 31, 3), np.uint8), np.ones((24, 31), bool)
    with pytest.raises(ValueError, match=rf"Odd\.forward must return .*got .*{got}"):
        Pipeline(restorer=Odd()).restore(photo, corruption_mask=mask)


def test_results_and_detections_print_in_a_line(tiny_pipeline: Pipeline) -> None:
    result = tiny_pipeline(np.zeros((24, 31, 3), np.uint8))
    assert repr(result).startswith("<Result: <Photo from array: 31 x 24, RGB, uint8>, ")
    assert "confidence=<float32 [1, 1, 24, 31]>" in repr(result.detection)
    assert "tensor(" not in repr(result) + repr(result.detection)


def test_the_one_liner_takes_a_mask(tmp_path: Path) -> None:
    photo = np.full((24, 31, 3), 99, np.uint8)
    mask = np.zeros((24, 31), bool)
    mask[5:9, 5:9] = True
    result = hcl_sdk.restore(photo, corruption_mask=mask, dilate=0, feather=0)
    assert np.array_equal(result.corruption_mask[0, 0].numpy(), mask)
    assert (result.restored[~mask] == 99).all()
