"""The names of what training and evaluation write, by which their folders are told from folders of photos."""

from __future__ import annotations

import os

RUN, LOG, PANELS = "training.yaml", "log.jsonl", "panels"
"""In the folder of a training run: its configuration, its log, and the folder of images drawn during it."""

METRICS, TABLE, ITEMS = "metrics.json", "table.md", "items.jsonl"
"""In the folder of an evaluation: all measures, the same as tables, and those of each image."""

SHEETS = (
    "best_detection.jpg",
    "worst_detection.jpg",
    "best_restoration.jpg",
    "worst_restoration.jpg",
    "worst_clean.jpg",
)
"""The contact sheets that an evaluation may write."""

_REPORTS = ((LOG, RUN), (LOG, PANELS), (METRICS, ITEMS))  # a run has a configuration or not


def is_report(folder: str | os.PathLike[str]) -> bool:
    """Whether a training run or an evaluation wrote into a folder."""
    return any(all(os.path.exists(os.path.join(folder, name)) for name in names) for names in _REPORTS)
