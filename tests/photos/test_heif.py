from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def test_heic_and_avif_are_photos_of_the_command_where_pillow_heif_is_there(tmp_path: Path) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    (tmp_path / "photos").mkdir()
    shades = np.linspace(40, 200, 64)
    gray = Image.fromarray(np.tile(shades.astype(np.uint8)[:, None, None], (1, 96, 3)))
    pillow_heif.from_pillow(gray).save(tmp_path / "photos/a.heic", quality=95)
    gray.save(tmp_path / "photos/b.avif", quality=95)
    # In a process of its own, as what is registered with Pillow stays so.
    program = """
from hcl_sdk.cli import main

main(["restore", "photos", "-o", "out", "--sensitivity", "0", "--device", "cpu"])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("a", "b"):
        with Image.open(tmp_path / "out" / f"{name}_restored.png") as restored:
            pixels = np.asarray(restored.convert("RGB")).astype(int)
        assert pixels.shape == (64, 96, 3)
        assert np.abs(pixels[:, :, 0] - shades[:, None]).max() < 12
