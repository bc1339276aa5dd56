from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hcl_sdk.layers.partial_conv import PartialConv2d


@given(
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    share=st.sampled_from((0.0, 0.3, 0.8, 1.0)),
    seed=st.integers(0, 99),
)
@settings(max_examples=20, deadline=None)
def test_equals_the_definition(height: int, width: int, share: float, seed: int) -> None:
    torch.manual_seed(seed)
    conv = PartialConv2d(2)
    features = torch.randn(1, 2, height, width)
    corrupted = torch.rand(1, 1, height, width) < share
    with torch.no_grad():
        out = conv(features, corrupted)
        for y in range(height):
            for x in range(width):
                total, count = torch.zeros(2), 0
                for dy in (-1, 0, 1):
                    for dx in (-1, 0, 1):
                        inside = 0 <= y + dy < height and 0 <= x + dx < width
                        if inside and not corrupted[0, 0, y + dy, x + dx]:
                            total += conv.conv.weight[:, :, dy + 1, dx + 1] @ features[0, :, y + dy, x + dx]
                            count += 1
                bias = conv.conv.bias
                assert bias is not None
                expected = total * 9 / count + bias if count else torch.zeros(2)
                torch.testing.assert_close(out[0, :, y, x], expected, atol=1e-5, rtol=1e-4)


def test_corrupted_pixels_have_no_influence_and_half_precision_no_infinities() -> None:
    conv = PartialConv2d(3).to(torch.float16)
    features = torch.randn(1, 3, 6, 6).to(torch.float16)
    corrupted = torch.zeros(1, 1, 6, 6, dtype=torch.bool)
    corrupted[..., 1:5, 1:6] = True
    with torch.no_grad():
        out = conv(features, corrupted)
        changed = torch.where(corrupted, 50.0, features).to(torch.float16)
        assert torch.equal(conv(changed, corrupted), out)
    assert out.isfinite().all()
    assert (out[..., 2:4, 2:5] == 0).all()
