"""What became of a job."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What became of a job.

    Attributes:
        done: the number of photos that have results of this run.
        there: of those that had them before.
        failures: the photos without results, sorted: name, and the reason. Files that cannot be read as a whole, and
            folders, are among them.
    """

    done: int
    there: int
    failures: tuple[tuple[str, str], ...]
