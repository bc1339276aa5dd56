"""LOGO-30K."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from hcl_sdk.data.files import PairFiles, match_files
from hcl_sdk.errors import list_some
from hcl_sdk.interfaces import component
from hcl_sdk.photos.find import find_folder, find_subfolder, list_photos

_SHOWN = "COCO_val2014_000000201186-Burger_King_Logo-177"
STRAY = frozenset(f"{_SHOWN}_{what}.png" for what in ("wm", "mask", "input", "coarse"))
"""Four files in ``val_images/image`` without masks: results of somebody's experiment, judging by their names.

The published code of the method skips exactly these.
"""


@component
class Logo30K(PairFiles):
    """LOGO-30K: COCO photos with a watermark, the same photos without, and masks. The archive is called ``27kpng``.

    ``natural`` holds the clean photos; ``train_images`` and ``val_images`` hold ``image`` (watermarked) and ``mask``
    (white = watermark). The name of a watermarked photo is that of its clean one, a hyphen and the name of the logo.
    Four stray files in ``val_images/image`` are skipped.

    Source: Cun and Pun, "Split then Refine: Stacked Attention-guided ResUNets for Blind Single Image Visible Watermark
    Removal", AAAI 2021.

    Attributes:
        path: the folder that contains ``natural``, ``train_images`` and ``val_images``, or its parent.
        split: ``train`` or ``validation``.

    Raises:
        ValueError: if the folder does not exist or has another layout, a photo lacks its mask or clean photo, or
            black seems to mean *corrupted* in the masks.
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
