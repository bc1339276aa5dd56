"""WebDataset shards."""

from __future__ import annotations

import glob
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import attrs
import numpy as np
from attrs.validators import ge, optional
from numpy.typing import NDArray

from hcl_sdk._renamed import redirect
from hcl_sdk.errors import list_some
from hcl_sdk.files import expand_home, is_special
from hcl_sdk.interfaces import Dataset, Sample, SampleError, component
from hcl_sdk.interfaces.samples import SampleErrors
from hcl_sdk.photos.find import make_natural_key
from hcl_sdk.photos.formats import list_readable_suffixes
from hcl_sdk.photos.masks import check_polarity, measure_masks, read_mask
from hcl_sdk.photos.read import read_rgb

ROLES = ("photo", "clean", "mask")
"""The roles that a file in a shard can have in its sample."""


@component
class WebDataset(Dataset):
    """Photos in tar files, as written by the library WebDataset; uncompressed shards can be read at any position.

    Files of the same sample have the same name up to the first dot. ``.jpg``, ``.png``, ``.webp`` ... is the photo,
    ``.mask.png`` (or another photo format) its mask, and ``.clean.png`` the undamaged photo in a dataset of pairs.
    Other files (``.json``, ``.cls`` ...) are skipped. Creating the dataset reads only the headers; a sample is read
    from its position in its shard, which is then closed again.

    Attributes:
        path: a shard, a folder of shards, or a pattern such as ``shards/train-*.tar``.
        corrupted: the value that means *corrupted* in masks.
        shorter_side: see the dataset ``folder``; photos of pairs keep their size.

    Raises:
        ValueError: if there are no shards, a shard is compressed or damaged or holds no photo, a file occurs twice,
            only some of the photos have a mask or clean photo, or the other value seems to mean *corrupted* in the
            masks.
    """

    path: str
    corrupted: Literal["white", "black"] = "white"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        self._shards = find_shards(self.path)
        labels = label_shards(self._shards)
        names: list[str] = []
        # For each sample and role: shard, offset and size; offset -1 if there is none. An array takes a tenth of the
        # memory of objects, and is not copied to forked workers.
        places: list[list[tuple[int, int, int]]] = []
        for number, shard in enumerate(self._shards):
            found: dict[str, list[tuple[int, int, int]]] = {}
            for key, role, offset, size in list_shard(shard):
                sample = found.setdefault(key, [(number, -1, 0)] * len(ROLES))
                if sample[role][1] >= 0:
                    raise ValueError(f"{shard} holds two files that are the {ROLES[role]} of {key!r}")
                sample[role] = (number, offset, size)
            names += [f"{labels[number]}/{key}" for key in found]
            places += found.values()
        if not names:
            raise ValueError(
                f"expected photos (.jpg, .png, .webp ...) in {len(self._shards)} tar files of {self.path!r}; got none"
            )
        self._names = tuple(names)
        self._places: NDArray[np.int64] = np.array(places, dtype=np.int64)
        there = self._places[:, :, 1] >= 0
        for role, what in enumerate(ROLES):
            if there[:, role].any() or what == "photo":
                lacking = [self._names[i] for i in np.flatnonzero(~there[:, role])]
                if lacking:
                    raise ValueError(
                        f"{len(lacking)} of {len(names)} samples are without a {what}: {list_some(lacking, 3)}"
                    )
        if there[:, ROLES.index("mask")].any():
            shares, _ = measure_masks(len(names), self._read_mask)
            check_polarity(shares, self.corrupted, self.path)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        name = self._names[index]
        photo, clean = (self._read(index, role) for role in ("photo", "clean"))
        assert photo is not None
        has_mask = bool(self._places[index, ROLES.index("mask"), 1] >= 0)
        alone = clean is None and not has_mask
        with SampleErrors():
            return Sample(
                image=read_rgb(photo, name, self.shorter_side if alone else None),
                clean=None if clean is None else read_rgb(clean, f"{name}.clean"),
                corruption_mask=self._read_mask(index) if has_mask else None,
            )

    def name(self, index: int) -> str:
        return self._names[index]

    def _read_mask(self, index: int) -> NDArray[np.bool_]:
        contents = self._read(index, "mask")
        assert contents is not None
        return read_mask(contents, f"{self._names[index]}.mask", self.corrupted)

    def _read(self, index: int, role: str) -> bytes | None:
        shard, offset, size = (int(value) for value in self._places[index, ROLES.index(role)])
        if offset < 0:
            return None
        try:
            with self._shards[shard].open("rb") as file:
                file.seek(offset)
                return file.read(size)
        except OSError as error:
            raise SampleError(f"{self._names[index]}: {error}") from error


def find_shards(path: str) -> tuple[Path, ...]:
    """List the tar files at a path, in natural order: one file, those in a folder, or those that match a pattern.

    Raises:
        ValueError: if there are none.
    """
    place = expand_home(path)
    found = place.glob("*.tar") if place.is_dir() else map(Path, glob.glob(str(place)))
    shards = tuple(sorted(found, key=lambda shard: make_natural_key(str(shard))))
    if not shards:
        raise ValueError(f"expected tar files: one, a folder of them, or a pattern of their names; {path!r} is none")
    return shards


def label_shards(shards: tuple[Path, ...]) -> list[str]:
    """Label shards by their paths below the folder that contains all of them."""
    above = os.path.commonpath([shard.parent for shard in shards])
    return [shard.relative_to(above).as_posix() for shard in shards]


def list_shard(shard: Path) -> Iterator[tuple[str, int, int, int]]:
    """Yield key, role (an index of `ROLES`), offset and size of the photos in a shard; only headers are read.

    Raises:
        ValueError: if it is compressed or damaged, or not a regular file: a pipe may never begin, a device never end.
    """
    if is_special(shard) or shard.is_dir():
        raise ValueError(f"{str(shard)!r} is not a regular file; expected an uncompressed tar file")
    try:
        with tarfile.open(shard, "r:") as archive:
            for info in archive:
                folder, _, file = info.name.rpartition("/")
                key, _, extension = file.partition(".")
                kind, _, suffix = f".{extension.lower()}".rpartition(".")
                role = {"": "photo", ".mask": "mask", ".clean": "clean"}.get(kind)
                if info.isfile() and role is not None and f".{suffix}" in list_readable_suffixes():
                    yield f"{folder}/{key}" if folder else key, ROLES.index(role), info.offset_data, info.size
            end = archive.offset
        # If a header is invalid, tarfile takes the archive to end there.
        with shard.open("rb") as file:
            file.seek(end)
            if file.read(tarfile.BLOCKSIZE).strip(b"\0"):
                raise tarfile.ReadError(f"no header at byte {end}")
    except (tarfile.TarError, OSError) as error:
        raise ValueError(f"{str(shard)!r} is not an uncompressed tar file, or is damaged: {error}") from error


redirect(__name__, {"shard_labels": "label_shards"})
