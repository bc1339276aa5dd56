"""The outcome of a job."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The outcome of a job.

    Attributes:
        done: the number of photos that got results in this run.
        there: the number of photos that had results before.
        failures: (name, reason) of the photos without results, sorted, including files and folders that cannot be read
            at all.
    """

    done: int
    there: int
    failures: tuple[tuple[str, str], ...]
