"""The classes to pass to ``ray.data.Dataset.map_batches``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import pyarrow as pa

from hcl_ray.model import Model, Settings
from hcl_sdk import Photo

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
"""The columns that `Detect` adds to a batch."""
RESTORED = DETECTED.append(pa.field("restored", pa.binary()))
"""The columns that `Restore` adds to a batch."""


class Detect:
    """Finds the corrupted regions of the photos of a batch; for ``map_batches`` with ``batch_format="pyarrow"``.

    Args:
        column: the column of the photos. It holds the bytes of files, or paths (text) that all machines can read, or
            structs with the fields ``bytes`` and ``path``, as Hugging Face writes them; the bytes take precedence.
        settings: see `Settings`.

    Calling it with a ``pyarrow.Table`` returns the table with these columns added. Photos may differ in size.

    ======================= =================================================================================
    ``width``, ``height``   in pixels, upright
    ``corrupted_share``     share of corrupted pixels, in [0, 1]
    ``regions``             largest first: ``box`` (x, y, width, height), ``area`` in pixels, mean ``confidence``
    ``corruption_mask``     a PNG file of the photo's size, 255 = corrupted
    ``error``               null, or the reason why a photo failed; the other columns are then null
    ======================= =================================================================================

    Raises:
        TypeError: for an unknown setting or one of the wrong type; when called, for anything but a table, or a column
            of another type.
        ValueError: for a setting out of its range, or weights that cannot be loaded or used; when called, if the column
            does not exist, or one that would be added does.
    """

    _restoring = False
    _added = DETECTED

    def __init__(self, column: str = "image", **settings: Unpack[Settings]) -> None:
        self._column = column
        self._model = Model(settings, restoring=self._restoring)
        self._suffix = f".{settings['file_format']}" if "file_format" in settings else None

    def __call__(self, batch: pa.Table) -> pa.Table:
        sources = self._list_sources(batch)
        rows = self._make_rows(sources)
        for name, kind in zip(self._added.names, self._added.types, strict=True):
            batch = batch.append_column(pa.field(name, kind), pa.array([row.get(name) for row in rows], kind))
        return batch

    def _list_sources(self, batch: Any) -> list[Any]:
        """List the bytes or path of each photo, or None."""
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

    def _make_rows(self, sources: list[Any]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [{"error": "there is no photo: the value is null"} for _ in sources]
        given = {i: Path(s) if isinstance(s, str) else s for i, s in enumerate(sources) if s is not None}
        results = self._model.run(list(given.values()))
        for i, result in zip(given, results, strict=True):
            if isinstance(result, str):
                rows[i] = {"error": result}
                continue
            try:
                rows[i] = self._make_row(result)
            except Exception as error:  # most often, the requested format cannot hold it
                rows[i] = {"error": self._model.explain(error, result.photo.path)}
        return rows

    def _make_row(self, result: Result) -> dict[str, Any]:
        height, width = result.photo.size
        row = {
            "width": width,
            "height": height,
            "corrupted_share": result.corrupted_share,
            "regions": [{"box": r.box, "area": r.area, "confidence": r.confidence} for r in result.regions],
            "corruption_mask": Photo.open(result.mask).encode(".png"),
        }
        if result.composited is not None:
            row["restored"] = result.composited.encode(self._suffix or result.composited.lossless_suffix)
        return row


class Restore(Detect):
    """Finds the corrupted regions of the photos of a batch and fills them; for ``map_batches``.

    It works as `Detect` does, and adds one more column: ``restored``, the bytes of the restored photo as a file. So
    that no pixel outside the mask changes, this is a PNG, or a TIFF if the photo was one or PNG cannot hold it; or else
    a file of the ``file_format`` that is set.
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
