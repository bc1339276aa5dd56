"""Distributing rows of work among the workers of a Ray cluster."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pyarrow as pa
import ray
import ray.data
from tqdm import tqdm

from hcl_ray.guard import Guard

MAX_BLOCKS = 4096  # Ray tracks each of them


@dataclass(frozen=True, kw_only=True)
class Workers:
    """The number of workers, and the resources of each.

    Attributes:
        actors: the number of workers; None for as many as fit in the cluster.
        cpus: cores per worker, which is also its number of threads.
        gpus: GPUs per worker; None for one if the cluster has any, else none.

    Raises:
        ValueError: if there are no workers, or they have no core.
    """

    actors: int | None = None
    cpus: float = 1
    gpus: float | None = None

    def __post_init__(self) -> None:
        if self.actors is not None and (not isinstance(self.actors, int) or self.actors < 1):
            raise ValueError(f"actors must be a whole number >= 1, or None; got {self.actors!r}")
        if not self.cpus > 0:
            raise ValueError(f"cpus must be above 0; got {self.cpus!r}")
        if self.gpus is not None and not self.gpus >= 0:
            raise ValueError(f"gpus must be >= 0, or None; got {self.gpus!r}")

    def fit_cluster(self) -> Workers:
        """Replace None by the numbers that the cluster has room for.

        Raises:
            ValueError: if no machine of the cluster can hold a worker.
        """
        there = ray.cluster_resources()
        gpus = float("GPU" in there) if self.gpus is None else self.gpus
        room = there.get("CPU", 0) / self.cpus
        if gpus:
            room = min(room, there.get("GPU", 0) / gpus)
        if room < 1:
            raise ValueError(
                f"expected a machine with {self.cpus:g} CPUs and {gpus:g} GPUs for each worker; the cluster has "
                f"{there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs"
            )
        return replace(self, gpus=gpus, actors=self.actors or math.floor(room))


def distribute(
    rows: pa.Table,
    worker: type,
    arguments: dict[str, Any],
    *,
    workers: Workers,
    at_once: int,
    unit: str,
    progress: bool,
) -> dict[str, str | None]:
    """Process every row.

    Args:
        rows: with a column ``key`` of unique values.
        worker: a class that is instantiated once per process, and called with some of the rows; it returns a table of
            ``key`` and ``error``, which is null on success.
        arguments: for its constructor, which also gets a `Guard` as ``guard``.
        workers: as `Workers.fit_cluster` returns them.
        at_once: the number of rows per call.
        unit: the noun for a row in the progress bar.
        progress: show a progress bar, on terminals.

    Returns:
        For every key None, or the reason why it failed.
    """
    size = max(at_once, math.ceil(rows.num_rows / MAX_BLOCKS))
    blocks = [rows.slice(first, size).combine_chunks() for first in range(0, rows.num_rows, size)]
    if not blocks:
        return {}
    assert workers.actors is not None
    dataset = ray.data.from_arrow(blocks).map_batches(
        worker,
        fn_constructor_kwargs=arguments | {"guard": Guard()},
        compute=ray.data.ActorPoolStrategy(size=min(workers.actors, len(blocks))),
        batch_size=None,
        batch_format="pyarrow",
        num_cpus=workers.cpus,
        num_gpus=workers.gpus,
    )
    dataset.context.enable_progress_bars = False
    outcomes: dict[str, str | None] = {}
    with tqdm(total=rows.num_rows, unit=unit, leave=False, disable=None if progress else True) as bar:
        for table in cast(Iterator[pa.Table], dataset.iter_batches(batch_size=None, batch_format="pyarrow")):
            outcomes.update(zip(table.column("key").to_pylist(), table.column("error").to_pylist(), strict=True))
            bar.update(table.num_rows)
    return outcomes
