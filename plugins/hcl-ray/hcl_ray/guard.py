"""Surviving photos that kill a worker process, by a decoder that crashes or by running out of memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import ray

DIED = "a worker process ended while working on it, twice on it alone"


class Ledger:
    """Counts what all workers have begun and not ended; a Ray actor, so that it outlives them."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, name: str) -> int:
        """Count a beginning; return how many there have been since the last end."""
        self._begun[name] += 1
        return self._begun[name]

    def end(self, name: str) -> None:
        """Forget the beginnings."""
        del self._begun[name]


class Guard:
    """Processes tables in processes that may die. Ray then passes the same rows to another one, without limit."""

    def __init__(self) -> None:
        self._ledger: Any = ray.remote(Ledger).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()

    def run(
        self, table: pa.Table, work: Callable[[pa.Table], pa.Table], died: Callable[[pa.Table], pa.Table]
    ) -> pa.Table:
        """Call ``work`` with a table that has a column ``key``, and return its result.

        If the table has killed a process before, call it row by row; for a row that has killed two processes on its
        own, call ``died`` instead.
        """
        keys = table.column("key").to_pylist()
        whole = f"from {keys[0]}"
        if self._begin(whole) == 1:
            result = work(table)
        else:
            result = pa.concat_tables([self._run_row(key, table.slice(i, 1), work, died) for i, key in enumerate(keys)])
        self._ledger.end.remote(whole)
        return result

    def _run_row(
        self, key: str, row: pa.Table, work: Callable[[pa.Table], pa.Table], died: Callable[[pa.Table], pa.Table]
    ) -> pa.Table:
        name = f"only {key}"
        if self._begin(name) > 2:
            return died(row)
        result = work(row)
        self._ledger.end.remote(name)
        return result

    def _begin(self, name: str) -> int:
        return ray.get(self._ledger.begin.remote(name))
