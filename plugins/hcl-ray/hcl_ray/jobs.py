"""Complete jobs on a folder, Parquet files or shards."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Unpack, cast

import ray

from hcl_ray.distribution import Workers
from hcl_ray.folders import FolderJob
from hcl_ray.model import Model, Settings
from hcl_ray.summary import Summary
from hcl_ray.tables import Parquet, Shards, TableJob
from hcl_sdk.files import write_whole

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

    If Ray is not running, it is started on this machine; call ``ray.init`` first to use a cluster. Calling this again
    with the same output resumes the job, however the earlier call ended.

    Args:
        source: a folder of photos, including its subfolders; or Parquet files or WebDataset shards: a file whose name
            ends in ``.parquet`` or ``.tar``, or a pattern such as ``shards/*.tar``. All machines must be able to access
            it, and the output, under the same path.
        output: a folder, created if it does not exist. For a folder of photos, it gets the files that ``hcl restore``
            writes. For tables and shards, it gets Parquet files with the column ``key`` and those of `Restore`: one for
            each row group, or for every 256 photos of a shard. At the end, ``failures.jsonl`` lists ``key`` and
            ``error`` of all photos without results; ``settings.json`` is what later calls are compared with.
        column: the column of the photos in Parquet files, as for `Restore`.
        key: the column of the photos' names in Parquet files; by default a name is made of file and row number.
        actors: the number of copies of the pipeline; None for as many as fit in the cluster.
        cpus: cores per copy, which is also its number of threads.
        gpus: GPUs per copy, which may be a fraction; None for one if the cluster has any, else none.
        progress: show a progress bar, on terminals.
        settings: see `Settings`.

    Raises:
        TypeError: for an unknown setting, or one of the wrong type.
        ValueError: if there are no photos, a setting is out of its range, weights cannot be loaded or used, or the
            output holds results of other settings.
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
    """Find what does not belong in many photos, without filling it. Arguments and errors are those of `restore`.

    The output is that of `restore`, with the files of ``hcl detect`` and the columns of `Detect`.
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
    if "weights" in settings and os.path.isdir(settings["weights"]):  # workers have other working directories
        settings = settings | Settings(weights=os.path.abspath(settings["weights"]))
    # Wrong settings fail here rather than in every worker.
    Model(settings | Settings(device="cpu"), restoring=restoring)
    kind = {".parquet": parquet, ".tar": Shards()}.get(source.suffix.lower())
    described = {"restoring": restoring, **settings}
    if kind is parquet:
        described |= {"column": parquet.column, "key": parquet.key}
    if not ray.is_initialized():
        ray.init()
    workers = workers.fit_cluster()
    if not workers.gpus:
        settings = settings | Settings(device="cpu")
    if kind is None:
        job = FolderJob(source, output, restoring=restoring, settings=settings)
    else:
        job = TableJob(kind, source, output, restoring=restoring, settings=settings)
    output.mkdir(parents=True, exist_ok=True)
    _check_same(output / SETTINGS, described)
    (output / FAILURES).unlink(missing_ok=True)  # it exists only once a job has ended
    summary = job.run(workers, progress=progress)
    lines = [json.dumps({"key": key, "error": error}) + "\n" for key, error in summary.failures]
    write_whole(output / FAILURES, "".join(lines))
    return summary


def _check_same(file: Path, described: dict[str, Any]) -> None:
    """Compare a job with an earlier one of the same output; record it if there is none.

    Raises:
        ValueError: if their settings differ.
    """
    if not file.exists():
        write_whole(file, json.dumps(described, indent=2) + "\n")
        return
    earlier = cast(dict[str, Any], json.loads(file.read_text(encoding="utf-8")))
    different = [name for name in sorted({*earlier, *described}) if earlier.get(name) != described.get(name)]
    if different:
        said = "; ".join(f"{name}: {earlier.get(name)!r}, now {described.get(name)!r}" for name in different)
        raise ValueError(f"{file.parent} holds results of other settings ({said}); choose another folder for these")
