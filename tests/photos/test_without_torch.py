"""The room of photos where torch cannot be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import importlib, pkgutil, sys

sys.modules["torch"] = None  # importing it raises ImportError
import numpy as np

import hcl_sdk.photos

for module in pkgutil.iter_modules(hcl_sdk.photos.__path__):
    importlib.import_module(f"hcl_sdk.photos.{module.name}")
from hcl_sdk.photos.masks import load_mask_array
from hcl_sdk.photos.photo import Photo

values = np.random.default_rng(0).integers(0, 65536, (5, 7, 3), dtype=np.uint16)
Photo.open(values).save("deep.png")
photo = Photo.open("deep.png")
assert photo.rgb_array.shape == (1, 3, 5, 7)
assert photo.rgb_array.dtype == np.float32
mask = np.zeros((5, 7), bool)
mask[1:3, 2:4] = True
Photo.open(mask).save("mask.png")
assert (load_mask_array("mask.png", photo.size) == mask).all()
filled = photo.composite(np.zeros((1, 3, 5, 7), np.float32), mask[None, None].astype(np.float32))
assert (filled.pixels[mask] == 0).all()
assert (filled.pixels[~mask] == values[~mask]).all()
filled.save("filled.tiff")
assert (Photo.open("filled.tiff").to_native() == filled.pixels).all()
try:
    Photo.open([1, 2])
except TypeError as error:
    print(error)
"""


def test_photos_are_read_composited_and_written_without_torch(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "got list" in run.stdout
