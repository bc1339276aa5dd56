"""Raindrop."""

from __future__ import annotations

from typing import Literal

from hcl_sdk.data.files import PairFiles, match_files
from hcl_sdk.interfaces import component
from hcl_sdk.photos.find import find_folder, find_subfolder, list_photos


@component
class Raindrop(PairFiles):
    """Raindrop: photos through a wet and through a dry pane, without masks; 861 + 58 + 249.

    ``train``, ``test_a`` and ``test_b`` hold ``data/0_rain.png`` and ``gt/0_clean.png`` (``.jpg`` in ``test_b``). The
    published method is tested on ``test_b``; ``test_a`` is its subset of well-aligned photos.

    Source: Qian et al., "Attentive Generative Adversarial Network for Raindrop Removal from a Single Image", CVPR 2018.

    Attributes:
        path: the folder that contains these.
        split: ``train``, ``test_a`` or ``test_b``.

    Raises:
        ValueError: if the folder does not exist or has another layout, or names do not match.
    """

    path: str
    split: Literal["train", "test_a", "test_b"] = "train"

    def __attrs_post_init__(self) -> None:
        root = find_folder(self.path, "Raindrop: train, test_a and test_b")
        rain = find_subfolder(root, [f"{self.split}/data"], "0_rain.png, 1_rain.png ...")
        clean = find_subfolder(root, [f"{self.split}/gt"], "0_clean.png, 1_clean.png ...")
        names, files = match_files(
            {"rain": list_photos(rain, "0_rain.png ..."), "clean": list_photos(clean, "0_clean.png ...")},
            {"rain": "_rain", "clean": "_clean"},
        )
        self._set_files(names, [rain / file for file in files["rain"]], [clean / file for file in files["clean"]], None)
