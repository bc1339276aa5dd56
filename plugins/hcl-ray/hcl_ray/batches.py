"""The callable classes for ``ray.data.Dataset.map_batches``."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pyarrow as pa

from hcl_ray.model import Model, Settings

if TYPE_CHECKING:
    from hcl_sdk import Result

REGION = pa.struct([("box", pa.list_(pa.int32())), ("area", pa.int64()), ("confidence", pa.float64())])
DETECTED = pa.schema(
    [
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("corrupted_share", pa.float64()),
        ("regions", pa.list_(REGION)),
        ("corruption_mask", pa.binary()),
        ("error", pa.string()),
    ]
)
"""What `Detect` adds to a batch: see there."""
RESTORED = DETECTED.append(pa.field("restored", pa.binary()))
"""What `Restore` adds to a batch: see there."""


class Detect:
    """Finds the corrupted regions of the photos of a batch; for ``map_batches`` with ``batch_format="pyarrow"``.

    Args:
        column: where the photos are. Their encoded bytes, as in a file, or (text) the path of a file that all machines
            see; or a struct with the fields ``bytes`` and ``path``, as Hugging Face writes them, of which the bytes
            count where there are some.
        settings: see `Settings`.

    Calling it with a ``pyarrow.Table`` returns the table with these columns added. Photos may differ in size.

    ======================= =================================================================================
    ``width``, ``height``   in pixels, upright
    ``corrupted_share``     of the pixels, in [0, 1]
    ``regions``             largest first: ``box`` (x, y, width, height), ``area`` in pixels, mean ``confidence``
    ``corruption_mask``     a PNG file of the photo's size, 255 = corrupted
    ``error``               null; for a photo that cannot be read or worked on, the reason, and the others are null
    ======================= =================================================================================

    Raises:
        TypeError: when called with anything but a table, or if the column holds something else; and for a setting that
            there is not, or of another type.
        ValueError: if there is no such column, or one of the new ones is there already; and for a setting out of its
            range, or weights that cannot be loaded or used.
    """

    _restoring = False
    _added = DETECTED

    def __init__(self, column: str = "image", **settings: Unpack[Settings]) -> None:
        self._column = column
        self._model = Model(settings, restoring=self._restoring)
        self._suffix = f".{settings['file_format']}" if "file_format" in settings else None

    def __call__(self, batch: pa.Table) -> pa.Table:
        sources = self._sources(batch)
        with tempfile.TemporaryDirectory() as folder:
            rows = self._rows(sources, Path(folder))
        for name, kind in zip(self._added.names, self._added.types, strict=True):
            batch = batch.append_column(pa.field(name, kind), pa.array([row.get(name) for row in rows], kind))
        return batch

    def _sources(self, batch: Any) -> list[Any]:
        """For each photo bytes, a path or None."""
        if not isinstance(batch, pa.Table):
            raise TypeError(
                f"expected a pyarrow.Table, got a {type(batch).__name__}; use map_batches(..., batch_format='pyarrow')"
            )
        if self._column not in batch.column_names:
            raise ValueError(f"there is no column {self._column!r}; there is {', '.join(batch.column_names)}")
        taken = [name for name in self._added.names if name in batch.column_names]
        if taken:
            raise ValueError(f"the batch has columns that would be added to it: {', '.join(taken)}; rename them first")
        column = batch.column(self._column)
        if not is_photo_type(column.type):
            raise TypeError(f"the column {self._column!r} must be {PHOTO_TYPES}; it is {column.type}")
        values = column.to_pylist()
        return [(v["bytes"] or v.get("path")) if isinstance(v, dict) else v for v in values]

    def _rows(self, sources: list[Any], folder: Path) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [{"error": "there is no photo: the value is null"} for _ in sources]
        files = {}
        for i, source in enumerate(sources):
            if isinstance(source, bytes):
                # Through a file, as 16 bits a channel are read from files only.
                files[i] = folder / str(i)
                files[i].write_bytes(source)
            elif source is not None:
                files[i] = Path(source)
        results = self._model.results(list(files.values()))
        for (i, file), result in zip(files.items(), results, strict=True):
            try:
                rows[i] = {"error": result} if isinstance(result, str) else self._row(result, folder)
            except Exception as error:  # above all, the format asked for cannot hold it
                rows[i] = {"error": self._model.reason(error, folder / f"restored{self._suffix}")}
            if file.parent == folder:
                file.unlink()
        return rows

    def _row(self, result: Result, folder: Path) -> dict[str, Any]:
        height, width = result.photo.size
        mask = io.BytesIO()
        result.mask.save(mask, "PNG")
        row = {
            "width": width,
            "height": height,
            "corrupted_share": float((np.asarray(result.mask) > 0).mean()),
            "regions": [{"box": r.box, "area": r.area, "confidence": r.confidence} for r in result.regions],
            "corruption_mask": mask.getvalue(),
        }
        if result.composited is not None:
            file = folder / f"restored{self._suffix or result.composited.lossless_suffix}"
            result.composited.save(file)
            row["restored"] = file.read_bytes()
        return row


class Restore(Detect):
    """Finds the corrupted regions of the photos of a batch and fills them; for ``map_batches``.

    Everything is as of `Detect`, with one more column: ``restored``, the restored photo as a file. It is a PNG, or a
    TIFF where PNG cannot hold the photo or the photo came from a TIFF file, so that no pixel outside the mask changes;
    or of the ``file_format`` that is asked for.
    """

    _restoring = True
    _added = RESTORED


PHOTO_TYPES = "bytes of photo files, paths (text), or a struct with bytes and path"


def is_photo_type(kind: pa.DataType) -> bool:
    """Whether a column of this type can hold photos."""
    if pa.types.is_struct(kind):
        return "bytes" in [field.name for field in kind]
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_string, pa.types.is_large_string)
    return any(test(kind) for test in tests)
