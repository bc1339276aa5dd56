"""Paris StreetView."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs.validators import ge, optional

from hcl_sdk.data.files import PhotoFiles, folder, photos_in
from hcl_sdk.interfaces import component


@component
class ParisStreetView(PhotoFiles):
    """Paris StreetView: ``paris_train_original`` (14,900 photos) and ``paris_eval_gt`` (100).

    Source: Pathak et al., "Context Encoders: Feature Learning by Inpainting", CVPR 2016, which took its photos from
    Doersch et al., "What Makes Paris Look like Paris?", 2012.

    Attributes:
        path: the folder with these two.
        split: ``train`` or ``test``.
        shorter_side: as of ``folder``.

    Raises:
        ValueError: if the folder is not there or laid out differently.
    """

    path: str
    split: Literal["train", "test"] = "train"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        root = folder(self.path, "paris_train_original and paris_eval_gt")
        inside = folder(root / ("paris_train_original" if self.split == "train" else "paris_eval_gt"), "Paris' photos")
        self._set_files(inside, photos_in(inside, "photos of Paris StreetView"), self.shorter_side)
