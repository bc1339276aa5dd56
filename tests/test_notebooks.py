"""The notebooks of the examples run in a kernel, as a user runs them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parent.parent / "examples").glob("*.ipynb"))


def list_outputs(cell: Any) -> list[list[str]]:
    """What kinds of things each output of a cell is; as PNG it is not saved what is there as HTML."""
    return [sorted(set(o.get("data", [o.output_type])) - {"image/png"}) for o in cell.outputs]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
# What the kernel's client says about the event loop is between it and Python.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_notebook_runs_and_shows_its_saved_output(path: Path, tmp_path: Path) -> None:
    saved = nbformat.read(path, as_version=4)
    run = nbformat.read(path, as_version=4)
    NotebookClient(run, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    for before, after in zip(saved.cells, run.cells, strict=True):
        if before.cell_type != "code":
            continue
        assert before.outputs or not after.outputs, f"saved without what it shows: {before.source}"
        # Numbers and figures depend on the weights, which change; what kinds of things are shown does not.
        assert list_outputs(before) == list_outputs(after)


def test_results_are_shown_and_progress() -> None:
    (path,) = NOTEBOOKS
    cells = nbformat.read(path, as_version=4).cells
    data = [o.get("data", {}) for cell in cells if cell.cell_type == "code" for o in cell.outputs]
    pages = [html for shown in data if "<figure" in (html := shown.get("text/html", ""))]
    assert len(pages) == 2
    assert all(re.search(r"\d+ regions?, \d+\.\d% of the pixels", page) for page in pages)
    assert any("application/vnd.jupyter.widget-view+json" in shown for shown in data)  # the bar
    assert path.stat().st_size < 1_000_000
