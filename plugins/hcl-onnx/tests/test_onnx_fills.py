"""What is done to a fill in hcl_sdk is done to that of an export, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hcl_onnx.cli import main
from hcl_onnx.export import Difference, ExportError, export
from hcl_onnx.run import Runner

from hcl_sdk import GatedUNet, Pipeline

Exported = tuple[Pipeline, Path, list[Difference]]


def draw_photo(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """And a mask."""
    photo = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2, width // 3 : width // 3 + 60] = True
    mask[-3:-1, -40:] = height > 100  # far from the other
    return photo, mask


@pytest.mark.parametrize("size", [(90, 71), (6, 5), (180, 640)])  # in the smallest the grown mask would leave nothing
@pytest.mark.parametrize("settings", [{}, {"seamless": True}, {"seamless": True, "dilate": 3.0, "feather": 4.0}])
def test_fills_match_the_pipeline(plain: Exported, size: tuple[int, int], settings: dict[str, Any]) -> None:
    pipeline, folder, _ = plain
    photo, mask = draw_photo(*size)
    runner = Runner(folder)
    settings = {"restoration_size": 64} | settings
    for name, value in settings.items():
        setattr(runner, name, value)
    ours = runner.restore(photo, corruption_mask=mask).restored
    theirs = pipeline.replace(**settings).restore(photo, corruption_mask=mask).restored
    assert isinstance(theirs, np.ndarray)
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


def test_seamless_is_exported(plain: Exported, tmp_path: Path) -> None:
    export(plain[0].replace(seamless=True), tmp_path, sizes=[(1, 33, 40)])
    assert Runner(tmp_path).seamless
    assert not Runner(plain[1]).seamless


def test_tiles_of_the_photos_own_pixels_are_refused(plain: Exported, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="expected detail_size=None, got 900"):
        export(plain[0].replace(detail_size=900), tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("name", "value"), [("texture", 0.5), ("unveil", True)])
def test_settings_that_need_torch_are_refused(plain: Exported, tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(ExportError, match=f"expected texture=0, unveil=False, got .*{name}={value}"):
        export(plain[0].replace(**{name: value}), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_command_exports_without_parts_that_need_torch_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Pipeline(restorer=GatedUNet(dim=4, multipliers=(1, 2)), texture=0.5, seamless=True).save_pretrained(
        tmp_path / "own"
    )
    assert main(["export", str(tmp_path / "own"), str(tmp_path / "exported")]) == 0
    assert "texture, unveil and detail_size need PyTorch; exported without them" in capsys.readouterr().err
    assert Runner(tmp_path / "exported").seamless
