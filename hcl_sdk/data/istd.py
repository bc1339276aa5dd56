"""ISTD."""

from __future__ import annotations

from typing import Literal

from hcl_sdk.data.files import PairFiles, folder, matched, one_folder, photos_in
from hcl_sdk.interfaces import component


@component
class ISTD(PairFiles):
    """ISTD: photos with a shadow, masks of it (white = shadow), and the same photos without; 1,330 + 540.

    ``train/train_A``, ``train/train_B`` and ``train/train_C``, and the same with ``test``.

    Source: Wang, Li and Yang, "Stacked Conditional GANs for Jointly Learning Shadow Detection and Shadow Removal", CVPR
    2018.

    Attributes:
        path: the folder with ``train`` and ``test``.
        split: ``train`` or ``test``.

    Raises:
        ValueError: if the folder is not there or laid out differently, or names do not match.
    """

    path: str
    split: Literal["train", "test"] = "train"

    def __attrs_post_init__(self) -> None:
        root = folder(self.path, "ISTD: train and test")
        letters = {"shadow": "A", "mask": "B", "clean": "C"}
        roots = {
            what: one_folder(root, [f"{self.split}/{self.split}_{letter}"], f"ISTD's {what} photos")
            for what, letter in letters.items()
        }
        names, files = matched({what: photos_in(place, f"ISTD's {what} photos") for what, place in roots.items()}, {})
        shadow, masks, clean = ([place / file for file in files[what]] for what, place in roots.items())
        self._set_files(names, shadow, clean, masks)
