"""The page as a whole: its components, what they do, and its endpoints for programs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

import gradio as gr

from hcl_gradio.api import add_api
from hcl_gradio.examples import write_examples
from hcl_gradio.handlers import MODEL, Handlers
from hcl_gradio.layout import Layout
from hcl_gradio.limits import Limits
from hcl_gradio.visitors import Visitors
from hcl_sdk import Pipeline


def make_page(pipeline: Pipeline, *, limits: Limits | None = None, folder: str | Path | None = None) -> gr.Blocks:
    """Make the page. `serve` opens it, and sets up the server around it.

    Args:
        pipeline: with a detector and a restorer.
        limits: what one visitor may ask for.
        folder: where files are kept while a page is open; a new folder by default. The files of a visitor are deleted
            when they leave.

    Returns:
        Gradio's blocks, with the endpoints ``/restore`` and ``/detect`` for programs.

    Raises:
        ValueError: if the pipeline lacks a detector or a restorer.
    """
    if pipeline.detector is None or pipeline.restorer is None:
        raise ValueError("the page needs a pipeline with a detector and a restorer")
    limits = Limits() if limits is None else limits
    folder = Path(mkdtemp(prefix="hcl-page-") if folder is None else folder)
    kept = folder / "kept"
    kept.mkdir(parents=True, exist_ok=True)
    # Served from where they are: Gradio would make copies, which outlive the visitors who asked for them.
    gr.set_static_paths([kept])
    # Programs have visitors of their own, so that many requests push nobody out who is at the page.
    visitors, programs = Visitors(kept, limits), Visitors(kept, limits)
    examples = write_examples(kept / "examples")
    # Gradio's telemetry would tell others; files that it makes itself go after a quarter of an hour.
    with gr.Blocks(title="Restore photos", analytics_enabled=False, delete_cache=(60, 900)) as blocks:
        layout = Layout(pipeline, limits, examples)
        add_api(pipeline, limits, programs, MODEL)  # before the handlers: first come, first named
        Handlers(layout, pipeline, limits, visitors, examples).connect(blocks)
    blocks.queue(max_size=limits.waiting, default_concurrency_limit=8)
    _sweep([visitors, programs])
    return blocks


def _sweep(stores: Sequence[Visitors], every: float = 60) -> None:
    """Forget idle visitors every ``every`` seconds, for as long as the program runs."""

    def sweep() -> None:
        pause = threading.Event()
        while not pause.wait(every):
            for visitors in stores:
                visitors.sweep()

    threading.Thread(target=sweep, name="hcl-page-sweep", daemon=True).start()
