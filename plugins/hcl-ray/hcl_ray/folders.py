"""Jobs on a folder of photos, which write the files that ``hcl`` writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from hcl_ray.distribution import Workers, distribute
from hcl_ray.guard import DIED, Guard
from hcl_ray.model import Model, Settings
from hcl_ray.summary import Summary
from hcl_sdk.files import ProtectedFiles
from hcl_sdk.folders import Input, Outputs, make_plan

if TYPE_CHECKING:
    from hcl_sdk import Result

AT_ONCE = 16  # photos

ROWS = pa.schema([(name, pa.string()) for name in ("key", "path", "folder", "name")])


class FolderJob:
    """A job on the photos in a folder and its subfolders.

    Raises:
        ValueError: if the folder does not exist, holds no photo, or is the output folder.
    """

    def __init__(self, source: Path, output: Path, *, restoring: bool, settings: Settings) -> None:
        self._source, self._settings = source, settings
        if not source.is_dir():
            what = "is a file" if source.exists() else "does not exist"
            raise ValueError(
                f"{source} {what}; expected a folder of photos, or a file that ends in .parquet or .tar, or a pattern "
                f"of such files"
            )
        self._plan = make_plan(
            [source], output, restoring=restoring, recursive=True, file_format=settings.get("file_format")
        )

    def run(self, workers: Workers, *, progress: bool) -> Summary:
        """Process the photos that have no results yet."""
        inputs, outputs = self._plan.inputs, self._plan.outputs
        failures = [(self._make_key(path), reason) for path, reason in inputs.failures]
        missing = [photo for photo in inputs.photos if not outputs.are_there(photo)]
        rows = []
        for photo in missing:
            try:
                for files in outputs.list_possible(photo).values():
                    for file in files:
                        self._plan.protected.check(file)
            except FileExistsError as error:
                failures.append((self._make_key(photo.path), str(error)))
            else:
                values = {"path": str(photo.path), "folder": str(photo.folder), "name": photo.name}
                rows.append({"key": self._make_key(photo.path), **values})
        outcomes = distribute(
            pa.Table.from_pylist(rows, ROWS),
            FolderWorker,
            {"outputs": outputs, "settings": self._settings},
            workers=workers,
            at_once=AT_ONCE,
            unit="photo",
            progress=progress,
        )
        failed = [(key, error) for key, error in outcomes.items() if error is not None]
        return Summary(
            done=len(outcomes) - len(failed),
            there=len(inputs.photos) - len(missing),
            failures=tuple(sorted(failures + failed)),
        )

    def _make_key(self, path: Path) -> str:
        return path.relative_to(self._source).as_posix()


class FolderWorker:
    """Processes the photos of a batch and writes their files; returns a table of ``key`` and ``error``."""

    def __init__(self, outputs: Outputs, settings: Settings, guard: Guard) -> None:
        self._outputs, self._guard = outputs, guard
        self._model = Model(settings, restoring=outputs.restoring)

    def __call__(self, batch: pa.Table) -> pa.Table:
        return self._guard.run(batch, self._process, lambda row: _make_outcomes(row, [DIED]))

    def _process(self, batch: pa.Table) -> pa.Table:
        photos = [Input(path=Path(r["path"]), folder=Path(r["folder"]), name=r["name"]) for r in batch.to_pylist()]
        errors: list[str | None] = []
        results = self._model.run(
            [photo.path for photo in photos], lambda i, opened: self._outputs.check_format(photos[i], opened)
        )
        for photo, result in zip(photos, results, strict=True):
            errors.append(result if isinstance(result, str) else self._write(result, photo))
        return _make_outcomes(batch, errors)

    def _write(self, result: Result, photo: Input) -> str | None:
        """Write the results of a photo; return the reason if that fails."""
        try:
            self._outputs.write(result, photo, ProtectedFiles())  # inputs were protected before
        except Exception as error:
            return self._model.explain(error, photo.path)
        return None


def _make_outcomes(batch: pa.Table, errors: Sequence[str | None]) -> pa.Table:
    return pa.table({"key": batch.column("key"), "error": pa.array(errors, pa.string())})
