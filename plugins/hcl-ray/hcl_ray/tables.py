"""Jobs on Parquet files and WebDataset shards.

They are processed in parts: a row group of a Parquet file, or `SHARD_PART` consecutive photos of a shard. The results
of a part are one Parquet file, written atomically.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import ray

from hcl_ray.batches import DETECTED, PHOTO_TYPES, RESTORED, Detect, Restore, is_photo_type
from hcl_ray.distribution import Workers, distribute
from hcl_ray.guard import DIED, Guard
from hcl_ray.model import Settings
from hcl_ray.summary import Summary
from hcl_sdk.data.webdataset import ROLES, find_shards, label_shards, list_shard
from hcl_sdk.files import open_whole
from hcl_sdk.photos.find import make_natural_key

SHARD_PART = 256  # photos
CHUNK = 16  # photos that are read, processed and written at a time, so that memory does not grow with the part

PARTS = pa.schema(
    [
        ("key", pa.string()),  # the name of the part, and of its file without the suffix
        ("file", pa.string()),
        ("label", pa.string()),  # distinguishes the file from the others
        ("number", pa.int32()),  # of the row group
        ("first", pa.int64()),  # the index of its first row in the file
        ("photos", pa.int64()),
        ("names", pa.list_(pa.string())),  # of the photos in a shard, with their position
        ("offsets", pa.list_(pa.int64())),
        ("sizes", pa.list_(pa.int64())),
    ]
)


class Source(Protocol):
    """A kind of files that hold photos."""

    suffix: str

    def list_files(self, path: str) -> Sequence[Path]:
        """List the files of a path or pattern; ``ValueError`` if there are none."""
        ...

    def list_parts(self, file: Path) -> Iterator[dict[str, Any]]:
        """Yield the columns of `PARTS` that differ between the parts of a file."""
        ...

    def read(self, part: dict[str, Any]) -> Iterator[pa.Table]:
        """Read the photos of a part, `CHUNK` at a time: columns ``key`` and ``image``."""
        ...


class Parquet:
    """Parquet files with photos in a column.

    Args:
        column: the column of the photos, as for `Detect`.
        key: the column of their names; None for names made of file and row number.
    """

    suffix = ".parquet"

    def __init__(self, column: str, key: str | None) -> None:
        self.column, self.key = column, key

    def list_files(self, path: str) -> Sequence[Path]:
        found = sorted(map(Path, glob.glob(path)), key=lambda file: make_natural_key(str(file)))
        if not found:
            raise ValueError(f"there is no file {path}")
        return found

    def list_parts(self, file: Path) -> Iterator[dict[str, Any]]:
        with pq.ParquetFile(file) as parquet:
            names = [self.column, *([] if self.key is None else [self.key])]
            for name in names:
                if name not in parquet.schema_arrow.names:
                    raise ValueError(f"there is no column {name!r}; there is {', '.join(parquet.schema_arrow.names)}")
            kind = parquet.schema_arrow.field(self.column).type
            if not is_photo_type(kind):
                raise ValueError(f"the column {self.column!r} must be {PHOTO_TYPES}; it is {kind}")
            first = 0
            for number in range(parquet.num_row_groups):
                rows = parquet.metadata.row_group(number).num_rows
                yield {"number": number, "first": first, "photos": rows}
                first += rows

    def read(self, part: dict[str, Any]) -> Iterator[pa.Table]:
        columns = list(dict.fromkeys([self.column, *([] if self.key is None else [self.key])]))
        row = part["first"]
        with pq.ParquetFile(part["file"]) as parquet:
            for batch in parquet.iter_batches(CHUNK, row_groups=[part["number"]], columns=columns):
                if self.key is None:
                    keys = [f"{part['label']}:{i}" for i in range(row, row + batch.num_rows)]
                else:
                    keys = [str(value) for value in batch.column(self.key).to_pylist()]
                row += batch.num_rows
                yield pa.table({"key": pa.array(keys, pa.string()), "image": batch.column(self.column)})


class Shards:
    """Tar files as the WebDataset library writes them; masks and clean photos in them are ignored."""

    suffix = ".tar"

    def list_files(self, path: str) -> Sequence[Path]:
        return find_shards(path)

    def list_parts(self, file: Path) -> Iterator[dict[str, Any]]:
        photo = ROLES.index("photo")
        found = [(key, offset, size) for key, role, offset, size in list_shard(file) if role == photo]
        if not found:
            raise ValueError("no photos are in it")
        for number, first in enumerate(range(0, len(found), SHARD_PART)):
            names, offsets, sizes = zip(*found[first : first + SHARD_PART], strict=True)
            where = {"names": names, "offsets": offsets, "sizes": sizes}
            yield {"number": number, "first": first, "photos": len(names), **where}

    def read(self, part: dict[str, Any]) -> Iterator[pa.Table]:
        with open(part["file"], "rb") as file:
            for first in range(0, part["photos"], CHUNK):
                chunk = slice(first, first + CHUNK)
                contents = []
                for offset, size in zip(part["offsets"][chunk], part["sizes"][chunk], strict=True):
                    file.seek(offset)
                    contents.append(file.read(size))
                keys = [f"{part['label']}/{name}" for name in part["names"][chunk]]
                yield pa.table({"key": pa.array(keys, pa.string()), "image": pa.array(contents, pa.binary())})


class TableJob:
    """A job on files that hold photos.

    Raises:
        ValueError: if there are no such files.
    """

    def __init__(self, source: Source, path: Path, output: Path, *, restoring: bool, settings: Settings) -> None:
        self._source, self._output, self._restoring, self._settings = source, output, restoring, settings
        self._files = source.list_files(str(path))

    def run(self, workers: Workers, *, progress: bool) -> Summary:
        """Process the parts that have no results yet."""
        labels = label_shards(tuple(self._files))
        asked = ray.remote(_list_parts)
        found = ray.get([asked.remote(self._source, *pair) for pair in zip(self._files, labels, strict=True)])
        failures = [(label, rows) for label, rows in zip(labels, found, strict=True) if isinstance(rows, str)]
        parts = [part for rows in found if not isinstance(rows, str) for part in rows]
        missing = [part for part in parts if not get_part_file(self._output, part["key"]).is_file()]
        outcomes = distribute(
            pa.Table.from_pylist(missing, PARTS),
            PartWorker,
            {
                "source": self._source,
                "output": self._output,
                "restoring": self._restoring,
                "settings": self._settings,
            },
            workers=workers,
            at_once=1,
            unit="part",
            progress=progress,
        )
        done = there = 0
        for part in parts:
            error = outcomes.get(part["key"])
            if error is not None:
                failures.append((part["key"], error))
                continue
            failed = read_failures(get_part_file(self._output, part["key"]))
            failures += failed
            if part["key"] in outcomes:
                done += part["photos"] - len(failed)
            else:
                there += part["photos"] - len(failed)
        return Summary(done=done, there=there, failures=tuple(sorted(failures)))


def _list_parts(source: Source, file: Path, label: str) -> list[dict[str, Any]] | str:
    """List the parts of a file as rows of `PARTS`, or return the reason why it has none."""
    try:
        found = list(source.list_parts(file))
    except Exception as error:
        return _explain(error, file)
    stem = label.removesuffix(source.suffix)
    return [{"file": str(file), "label": label, "key": f"{stem}-{part['number']:05d}", **part} for part in found]


def _explain(error: Exception, file: Path) -> str:
    return str(error).partition("\n")[0].removeprefix(f"{str(file)!r} ") or type(error).__name__


def get_part_file(output: Path, key: str) -> Path:
    """Return the file with the results of a part."""
    return output / f"{key}.parquet"


class PartWorker:
    """Processes the parts of a batch and writes their files; returns a table of ``key`` and ``error``."""

    def __init__(self, source: Source, output: Path, restoring: bool, settings: Settings, guard: Guard) -> None:
        self._source, self._output, self._guard = source, output, guard
        self._work = Restore("image", **settings) if restoring else Detect("image", **settings)
        self._schema = pa.schema([("key", pa.string()), *(RESTORED if restoring else DETECTED)])

    def __call__(self, batch: pa.Table) -> pa.Table:
        errors = [self._write(part) for part in batch.to_pylist()]
        return pa.table({"key": batch.column("key"), "error": pa.array(errors, pa.string())})

    def _write(self, part: dict[str, Any]) -> str | None:
        """Process a part; return the reason if it fails as a whole. Reasons of single photos are in its file."""
        file = get_part_file(self._output, part["key"])
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with open_whole(file) as whole, pq.ParquetWriter(whole, self._schema) as writer:
                for chunk in self._source.read(part):
                    writer.write_table(self._guard.run(chunk, self._process, self._record_death))
        except Exception as error:
            return _explain(error, Path(part["file"]))
        return None

    def _process(self, chunk: pa.Table) -> pa.Table:
        return self._work(chunk).select(self._schema.names)

    def _record_death(self, row: pa.Table) -> pa.Table:
        return pa.Table.from_pylist([{"key": row.column("key")[0].as_py(), "error": DIED}], self._schema)


def read_failures(file: Path) -> list[tuple[str, str]]:
    """Read the photos of a part that failed: (name, reason)."""
    with pq.ParquetFile(file) as parquet:
        table = parquet.read(columns=["key", "error"])
    failed = table.filter(table.column("error").is_valid())
    return list(zip(failed.column("key").to_pylist(), failed.column("error").to_pylist(), strict=True))
