"""Damaged photos together with clean photos, masks, or both."""

from __future__ import annotations

from typing import Literal

from hcl_sdk.data.files import PairFiles, match_files
from hcl_sdk.interfaces import component
from hcl_sdk.photos.find import find_folder, list_photos

_CONTENTS = {"damaged": "damaged photos", "clean": "clean photos", "masks": "masks"}


@component
class PairsDataset(PairFiles):
    """Damaged photos in one folder; clean ones, masks or both in others, with the same names apart from suffixes.

    Attributes:
        damaged: the folder of damaged photos.
        clean: the folder of the same photos undamaged; None if there is none.
        masks: the folder of masks; None if there is none.
        corrupted: the value that means *corrupted* in the masks.
        damaged_ending: the ending of names, before the suffix, that only files in ``damaged`` have: ``_rain`` for
            ``1_rain.png``.
        clean_ending: likewise, in ``clean``.
        mask_ending: likewise, in ``masks``.

    Raises:
        ValueError: if there is neither a clean image nor a mask, a folder is missing or empty, names do not match, or
            the other value seems to mean *corrupted* in the masks.
    """

    damaged: str
    clean: str | None = None
    masks: str | None = None
    corrupted: Literal["white", "black"] = "white"
    damaged_ending: str = ""
    clean_ending: str = ""
    mask_ending: str = ""

    def __attrs_post_init__(self) -> None:
        if self.clean is None and self.masks is None:
            raise ValueError("pairs need a folder of clean photos, of masks or both; got neither")
        paths = {"damaged": self.damaged, "clean": self.clean, "masks": self.masks}
        roots = {what: find_folder(path, _CONTENTS[what]) for what, path in paths.items() if path is not None}
        endings = {"damaged": self.damaged_ending, "clean": self.clean_ending, "masks": self.mask_ending}
        names, files = match_files({what: list_photos(root, _CONTENTS[what]) for what, root in roots.items()}, endings)
        full = {what: [roots[what] / file for file in files[what]] for what in roots}
        self._set_files(names, full["damaged"], full.get("clean"), full.get("masks"), self.corrupted)
