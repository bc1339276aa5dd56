"""The fusion of two looks at a photo: whole, and in tiles of its own pixels."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk import Detector, Verdict
from hcl_sdk.config import build, describe
from hcl_sdk.functional.tiles import cut_tiles
from hcl_sdk.heads import detail
from hcl_sdk.heads.detail import DetailFusion


def draw_logits(*size: int, seed: int = 0) -> Tensor:
    return 8 * torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(seed)) - 4


def make_fusion() -> DetailFusion:
    """One that has learned something."""
    torch.manual_seed(0)
    fusion = DetailFusion(dim=4)
    torch.nn.init.normal_(fusion.leave.weight)
    return fusion.eval()


@given(height=st.integers(1, 40), width=st.integers(1, 40))
@settings(max_examples=20)
def test_before_it_has_learned_pixels_have_the_mean_of_both_logits(height: int, width: int) -> None:
    coarse, fine = draw_logits(-(-height // 3), -(-width // 3)), draw_logits(height, width, seed=1)
    with torch.no_grad():
        logits, verdict = DetailFusion(dim=4)(coarse, fine)
    enlarged = F.interpolate(coarse, (height, width), mode="bilinear")
    assert torch.allclose(logits, (enlarged + fine) / 2, atol=1e-5)
    assert verdict.shape == (1,)
    assert verdict.isfinite().all()


@given(height=st.integers(1, 70), width=st.integers(1, 20), seed=st.integers(0, 9))
@settings(max_examples=20)
def test_a_large_map_is_fused_in_bands_with_the_same_result(height: int, width: int, seed: int) -> None:
    fusion, coarse, fine = make_fusion(), draw_logits(5, 4), draw_logits(height, width, seed=seed)
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        whole, verdict = fusion(coarse, fine, torch.tensor([1.5]))
        patch.setattr(detail, "_BAND", 7 * width)
        banded, same = fusion(coarse, fine, torch.tensor([1.5]))
    assert torch.allclose(banded, whole, atol=1e-5)
    assert torch.allclose(same, verdict, atol=1e-5)


def test_the_photo_is_judged_by_the_maximum_and_the_mean_of_each_cell() -> None:
    """The reference counts pixels one by one; a cell is a sixteenth of the shorter side."""
    coarse, fine, fused = draw_logits(32, 48), draw_logits(64, 96, seed=1), draw_logits(64, 96, seed=2)
    pooled = make_fusion().pool(coarse, fine, fused)
    assert pooled.shape == (1, 6, 16, 24)
    for channel, logits in enumerate((coarse, fine, fused)):
        side = logits.shape[-2] // 16
        for row, column in np.ndindex(16, 24):
            cell = logits[0, 0, row * side : (row + 1) * side, column * side : (column + 1) * side]
            assert float(pooled[0, 2 * channel, row, column]) == pytest.approx(float(cell.max()))
            assert float(pooled[0, 2 * channel + 1, row, column]) == pytest.approx(float(cell.mean()), abs=1e-5)


def test_the_verdict_on_the_whole_image_counts() -> None:
    fusion, coarse, fine = make_fusion(), draw_logits(16, 16), draw_logits(40, 40)
    with torch.no_grad():
        undecided, sure = (fusion(coarse, fine, torch.tensor([v]))[1] for v in (0.0, 3.0))
        alone = fusion(coarse, fine)[1]
    assert torch.equal(alone, undecided)
    assert float(sure - undecided) == pytest.approx(3 * fusion.trust.item(), abs=1e-5)


def test_it_learns_to_keep_a_line_that_one_look_does_not_see_and_to_drop_specks() -> None:
    """A mean of the logits could do neither: both are equally sure in the fine look, and unseen in the coarse one."""
    generator = torch.Generator().manual_seed(0)

    def draw(count: int) -> tuple[Tensor, Tensor, Tensor]:
        fine, truth = torch.full((count, 1, 48, 48), -3.0), torch.zeros(count, 1, 48, 48)
        for k in range(count):
            for row, column in torch.randint(0, 48, (12, 2), generator=generator):
                fine[k, 0, row, column] = 3.0
            if k % 2:
                row = int(torch.randint(0, 48, (), generator=generator))
                fine[k, 0, row], truth[k, 0, row] = 3.0, 1.0
        return torch.full((count, 1, 12, 12), -3.0), fine, truth

    torch.manual_seed(0)
    fusion = DetailFusion(dim=8, dilations=(1, 2))
    optimizer = torch.optim.Adam(fusion.parameters(), lr=0.02)
    for _ in range(60):
        coarse, fine, truth = draw(8)
        logits, verdict = fusion(coarse, fine)
        damaged = truth.amax(dim=(1, 2, 3))
        loss = F.binary_cross_entropy_with_logits(logits, truth)
        loss = loss + 0.3 * F.binary_cross_entropy_with_logits(verdict, damaged)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    coarse, fine, truth = draw(40)
    with torch.no_grad():
        logits, verdict = fusion.eval()(coarse, fine)
    found = logits > 0
    assert found[truth > 0].float().mean() > 0.9
    assert found[(truth == 0) & (fine > 0)].float().mean() < 0.1
    assert ((verdict > 0) == (truth.amax(dim=(1, 2, 3)) > 0)).float().mean() > 0.9


def test_a_detector_keeps_its_own_findings_beside_it(make_detector: Callable[..., Detector]) -> None:
    image = torch.rand(2, 3, 33, 20, generator=torch.Generator().manual_seed(0))
    without = make_detector(verdict=Verdict(dim=4)).eval()
    fusing = attrs.evolve(without, detail_fusion=DetailFusion(dim=4)).eval()
    with torch.no_grad():
        assert torch.equal(without(image).confidence, fusing(image).confidence)
    assert {n for n in fusing.state_dict() if not n.startswith("detail_fusion.")} == set(without.state_dict())
    described = describe(fusing, Detector)
    assert described["detail_fusion"] == {"dim": 4, "dilations": [1, 2, 4, 8], "queries": 4}
    assert describe(build(described, Detector), Detector) == described
    del described["detail_fusion"]  # as configurations were before
    assert build(described, Detector).detail_fusion is None


@pytest.mark.parametrize("size", [(30, 44), (96, 70), (67, 131)])
def test_an_image_in_tiles_matches_its_tiles(
    make_detector: Callable[..., Detector], monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    """Where only one tile lies, its own logits stand, averaged over squares of two by two."""
    monkeypatch.setattr("hcl_sdk.detector._TILE", 32)
    monkeypatch.setattr("hcl_sdk.detector._OVERLAP", 16)
    detector = make_detector()
    image = torch.randint(0, 256, (1, 3, *size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    rows, columns = (sorted({t[axis].start for t in _cut(size)})[1:2] or [size[axis]] for axis in (0, 1))
    first = _cut(size)[0]
    with torch.no_grad():
        logits = detector.detect_in_tiles(image)
        same = detector.detect_in_tiles(image.float() / 255)
        confidence = detector(image[..., first[0], first[1]] / 255).confidence.clamp(1e-4, 1 - 1e-4)
    assert logits.shape == (1, 1, -(-size[0] // 2), -(-size[1] // 2))
    assert torch.allclose(same, logits, atol=1e-5)
    expected = F.avg_pool2d((confidence / (1 - confidence)).log(), 2, ceil_mode=True, count_include_pad=False)
    alone = slice(0, -(-rows[0] // 2)), slice(0, -(-columns[0] // 2))  # before the next tile begins
    assert torch.allclose(logits[0, 0][alone], expected[0, 0][alone], atol=1e-4)


def _cut(size: tuple[int, int]) -> list[tuple[slice, slice]]:
    return cut_tiles(size, side=48, overlap=16, multiple=8)
