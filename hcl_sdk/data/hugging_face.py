"""Data sets of the library ``datasets``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Self

import attrs
import numpy as np
from attrs.validators import ge, optional

from hcl_sdk.data.files import read_mask, read_photo
from hcl_sdk.interfaces import Dataset, Sample, SampleError, component

_IN_MEMORY = "(in memory)"


@component
class HuggingFaceDataset(Dataset):
    """A data set of the Hugging Face library ``datasets``: one on the Hub, on the disk, or in memory.

    It needs ``pip install hcl_sdk[datasets]``.

    Attributes:
        path: a name on the Hub, a folder that ``save_to_disk`` wrote, or a folder that ``load_dataset`` understands.
        split: which one.
        image: the column with the photos.
        clean: the column with the undamaged photos, of a data set of pairs.
        mask: the column with masks, white = corrupted.
        shorter_side: as of ``folder``; photos of pairs keep their size.

    Raises:
        ImportError: if ``datasets`` is not installed.
        ValueError: if there is no such data set, split or column, or it is empty.
    """

    path: str
    split: str = "train"
    image: str = "image"
    clean: str | None = None
    mask: str | None = None
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        self._rows: Any = None
        if self.path != _IN_MEMORY:
            self._use(_loaded(self.path, self.split))

    @classmethod
    def wrap(cls, rows: Any, **fields: Any) -> Self:
        """A data set that is in memory, a ``datasets.Dataset``; a configuration cannot spell it.

        Args:
            rows: the ``datasets.Dataset``.
            fields: columns and ``shorter_side``, as of the class.
        """
        made = cls(path=_IN_MEMORY, **fields)
        made._use(rows)
        return made

    def _use(self, rows: Any) -> None:
        from datasets import Image as ImageFeature

        columns = [column for column in (self.image, self.clean, self.mask) if column is not None]
        if missing := [column for column in columns if column not in rows.column_names]:
            raise ValueError(f"no column {', '.join(missing)}; the data set has {', '.join(rows.column_names)}")
        if len(rows) == 0:
            raise ValueError(f"the data set {self.path!r}, split {self.split!r}, is empty")
        for column in columns:
            if isinstance(rows.features[column], ImageFeature):  # decoded here, so that a bad file is reported
                rows = rows.cast_column(column, ImageFeature(decode=False))
        self._rows = rows

    def __len__(self) -> int:
        return 0 if self._rows is None else len(self._rows)

    def __getitem__(self, index: int) -> Sample:
        if self._rows is None:
            raise SampleError("a data set in memory cannot come from a configuration; use HuggingFaceDataset.wrap")
        row, name = self._rows[index], self.name(index)
        alone = self.clean is None and self.mask is None
        return Sample(
            image=read_photo(_file(row[self.image], name), name, self.shorter_side if alone else None),
            clean=None if self.clean is None else read_photo(_file(row[self.clean], name), f"{name}, {self.clean}"),
            corruption_mask=None
            if self.mask is None
            else read_mask(_file(row[self.mask], name), f"{name}, {self.mask}"),
        )

    def name(self, index: int) -> str:
        return f"{self.split}[{index}]"


def _loaded(path: str, split: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise ImportError("data sets of Hugging Face need: pip install hcl_sdk[datasets]") from error
    try:
        if (Path(path) / "dataset_dict.json").is_file() or (Path(path) / "state.json").is_file():
            found = datasets.load_from_disk(path)
            if isinstance(found, datasets.DatasetDict):
                if split not in found:
                    raise ValueError(f"no split {split!r}; there are {', '.join(map(str, found))}")
                return found[split]
            return found
        return datasets.load_dataset(path, split=split)
    except Exception as error:  # every kind of network, Hub and format error, of several libraries
        text = " ".join(str(error).split())
        raise ValueError(f"the data set {path!r}, split {split!r}, cannot be loaded: {text}") from error


def _file(value: Any, name: str) -> Path | io.BytesIO:
    """What a cell holds: bytes, a path, or both in a mapping; or pixels."""
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return io.BytesIO(value)
    if isinstance(value, str):
        return Path(value)
    if isinstance(value, list | np.ndarray):
        from PIL import Image

        file = io.BytesIO()
        Image.fromarray(np.asarray(value, dtype=np.uint8)).save(file, "PNG")
        file.seek(0)
        return file
    raise SampleError(f"{name}: expected a picture, got {type(value).__name__}")
