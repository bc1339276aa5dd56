"""Goes on after photos that end the process of a worker: a decoder that crashes, memory that the system takes back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import ray

DIED = "a worker process ended while working on it, twice on it alone"


class Ledger:
    """What was begun and not ended, for all workers; an actor of Ray, so that it outlives them."""

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()

    def begin(self, name: str) -> int:
        """Note a beginning; returns how many there have been since the last end."""
        self._begun[name] += 1
        return self._begun[name]

    def end(self, name: str) -> None:
        del self._begun[name]


class Guard:
    """Has tables worked on by processes that may end. Ray gives the same rows to another one then, without limit."""

    def __init__(self) -> None:
        self._ledger: Any = ray.remote(Ledger).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()

    def run(
        self, table: pa.Table, work: Callable[[pa.Table], pa.Table], died: Callable[[pa.Table], pa.Table]
    ) -> pa.Table:
        """What ``work`` makes of a table with a column ``key``.

        If that has ended a process before, what it makes of each row by itself; and of a row that has ended two
        processes by itself what ``died`` makes of it.
        """
        keys = table.column("key").to_pylist()
        whole = f"from {keys[0]}"
        if self._begin(whole) == 1:
            result = work(table)
        else:
            result = pa.concat_tables([self._alone(key, table.slice(i, 1), work, died) for i, key in enumerate(keys)])
        self._ledger.end.remote(whole)
        return result

    def _alone(
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
