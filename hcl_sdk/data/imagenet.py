"""ImageNet."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import ge, optional

from hcl_sdk.data.files import PhotoFiles, folder, photos_in
from hcl_sdk.interfaces import component


@component
class ImageNet(PhotoFiles):
    """ImageNet (ILSVRC 2012): ``train`` with a folder for each class, ``val`` with or without.

    Attributes:
        path: the folder with ``train`` and ``val``, or the one that the archive of the challenge unpacks to, where they
            are in ``ILSVRC/Data/CLS-LOC``.
        split: ``train`` or ``validation``.
        shorter_side: as of ``folder``.

    Raises:
        ValueError: if the folder is not there or laid out differently.
    """

    path: str
    split: Literal["train", "validation"] = "train"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        root = folder(self.path, "train and val")
        name = "train" if self.split == "train" else "val"
        places = [root / inside / name for inside in ("", "Data/CLS-LOC", "ILSVRC/Data/CLS-LOC")]
        found = next((place for place in places if place.is_dir()), None)
        if found is None:
            raise ValueError(f"expected ImageNet's folder {name!r} in {self.path!r}; it is not there")
        self._set_files(found, photos_in(found, "ImageNet's images"), self.shorter_side)
