"""Places365."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import ge, optional

from hcl_sdk.data.files import PhotoFiles
from hcl_sdk.interfaces import component
from hcl_sdk.photos.find import find_folder, find_subfolder, list_photos

_FOLDERS = {
    "train": ("train", "data_large_standard", "data_large", "data_256_standard", "data_256"),
    "validation": ("val", "val_large", "val_256"),
    "test": ("test", "test_large", "test_256"),
}


@component
class Places365(PhotoFiles):
    """Places365-Standard, in the layout of any of its archives.

    Either with a folder for each scene (``train``, ``val``), or as the separate archives unpack: ``data_large`` or
    ``data_256`` for training (``data_large_standard`` or ``data_256_standard`` if they were renamed so), ``val_large``
    or ``val_256``, ``test_large`` or ``test_256``. If both sizes are there, the large one is used.

    Attributes:
        path: the folder that contains these.
        split: ``train``, ``validation`` or ``test``.
        shorter_side: see the dataset ``folder``.

    Raises:
        ValueError: if the folder does not exist or has another layout.
    """

    path: str
    split: Literal["train", "validation", "test"] = "train"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        root = find_folder(self.path, "Places365")
        names = _FOLDERS[self.split]
        found = find_subfolder(root, [*names, *(f"places365_standard/{name}" for name in names)], "Places365's images")
        self._set_files(found, list_photos(found, "Places365's images"), self.shorter_side)
