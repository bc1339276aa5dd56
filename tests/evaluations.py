"""Small evaluations for tests, their items and results one by one, and rows that are made up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hcl_sdk import Pipeline, Result
from hcl_sdk.corruptions import Blobs, Corruption, Noise, RandomColor, Rule
from hcl_sdk.data import FolderDataset
from hcl_sdk.evaluation import Evaluation
from hcl_sdk.evaluation.rows import CALIBRATION_BINS, LEVELS, SENSITIVITIES, Counts, DetectionRow, Row


def make_evaluation(photos: Path, **fields: Any) -> Evaluation:
    rules = (Rule(shapes=(Blobs(count=(1, 3)),), contents=(Noise(), RandomColor())),)
    corruption = Corruption(rules=rules, clean=0.3)
    values = {"corruption": corruption, "size": 32, "resamples": 50, "batch_size": 3} | fields
    return Evaluation(dataset=FolderDataset(path=str(photos)), **values)


class Drawn(NamedTuple):
    """An item of which everything is known."""

    image: np.ndarray
    clean: np.ndarray
    corruption_mask: np.ndarray


def process_singly(pipeline: Pipeline, evaluation: Evaluation) -> list[tuple[Drawn, Result]]:
    """Items and results, one image after the other."""
    items, cases = evaluation.make_items(), []
    for i in evaluation.list_numbers():
        item = items[i]
        assert item.clean is not None
        assert item.corruption_mask is not None
        cases.append((Drawn(item.image, item.clean, item.corruption_mask), pipeline(item.image)))
    return cases


def make_counted_row(number: int, counts: Sequence[int], area: float = 0.2, source: str | None = None) -> Row:
    nothing = [0.0] * CALIBRATION_BINS
    detection = DetectionRow(
        counts=Counts(*counts),
        f1=None,
        levels=([0] * LEVELS, [0] * LEVELS),
        calibration=(nothing, nothing, nothing),
        sensitivities=(Counts(*counts),) * len(SENSITIVITIES),
        scales=(),
    )
    name = str(number)
    return Row(number=number, name=name, source=source or name, shape="", content="", area=area, detection=detection)
