"""WebDataset shards."""

from __future__ import annotations

import glob
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import attrs
from attrs.validators import ge, optional

from hcl_sdk.data.files import SUFFIXES, natural, read_mask, read_photo
from hcl_sdk.interfaces import Dataset, Sample, component


@attrs.frozen
class _Member:
    """Where the contents of a file are: in which shard, from where on, how long."""

    shard: int
    offset: int
    size: int


@component
class WebDataset(Dataset):
    """Photos in tar files, as the library WebDataset writes them; an uncompressed shard can be read at any place.

    The files of a sample have one name up to the first dot. ``.jpg``, ``.png``, ``.webp`` ... is the photo;
    ``.mask.png`` (or another format of pictures) its mask, ``.clean.png`` the undamaged photo, where it is one of pairs.
    Other files (``.json``, ``.cls`` ...) are passed over.

    Attributes:
        path: a shard, a folder of shards, or a pattern such as ``shards/train-*.tar``.
        corrupted: the value that means *corrupted* in masks.
        shorter_side: as of ``folder``; photos of pairs keep their size.

    Raises:
        ValueError: if there are no shards, a shard is compressed or damaged, or no photo is in them.
    """

    path: str
    corrupted: Literal["white", "black"] = "white"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        place = Path(self.path).expanduser()
        found = sorted(place.glob("*.tar")) if place.is_dir() else [Path(p) for p in sorted(glob.glob(str(place)))]
        self._shards: tuple[Path, ...] = tuple(sorted(found, key=lambda shard: natural(shard.name)))
        if not self._shards:
            raise ValueError(f"expected tar files; {self.path!r} is or holds none")
        samples: dict[str, dict[str, _Member]] = {}
        for number, shard in enumerate(self._shards):
            for key, role, member in _index(number, shard):
                samples.setdefault(f"{shard.name}/{key}", {})[role] = member
        usable = {name: members for name, members in samples.items() if "photo" in members}
        if not usable:
            raise ValueError(f"expected photos (.jpg, .png, .webp ...) in the tar files of {self.path!r}; got none")
        self._names = tuple(usable)
        self._members = tuple(usable.values())

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        name, members = self._names[index], self._members[index]
        photo, clean, mask = (self._open(members.get(role)) for role in ("photo", "clean", "mask"))
        assert photo is not None
        alone = clean is None and mask is None
        return Sample(
            image=read_photo(photo, name, self.shorter_side if alone else None),
            clean=None if clean is None else read_photo(clean, f"{name}.clean"),
            corruption_mask=None if mask is None else read_mask(mask, f"{name}.mask", self.corrupted),
        )

    def name(self, index: int) -> str:
        return self._names[index]

    def _open(self, member: _Member | None) -> io.BytesIO | None:
        if member is None:
            return None
        with self._shards[member.shard].open("rb") as file:
            file.seek(member.offset)
            return io.BytesIO(file.read(member.size))


def _index(number: int, shard: Path) -> Iterator[tuple[str, str, _Member]]:
    """Key, role and place of the pictures in a shard; only headers are read."""
    try:
        with tarfile.open(shard, "r:") as archive:
            for info in archive:
                folder, _, file = info.name.rpartition("/")
                key, _, extension = file.partition(".")
                kind, _, suffix = f".{extension.lower()}".rpartition(".")
                role = {"": "photo", ".mask": "mask", ".clean": "clean"}.get(kind)
                if info.isfile() and role is not None and f".{suffix}" in SUFFIXES:
                    name = f"{folder}/{key}" if folder else key
                    yield name, role, _Member(number, info.offset_data, info.size)
    except tarfile.TarError as error:
        raise ValueError(f"{shard} is no uncompressed tar file, or damaged: {error}") from error
