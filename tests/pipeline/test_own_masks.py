"""Masks that are handed in: of one's own, or found and edited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from known_parts import draw_stained_photo, make_known_pipeline
from PIL import Image


@pytest.mark.parametrize("kind", ["path", "image", "array", "uint8 array", "tensor", "four dimensions"])
def test_a_mask_of_ones_own(kind: str, tmp_path: Path) -> None:
    photo, _ = draw_stained_photo()
    mask = np.zeros((24, 32), bool)
    mask[1:4, 2:9] = True
    drawn = Image.fromarray(mask.astype(np.uint8) * 255)
    drawn.save(tmp_path / "mask.png")
    source: Any = {
        "path": tmp_path / "mask.png",
        "image": drawn,
        "array": mask,
        "uint8 array": np.asarray(drawn),
        "tensor": torch.from_numpy(mask),
        "four dimensions": torch.from_numpy(mask)[None, None],
    }[kind]
    result = make_known_pipeline().restore(photo, corruption_mask=source)
    assert np.array_equal(result.corruption_mask[0, 0].numpy(), mask)
    assert (result.restored[mask] == 128).all()
    assert np.array_equal(result.restored[~mask], photo[~mask])
    assert result.detection is None


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="24"):
        make_known_pipeline().restore(draw_stained_photo()[0], corruption_mask=np.zeros((24, 30), bool))


def test_a_mask_can_be_edited_and_fed_back() -> None:
    photo, mask = draw_stained_photo()
    found = make_known_pipeline().detect(photo)
    edited = found.corruption_mask
    edited[..., :2, :2] = True  # in place, as a user would
    result = make_known_pipeline().restore(photo, corruption_mask=edited)
    assert (result.restored[:2, :2] == 128).all()
    assert (result.restored[mask] == 128).all()
    from_file = make_known_pipeline().restore(photo, corruption_mask=found.mask)
    assert np.array_equal(from_file.corruption_mask[0, 0].numpy(), np.asarray(found.mask) > 0)


@pytest.mark.parametrize("call", ["__call__", "detect", "restore"])
def test_a_mask_under_another_name_is_answered_with_how_it_is_given(call: str) -> None:
    photo, mask = draw_stained_photo()
    with pytest.raises(TypeError, match="corruption_mask"):
        getattr(make_known_pipeline(), call)(photo, mask=mask)
