"""Large photos: what memory grows by with every pixel, and that no work is done on what need not be touched."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hcl_sdk import GatedUNet, Photo, Pipeline
from hcl_sdk.interfaces import Detection, PyramidSpec, Restorer, component
from hcl_sdk.photos.photo import Compositor

RESTORE = """
import resource, sys
import numpy as np
import torch
from hcl_sdk import Pipeline

torch.set_num_threads(1)
pipeline = Pipeline.from_pretrained(device="cpu").replace(texture=0, seamless=False)  # what they take is bounded


def restore(side):
    photo = np.full((side, side, 3), 90, np.uint8)
    photo[side // 4 : side // 2, side // 4 : side // 2] = np.random.default_rng(0).integers(
        0, 256, (side // 2 - side // 4, side // 2 - side // 4, 3), dtype=np.uint8
    )
    mask = np.zeros((side, side), bool)
    if sys.argv[1] == "corners":
        mask[:60, :60] = mask[-60:, -60:] = True
    else:
        mask[side // 4 : side // 2, side // 4 : side // 2] = True
    if sys.argv[1] == "found":
        result = pipeline(photo)
    elif sys.argv[1] == "given":
        result = pipeline.restore(photo, corruption_mask=mask)
    else:
        result = pipeline.replace(unveil=True, seamless=True, texture=1).restore(photo, corruption_mask=mask)
    result.save(sys.argv[2])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


small = restore(1000)
print((restore(4000) - small) / (4000**2 - 1000**2))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are measured as Linux counts them")
@pytest.mark.parametrize("mask", ["found", "given", "corners"])
def test_memory_grows_by_less_than_15_bytes_a_pixel(mask: str, tmp_path: object) -> None:
    """The caller's own array is 3, the photo 3, the restored one 3; masks and what is being written are the rest.

    Marks in two corners cost no more, with all that works at the photo's own resolution.
    """
    run = subprocess.run(
        [sys.executable, "-c", RESTORE, mask, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 15


TEXTURE = """
import resource
import numpy as np
import torch
from hcl_sdk.functional.texture import synthesize

torch.set_num_threads(1)
small = torch.rand(1, 3, 90, 90, generator=torch.Generator().manual_seed(0))


def peak(side):
    image = torch.nn.functional.interpolate(small, (side, side), mode="bilinear")
    mask = torch.zeros(1, 1, side, side, dtype=torch.bool)
    mask[..., side // 4 :, side // 4 :] = True
    synthesize(image, mask, image)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


few = peak(100)
print((peak(1428) - few) / 1428**2)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are measured as Linux counts them")
def test_texture_takes_less_than_120_bytes_a_pixel() -> None:
    """Of a part of a photo, of which more than half is missing: 12 are the image, 12 what is returned."""
    run = subprocess.run([sys.executable, "-c", TEXTURE], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 120


DETAILS = """
import resource
import numpy as np
import torch
from hcl_sdk import DetailFusion, Detector, Pipeline, ProjectionHead, Prototypes, ResNetEncoder

torch.set_num_threads(1)
detector = Detector(
    encoder=ResNetEncoder(channels=(4, 4), depths=(0, 0)),
    interaction="identity",
    head=ProjectionHead(dim=4),
    clusterer=Prototypes(),
    detail_fusion=DetailFusion(),
)
pipeline = Pipeline(detector, detection_size=512, detail_size=2048, device="cpu")


def detect(side):
    result = pipeline.detect(np.full((side, side, 3), 90, np.uint8))
    assert result.detection.confidence.shape[-1] == 512
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


small = detect(1000)
print((detect(4000) - small) / (4000**2 - 1000**2))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks of memory are measured as Linux counts them")
def test_tiles_of_a_photos_own_pixels_keep_memory_below_15_bytes_a_pixel() -> None:
    """The caller's own array is 3 and the photo 3; the large image has 8 bits, and tiles are held one at a time."""
    run = subprocess.run([sys.executable, "-c", DETAILS], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 15


def test_loading_the_default_weights_imports_no_compiler() -> None:
    """It would take a second and 100 MB."""
    code = (
        "import sys, hcl_sdk; hcl_sdk.Pipeline.from_pretrained(device='cpu');"
        "print(*{'torch._dynamo', 'torch._inductor', 'sympy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


@component
class Noting(Restorer):
    """Gray; it notes the sizes of what it sees."""

    def build(self, spec: PyramidSpec | None) -> None:
        self.seen: list[tuple[int, ...]] = []

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        self.seen.append(tuple(image.shape))
        return torch.full_like(image, 0.5)


def test_a_restorer_sees_only_the_surroundings_of_the_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    restorer = Noting()
    photo = np.zeros((3000, 2000, 3), np.uint8)
    mask = np.zeros(photo.shape[:2], bool)
    mask[2000:2040, 500:530] = True
    made, crop = [], Photo.crop_undithered

    def spy(self: Photo, rows: slice, columns: slice) -> Tensor:
        made.append((rows.stop - rows.start) * (columns.stop - columns.start))
        return crop(self, rows, columns)

    monkeypatch.setattr(Photo, "crop_undithered", spy)
    monkeypatch.setattr(Photo, "crop_rgb", lambda *_: pytest.fail("another part as floats"))
    monkeypatch.setattr(Photo, "rgb", property(lambda _: pytest.fail("the whole photo as floats")))
    result = Pipeline(restorer=restorer).restore(photo, corruption_mask=mask)
    assert restorer.seen == [(1, 3, 40 + 2 * 64, 30 + 2 * 64)]
    assert sum(made) == (40 + 2 * 64) * (30 + 2 * 64)
    assert (result.restored[mask] == 128).all()
    assert (result.restored[~mask] == 0).all()


def test_large_damage_is_refined_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    photo, mask = np.zeros((1500, 4000, 3), np.uint8), np.zeros((1500, 4000), bool)
    mask[700:720] = True  # from side to side
    mask[100:1400, 2000:2010] = True
    made, crop = [], Photo.crop_rgb

    def spy(self: Photo, rows: slice, columns: slice) -> Tensor:
        made.append((rows.stop - rows.start, columns.stop - columns.start))
        return crop(self, rows, columns)

    pipeline = Pipeline(restorer=Noting(), seamless=True)
    plain = pipeline.replace(seamless=False).restore(photo, corruption_mask=mask)
    monkeypatch.setattr(Photo, "crop_rgb", spy)
    result = pipeline.restore(photo, corruption_mask=mask)
    refined = [size for size in made if size[1] < 4000]
    assert len(refined) >= 4
    assert max(max(size) for size in refined) <= 1024 + 2 * 384
    assert (plain.restored[mask] == 128).all()
    assert (result.restored == 0).all()  # a black photo, and a fill that meets it


def test_parts_that_are_asked_for_later_are_those_that_were_used() -> None:
    torch.manual_seed(0)
    pipeline = Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), restoration_size=50, dilate=3, feather=4)
    photo = np.random.default_rng(0).integers(0, 256, (300, 500, 3), dtype=np.uint8)
    mask = np.zeros((300, 500), bool)
    mask[100:180, 200:350] = True
    result = pipeline.restore(photo, corruption_mask=mask)
    assert result.alpha is not None
    assert result.raw is not None
    alpha, raw = (x[0].permute(1, 2, 0).numpy() for x in (result.alpha, result.raw))
    expected = np.rint(255 * (alpha * raw + (1 - alpha) * (photo / np.float32(255)))).astype(np.uint8)
    difference = np.abs(result.restored.astype(int) - expected)
    assert difference.max() <= 1  # a half is rounded either way
    assert (difference > 0).mean() < 1e-4
    assert np.array_equal(result.restored[alpha[..., 0] == 0], photo[alpha[..., 0] == 0])


def test_memory_is_released_once_a_photo_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    events, lay = [], Compositor.lay

    def spy(*arguments: Any) -> None:
        events.append("laid")
        lay(*arguments)

    monkeypatch.setattr(Compositor, "lay", spy)
    monkeypatch.setattr("hcl_sdk.pipeline._filler.release_memory", lambda: events.append("given back"))
    mask = np.zeros((300, 200), bool)
    mask[100:140, 50:60] = True
    Pipeline(restorer=Noting()).restore(np.zeros((300, 200, 3), np.uint8), corruption_mask=mask)
    assert set(events[:-1]) == {"laid"}
    assert events[-1] == "given back"
