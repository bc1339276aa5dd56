"""Any folder of photos."""

from __future__ import annotations

import attrs
from attrs.validators import ge, optional

from hcl_sdk.data.files import PhotoFiles, select_files
from hcl_sdk.interfaces import component
from hcl_sdk.photos.find import find_folder, list_photos


@component
class FolderDataset(PhotoFiles):
    """The photos in a folder and its subfolders, in natural order of their names.

    Attributes:
        path: the folder.
        only: a text file with the names to use (paths inside the folder), one per line; None uses all.
        exclude: a text file with the names to skip, one per line.
        shorter_side: shrink larger photos to this shorter side while decoding them, which is faster, above all for
            large JPEGs; None keeps their size.

    Raises:
        ValueError: if the folder does not exist or holds no photos, or a list has names that are not in it.
    """

    path: str
    only: str | None = None
    exclude: str | None = None
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        root = find_folder(self.path, "photos")
        self._set_files(root, select_files(list_photos(root, "photos"), self.only, self.exclude), self.shorter_side)
