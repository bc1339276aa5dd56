from __future__ import annotations

import numpy as np
import pytest
import torch

from hcl_sdk.functional.eight_bit import from_uint8, to_uint8


def test_all_values_of_8_bits_come_back() -> None:
    pixels = np.arange(2 * 4 * 32 * 3, dtype=np.uint8).reshape(2, 4, 32, 3)
    image = from_uint8(pixels)
    assert image.shape == (2, 3, 4, 32)
    assert float(image.min()) == 0
    assert float(image.max()) == 1
    assert np.array_equal(to_uint8(image), pixels)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_dtype_is_chosen(dtype: torch.dtype) -> None:
    image = from_uint8(np.array([[[[0], [255]]]], np.uint8), dtype=dtype)
    assert image.dtype == dtype
    assert image.flatten().tolist() == [0, 1]
    assert to_uint8(image).flatten().tolist() == [0, 255]


def test_values_are_rounded_to_the_nearest_and_clipped() -> None:
    image = torch.tensor([-0.1, 0.4 / 255, 0.6 / 255, 1.7], requires_grad=True).view(1, 1, 1, 4)
    assert to_uint8(image).flatten().tolist() == [0, 0, 1, 255]
