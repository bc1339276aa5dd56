"""Restore a photo with your own mask, then with the detector's mask after editing it.

Uses the weights that ship with the package.

    python examples/restore_with_own_mask.py [FOLDER]
"""

from __future__ import annotations

import sys
from importlib.resources import as_file, files
from pathlib import Path

from PIL import Image, ImageDraw

from hcl_sdk import Pipeline


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with as_file(files("hcl_sdk") / "assets/sample.jpg") as path:
        photo = Image.open(path).convert("RGB")

    # Known damage: a thick line and a box. In a mask, white is corrupted and black is kept.
    mask = Image.new("L", photo.size, 0)
    for image, color in ((photo, (230, 40, 160)), (mask, 255)):
        draw = ImageDraw.Draw(image)
        draw.line([(40, 30), (180, 120)], fill=color, width=9)
        draw.rectangle([260, 170, 310, 200], fill=color)
    photo.save(folder / "damaged.png")
    mask.save(folder / "own_mask.png")

    pipeline = Pipeline.from_pretrained("default")
    result = pipeline.restore(folder / "damaged.png", corruption_mask=folder / "own_mask.png", dilate=2, feather=4)
    result.restored.save(folder / "restored.png")
    result.plot().save(folder / "own_mask_plot.png")
    assert result.alpha is not None
    marked, filled = result.corruption_mask.float().mean(), (result.alpha > 0).float().mean()
    print(f"{marked:.1%} of the photo marked, {filled:.1%} filled")

    # The other way round: let the detector find the damage, and correct its mask by hand.
    found = pipeline.detect(photo)
    edited = found.corruption_mask.clone()
    edited[..., : photo.height // 2, photo.width // 2 :] = False  # keep the upper right quarter in any case
    edited[..., 170:201, 260:311] = True  # and fill the box in any case
    result = pipeline.restore(photo, corruption_mask=edited)
    result.restored.save(folder / "restored_edited.png")
    print(f"written to {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("example_output"))
