"""Photos with real damage and hand-drawn masks, for evaluation."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import attrs
import numpy as np
from attrs.validators import ge, le, optional
from numpy.typing import NDArray
from PIL import Image

from hcl_sdk.data.files import match_files
from hcl_sdk.errors import list_some
from hcl_sdk.interfaces import Dataset, Sample, component
from hcl_sdk.interfaces.samples import SampleErrors
from hcl_sdk.photos.find import describe_folder, find_folder, list_photos, make_natural_key
from hcl_sdk.photos.masks import check_polarity, measure_masks, read_mask
from hcl_sdk.photos.read import read_rgb

INPUT, MASK, CLEAN, IGNORE = "input", "mask", "clean", "ignore"


@dataclass(frozen=True, kw_only=True)
class _Member:
    """A sample: its set, its name and its files. Without a mask it is a clean member, and ``image`` is its photo."""

    of: str
    name: str
    image: Path
    mask: Path | None = None
    clean: Path | None = None
    ignore: Path | None = None


@component
class AnnotatedDataset(Dataset):
    """Damaged photos in ``input``, their masks in ``mask`` and, where known, the undamaged photos in ``clean``.

    ``ignore`` has masks of the pixels that are excluded from the score because nobody can say whether they are damaged.
    In both kinds of masks white means yes. Files that belong together have the same name, whatever their suffixes;
    every input needs a mask, the other files are optional. Each clean photo is also a separate sample, in which nothing
    should be found.

    Attributes:
        path: a folder with these folders in it, or a folder of several such sets; tables then group photos by the names
            of the sets instead of their contents.
        clean_members: whether clean photos are samples too.
        jpeg: save each photo as a JPEG of this quality (1 to 100) before it is processed, as people do; None leaves
            photos unchanged.

    Raises:
        ValueError: if a folder is missing or empty, names do not match, or black seems to mean *corrupted* in the
            masks.
    """

    path: str
    clean_members: bool = True
    jpeg: int | None = attrs.field(default=None, validator=optional([ge(1), le(100)]))

    def __attrs_post_init__(self) -> None:
        root = find_folder(self.path, "annotated photos")
        if (root / INPUT).is_dir():
            self._members = self._read_set(root, "")
        else:
            sets = sorted((f for f in root.iterdir() if (f / INPUT).is_dir()), key=lambda f: make_natural_key(f.name))
            if not sets:
                raise ValueError(
                    f"expected the folders {INPUT} and {MASK} in {self.path!r}, or in folders in it; "
                    f"{describe_folder(root)}"
                )
            self._members = [member for folder in sets for member in self._read_set(folder, folder.name)]

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, index: int) -> Sample:
        member = self._members[index]
        with SampleErrors(self.name(index)):
            image = read_rgb(member.image, str(member.image))
            if member.mask is None:
                clean, mask = image, np.zeros(image.shape[:2], dtype=np.bool_)
            else:
                clean = None if member.clean is None else read_rgb(member.clean, str(member.clean))
                mask = read_mask(member.mask, str(member.mask))
            return Sample(
                image=image if self.jpeg is None else _save_as_jpeg(image, self.jpeg),
                clean=clean,
                corruption_mask=mask,
                ignored=None if member.ignore is None else read_mask(member.ignore, str(member.ignore)),
                content=member.of,
                source=f"{member.of}/{member.name}",
            )

    def name(self, index: int) -> str:
        member = self._members[index]
        place = member.name if member.mask is not None else f"{CLEAN}/{member.name}"
        return f"{member.of}/{place}" if member.of else place

    def _read_set(self, root: Path, of: str) -> list[_Member]:
        what_is_there = {INPUT: "damaged photos", MASK: "masks"}
        found = {name: list_photos(find_folder(root / name, what), what) for name, what in what_is_there.items()}
        names, files = match_files(found, {})
        clean, ignore = (_list_by_name(root / what, what) for what in (CLEAN, IGNORE))
        if strange := sorted(ignore.keys() - set(names), key=make_natural_key):
            raise ValueError(f"{IGNORE} without {INPUT} in {str(root)!r}: {list_some(strange, 5)}")
        masks = [root / MASK / file for file in files[MASK]]
        shares, _ = measure_masks(len(masks), lambda i: read_mask(masks[i], str(masks[i])))
        check_polarity(shares, "white", str(root / MASK))
        members = [
            _Member(
                of=of,
                name=name,
                image=root / INPUT / files[INPUT][i],
                mask=masks[i],
                clean=clean.get(name),
                ignore=ignore.get(name),
            )
            for i, name in enumerate(names)
        ]
        if self.clean_members:
            members += [_Member(of=of, name=name, image=file) for name, file in clean.items()]
        return members


def _list_by_name(folder: Path, what: str) -> dict[str, Path]:
    """List the photos in a folder, which may be missing, by their names without suffixes."""
    if not folder.is_dir():
        return {}
    found: dict[str, Path] = {}
    for file in list_photos(folder, f"{what} photos"):
        name = str(PurePosixPath(file).with_suffix(""))
        if name in found:
            raise ValueError(f"{what} of the same name: {found[name].name} and {file}")
        found[name] = folder / file
    return found


def _save_as_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=quality)
    return np.array(Image.open(file))
