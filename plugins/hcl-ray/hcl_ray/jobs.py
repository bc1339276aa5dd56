"""Whole jobs: a folder, Parquet files or shards from end to end."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any, Unpack, cast

import ray

from hcl_ray.distribution import Workers
from hcl_ray.folders import FolderJob
from hcl_ray.model import Model, Settings
from hcl_ray.summary import Summary
from hcl_ray.tables import Parquet, Shards, TableJob

FAILURES = "failures.jsonl"
SETTINGS = "settings.json"


def restore(
    source: str | Path,
    output: str | Path,
    *,
    column: str = "image",
    key: str | None = None,
    actors: int | None = None,
    cpus: float = 1,
    gpus: float | None = None,
    progress: bool = False,
    **settings: Unpack[Settings],
) -> Summary:
    """Find what does not belong in many photos and fill it, on all machines of a Ray cluster.

    Ray is started on this machine if it is not running; ``ray.init`` before decides otherwise. Calling it again with
    the same folder does what is missing, after whatever end of the earlier call.

    Args:
        source: a folder of photos, searched with the folders in it; or Parquet files, or WebDataset shards: a file
            whose name ends in ``.parquet`` or ``.tar``, or a pattern such as ``shards/*.tar``. All machines must see
            it, and the output, under the same path.
        output: a folder, made if it is not there. Of a folder of photos it gets the files that ``hcl restore`` writes;
            of tables and shards Parquet files with the columns ``key`` and those of `Restore`, one for each row group,
            or for every 256 photos of a shard. Besides, ``failures.jsonl``, written at the end: ``key`` and ``error``
            of all photos without results; and ``settings.json``, by which another call is compared to this one.
        column: of Parquet files, where the photos are, as of `Restore`.
        key: of Parquet files, the column with the photos' names; without it, the file and number of the row.
        actors: how many copies of the pipeline there are; as many as the cluster has room for if None.
        cpus: cores for each, which also is the number of its threads.
        gpus: GPUs for each, a part of one too; if None, one where the cluster has any, else none.
        progress: show a bar, on terminals.
        settings: see `Settings`.

    Raises:
        TypeError: for a setting that there is not, or of another type.
        ValueError: if there is nothing to work on, a setting is out of its range, weights cannot be loaded or used, or
            the output holds results of other settings.
        OSError: if the output cannot be written.
    """
    workers = Workers(actors=actors, cpus=cpus, gpus=gpus)
    return _run(Path(source), Path(output), True, Parquet(column, key), workers, progress, settings)


def detect(
    source: str | Path,
    output: str | Path,
    *,
    column: str = "image",
    key: str | None = None,
    actors: int | None = None,
    cpus: float = 1,
    gpus: float | None = None,
    progress: bool = False,
    **settings: Unpack[Settings],
) -> Summary:
    """Find what does not belong in many photos, and fill nothing. Arguments, output and errors as of `restore`.

    Of a folder of photos, the output gets the masks that ``hcl detect`` writes; of others the columns of `Detect`.
    """
    workers = Workers(actors=actors, cpus=cpus, gpus=gpus)
    return _run(Path(source), Path(output), False, Parquet(column, key), workers, progress, settings)


def _run(
    source: Path,
    output: Path,
    restoring: bool,
    parquet: Parquet,
    workers: Workers,
    progress: bool,
    settings: Settings,
) -> Summary:
    source, output = source.absolute(), output.absolute()
    if "weights" in settings and os.path.isdir(settings["weights"]):  # workers run in other folders
        settings = settings | Settings(weights=os.path.abspath(settings["weights"]))
    # What is wrong with the settings shows here, and not in every worker.
    Model(settings | Settings(device="cpu"), restoring=restoring)
    kind = {".parquet": parquet, ".tar": Shards()}.get(source.suffix.lower())
    described = {"restoring": restoring, **settings}
    if kind is parquet:
        described |= {"column": parquet.column, "key": parquet.key}
    if not ray.is_initialized():
        ray.init()
    workers = workers.in_cluster()
    if not workers.gpus:
        settings = settings | Settings(device="cpu")
    if kind is None:
        job = FolderJob(source, output, restoring=restoring, settings=settings)
    else:
        job = TableJob(kind, source, output, restoring=restoring, settings=settings)
    output.mkdir(parents=True, exist_ok=True)
    _check_same(output / SETTINGS, described)
    (output / FAILURES).unlink(missing_ok=True)  # where it is, the job is at its end
    summary = job.run(workers, progress=progress)
    lines = [json.dumps({"key": key, "error": error}) + "\n" for key, error in summary.failures]
    _write(output / FAILURES, "".join(lines))
    return summary


def _check_same(file: Path, described: dict[str, Any]) -> None:
    """Compare a job to an earlier one with the same output, or note it down for a later one."""
    if not file.exists():
        _write(file, json.dumps(described, indent=2) + "\n")
        return
    earlier = cast(dict[str, Any], json.loads(file.read_text(encoding="utf-8")))
    different = [name for name in sorted({*earlier, *described}) if earlier.get(name) != described.get(name)]
    if different:
        said = "; ".join(f"{name}: {earlier.get(name)!r}, now {described.get(name)!r}" for name in different)
        raise ValueError(f"{file.parent} holds results of other settings ({said}); choose another folder for these")


def _write(file: Path, text: str) -> None:
    """Write a file that appears whole or not at all."""
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
