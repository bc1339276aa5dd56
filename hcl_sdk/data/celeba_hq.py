"""CelebA-HQ."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Literal

import attrs
from attrs.validators import ge, optional

from hcl_sdk.data.files import PhotoFiles
from hcl_sdk.errors import list_some
from hcl_sdk.interfaces import component
from hcl_sdk.photos.find import find_folder, find_subfolder, list_photos

MAPPING, IMAGES = "CelebA-HQ-to-CelebA-mapping.txt", "CelebA-HQ-img"
COUNT = 30_000

# CelebA's own partition (its list_eval_partition.txt): ranges of photo numbers, in order.
_NUMBERS = {
    "train": range(1, 162_771),
    "validation": range(162_771, 182_638),
    "test": range(182_638, 202_600),
}


@component
class CelebAHQ(PhotoFiles):
    """CelebA-HQ, 30,000 faces, in the layout of CelebAMask-HQ: ``CelebA-HQ-img/0.jpg`` to ``29999.jpg``.

    An image belongs to the split of the CelebA photo that it was made from: 24,183 are for training, 2,993 for
    validation and 2,824 for testing. ``CelebA-HQ-to-CelebA-mapping.txt``, which comes with the images, gives the number
    of that photo. Images that were renamed to it, ``000004.jpg`` to ``202591.jpg``, as in the published method, do not
    need the mapping. A folder is taken for a renamed one if a number in it is above 29999; smaller numbers, with or
    without leading zeros, are CelebA-HQ's own.

    Attributes:
        path: the folder that contains both.
        split: ``train``, ``validation``, ``test`` or ``all``, which does not need the mapping.
        shorter_side: see the dataset ``folder``.

    Raises:
        ValueError: if the folder does not exist or has another layout.
    """

    path: str
    split: Literal["train", "validation", "test", "all"] = "train"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        root = find_folder(self.path, f"CelebA-HQ: {IMAGES} and {MAPPING}")
        images = find_subfolder(root, [IMAGES], "0.jpg to 29999.jpg")
        found = list_photos(images, "0.jpg to 29999.jpg")
        if strange := [file for file in found if not re.fullmatch(r"[0-9]{1,6}", PurePosixPath(file).stem)]:
            raise ValueError(f"expected images named by number in {str(images)!r}; got {list_some(strange, 3)}")
        numbers = {file: int(PurePosixPath(file).stem) for file in found}
        files = found
        if self.split != "all":
            if max(numbers.values()) < COUNT:
                mapping = _read_mapping(root / MAPPING)
                if unknown := [file for file, number in numbers.items() if number not in mapping]:
                    raise ValueError(f"{MAPPING} does not know {list_some(unknown, 3)} of {str(images)!r}")
                numbers = {file: mapping[number] for file, number in numbers.items()}
            files = [file for file, number in numbers.items() if number in _NUMBERS[self.split]]
            if not files:
                raise ValueError(f"none of the {len(found)} images in {str(images)!r} is in the {self.split} split")
        self._set_files(images, files, self.shorter_side)


def _read_mapping(path: Path) -> dict[int, int]:
    """Read the numbers of the images in CelebA, by their numbers in CelebA-HQ."""
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"images named 0.jpg to 29999.jpg need {MAPPING} next to {IMAGES}: {error}") from error
    rows = [line for line in lines if len(line) == 3 and line[0].isdecimal()]
    numbers = {int(row[0]): PurePosixPath(row[2]).stem for row in rows}
    if not rows or not all(number.isdecimal() for number in numbers.values()):
        raise ValueError(f"expected lines 'idx orig_idx orig_file' such as '0 119613 119614.jpg' in {str(path)!r}")
    return {own: int(number) for own, number in numbers.items()}
