from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hcl_sdk.encoders.swin import SwinEncoder
from hcl_sdk.interfaces import Detection, PyramidSpec
from hcl_sdk.restorers.partial_swin import PartialSwinRestorer


def small(conv_stages: int = 0, **fields: Any) -> tuple[SwinEncoder, PartialSwinRestorer]:
    encoder = SwinEncoder(dim=4, multipliers=(1, 2), depths=(1, 1), window_sizes=(4, 4), conv_stages=conv_stages)
    settings = {
        "depths": (2, 1),
        "window_sizes": (4, 4),
        "heads": (1, 2),
        "bottleneck_depth": 1,
        "bottleneck_window_size": 4,
        "refinement_dim": 4,
        "refinement_multipliers": (1, 2),
    }
    return encoder, PartialSwinRestorer(**{**settings, **fields}).bind(encoder.spec)


@given(
    size=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    conv_stages=st.integers(0, 2),
    upsampling=st.sampled_from(("bilinear", "nearest")),
    share=st.sampled_from((0.0, 0.2, 1.0)),
)
@settings(max_examples=15, deadline=None)
def test_an_image_of_any_size_comes_back_in_that_size_and_range(
    size: tuple[int, int], conv_stages: int, upsampling: str, share: float
) -> None:
    encoder, restorer = small(conv_stages, upsampling=upsampling)
    image, mask = torch.rand(2, 3, *size), torch.rand(2, 1, *size) < share
    with torch.no_grad():
        restored = restorer(image, Detection.from_mask(mask, encoder(image)))
    assert restored.shape == image.shape
    assert 0 <= restored.min() <= restored.max() <= 1


def test_the_decoder_does_not_see_valid_features_only_where_all_is_corrupted() -> None:
    encoder, restorer = small(depths=(1, 1))
    image = torch.rand(1, 3, 16, 16)
    pyramid = encoder(image)
    corrupted = [torch.zeros(1, 1, 16, 16, dtype=torch.bool), torch.zeros(1, 1, 8, 8, dtype=torch.bool)]
    with torch.no_grad():
        open_ = restorer.decode(pyramid, corrupted, (16, 16))
        corrupted[0][..., :4, :4] = True
        masked = restorer.decode(pyramid, corrupted, (16, 16))
    changed = (open_ != masked).any(1)[0]
    # Its own window looks elsewhere now, and the convolution's neighbors with it; nothing else changes.
    assert changed[:4, :4].any()
    assert not changed[5:, :].any()
    assert not changed[:, 5:].any()


def test_the_image_is_restored_from_features_alone() -> None:
    encoder, restorer = small()
    image, mask = torch.rand(1, 3, 12, 12), torch.rand(1, 1, 12, 12) < 0.3
    detection = Detection.from_mask(mask, encoder(image))
    with torch.no_grad():
        whole = restorer(image, detection)
        assert detection.pyramid is not None
        coarse = restorer.decode(detection.pyramid, detection.masks, (12, 12))
        assert 0 <= coarse.min() <= coarse.max() <= 1
        torch.testing.assert_close(restorer.refine(coarse, mask), whole)
        assert torch.equal(restorer(torch.zeros_like(image), detection), whole)
        assert not torch.equal(restorer.refine(coarse, ~mask), whole)


def test_every_weight_learns() -> None:
    encoder, restorer = small(1, depths=(2, 2))
    image, mask = torch.rand(1, 3, 24, 20), torch.rand(1, 1, 24, 20) < 0.02
    decoded, refined = restorer.outputs(image, Detection.from_mask(mask, encoder(image)))
    refined.pow(2).sum().backward()
    assert all(p.grad is None for n, p in restorer.named_parameters() if not n.startswith("refinement."))
    decoded.pow(2).sum().backward()
    assert [n for n, p in restorer.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(
    ("fields", "spec", "message"),
    [
        ({}, PyramidSpec(channels=(8, 16), strides=(1, 2)), r"one depth.*2 scales.*heads=\(1, 2, 4\)"),
        ({}, PyramidSpec(channels=(8, 16, 32), strides=(3, 6, 12)), r"power of 2.*\(3, 6, 12\)"),
        ({}, PyramidSpec(channels=(8, 16, 30), strides=(1, 2, 4)), r"30 channels of scale 2 among 4 heads"),
        ({"heads": (3, 2, 4)}, PyramidSpec(channels=(8, 16, 32), strides=(1, 2, 4)), r"16 channels of scale 0 among 3"),
        ({}, None, "no detector"),
    ],
)
def test_encoders_that_do_not_fit_are_refused_when_put_together(
    fields: dict[str, Any], spec: PyramidSpec | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        PartialSwinRestorer(**fields).bind(spec)


def test_a_detection_without_features_is_refused() -> None:
    _, restorer = small()
    with pytest.raises(ValueError, match="encode_mask"):
        restorer(torch.rand(1, 3, 8, 8), Detection.from_mask(torch.ones(1, 1, 8, 8, dtype=torch.bool)))


def test_masks_of_other_sizes_than_the_features_are_refused() -> None:
    encoder, restorer = small()
    mask = torch.ones(1, 1, 8, 8, dtype=torch.bool)
    with pytest.raises(ValueError, match="a mask of the size of each feature map"):
        restorer.decode(encoder(torch.rand(1, 3, 8, 8)), [mask, mask], (8, 8))
