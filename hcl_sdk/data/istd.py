"""ISTD."""

from __future__ import annotations

from typing import Literal

from hcl_sdk.data.files import PairFiles, match_files
from hcl_sdk.interfaces import component
from hcl_sdk.photos.find import find_folder, find_subfolder, list_photos


@component
class ISTD(PairFiles):
    """ISTD: photos with a shadow, masks of it (white = shadow), and the same photos without it; 1,330 + 540.

    ``train/train_A``, ``train/train_B`` and ``train/train_C``, and the same with ``test``.

    Source: Wang, Li and Yang, "Stacked Conditional GANs for Jointly Learning Shadow Detection and Shadow Removal", CVPR
    2018.

    Attributes:
        path: the folder with ``train`` and ``test``.
        split: ``train`` or ``test``.

    Raises:
        ValueError: if the folder does not exist or has another layout, names do not match, or black seems to mean
            *corrupted* in the masks.
    """

    path: str
    split: Literal["train", "test"] = "train"

    def __attrs_post_init__(self) -> None:
        root = find_folder(self.path, "ISTD: train and test")
        letters = {"shadow": "A", "mask": "B", "clean": "C"}
        roots = {
            what: find_subfolder(root, [f"{self.split}/{self.split}_{letter}"], f"ISTD's {what} photos")
            for what, letter in letters.items()
        }
        names, files = match_files(
            {what: list_photos(place, f"ISTD's {what} photos") for what, place in roots.items()}, {}
        )
        shadow, masks, clean = ([place / file for file in files[what]] for what, place in roots.items())
        self._set_files(names, shadow, clean, masks)
