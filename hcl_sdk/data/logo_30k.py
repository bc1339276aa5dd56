"""LOGO-30K."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from hcl_sdk.data.files import PairFiles, match_files
from hcl_sdk.interfaces import component
from hcl_sdk.photos.find import find_folder, find_subfolder, list_photos, list_some

_SHOWN = "COCO_val2014_000000201186-Burger_King_Logo-177"
STRAY = frozenset(f"{_SHOWN}_{what}.png" for what in ("wm", "mask", "input", "coarse"))
"""Four files in ``val_images/image`` without mask: results of somebody's experiment, as their names tell.

The published code of the method leaves out exactly these.
"""


@component
class Logo30K(PairFiles):
    """LOGO-30K: photos of COCO with a watermark, the same photos without, and masks. The archive is called ``27kpng``.

    ``natural`` holds the clean photos, ``train_images`` and ``val_images`` hold ``image`` (watermarked) and ``mask``
    (white = watermark). A watermarked photo is named like its clean one, with the logo's name after a hyphen. Four
    stray files in ``val_images/image`` are left out.

    Source: Cun and Pun, "Split then Refine: Stacked Attention-guided ResUNets for Blind Single Image Visible Watermark
    Removal", AAAI 2021.

    Attributes:
        path: the folder with ``natural``, ``train_images`` and ``val_images``, or the one above it.
        split: ``train`` or ``validation``.

    Raises:
        ValueError: if the folder is not there or laid out differently, a photo lacks its mask or clean photo, or the
            masks look as if black meant *corrupted*.
    """

    path: str
    split: Literal["train", "validation"] = "train"

    def __attrs_post_init__(self) -> None:
        root = find_folder(self.path, "LOGO-30K: natural, train_images and val_images")
        if (root / "27kpng").is_dir():
            root = root / "27kpng"
        part, stray = ("train_images", frozenset()) if self.split == "train" else ("val_images", STRAY)
        images, masks = (
            find_subfolder(root, [f"{part}/image"], "watermarked photos"),
            find_subfolder(root, [f"{part}/mask"], "masks"),
        )
        natural = find_subfolder(root, ["natural"], "clean photos")
        shown = [file for file in list_photos(images, "watermarked photos") if file not in stray]
        names, files = match_files({"image": shown, "mask": list_photos(masks, "masks")}, {})
        clean_of = {PurePosixPath(file).stem: file for file in list_photos(natural, "clean photos")}
        wanted = [PurePosixPath(name).name.partition("-")[0] for name in names]
        if missing := [name for name, clean in zip(names, wanted, strict=True) if clean not in clean_of]:
            raise ValueError(f"no clean photo in {str(natural)!r} for {list_some(missing, 3)}")
        self._set_files(
            names,
            [images / file for file in files["image"]],
            [natural / clean_of[clean] for clean in wanted],
            [masks / file for file in files["mask"]],
        )
