"""What of a photo the detector sees, and which pixels a pipeline calls corrupted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from known_parts import Flat, FlatFromFeatures, draw_noise, draw_stained_photo, make_known_pipeline, make_red_finder
from PIL import Image
from scipy.ndimage import binary_dilation
from skimage.measure import label
from torch.nn import functional as F

from hcl_sdk import DetailFusion, Detector, GatedUNet, Photo, Pipeline, Prototypes, SoftKMeans, Verdict
from hcl_sdk.functional.arrays import fill_enclosed, follow_colors, follow_veils


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
    photo = draw_noise(*size)
    confidence = pipeline.detect(photo).confidence
    large = pipeline.replace(context_size=None).detect(photo).confidence
    if min(size) == 20:
        assert torch.equal(confidence, large)
        return
    small = pipeline.replace(detection_size=20).detect(photo).detection
    assert small is not None
    other = F.interpolate(small.confidence, size, mode="bilinear")
    expected = ((2 * torch.logit(large, 1e-4) + torch.logit(other, 1e-4)) / 3).sigmoid()
    assert torch.allclose(confidence, expected, atol=1e-5)
    assert not torch.allclose(confidence, large, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "working"),
    [
        ({"detection_size": 96, "context_size": 64}, (64, 96)),
        ({"detection_size": 48, "context_size": 64}, (48, 72)),
        ({"detection_size": None, "context_size": 64}, (64, 96)),
        ({"detection_size": 96, "context_size": None}, (16, 24)),
        ({"detection_size": 96, "context_size": 32}, (16, 24)),
    ],
)
def test_a_tiny_photo_is_enlarged_to_be_analyzed(
    make_detector: Callable[..., Detector], settings: dict[str, Any], working: tuple[int, int]
) -> None:
    sizes: list[tuple[int, ...]] = []
    detector = make_detector()
    detector.encoder.register_forward_pre_hook(lambda _, args: sizes.append(tuple(args[0].shape[-2:])))
    pipeline, photo = Pipeline(detector, Flat(), **settings, device="cpu"), draw_noise(16, 24)
    result = pipeline(photo)
    assert sizes == [working]
    assert result.detection is not None
    assert result.detected_confidence is not None
    assert tuple(result.detection.confidence.shape[-2:]) == working
    # All that follows from it is the photo's size, and a pixel is as sure as those that it was enlarged to.
    assert tuple(result.detected_confidence.shape[-2:]) == (16, 24)
    averaged = F.adaptive_avg_pool2d(result.detection.confidence, (16, 24))
    assert (result.confidence - averaged).abs().max() < 0.1
    assert result.restored.shape == (16, 24, 3)
    # A restorer that uses features works at the scale of the detection, also with a mask of one's own.
    of_features = pipeline.replace(restorer=FlatFromFeatures())
    for filled in (of_features(photo), of_features.restore(photo, corruption_mask=np.eye(16, 24) > 0)):
        assert filled.restored.shape == (16, 24, 3)
        assert isinstance(of_features.restorer, Flat)
        assert of_features.restorer.calls[-1][0].shape[-2:] == working


def make_thin_red_finder() -> Detector:
    """Knows red and blue by heart, and what a few red pixels in blue ones become when a photo is shrunk: blue."""
    detector = attrs.evolve(make_red_finder(), clusterer=Prototypes(), detail_fusion=DetailFusion(dim=4), verdict=None)
    with torch.no_grad():
        assert isinstance(detector.clusterer, Prototypes)
        detector.clusterer.prototypes.copy_(torch.tensor([[-1.0, -1.0, 1.0], [1.0, -1.0, -1.0]]))
    return detector.eval()


def test_a_line_that_shrinking_loses_is_found_among_the_photos_own_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hcl_sdk.detector._TILE", 64)
    monkeypatch.setattr("hcl_sdk.detector._OVERLAP", 16)
    photo, mask = draw_stained_photo(320, 240, box=(150, 0, 152, 240))
    pipeline = Pipeline(make_thin_red_finder(), detection_size=20, device="cpu")
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
    compared: list[np.ndarray] = []

    def keep(confidence: np.ndarray, image: np.ndarray, _: float) -> np.ndarray:
        compared.append(image)
        return confidence

    monkeypatch.setattr("hcl_sdk.pipeline._confidence.follow_image", keep)
    pipeline.replace(detail_size=240, follow_colors=True).detect(photo)
    assert result.detected_confidence is not None
    size = result.detected_confidence.shape[-2:]
    expected = F.adaptive_avg_pool2d(Photo.open(photo).rgb, (size[0], size[1]))[0]
    np.testing.assert_allclose(compared[0], expected, atol=0.01)


def test_a_photo_as_large_as_the_detection_or_smaller_is_looked_at_once(make_detector: Callable[..., Detector]) -> None:
    detector = make_detector(verdict=Verdict(dim=4))
    fusing = attrs.evolve(detector, detail_fusion=DetailFusion(dim=4))
    for size in ((30, 40), (48, 48), (60, 48)):
        plain = Pipeline(detector, detection_size=48).detect(draw_noise(*size))
        large = Pipeline(fusing, detection_size=48, detail_size=100).detect(draw_noise(*size))
        assert torch.equal(plain.confidence, large.confidence)
        assert plain.verdict == large.verdict


def test_without_a_fusion_a_photos_own_pixels_cannot_be_asked_for(make_detector: Callable[..., Detector]) -> None:
    pipeline = Pipeline(make_detector(), GatedUNet(dim=4, multipliers=(1,)), detail_size=300)
    with pytest.raises(ValueError, match=r"detail_size=300 .* no detail_fusion; set detail_size to None"):
        pipeline.detect(draw_noise(40, 50))
    mask = np.ones((40, 50), bool)
    assert pipeline.restore(draw_noise(40, 50), corruption_mask=mask).restored.shape == (40, 50, 3)


def test_the_verdict_on_the_photo_weighs_every_pixel(make_detector: Callable[..., Detector]) -> None:
    detector = make_detector()
    plain = Pipeline(detector).detect(draw_noise(40, 50))
    judged = Pipeline(attrs.evolve(detector, verdict=Verdict(dim=4))).detect(draw_noise(40, 50))
    assert plain.verdict is None
    assert judged.verdict is not None
    assert 0 < judged.verdict < 1
    assert torch.allclose(judged.confidence, plain.confidence * judged.verdict, atol=1e-6)


def test_the_verdict_is_calibrated_by_the_pixels_of_the_photo(make_detector: Callable[..., Detector]) -> None:
    detector = make_detector(verdict=Verdict(dim=4))
    assert detector.verdict is not None
    verdict = attrs.evolve(detector.verdict, calibration=(0.5, 2.0, -1.0))
    calibrated = attrs.evolve(detector, verdict=verdict)
    verdict.load_state_dict(detector.verdict.state_dict())
    photo = draw_noise(40, 50)
    plain = Pipeline(detector).detect(photo)
    judged = Pipeline(calibrated).detect(photo)
    assert plain.verdict is not None
    assert judged.verdict is not None
    of_pixels = (plain.confidence / plain.verdict).flatten().sort(descending=True)[0][:2].mean()
    logit = 0.5 * math.log(plain.verdict / (1 - plain.verdict)) + 2 * float(of_pixels.logit()) - 1
    assert judged.verdict == pytest.approx(1 / (1 + math.exp(-logit)), abs=1e-4)
    assert torch.allclose(judged.confidence, plain.confidence / plain.verdict * judged.verdict, atol=1e-5)


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


def test_the_threshold_is_strict(tiny_pipeline: Pipeline) -> None:
    photo = draw_noise(24, 31)
    confidence = tiny_pipeline.detect(photo).confidence
    limit = float(confidence.flatten().sort().values[300])
    own = Pipeline(tiny_pipeline.detector, tiny_pipeline.restorer, threshold=limit, device="cpu")
    for result in (own.detect(photo), own(photo)):
        assert torch.equal(result.corruption_mask, confidence > limit)


def test_enclosed_areas_are_found_on_request(tiny_pipeline: Pipeline) -> None:
    photo = draw_noise(24, 31)
    confidence = tiny_pipeline.detect(photo).confidence
    limit = float(confidence.flatten().sort().values[300])
    filled = torch.from_numpy(fill_enclosed(confidence[0, 0].numpy(), limit))[None, None] > limit
    assert (filled & (confidence <= limit)).any()
    pipeline = tiny_pipeline.replace(threshold=limit, fill_enclosed=True)
    result = pipeline(photo)
    assert torch.equal(result.corruption_mask, filled)
    assert torch.equal(result.confidence, confidence)
    assert torch.equal(pipeline.to_mask(confidence.expand(2, -1, -1, -1)), filled.expand(2, -1, -1, -1))


def test_colors_are_followed_on_request(tiny_pipeline: Pipeline) -> None:
    photo = draw_noise(24, 31)
    confidence = tiny_pipeline.detect(photo).confidence
    limit = float(confidence.flatten().sort(descending=True).values[60])
    image = photo.transpose(2, 0, 1) / np.float32(255)
    followed = follow_veils(follow_colors(confidence[0, 0].numpy(), image, limit), image, limit)
    followed = torch.from_numpy(followed)[None, None]
    assert not torch.equal(followed, confidence)
    pipeline = tiny_pipeline.replace(threshold=limit, follow_colors=True)
    result = pipeline.detect(photo)
    assert torch.equal(result.confidence, followed)
    assert torch.equal(result.corruption_mask, followed > limit)
    assert torch.equal(
        pipeline.to_mask(result, sensitivity=0.3), pipeline.detect(photo, sensitivity=0.3).corruption_mask
    )


def test_a_palette_is_analyzed_without_its_dithering_and_kept_as_it_is(tiny_pipeline: Pipeline) -> None:
    image = Image.fromarray(draw_noise(24, 31)).quantize(16)
    photo = Photo.open(image)
    mask = torch.zeros(1, 1, 24, 31, dtype=torch.bool)
    mask[..., 5:9, 4:12] = True
    seen = tiny_pipeline.detect(image).confidence
    assert torch.equal(seen, tiny_pipeline.detect(torch.from_numpy(photo.undithered_array)).confidence)
    assert not torch.equal(seen, tiny_pipeline.detect(image.convert("RGB")).confidence)
    result = tiny_pipeline.restore(image, corruption_mask=mask)
    untouched = (result.alpha == 0)[0, 0].numpy()
    assert np.array_equal(np.asarray(result.restored)[untouched], np.asarray(image.convert("RGB"))[untouched])


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9, 1.0])
def test_sensitivity_goes_from_nothing_over_the_threshold_to_everything(
    tiny_pipeline: Pipeline, threshold: float
) -> None:
    photo = draw_noise(24, 31)
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
    pipeline = make_known_pipeline().replace(threshold=0.5, peak_threshold=peak_threshold)
    areas = [int(pipeline.to_mask(confidence.reshape(1, 1, 1, -1), sensitivity=step / 20).sum()) for step in range(21)]
    assert areas[0] == 0
    assert all(before < after for before, after in itertools.pairwise(areas))


def test_a_region_counts_if_it_rises_above_the_second_threshold(tiny_pipeline: Pipeline) -> None:
    photo = draw_noise(24, 31)
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


@pytest.mark.parametrize("restorer", [Flat, FlatFromFeatures])
def test_a_region_limits_the_search_and_nothing_else(restorer: type[Flat]) -> None:
    photo, mask = draw_stained_photo()
    pipeline = make_known_pipeline(restorer())
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
