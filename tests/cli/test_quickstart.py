from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from photo_files import list_files, read_pixels
from PIL import Image
from scipy import ndimage

import hcl_sdk
from hcl_sdk.cli.quickstart import damage
from hcl_sdk.photos.photo import Photo


def test_quickstart_damages_and_restores_the_sample(hcl: Callable[..., Result]) -> None:
    result = hcl("quickstart", "-o", "quick")
    shown = result.stdout
    assert result.stderr.startswith("Damaging and restoring a sample photo")
    names = {"sample_damaged.png", "sample_damaged_mask.png", "sample_damaged_restored.png"}
    assert list_files("quick") == names | {"sample_damaged_comparison.png"}
    assert all(str(Path("quick", name)) in shown for name in names)
    assert "hcl restore PHOTO" in shown
    original = Photo.open(Path(hcl_sdk.__file__).parent / "assets" / "sample.jpg").pixels
    damaged = read_pixels("quick/sample_damaged.png")
    assert 0.02 < (damaged != original).any(axis=2).mean() < 0.25
    assert min(original.shape[:2]) == 256
    mask, restored = (
        read_pixels("quick/sample_damaged_mask.png") == 255,
        read_pixels("quick/sample_damaged_restored.png"),
    )
    np.testing.assert_array_equal(restored[~mask], damaged[~mask])


def test_the_default_weights_find_everything_that_quickstart_draws() -> None:
    with Image.open(Path(hcl_sdk.__file__).parent / "assets" / "sample.jpg") as photo:
        sample = photo.convert("RGB")
    damaged = damage(sample)
    drawn = (np.asarray(damaged) != np.asarray(sample)).any(axis=2)
    found = hcl_sdk.detect(damaged).corruption_mask[0, 0].numpy()
    assert found[drawn].mean() > 0.97
    parts, count = ndimage.label(drawn, np.ones((3, 3)))  # pyright: ignore[reportGeneralTypeIssues]
    assert count > 10  # a logo, graffiti, letters, scratches
    assert min(ndimage.mean(found, parts, range(1, count + 1))) > 0.7
    assert (found & ~drawn).mean() < 0.05


def test_quickstart_damages_in_the_same_way_every_time() -> None:
    photo = Image.new("RGB", (120, 80), "gray")
    first, second = damage(photo), damage(photo)
    assert first.tobytes() == second.tobytes() != photo.tobytes()


def test_the_output_is_tried_before_the_work(hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hcl_sdk.cli._photos.load_pipeline", lambda *_: pytest.fail("the work has begun"))
    said = hcl("quickstart", "-o", "/proc/x", status=1).stderr
    assert said.endswith("Error: the results cannot be written to /proc/x: No such file or directory\n")
