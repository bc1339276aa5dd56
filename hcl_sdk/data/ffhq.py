"""Flickr-Faces-HQ."""

from __future__ import annotations

import re
from typing import Literal

import attrs
from attrs.validators import ge, optional

from hcl_sdk.data.files import PhotoFiles
from hcl_sdk.errors import list_some
from hcl_sdk.interfaces import component
from hcl_sdk.photos.find import find_folder, list_photos

_TRAINING = 60_000


@component
class FFHQ(PhotoFiles):
    """FFHQ, 70,000 faces, as published: files named by number, ``00000.png`` to ``69999.png``.

    The folder may be the one with the images (``images1024x1024``, ``thumbnails128x128`` ...), with or without
    subfolders of thousands, or its parent, in which ``images1024x1024`` is preferred. Numbers below 60,000 are for
    training, the others for validation, as in the dataset's own list (Karras et al., "A Style-Based Generator
    Architecture for GANs", CVPR 2019, appendix A); the published method tests on the latter.

    Attributes:
        path: the folder.
        split: ``train`` or ``validation``.
        shorter_side: see the dataset ``folder``.

    Raises:
        ValueError: if the folder does not exist or has another layout.
    """

    path: str
    split: Literal["train", "validation"] = "train"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        root = find_folder(self.path, "FFHQ: images1024x1024")
        root = root / "images1024x1024" if (root / "images1024x1024").is_dir() else root
        numbered = {file: _parse_number(file) for file in list_photos(root, "images named 00000.png to 69999.png")}
        if strange := [file for file, number in numbered.items() if number is None]:
            raise ValueError(
                f"expected FFHQ's images, named by five digits, in {str(root)!r}; got {list_some(strange, 3)}"
            )
        first: dict[int | None, str] = {}
        if twice := [file for file, number in numbered.items() if first.setdefault(number, file) != file]:
            raise ValueError(
                f"expected one image of each number in {str(root)!r}; got {first[numbered[twice[0]]]} and {twice[0]}: "
                f"give the folder of one size"
            )
        files = [f for f, n in numbered.items() if n is not None and (n < _TRAINING) == (self.split == "train")]
        if not files:
            raise ValueError(
                f"{self.path!r} holds none of FFHQ's {self.split} images, whose numbers are "
                f"{'below' if self.split == 'train' else 'from'} {_TRAINING}"
            )
        self._set_files(root, files, self.shorter_side)


def _parse_number(file: str) -> int | None:
    match = re.fullmatch(r"(?:.*/)?(\d{5})\.\w+", file)
    return int(match.group(1)) if match else None
