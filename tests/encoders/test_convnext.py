from __future__ import annotations

import pytest
import torch

from hcl_sdk import ConvNeXtEncoder


def encoder(**fields: object) -> ConvNeXtEncoder:
    torch.manual_seed(0)
    return ConvNeXtEncoder(**({"channels": (4, 6, 8), "depths": (1, 2, 1), "kernel_size": 3} | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize("stem_stride", [1, 2, 3, 4])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (17, 33), (3, 50), (32, 64)])
def test_maps_match_the_spec(height: int, width: int, stem_stride: int) -> None:
    net = encoder(stem_stride=stem_stride)
    pyramid = net(torch.rand(2, 3, height, width))
    assert pyramid.spec == net.spec
    assert net.spec.channels == (4, 6, 8)
    assert net.spec.strides == (stem_stride, 2 * stem_stride, 4 * stem_stride)
    assert [tuple(m.shape) for m in pyramid.maps] == [
        (2, c, -(-height // s), -(-width // s)) for c, s in zip(net.spec.channels, net.spec.strides, strict=True)
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"depths": (1, 1)}, "as many values as 'channels'"),
        ({"channels": (), "depths": ()}, "Length of 'channels' must be >= 1"),
        ({"kernel_size": 4}, "must be odd: 4"),
        ({"kernel_size": 0}, "kernel_size"),
        ({"stem_stride": 5}, "stem_stride"),
        ({"channels": (4, 0, 8)}, "channels"),
    ],
)
def test_wrong_fields_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encoder(**fields)
