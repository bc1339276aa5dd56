from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hcl_sdk import Detection, Pyramid, PyramidSpec
from hcl_sdk.functional.masks import shrink_mask
from hcl_sdk.interfaces import check_mask, pool_mask


@pytest.mark.parametrize(
    ("channels", "strides", "message"),
    [
        ((4,), (1, 2), "as many channels as strides"),
        ((), (), "at least one"),
        ((4, 4), (2, 2), "strictly increasing"),
        ((4, 4), (4, 2), "strictly increasing"),
        ((4,), (0,), "positive"),
        ((4, 0), (1, 2), "channels must be positive"),
    ],
)
def test_a_wrong_spec_is_refused(channels: tuple[int, ...], strides: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PyramidSpec(channels=channels, strides=strides)


def test_specs_compare_by_value() -> None:
    assert PyramidSpec(channels=(4,), strides=(1,)) == PyramidSpec(channels=(4,), strides=(1,))
    assert PyramidSpec(channels=(4,), strides=(1,)) != PyramidSpec(channels=(4,), strides=(2,))
    assert len(PyramidSpec(channels=(4, 5), strides=(1, 3))) == 2


def test_other_maps_give_a_spec_that_is_true_of_them() -> None:
    pyramid = Pyramid(maps=(torch.rand(1, 2, 4, 4),), spec=PyramidSpec(channels=(2,), strides=(3,)))
    assert pyramid.with_maps([torch.rand(1, 7, 4, 4)]).spec == PyramidSpec(channels=(7,), strides=(3,))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 8), st.integers(0, 2**31))
@settings(max_examples=40)
def test_a_shrunk_mask_is_corrupted_where_any_pixel_under_it_is(
    height: int, width: int, stride: int, seed: int
) -> None:
    mask = torch.rand(2, 1, height, width, generator=torch.Generator().manual_seed(seed)) < 0.15
    small = pool_mask(mask, stride)
    assert small.shape == (2, 1, -(-height // stride), -(-width // stride))
    for b, _, y, x in torch.cartesian_prod(*(torch.arange(n) for n in small.shape)).tolist():
        under = mask[b, 0, y * stride : (y + 1) * stride, x * stride : (x + 1) * stride]
        assert bool(small[b, 0, y, x]) == bool(under.any())
    to = max(1, height - stride), max(1, width // stride)
    fitted = shrink_mask(mask, to)
    assert fitted.shape == (2, 1, *to)
    for b, _, y, x in torch.cartesian_prod(*(torch.arange(n) for n in fitted.shape)).tolist():
        rows = slice(y * height // to[0], -(-(y + 1) * height // to[0]))
        columns = slice(x * width // to[1], -(-(x + 1) * width // to[1]))
        assert bool(fitted[b, 0, y, x]) == bool(mask[b, 0, rows, columns].any())


def test_a_known_mask_is_certain() -> None:
    mask = torch.zeros(1, 1, 5, 5, dtype=torch.bool)
    mask[..., 4, 4] = True
    detection = Detection.from_mask(mask)
    assert torch.equal(detection.confidence, mask.float())
    assert detection.masks == detection.embeddings == detection.scales == ()
    assert detection.pyramid is None


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (torch.zeros(1, 1, 4, 4), TypeError, "bool tensor, True = corrupted; got torch.float32"),
        (torch.zeros(4, 4, dtype=torch.bool), ValueError, r"\[B, 1, H, W\]; got shape \(4, 4\)"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.bool), ValueError, r"\(1, 3, 4, 4\)"),
    ],
)
def test_invalid_masks_are_refused(mask: torch.Tensor, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_mask(mask)
    with pytest.raises(error, match=message):
        Detection.from_mask(mask)
