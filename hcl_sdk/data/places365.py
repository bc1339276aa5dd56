"""Places365."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import ge, optional

from hcl_sdk.data.files import PhotoFiles, folder, photos_in
from hcl_sdk.interfaces import component

_FOLDERS = {
    "train": ("train", "data_large", "data_256", "data_large_standard", "data_256_standard"),
    "validation": ("val", "val_large", "val_256"),
    "test": ("test", "test_large", "test_256"),
}


@component
class Places365(PhotoFiles):
    """Places365-Standard, in the layout of any of its archives.

    With a folder for each scene (``train``, ``val``), or as the single archives unpack: ``data_large`` or ``data_256``
    for training, ``val_large`` or ``val_256``, ``test_large`` or ``test_256``.

    Attributes:
        path: the folder with these.
        split: ``train``, ``validation`` or ``test``.
        shorter_side: as of ``folder``.

    Raises:
        ValueError: if the folder is not there or laid out differently.
    """

    path: str
    split: Literal["train", "validation", "test"] = "train"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        root = folder(self.path, "Places365")
        places = [root / name for name in _FOLDERS[self.split]] + [
            root / "places365_standard" / name for name in _FOLDERS[self.split]
        ]
        found = next((place for place in places if place.is_dir()), None)
        if found is None:
            names = ", ".join(_FOLDERS[self.split])
            raise ValueError(f"expected one of Places365's folders {names} in {self.path!r}; none is there")
        self._set_files(found, photos_in(found, "Places365's images"), self.shorter_side)
