"""Datasets of the library ``datasets``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs
import numpy as np
from attrs.validators import ge, optional
from numpy.typing import NDArray

from hcl_sdk.files import expand_home
from hcl_sdk.interfaces import Dataset, Sample, SampleError, component
from hcl_sdk.interfaces.samples import SampleErrors
from hcl_sdk.photos.masks import check_polarity, measure_masks, read_mask
from hcl_sdk.photos.read import read_rgb


@component
class HuggingFaceDataset(Dataset):
    """A dataset of the Hugging Face library ``datasets``, on the Hub or on disk; :meth:`wrap` takes one in memory.

    It needs ``pip install hcl_sdk[datasets]``.

    Attributes:
        path: a name on the Hub, a folder that ``save_to_disk`` wrote, or a folder that ``load_dataset`` understands: of
            photos, of Parquet files ...
        split: the split; ``load_dataset`` also accepts a part of one, ``train[:1000]``.
        image: the column with the photos. Columns hold photos (the feature ``Image``), the contents of their files, or
            paths.
        clean: the column with the undamaged photos, in a dataset of pairs.
        mask: the column with masks.
        corrupted: the value that means *corrupted* in masks.
        shorter_side: see the dataset ``folder``; photos of pairs keep their size.

    Raises:
        ImportError: if ``datasets`` is not installed.
        ValueError: if there is no such dataset, split or column, it is empty, or the other value seems to mean
            *corrupted* in the masks.
    """

    path: str
    split: str = "train"
    image: str = "image"
    clean: str | None = None
    mask: str | None = None
    corrupted: Literal["white", "black"] = "white"
    shorter_side: int | None = attrs.field(default=None, validator=optional(ge(1)))

    def __attrs_post_init__(self) -> None:
        self._set_rows(_load(self.path, self.split))

    @staticmethod
    def wrap(rows: Any, **fields: Any) -> HuggingFaceDataset:
        """Wrap a ``datasets.Dataset`` that was created or changed in Python.

        It can be used for training and evaluation like any other dataset, but not be written to a configuration, so
        saving it is an error.

        Args:
            rows: the ``datasets.Dataset``; neither a streaming one (``IterableDataset``) nor several splits.
            fields: columns, ``corrupted`` and ``shorter_side``, see the class.

        Raises:
            TypeError: if it is something else.
            ValueError: if it lacks a column or is empty, or the other value seems to mean *corrupted* in the masks.
        """
        made = _InMemory(path="(in memory)", **fields)
        made._set_rows(rows)
        return made

    def _set_rows(self, rows: Any) -> None:
        import datasets

        if not isinstance(rows, datasets.Dataset):
            raise TypeError(f"expected a datasets.Dataset, one split of it; got a {type(rows).__name__}")
        columns = [column for column in (self.image, self.clean, self.mask) if column is not None]
        if missing := [column for column in columns if column not in rows.column_names]:
            raise ValueError(f"no column {', '.join(missing)}; the dataset has {', '.join(rows.column_names)}")
        if len(rows) == 0:
            raise ValueError(f"the dataset {self.path!r}, split {self.split!r}, is empty")
        rows = rows.select_columns(columns)
        for column in columns:
            feature = rows.features[column]
            if isinstance(feature, datasets.Image):  # decoded here, so that a bad file is reported
                rows = rows.cast_column(column, datasets.Image(decode=False))
            elif getattr(feature, "dtype", None) not in ("string", "large_string", "binary", "large_binary"):
                raise ValueError(f"expected photos, their contents or paths in the column {column!r}; got {feature}")
        self._rows = rows
        if self.mask is not None:
            shares, _ = measure_masks(len(rows), self._read_mask)
            check_polarity(shares, self.corrupted, f"{self.path}, column {self.mask}")

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Sample:
        row, name = self._rows[index], self.name(index)
        alone = self.clean is None and self.mask is None
        with SampleErrors():
            return Sample(
                image=read_rgb(_get_file(row[self.image], name), name, self.shorter_side if alone else None),
                clean=None
                if self.clean is None
                else read_rgb(_get_file(row[self.clean], name), f"{name}, {self.clean}"),
                corruption_mask=None if self.mask is None else self._read_mask(index),
            )

    def _read_mask(self, index: int) -> NDArray[np.bool_]:
        assert self.mask is not None
        name = self.name(index)
        return read_mask(_get_file(self._rows[index][self.mask], name), f"{name}, {self.mask}", self.corrupted)

    def name(self, index: int) -> str:
        return f"{self.split}[{index}]"


@component
class _InMemory(HuggingFaceDataset):
    """The dataset that ``wrap`` returns."""

    unspellable: ClassVar[str] = "a datasets.Dataset in memory; save_to_disk it and use its folder as path instead"

    def __attrs_post_init__(self) -> None:
        """Do nothing: the rows are set later."""


def _load(path: str, split: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise ImportError("datasets of Hugging Face need: pip install hcl_sdk[datasets]") from error
    place = expand_home(path)
    try:
        if (place / "dataset_dict.json").is_file() or (place / "state.json").is_file():
            found = datasets.load_from_disk(str(place))
            if isinstance(found, datasets.DatasetDict):
                if split not in found:
                    raise ValueError(f"there are the splits {', '.join(map(str, found))}")
                return found[split]
            return found
        return datasets.load_dataset(str(place) if place.is_dir() else path, split=split)
    except Exception as error:  # any network, Hub or format error, of several libraries
        text = " ".join(str(error).split())
        raise ValueError(f"the dataset {path!r}, split {split!r}, cannot be loaded: {text}") from error


def _get_file(value: Any, name: str) -> Path | bytes:
    """Return what a cell holds: a file's contents or path, or both in a mapping."""
    if isinstance(value, dict):
        value = value["path"] if value["bytes"] is None else value["bytes"]
    if isinstance(value, str):
        return Path(value)
    if isinstance(value, bytes):
        return value
    raise SampleError(f"{name}: expected a photo, got {value!r}")
