"""ImageNet."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import ge, optional

from hcl_sdk.data.files import PhotoFiles
from hcl_sdk.interfaces import component
from hcl_sdk.photos.find import find_folder, find_subfolder, list_photos


@component
class ImageNet(PhotoFiles):
    """ImageNet (ILSVRC 2012): ``train`` with a folder for each class, ``val`` (or ``valid``) and ``test``.

    Attributes:
        path: the folder that contains these, or the one that the challenge's archive unpacks to, which has them in
            ``ILSVRC/Data/CLS-LOC``.
        split: ``train``, ``validation`` or ``test``.
        shorter_side: see the dataset ``folder``.

    Raises:
        ValueError: if the folder does not exist or has another layout.
    """

    path: str
    split: Literal["train", "validation", "test"] = "train"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        root = find_folder(self.path, "ImageNet: train, val and test")
        names = ("val", "valid") if self.split == "validation" else (self.split,)
        places = [f"{inside}{name}" for inside in ("", "Data/CLS-LOC/", "ILSVRC/Data/CLS-LOC/") for name in names]
        found = find_subfolder(root, places, "ImageNet's images")
        self._set_files(found, list_photos(found, "ImageNet's images"), self.shorter_side)
