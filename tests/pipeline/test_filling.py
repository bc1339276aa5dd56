"""What is filled, with what, and what is left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from known_parts import Flat, FlatFromFeatures, draw_noise, draw_stained_photo, make_known_pipeline
from scipy.ndimage import binary_dilation
from torch import Tensor

import hcl_sdk
from hcl_sdk import Detection, Detector, Pipeline, PyramidSpec
from hcl_sdk.functional.compositing import feather_mask


@pytest.mark.parametrize("settings", [{}, {"seamless": True}, {"texture": 0.7, "dilate": 3, "feather": 5}])
def test_regions_that_are_far_apart_are_filled_at_their_own_resolution(settings: dict[str, Any]) -> None:
    photo, mask = draw_noise(600, 900), np.zeros((600, 900), bool)
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


def test_only_the_surroundings_of_the_mask_are_restored() -> None:
    restorer, photo = Flat(), draw_noise(600, 500)
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
    Pipeline(restorer=restorer, restoration_size=16, device="cpu").restore(draw_noise(192, 192), corruption_mask=mask)
    assert [min(image.shape[-2:]) for image, _ in restorer.calls] == [16, 16]  # each by itself
    assert sum(int(detection.corruption_mask.sum()) for _, detection in restorer.calls) == 2


def test_a_mask_over_the_whole_photo_fills_it_all() -> None:
    photo = draw_noise(9, 11)
    result = make_known_pipeline().restore(photo, corruption_mask=np.ones((9, 11), bool))
    assert (result.restored == 128).all()


def test_a_clean_photo_stays_as_it_is_and_the_restorer_rests(
    make_detector: Callable[..., Detector], set_classifier: Callable[[Detector, float], None]
) -> None:
    detector, restorer, photo = make_detector(), Flat(), draw_noise(24, 31)
    set_classifier(detector, -3.0)
    result = Pipeline(detector, restorer, dilate=5, feather=5, device="cpu")(photo)
    assert np.array_equal(result.restored, photo)
    assert not result.corruption_mask.any()
    assert result.raw is None
    assert restorer.calls == []
    assert result.regions == []


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


def test_dilation_and_feather_say_how_far_the_fill_reaches() -> None:
    photo, mask = draw_stained_photo(40, 40, (18, 18, 22, 22))
    rows, columns = np.nonzero(mask)
    distance = np.sqrt(
        ((np.indices(mask.shape)[..., None] - np.stack([rows, columns])[:, None, None]) ** 2).sum(axis=0)
    ).min(axis=-1)
    for dilate, feather in ((0, 0), (3, 0), (2.5, 4), (0, 6)):
        for result in (
            make_known_pipeline()(photo, dilate=dilate, feather=feather),
            make_known_pipeline(dilate=dilate, feather=feather)(photo),
        ):
            assert np.array_equal(result.corruption_mask[0, 0].numpy(), mask)
            assert result.alpha is not None
            alpha = result.alpha[0, 0].numpy()
            assert (alpha[distance <= dilate] == 1).all()
            assert (alpha[(distance > dilate) & (distance >= dilate + feather)] == 0).all()
            between = (distance > dilate) & (distance < dilate + feather - 1e-3)
            assert ((alpha[between] > 0) & (alpha[between] < 1)).all()
            assert np.array_equal(result.restored[alpha == 0], photo[alpha == 0])
            assert (result.restored[alpha == 1] == 128).all()


def test_the_restorer_gets_the_dilated_mask() -> None:
    restorer = Flat()
    make_known_pipeline(restorer)(draw_stained_photo(40, 40, (18, 18, 22, 22))[0], dilate=1)
    [(_, detection)] = restorer.calls
    assert int(detection.corruption_mask.sum()) == 16 + 16  # one more pixel on each of four sides


def test_a_found_mask_grows_with_the_softness_of_its_edge_and_a_given_one_does_not(
    tiny_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hcl_sdk.pipeline._masks.measure_softness", lambda confidence, mask, threshold: 6.5)
    photo = draw_stained_photo()[0]
    soft = tiny_pipeline.replace(soft_edges=True, dilate=2, feather=3)
    result = soft(photo)
    assert result.corruption_mask.any()
    for found, dilate in (
        (result, 6.5),
        (soft.replace(dilate=9)(photo), 9),
        (soft(photo, dilate=1), 1),
        (soft.replace(soft_edges=False)(photo), 2),
        (soft.restore(photo, corruption_mask=result.corruption_mask), 2),
        (soft.restore(photo, corruption_mask=result.corruption_mask, dilate=soft.measure_growth(result)), 6.5),
    ):
        assert found.alpha is not None
        assert torch.equal(found.alpha, feather_mask(found.corruption_mask, dilate, 3))
        kept = (found.alpha == 0)[0, 0].numpy()
        assert np.array_equal(found.restored[kept], photo[kept])


def draw_stripes(height: int = 60, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """A photo with stripes, and a mask in its middle."""
    photo = np.full((height, width, 3), 60, np.uint8)
    photo[:, np.arange(width) % 6 < 3] = (200, 120, 30)
    mask = np.zeros((height, width), bool)
    mask[20:34, 30:46] = True
    return photo, mask


@pytest.mark.parametrize("restoration_size", [None, 20])
def test_texture_is_the_photos_own_at_its_own_resolution(restoration_size: int | None) -> None:
    photo, mask = draw_stripes()
    restorer = hcl_sdk.ResidualUNet(channels=(4, 6), depths=(0, 0))  # not trained: a smooth fill
    pipeline = Pipeline(restorer=restorer, restoration_size=restoration_size, device="cpu")

    def measure_error(texture: float) -> float:
        result = pipeline.restore(photo, corruption_mask=mask, texture=texture)
        assert np.array_equal(result.restored[~mask], photo[~mask])
        assert result.raw is not None
        raw = (result.raw[0] * 255).round().byte().permute(1, 2, 0).numpy()
        assert np.array_equal(raw[mask], result.restored[mask])
        return float(np.square(result.restored[mask].astype(float) - photo[mask]).mean())

    alone = pipeline.restore(photo, corruption_mask=mask)
    assert np.array_equal(alone.restored, pipeline.restore(photo, corruption_mask=mask, texture=0).restored)
    assert measure_error(1.0) < 0.3 * measure_error(0.5) < 0.3 * measure_error(0.0)
    pipeline.texture = 1.0
    again = pipeline.restore(photo, corruption_mask=mask).restored
    assert np.array_equal(again, pipeline.replace(texture=0).restore(photo, corruption_mask=mask, texture=1).restored)


def test_large_damage_is_refined_in_parts_that_continue_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, mask = draw_stripes()
    mask[14:40, 20:56] = True
    pipeline = Pipeline(restorer=hcl_sdk.ResidualUNet(channels=(4, 6), depths=(0, 0)), device="cpu")
    fills = {}
    for side in (2048, 12):
        monkeypatch.setattr("hcl_sdk.pipeline._refinement.REFINED_AT_ONCE", side)
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
    photo, mask = draw_stripes()
    pipeline = make_known_pipeline(FlatFromFeatures())
    flat, textured = (pipeline.restore(photo, corruption_mask=mask, texture=t).restored for t in (0, 1))
    assert len(np.unique(flat[mask], axis=0)) == 1
    assert len(np.unique(textured[mask], axis=0)) > 1
    assert np.array_equal(textured[~mask], photo[~mask])


def draw_waves(height: int, width: int) -> np.ndarray:
    """A smooth photo in [0, 1]."""
    rows, columns = np.mgrid[:height, :width] / 12
    return np.stack([np.sin(rows) * np.cos(columns), np.sin(rows + columns), np.cos(rows)], axis=-1) * 0.3 + 0.5


@hcl_sdk.component
class KnowsTheWaves(hcl_sdk.Restorer):
    """Fills with ``draw_waves``, wherever it is asked to."""

    def build(self, spec: PyramidSpec | None) -> None:
        pass

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        return torch.from_numpy(draw_waves(*image.shape[-2:])).permute(2, 0, 1).to(image).expand_as(image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_watermark_is_removed_and_opaque_damage_is_filled(dtype: type) -> None:
    grain = 0.03 * np.random.default_rng(0).standard_normal((90, 120, 1))  # which nobody knows
    photo = draw_waves(90, 120) + grain
    watermark, spot = np.zeros((90, 120), bool), np.zeros((90, 120), bool)
    watermark[10:22, 10:80] = watermark[30:80, 20:34] = True
    spot[60:80, 90:110] = True
    highest = np.iinfo(dtype).max
    damaged = np.where(watermark[..., None], 0.5 * photo + 0.5, photo)
    damaged[spot] = (1, 0, 0)
    damaged, clean = ((x * highest).round().astype(dtype) for x in (damaged, photo))
    mask = watermark | spot

    def measure_errors(unveil: bool) -> tuple[float, float]:
        pipeline = Pipeline(restorer=KnowsTheWaves(), unveil=unveil, dilate=1, feather=2, device="cpu")
        restored = pipeline.restore(damaged, corruption_mask=mask).restored
        assert restored.dtype == dtype
        far = ~np.asarray(binary_dilation(mask, iterations=8), bool)
        assert np.array_equal(restored[far], clean[far])
        difference = np.square((restored.astype(float) - clean) / highest)
        return float(difference[watermark].mean()), float(difference[spot].mean())

    (filled, spot_filled), (unveiled, spot_unveiled) = measure_errors(unveil=False), measure_errors(unveil=True)
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
    photo = (draw_waves(90, 120) * np.iinfo(dtype).max).round().astype(dtype)

    def measure_errors(**settings: Any) -> np.ndarray:
        pipeline = Pipeline(restorer=TooBright(), device="cpu", **settings)
        restored = pipeline.restore(photo, corruption_mask=mask).restored
        assert restored.dtype == dtype
        far = ~np.asarray(binary_dilation(mask, iterations=6), bool)
        assert np.array_equal(restored[far], photo[far])
        return np.abs(restored[mask].astype(float) - photo[mask]) / np.iinfo(dtype).max

    assert measure_errors(seamless=False).mean() > 0.14
    assert measure_errors(seamless=True).max() < 0.03
    assert measure_errors(seamless=True, dilate=2, feather=3).max() < 0.03
