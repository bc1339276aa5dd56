from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from hcl_sdk import Detection, GatedUNet, PatchSynthesis, Pipeline, PyramidSpec, ResidualUNet
from hcl_sdk.functional.compositing import close_seam
from hcl_sdk.functional.pull_push import pull_push
from hcl_sdk.restorers.partial_swin import PartialSwinRestorer


def draw_stripes(height: int = 64, width: int = 72) -> Tensor:
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([(x // 4) % 2, (y // 4) % 2, (x // 4) % 2]).float()[None] * 0.6 + 0.2


def draw_hole(image: Tensor, top: int = 24, left: int = 26, side: int = 14) -> Detection:
    mask = torch.zeros(len(image), 1, *image.shape[-2:], dtype=torch.bool)
    mask[..., top : top + side, left : left + side] = True
    return Detection.from_mask(mask)


def smooth_guide() -> ResidualUNet:
    """Not trained: it fills as pull_push does."""
    return ResidualUNet(channels=(4, 6), depths=(0, 0))


def make(**fields: object) -> PatchSynthesis:
    return PatchSynthesis(**({"guide": smooth_guide(), "patch_size": 5} | fields)).eval()  # type: ignore[arg-type]


@torch.no_grad()
def test_it_is_nearer_to_a_textured_photo_than_its_guide() -> None:
    image = draw_stripes()
    detection = draw_hole(image)
    guide = pull_push(image, detection.corruption_mask)
    restored = make()(image, detection)
    assert (restored - image).square().mean() < 0.3 * (guide - image).square().mean()


@torch.no_grad()
def test_texture_goes_from_the_guide_to_all_of_it() -> None:
    image = draw_stripes()
    detection = draw_hole(image)
    none, half, full = (make(texture=texture)(image, detection) for texture in (0.0, 0.5, 1.0))
    torch.testing.assert_close(none, pull_push(image, detection.corruption_mask))
    torch.testing.assert_close(half, (close_seam(image, detection.corruption_mask, none) + full) / 2)
    assert not torch.allclose(none, full)


def test_in_training_the_guide_alone_restores_and_learns() -> None:
    restorer = PatchSynthesis(guide=GatedUNet(dim=4, multipliers=(1, 2))).train()
    image = draw_stripes()
    detection = draw_hole(image)
    torch.testing.assert_close(restorer(image, detection), restorer.guide(image, detection))
    for output in restorer.outputs(image, detection):
        output.sum().backward()
    assert all(p.grad is not None for p in restorer.guide.parameters())


@torch.no_grad()
def test_a_guide_with_features_gets_them() -> None:
    guide = PartialSwinRestorer(
        depths=(1, 1), window_sizes=(4, 4), heads=(1, 2), refinement_dim=4, refinement_multipliers=(1, 2)
    )
    restorer = PatchSynthesis(guide=guide)
    assert restorer.uses_features
    assert not restorer.is_bound
    with pytest.raises(ValueError, match="features of a detector's encoder"):
        restorer.bind(None)
    assert restorer.bind(PyramidSpec(channels=(8, 16), strides=(1, 2))).guide.is_bound
    assert not make().uses_features


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"patch_size": 4}, "'patch_size' must be an odd number from 1 to 99: 4"),
        ({"patch_size": -1}, "'patch_size' must be an odd number from 1 to 99: -1"),
        ({"patch_size": 101}, "'patch_size' must be an odd number from 1 to 99: 101"),
        ({"texture": 1.5}, "texture"),
        ({"guidance": -1.0}, "guidance"),
        ({"radius": 0}, "radius"),
    ],
)
def test_wrong_fields_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**fields)


MODES = {
    "rgb": ((40, 52, 3), np.uint8),
    "gray": ((40, 52), np.uint8),
    "sixteen bits": ((40, 52), np.uint16),
    "transparent": ((40, 52, 4), np.uint8),
    "smaller than a patch": ((3, 4, 3), np.uint8),
    "a line": ((1, 30, 3), np.uint8),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("known", ["most", "one pixel", "nothing", "all but one"])
def test_photos_of_all_kinds_are_filled(mode: str, known: str) -> None:
    shape, dtype = MODES[mode]
    photo = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)
    mask = np.full(shape[:2], known in ("nothing", "one pixel"))
    if known == "most":
        mask[shape[0] // 2 :, shape[1] // 3 : shape[1] // 2] = True
    elif known != "nothing":
        mask[0, 1] = known == "all but one"
    restored = Pipeline(restorer=make(), device="cpu").restore(photo, corruption_mask=mask).restored
    assert restored.shape == photo.shape
    assert restored.dtype == photo.dtype
    np.testing.assert_array_equal(restored[~mask], photo[~mask])
    if photo.ndim == 3 and photo.shape[2] == 4:
        np.testing.assert_array_equal(restored[..., 3], photo[..., 3])
