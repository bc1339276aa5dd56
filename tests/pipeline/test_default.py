"""The one-liners, with the default weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from known_parts import draw_stained_photo, make_known_pipeline

import hcl_sdk
from hcl_sdk import Pipeline


def test_the_one_liner_uses_the_default_weights_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import hcl_sdk.pipeline._default as module

    asked: list[str] = []

    def from_pretrained(name: str = "default") -> Pipeline:
        asked.append(name)
        return make_known_pipeline()

    photo, mask = draw_stained_photo()
    module._load_default.cache_clear()
    try:
        monkeypatch.setattr(module.Pipeline, "from_pretrained", from_pretrained)
        assert (hcl_sdk.restore(photo).restored[mask] == 128).all()
        assert hcl_sdk.restore(photo, dilate=1).alpha.sum() > mask.sum()
        assert (hcl_sdk.detect(photo, sensitivity=0.5).corruption_mask[0, 0].numpy() == mask).all()
        with pytest.raises(TypeError, match=r"restore\(\) got .* 'mask'; did you mean 'corruption_mask'\?"):
            hcl_sdk.restore(photo, mask=mask)
    finally:
        module._load_default.cache_clear()
    assert asked == ["default"]


def test_the_one_liner_takes_a_mask(tmp_path: Path) -> None:
    photo = np.full((24, 31, 3), 99, np.uint8)
    mask = np.zeros((24, 31), bool)
    mask[5:9, 5:9] = True
    result = hcl_sdk.restore(photo, corruption_mask=mask, dilate=0, feather=0)
    assert np.array_equal(result.corruption_mask[0, 0].numpy(), mask)
    assert (result.restored[~mask] == 99).all()
