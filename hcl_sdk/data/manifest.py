"""Damaged photos made from a manifest: a list that says which photos are damaged, where and with what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import numpy as np
from attrs.validators import and_, ge, le
from numpy.typing import NDArray

from hcl_sdk.config import ConfigError, build, structure
from hcl_sdk.corruptions.corruption import Corrupted, draw_mask, paint_content, put_on
from hcl_sdk.data.files import read_text
from hcl_sdk.data.items import Items
from hcl_sdk.errors import list_some
from hcl_sdk.files import expand_home, write_whole
from hcl_sdk.interfaces import Configurable, Content, Dataset, Sample, SampleError, Shape, component

FORMAT = 1


@component
class Contamination(Configurable):
    """A shape and a content that are combined in a benchmark.

    Attributes:
        shape: where photos are damaged.
        content: what they are damaged with.
        shape_name: the name of the shape in tables.
        content_name: the name of the content in tables.
    """

    shape: Shape
    content: Content
    shape_name: str
    content_name: str

    @property
    def name(self) -> str:
        """The name in manifests."""
        return f"{self.content_name}/{self.shape_name}"

    def damage(
        self, image: NDArray[np.uint8], seed: Sequence[int], blur: float, another: Callable[[int], NDArray[np.uint8]]
    ) -> Corrupted:
        """Make a damaged copy of a photo.

        Args:
            image: ``[H, W, 3]`` uint8 RGB.
            seed: random seed, which determines everything.
            blur: radius of the soft edge, in pixels.
            another: returns another photo for a number from 0 to 2**31 - 1.
        """
        rng = np.random.default_rng(list(seed))
        mask = draw_mask(self.shape, (image.shape[0], image.shape[1]), rng)
        pixels = paint_content(self.content, image, mask, rng, lambda: another(int(rng.integers(2**31))))
        return put_on(image, self.shape, self.content, pixels, mask, blur)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One damaged photo of a manifest.

    Attributes:
        photo: the name of the photo in the dataset.
        contamination: the name of one of the manifest's contaminations; empty if the photo is left undamaged.
        seed: random seed of the damage.
        blur: radius of the soft edge, in pixels.
        area: the corrupted share of the photo, 0 to 1.
        pixels: the beginning of the SHA-256 of the resulting photo and its mask.
    """

    photo: str
    contamination: str = ""
    seed: tuple[int, ...] = ()
    blur: float = 0.0
    area: float = 0.0
    pixels: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A list of damaged photos: given the same photos, everybody makes the same pixels from it.

    Attributes:
        size: side length in pixels: the center of each photo is scaled to a square.
        photos: the names of all photos, from which foreign content is drawn too.
        contaminations: their configurations, by name.
        entries: the damaged photos.
    """

    size: int
    photos: tuple[str, ...]
    contaminations: Mapping[str, dict[str, Any]]
    entries: tuple[Entry, ...]

    def save(self, path: str | Path) -> None:
        """Write the manifest as JSON, one entry per line."""
        head = {"format": FORMAT, "size": self.size, "photos": self.photos, "contaminations": self.contaminations}
        entries = ",\n".join(json.dumps(asdict(entry)) for entry in self.entries)
        write_whole(path, f'{json.dumps(head)[:-1]}, "entries": [\n{entries}\n]}}\n')

    @classmethod
    def load(cls, path: str | Path) -> Manifest:
        """Read a file that :meth:`save` wrote.

        Raises:
            ValueError: if the file does not exist or is not a manifest of this format.
        """
        try:
            data = json.loads(read_text(expand_home(path)))
        except OSError as error:
            raise ValueError(f"expected a manifest: {error}") from error
        except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, a number of thousands of digits
            raise ValueError(f"{path} is not a manifest, or is damaged: {error}") from error
        if isinstance(data, dict) and data.get("format", FORMAT) != FORMAT:
            raise ValueError(f"{path} has format {data['format']!r}; this version reads {FORMAT}")
        try:
            head = _read(_HEAD, data, "")
            entries = tuple(Entry(**_read(_ENTRY, entry, f"entries.{i}.")) for i, entry in enumerate(head["entries"]))
        except ConfigError as error:
            raise ValueError(f"{path} is not a manifest, or is damaged: {error}") from error
        for known, used in ((head["photos"], "photo"), ({"", *head["contaminations"]}, "contamination")):
            if unknown := {getattr(entry, used) for entry in entries}.difference(known):
                raise ValueError(f"{path} is damaged: its list has no {used} {list_some(sorted(unknown), 3)}")
        return cls(size=head["size"], photos=head["photos"], contaminations=head["contaminations"], entries=entries)


_HEAD: dict[str, Any] = {
    "format": int,
    "size": Annotated[int, and_(ge(1), le(16384))],
    "photos": tuple[str, ...],
    "contaminations": dict[str, dict[str, object]],
    "entries": tuple[dict[str, object], ...],
}
_ENTRY = get_type_hints(Entry)


def _read(hints: dict[str, Any], mapping: Any, prefix: str) -> dict[str, Any]:
    """Check and return the values of a mapping that must have all these keys."""
    read = structure(hints, mapping)
    if missing := [key for key in hints if key not in read]:
        raise ConfigError([(prefix + key, "missing") for key in missing])
    return read


class DamagedPhotos:
    """Makes the entries of a manifest from photos.

    Args:
        photos: undamaged photos.
        size: side length of the squares in pixels.
        names: the photos that foreign content is drawn from.
    """

    def __init__(self, photos: Dataset, size: int, names: Sequence[str]) -> None:
        self._items = Items(photos, size, corruption=None, seed=0)
        self._photos, self._names = photos, tuple(names)
        self._places = {photos.name(i): i for i in range(len(photos))}

    def make_clean(self, photo: str) -> NDArray[np.uint8]:
        """Cut the square of a photo, undamaged."""
        return self._items[self._places[photo]].image

    def make_damaged(
        self, clean: NDArray[np.uint8], photo: str, contamination: Contamination, entry: Entry
    ) -> Corrupted:
        """Damage the square of a photo according to its entry."""
        others = [name for name in self._names if name != photo] or [photo]

        def read_another(number: int) -> NDArray[np.uint8]:
            return self._photos[self._places[others[number % len(others)]]].image

        return contamination.damage(clean, entry.seed, entry.blur, read_another)

    def list_missing(self) -> list[str]:
        """List the names that the dataset does not have."""
        return [name for name in self._names if name not in self._places]


def fingerprint(image: NDArray[np.uint8], corruption_mask: NDArray[np.bool_]) -> str:
    """Return the beginning of the SHA-256 of the pixels and of the mask, as hexadecimal digits."""
    return hashlib.sha256(image.tobytes() + np.packbits(corruption_mask).tobytes()).hexdigest()[:16]


@component
class ManifestDataset(Dataset):
    """The damaged photos of a manifest, as written by ``hcl benchmark``.

    If the pixels of a sample differ from those in the manifest, because the photo is a different one or a library draws
    differently, that sample is an error.

    Attributes:
        photos: the undamaged photos that the manifest names.
        manifest: the manifest's file.

    Raises:
        ValueError: if the file is not a manifest, or photos that it names do not exist.
    """

    photos: Dataset
    manifest: str

    def __attrs_post_init__(self) -> None:
        self._manifest = Manifest.load(self.manifest)
        self._contaminations = {
            name: build(described, Contamination) for name, described in self._manifest.contaminations.items()
        }
        self._made = DamagedPhotos(self.photos, self._manifest.size, self._manifest.photos)
        if missing := self._made.list_missing():
            raise ValueError(f"{self.manifest} names photos that do not exist: {list_some(missing, 3)}")

    def __len__(self) -> int:
        return len(self._manifest.entries)

    def __getitem__(self, index: int) -> Sample:
        entry = self._manifest.entries[index]
        clean = self._made.make_clean(entry.photo)
        image, mask, shape, content = clean, np.zeros(clean.shape[:2], np.bool_), "", ""
        kinds = mask.astype(np.uint8)
        if entry.contamination:
            contamination = self._contaminations[entry.contamination]
            damaged = self._made.make_damaged(clean, entry.photo, contamination, entry)
            image, mask, kinds = damaged.image, damaged.corruption_mask, damaged.damage_map
            shape, content = contamination.shape_name, contamination.content_name
        if fingerprint(image, mask) != entry.pixels:
            raise SampleError(
                f"{self.name(index)} does not have the pixels that {self.manifest} states: it is a different photo, "
                "or the code that damages it has changed"
            )
        return Sample(
            image=image,
            clean=clean,
            corruption_mask=mask,
            damage_map=kinds,
            shape=shape,
            content=content,
            source=entry.photo,
        )

    def name(self, index: int) -> str:
        entry = self._manifest.entries[index]
        return f"{entry.photo} {entry.contamination or 'clean'} {'-'.join(map(str, entry.seed))}".rstrip()
