"""CelebA-HQ."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs
from attrs.validators import ge, optional

from hcl_sdk.data.files import PhotoFiles, folder, photos_in
from hcl_sdk.interfaces import component

MAPPING, PARTITION, IMAGES = "CelebA-HQ-to-CelebA-mapping.txt", "list_eval_partition.txt", "CelebA-HQ-img"
_PARTS = {"train": "0", "validation": "1", "test": "2"}


@component
class CelebAHQ(PhotoFiles):
    """CelebA-HQ, 30,000 faces, in the layout of CelebAMask-HQ: ``CelebA-HQ-img/0.jpg`` to ``29999.jpg``.

    An image belongs to the split that CelebA's own partition puts the photo in that it was made of: 24,183 for
    training, 2,993 for validation, 2,824 for testing. That needs ``CelebA-HQ-to-CelebA-mapping.txt``, which comes with
    the images, and CelebA's ``list_eval_partition.txt``, in the same folder.

    Attributes:
        path: the folder with these.
        split: ``all`` needs neither of the two lists.
        shorter_side: as of ``folder``.

    Raises:
        ValueError: if the folder is not there or laid out differently.
    """

    path: str
    split: Literal["train", "validation", "test", "all"] = "train"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        root = folder(self.path, f"{IMAGES}, {MAPPING} and {PARTITION}")
        files = photos_in(folder(root / IMAGES, "the images of CelebA-HQ, 0.jpg to 29999.jpg"), "0.jpg to 29999.jpg")
        if self.split != "all":
            chosen = _numbers(root, _PARTS[self.split])
            files = [file for file in files if Path(file).stem in chosen]
            if not files:
                raise ValueError(f"{self.path!r} holds no image of CelebA-HQ's {self.split} split")
        self._set_files(root / IMAGES, files, self.shorter_side)


def _numbers(root: Path, part: str) -> set[str]:
    """The numbers of the images whose originals are in a part of CelebA."""
    originals = {line[0] for line in _table(root / PARTITION) if len(line) == 2 and line[1] == part}
    rows = [line for line in _table(root / MAPPING) if len(line) == 3 and line[0].isdigit()]
    if not rows or not originals:
        raise ValueError(
            f"expected {MAPPING} with lines 'idx orig_idx orig_file' and {PARTITION} with lines 'file 0|1|2' in {root}"
        )
    return {number for number, _, original in rows if original in originals}


def _table(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise ValueError(f"CelebA-HQ's splits need {path.name} beside {IMAGES}: {error}") from error
