"""The verdict on an image as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable

import attrs
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from hcl_sdk import Detector, PyramidSpec, Verdict
from hcl_sdk.config import build, describe
from hcl_sdk.losses import VerdictLoss

SPEC = PyramidSpec(channels=(3, 4, 5), strides=(1, 2, 8))


def draw_confidences(height: int, width: int, batch: int = 2, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    sizes = [(-(-height // s), -(-width // s)) for s in SPEC.strides]
    return [torch.rand(batch, 1, *size, generator=generator) for size in sizes]


@given(height=st.integers(1, 20), width=st.integers(1, 20), seed=st.integers(0, 99))
def test_it_sees_the_maximum_and_the_mean_of_the_logits_in_each_cell(height: int, width: int, seed: int) -> None:
    confidences = draw_confidences(height, width, seed=seed)
    pooled = Verdict(dim=4).bind(SPEC).pool(confidences)
    rows, columns = -(-height // 8), -(-width // 8)
    assert pooled.shape == (2, 6, rows, columns)
    for scale, (confidence, stride) in enumerate(zip(confidences, SPEC.strides, strict=True)):
        side = 8 // stride
        for b, row, column in np.ndindex(2, rows, columns):
            cell = confidence[b, 0, row * side : (row + 1) * side, column * side : (column + 1) * side].flatten()
            logits = [math.log(p / (1 - p)) for p in (min(max(float(c), 1e-4), 1 - 1e-4) for c in cell)]
            assert float(pooled[b, 2 * scale, row, column]) == pytest.approx(max(logits), abs=1e-3)
            mean = sum(logits) / len(logits)
            assert float(pooled[b, 2 * scale + 1, row, column]) == pytest.approx(mean, abs=1e-3)


@given(height=st.integers(1, 40), width=st.integers(1, 40))
def test_an_image_is_judged_alone(height: int, width: int) -> None:
    verdict = Verdict(dim=4).bind(SPEC).eval()
    confidences = draw_confidences(height, width, batch=3)
    with torch.no_grad():
        together = verdict(confidences)
        alone = torch.cat([verdict([c[k : k + 1] for c in confidences]) for k in range(3)])
    assert together.shape == (3,)
    assert torch.allclose(together, alone, atol=1e-5)


def test_certain_pixels_do_not_make_it_infinite() -> None:
    verdict = Verdict(dim=4).bind(SPEC).eval()
    for value in (0.0, 1.0):
        assert verdict([torch.full_like(c, value) for c in draw_confidences(20, 30)]).isfinite().all()


def test_it_learns_that_many_faint_regions_are_damage_and_a_strong_one_alone_is_not() -> None:
    """What no threshold of the highest confidence can tell."""
    generator = torch.Generator().manual_seed(0)

    def draw(count: int) -> tuple[list[torch.Tensor], torch.Tensor]:
        finest = torch.full((count, 1, 32, 32), 0.02)
        damaged = torch.rand(count, generator=generator) < 0.5
        for image, is_damaged in zip(finest, damaged, strict=True):
            for _ in range(12 if is_damaged else 1):
                row, column = torch.randint(0, 31, (2,), generator=generator)
                image[0, row : row + 2, column : column + 2] = 0.6 if is_damaged else 0.95
        return [finest, F.avg_pool2d(finest, 2), F.avg_pool2d(finest, 8)], damaged.float()

    torch.manual_seed(0)
    verdict = Verdict(dim=8).bind(SPEC)
    optimizer = torch.optim.Adam(verdict.parameters(), lr=0.01)
    for _ in range(60):
        confidences, damaged = draw(32)
        loss = F.binary_cross_entropy_with_logits(verdict(confidences), damaged)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    confidences, damaged = draw(200)
    with torch.no_grad():
        right = (verdict.eval()(confidences) > 0).float() == damaged
    assert right.float().mean() > 0.95


def test_a_detector_that_judges_finds_the_same_as_one_that_does_not(make_detector: Callable[..., Detector]) -> None:
    image = torch.rand(2, 3, 33, 20, generator=torch.Generator().manual_seed(0))
    without = make_detector()
    judging = attrs.evolve(without, verdict=Verdict(dim=4)).eval()
    with torch.no_grad():
        alone, both = without(image), judging(image)
    assert alone.verdict_logits is None
    assert both.verdict_logits is not None
    assert both.verdict_logits.shape == (2,)
    assert torch.equal(alone.confidence, both.confidence)
    assert {name for name in judging.state_dict() if not name.startswith("verdict.")} == set(without.state_dict())


def test_it_is_written_as_its_fields_alone(make_detector: Callable[..., Detector]) -> None:
    described = describe(make_detector(verdict=Verdict(dim=4)), Detector)
    assert described["verdict"] == {"dim": 4, "queries": 4, "calibration": [1.0, 0.0, 0.0]}
    assert describe(build(described, Detector), Detector) == described
    del described["verdict"]  # as configurations were before
    assert build(described, Detector).verdict is None


def test_strides_that_have_no_common_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"strides that divide the coarsest one; got \(2, 3\)"):
        Verdict().bind(PyramidSpec(channels=(1, 1), strides=(2, 3)))


def test_the_loss_is_the_cross_entropy_of_whether_any_pixel_is_corrupted(
    make_detector: Callable[..., Detector],
) -> None:
    images = torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    masks = torch.zeros(3, 1, 24, 24, dtype=torch.bool)
    masks[0, 0, 3, 3], masks[1] = True, True
    detector = make_detector(verdict=Verdict(dim=4))
    detection = detector.eval()(images)
    assert detection.verdict_logits is not None
    p = detection.verdict_logits.sigmoid().tolist()
    expected = -(math.log(p[0]) + math.log(p[1]) + math.log(1 - p[2])) / 3
    loss = VerdictLoss()(detection, masks)
    assert loss.item() == pytest.approx(expected, abs=1e-5)
    loss.backward()
    assert detector.verdict is not None
    assert all(parameter.grad is not None for parameter in detector.verdict.parameters())
    with pytest.raises(ValueError, match="this detector has none; give it verdict"):
        VerdictLoss()(make_detector()(images), masks)
