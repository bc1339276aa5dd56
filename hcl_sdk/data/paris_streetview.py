"""Paris StreetView."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import ge, optional

from hcl_sdk.data.files import PhotoFiles
from hcl_sdk.interfaces import component
from hcl_sdk.photos.find import find_folder, find_subfolder, list_photos


@component
class ParisStreetView(PhotoFiles):
    """Paris StreetView: ``paris_train_original`` (14,900 photos) and ``paris_eval_gt`` (100).

    The latter may also be in ``paris_eval``, as in its archive.

    Source: Pathak et al., "Context Encoders: Feature Learning by Inpainting", CVPR 2016, which took its photos from
    Doersch et al., "What Makes Paris Look like Paris?", 2012.

    Attributes:
        path: the folder that contains both.
        split: ``train`` or ``test``.
        shorter_side: see the dataset ``folder``.

    Raises:
        ValueError: if the folder does not exist or has another layout.
    """

    path: str
    split: Literal["train", "test"] = "train"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        root = find_folder(self.path, "paris_train_original and paris_eval_gt")
        names = ["paris_train_original"] if self.split == "train" else ["paris_eval_gt", "paris_eval/paris_eval_gt"]
        inside = find_subfolder(root, names, "photos of Paris StreetView")
        self._set_files(inside, list_photos(inside, "photos of Paris StreetView"), self.shorter_side)
