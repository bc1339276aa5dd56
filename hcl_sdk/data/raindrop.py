"""Raindrop."""

from __future__ import annotations

from typing import Literal

from hcl_sdk.data.files import PairFiles, folder, matched, photos_in
from hcl_sdk.interfaces import component


@component
class Raindrop(PairFiles):
    """Raindrop: photos through a wet pane and through a dry one, without masks; 861 + 58 + 249.

    ``train``, ``test_a`` and ``test_b`` hold ``data/0_rain.png`` and ``gt/0_clean.png`` (``.jpg`` in ``test_b``).

    Source: Qian et al., "Attentive Generative Adversarial Network for Raindrop Removal from a Single Image", CVPR 2018.

    Attributes:
        path: the folder with these.
        split: ``train``, ``test_a`` or ``test_b``.

    Raises:
        ValueError: if the folder is not there or laid out differently, or names do not match.
    """

    path: str
    split: Literal["train", "test_a", "test_b"] = "train"

    def __attrs_post_init__(self) -> None:
        root = folder(self.path, "Raindrop: train, test_a and test_b")
        rain, clean = folder(root / self.split / "data", "N_rain.png"), folder(root / self.split / "gt", "N_clean.png")
        names, files = matched(
            {"rain": photos_in(rain, "N_rain.png"), "clean": photos_in(clean, "N_clean.png")},
            {what: lambda path: path.rpartition(".")[0].rpartition("_")[0] for what in ("rain", "clean")},
        )
        self._set_files(names, [rain / file for file in files["rain"]], [clean / file for file in files["clean"]], None)
