"""Restorers that use the detector's features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from known_parts import FlatFromFeatures, draw_noise, draw_stained_photo, make_known_pipeline, make_red_finder
from torch.nn import functional as F

from hcl_sdk import Detector, PartialSwinRestorer, Pipeline, SoftKMeans, Verdict


def test_a_restorer_that_uses_features_gets_the_mask_that_the_verdict_left(
    make_detector: Callable[..., Detector],
) -> None:
    """Not that of the pixels alone, which the detector handed over."""
    detector = attrs.evolve(make_red_finder(), verdict=Verdict(dim=4))
    photo, mask = draw_stained_photo()
    restorer = FlatFromFeatures()
    result = Pipeline(detector, restorer, threshold=0.1, device="cpu")(photo)
    assert result.verdict is not None
    assert 0.2 < result.verdict < 0.8
    assert np.array_equal(result.corruption_mask[0, 0].numpy(), mask)
    [(_, detection)] = restorer.calls
    assert np.array_equal(detection.corruption_mask[0, 0].numpy(), mask)


def test_features_come_with_the_detectors_own_masks_when_nothing_was_changed() -> None:
    photo, mask = draw_stained_photo()
    restorer = FlatFromFeatures()
    result = make_known_pipeline(restorer)(photo)
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
    photo = draw_stained_photo()[0]
    photo[0, 0] = (128, 5, 130)  # uncertain
    restorer = FlatFromFeatures()
    result = make_known_pipeline(restorer)(photo, **change)
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
    photo = draw_stained_photo()[0]
    mask = torch.zeros(24, 32, dtype=torch.bool)
    mask[3, 5] = True
    restorer = FlatFromFeatures()
    make_known_pipeline(restorer).restore(photo, corruption_mask=mask)
    [(image, detection)] = restorer.calls
    assert detection.pyramid is not None
    assert torch.equal(detection.pyramid.maps[0], image)
    assert [m.nonzero().tolist() for m in detection.masks] == [[[0, 0, 3, 5]], [[0, 0, 1, 2]]]


def test_features_are_used_at_the_scale_of_the_detection() -> None:
    photo, _ = draw_stained_photo(96, 128, (24, 32, 56, 80))
    restorer = FlatFromFeatures()
    result = make_known_pipeline(restorer, detection_size=24)(photo)
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
    photo = draw_noise(21, 34)
    result = pipeline(photo)
    outside = ~result.corruption_mask[0, 0].numpy()
    assert np.array_equal(result.restored[outside], photo[outside])
    assert np.isfinite(pipeline.restore(photo, corruption_mask=np.ones((21, 34), bool)).restored).all()
