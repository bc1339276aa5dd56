from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate

from hcl_sdk import ResNetEncoder
from hcl_sdk.layers.noise_residuals import DIVISORS, KERNELS, NoiseResiduals


@pytest.mark.parametrize("size", [(1, 1), (7, 12)])
def test_residuals_are_logarithms_of_filtered_colors(size: tuple[int, int]) -> None:
    image = torch.rand(2, 3, *size)
    found = NoiseResiduals()(image).numpy()
    for b, color, k in np.ndindex(2, 3, 3):
        kernel = np.array(KERNELS[k]) / DIVISORS[k]
        residual = correlate(image[b, color].numpy().astype(float), kernel, mode="nearest")
        np.testing.assert_allclose(found[b, 3 * color + k], np.log2(1 + 255 * np.abs(residual)) / 8, atol=1e-4)


def test_smooth_images_have_no_residual() -> None:
    ramp = torch.linspace(0, 1, 20).expand(1, 3, 20, 20)
    for image in (torch.full((1, 3, 9, 9), 0.3), ramp[..., 2:-2, 2:-2]):
        inner = NoiseResiduals()(image)[..., 2:-2, 2:-2]
        torch.testing.assert_close(inner, torch.zeros_like(inner), atol=1e-3, rtol=0)


def test_half_precision_does_not_drown_them() -> None:
    image = torch.rand(1, 3, 16, 16).mul(255).round() / 255
    with torch.autocast("cpu", torch.bfloat16):
        found = NoiseResiduals()(image)
    assert torch.equal(found, NoiseResiduals()(image))


def test_an_encoder_sees_them_and_stores_none_of_their_weights() -> None:
    torch.manual_seed(0)
    with_residuals, without = (ResNetEncoder(channels=(4, 6), depths=(1, 0), residuals=r).eval() for r in (True, False))
    assert with_residuals.stages[0][0][0].weight.shape[1] == 12  # type: ignore[index,union-attr]
    assert with_residuals.state_dict().keys() == without.state_dict().keys()
    image = torch.rand(1, 3, 13, 22)
    assert [m.shape for m in with_residuals(image).maps] == [m.shape for m in without(image).maps]
