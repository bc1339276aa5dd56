"""Handlers of events on the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from hcl_gradio.display import Changes, Display, read_controls
from hcl_gradio.drawing import read_strokes
from hcl_gradio.layout import TAP_BOX, TAP_REGION, Layout
from hcl_gradio.limits import Limits
from hcl_gradio.regions import read_checked
from hcl_gradio.visitors import Visitor, Visitors
from hcl_gradio.work import Work
from hcl_sdk import PhotoError, Pipeline

MODEL = "model"
"""The queue of everything that runs the networks, one after another; the rest of the page does not wait for it."""

_PROGRESS = gr.Progress()  # as a default, it has Gradio pass the progress bar of the request
_REACH = 0.03  # of the photo's longer side: thin regions are hard to hit, above all with a finger
_SHOW_RESULT = """() => {
    const views = document.querySelector('#hcl-tabs');
    if (views.getBoundingClientRect().top < 0) views.scrollIntoView({behavior: 'smooth'});
}"""
"""On a phone, the button lies so far down that the photo is out of sight."""


class Handlers:
    """The functions that Gradio calls.

    Gradio passes the request, the event and the progress bar by their types, and after them what the components hold.
    Each returns the `Changes` to make.

    Args:
        layout: the components.
        pipeline: finds and fills.
        limits: what a visitor may ask for.
        visitors: all current visitors.
        examples: photos on the shelf, each with a caption.
    """

    def __init__(
        self,
        layout: Layout,
        pipeline: Pipeline,
        limits: Limits,
        visitors: Visitors,
        examples: Sequence[tuple[Path, str]],
    ) -> None:
        self.layout, self.pipeline, self.limits = layout, pipeline, limits
        self.visitors, self.examples = visitors, examples
        self.display = Display(layout, pipeline, limits)

    def connect(self, blocks: gr.Blocks) -> None:
        """Attach the handlers to the components; call it inside the blocks."""
        page, controls = self.layout, self.layout.controls
        quick: dict[str, Any] = {
            "outputs": page.outputs,
            "api_visibility": "private",
            "show_progress": "hidden",
            "concurrency_limit": None,
        }
        heavy: dict[str, Any] = {
            "outputs": page.outputs,
            "api_visibility": "private",
            "concurrency_id": MODEL,
            "concurrency_limit": 1,
            "show_progress": "full",
            "show_progress_on": [page.image, page.compare],
        }

        # The editor reports every move of the brush, and every answer to it. So no handler listens to the editor: its
        # strokes are passed along when something is done with them.
        for source in (page.drop, page.more):
            source.upload(self.take_files, [source, *controls], **quick).success(self.find, controls, **heavy)
        page.shelf.select(self.take_example, controls, **quick).success(self.find, controls, **heavy)
        page.strip.select(self.turn_to, controls, **quick)
        page.over.click(self.start_over, None, **quick)

        # Sliders answer while they are dragged; of the values that arrive meanwhile, only the last is used.
        others = [slider for slider in page.sliders if slider is not page.dilate]
        gr.on([slider.input for slider in others], self.adjust, controls, **quick, trigger_mode="always_last")
        page.dilate.input(self.adjust_growth, controls, **quick, trigger_mode="always_last")
        page.view.input(self.adjust, controls, **quick)
        page.regions.input(self.choose_regions, [page.regions, *controls], **quick)
        page.image.select(self.tap, [page.tap, *controls], **quick)
        page.whole.click(self.search_all, controls, **quick)
        page.paint_tab.select(self.begin_painting, controls, **quick)
        page.painted.click(self.paint, [page.editor, *controls], **quick)
        page.found_tab.select(self.end_painting, [page.editor, *controls], **quick)

        restored = page.go.click(self.restore, [page.editor, *controls], **heavy)
        restored.success(None, js=_SHOW_RESULT, api_visibility="private")
        # These affect the fill alone, so the photo is filled again when they are released.
        gr.on([slider.release for slider in (page.feather, page.texture)], self.refill, controls, **heavy)
        page.fitting.input(self.adjust, controls, **quick).success(self.refill, controls, **heavy)
        page.dilate.release(self.refill_grown, controls, **heavy)
        blocks.unload(self.leave)

    # Photos come and go

    def take_files(self, request: gr.Request, files: list[str] | None, *controls: Any) -> Changes:
        """Open uploaded files and delete them; those that cannot be used are named on the page."""
        visitor = self._get_visitor(request)
        taken = 0
        for file in files or []:
            path = Path(file)
            try:
                if len(visitor.works) >= self.limits.photos:
                    raise PhotoError(f"left out: this page takes {self.limits.photos} photos at a time")
                work = Work.open(path, self.limits.megapixels)
            except PhotoError as error:
                gr.Warning(escape(f"{path.name}: {error}"), title="Not read", duration=12)
                continue
            finally:
                path.unlink(missing_ok=True)  # it is in memory now
            with visitor.lock:
                visitor.works.append(work)
            taken += 1
        if not taken:
            raise gr.Error(
                "None of these could be read as a photo.", duration=6, title="No photo", print_exception=False
            )
        with visitor.lock:
            visitor.at = len(visitor.works) - taken
        return self.display.show(visitor, controls, new=True)

    def take_example(self, request: gr.Request, event: gr.SelectData, *controls: Any) -> Changes:
        """Open a photo of the shelf."""
        visitor = self._get_visitor(request)
        path, _ = self.examples[event.index]
        with visitor.lock:
            visitor.works.append(Work.open(path, self.limits.megapixels))
            visitor.at = len(visitor.works) - 1
        return self.display.show(visitor, controls, new=True)

    def turn_to(self, request: gr.Request, event: gr.SelectData, *controls: Any) -> Changes:
        """Show another photo of the strip."""
        visitor = self._get_visitor(request)
        with visitor.lock:
            visitor.at = min(int(event.index), len(visitor.works) - 1)
        return self.display.show(visitor, controls, new=True)

    def start_over(self, request: gr.Request) -> Changes:
        """Delete the visitor's photos."""
        self.leave(request)
        return self.display.clear()

    def leave(self, request: gr.Request) -> None:
        """Delete the visitor's photos; also called when the page is closed."""
        self.visitors.forget(_get_session(request))

    # The mask

    def find(self, request: gr.Request, progress: Any = _PROGRESS, *controls: Any) -> Changes:
        """Run the detector on the photos that it has not seen."""
        visitor = self._get_visitor(request)
        missing = [work for work in visitor.works if work.confidence is None]
        for i, work in enumerate(missing):
            progress((i, len(missing)), desc="Looking for what does not belong", unit="photos")
            work.find(self.pipeline)
        return self.display.show(visitor, controls)

    def adjust(self, request: gr.Request, *controls: Any) -> Changes:
        """Show the photo with the sliders where they are now."""
        return self.display.show(self._get_visitor(request), controls)

    def adjust_growth(self, request: gr.Request, *controls: Any) -> Changes:
        """Show the photo with the growth that the slider is set to."""
        return {**self.adjust(request, *_grow_as_told(controls)), self.layout.fitting: gr.update(value=False)}

    def choose_regions(self, request: gr.Request, checked: list[str], *controls: Any) -> Changes:
        """Fill the regions that are checked, and leave the others alone."""
        visitor = self._get_visitor(request)
        if visitor.work is not None:
            adjustments, _ = read_controls(controls)
            selection = visitor.work.select(self.pipeline, adjustments)
            with visitor.lock:
                visitor.work.fill(selection, read_checked(checked, selection))
        return self.display.show(visitor, controls)

    def tap(self, request: gr.Request, event: gr.SelectData, tap: str, *controls: Any) -> Changes:
        """Toggle the region under a tap, or take the tap as a corner of the box that the search is limited to."""
        visitor = self._get_visitor(request)
        work = visitor.work
        if work is None:
            return self.display.show(visitor, controls)
        height, width = work.size
        x = min(width - 1, max(0, round(event.index[0] / work.scale)))
        y = min(height - 1, max(0, round(event.index[1] / work.scale)))
        if tap == TAP_BOX:
            with visitor.lock:
                is_done = work.limit(x, y)
            changes = self.display.show(visitor, controls)
            return {**changes, self.layout.tap: gr.update(value=TAP_REGION) if is_done else gr.skip()}
        adjustments, _ = read_controls(controls)
        selection = work.select(self.pipeline, adjustments)
        spot = selection.find_spot(x, y, reach=max(1, round(_REACH * max(work.size))))
        if spot is not None:
            filled = {other.label for other in selection.spots if other.is_filled} ^ {spot.label}
            with visitor.lock:
                work.fill(selection, filled)
        return self.display.show(visitor, controls)

    def search_all(self, request: gr.Request, *controls: Any) -> Changes:
        """Stop limiting the search."""
        visitor = self._get_visitor(request)
        if visitor.work is not None:
            with visitor.lock:
                visitor.work.box = visitor.work.corner = None
        return self.display.show(visitor, controls)

    # The brush

    def begin_painting(self, request: gr.Request, *controls: Any) -> Changes:
        """Put the photo, with what was found, under an empty layer; earlier strokes are part of what was found."""
        visitor = self._get_visitor(request)
        work = visitor.work
        if work is None:
            return {self.layout.status: gr.skip()}
        adjustments, _ = read_controls(controls)
        with visitor.lock:
            work.begin_strokes()
        drawn = self.display.draw_found(work, work.select(self.pipeline, adjustments), adjustments)
        return {self.layout.editor: {"background": drawn, "layers": [], "composite": None}}

    def paint(self, request: gr.Request, editor: dict[str, Any] | None, *controls: Any) -> Changes:
        """Take the strokes, and show the resulting mask under an empty layer."""
        visitor = self._get_visitor(request)
        _take_strokes(visitor, editor)
        return {**self.display.show(visitor, controls), **self.begin_painting(request, *controls)}

    def end_painting(self, request: gr.Request, editor: dict[str, Any] | None, *controls: Any) -> Changes:
        """Take the strokes that were not taken yet."""
        visitor = self._get_visitor(request)
        if not _take_strokes(visitor, editor):
            return {self.layout.status: gr.skip()}
        return self.display.show(visitor, controls)

    # The fill

    def restore(
        self, request: gr.Request, editor: dict[str, Any] | None, progress: Any = _PROGRESS, *controls: Any
    ) -> Changes:
        """Fill all photos of the visitor."""
        visitor = self._get_visitor(request)
        _take_strokes(visitor, editor)
        adjustments, _ = read_controls(controls)
        works = list(visitor.works)
        for i, work in enumerate(works):
            progress((i, len(works)), desc="Restoring", unit="photos")
            if work.confidence is None:
                work.find(self.pipeline)
            work.restore(self.pipeline, adjustments, visitor.folder / f"photo-{i + 1}")
        visitor.write_archive()
        visitor.delete_if_gone()
        return {**self.display.show(visitor, controls, restored=True), self.layout.tabs: gr.update(selected="restored")}

    def refill(self, request: gr.Request, *controls: Any) -> Changes:
        """Fill the photo that is shown again, if it was filled before."""
        visitor = self._get_visitor(request)
        adjustments, _ = read_controls(controls)
        work = visitor.work
        if work is None or work.result is None:
            return {self.layout.status: gr.skip()}
        work.restore(self.pipeline, adjustments, visitor.folder / f"photo-{visitor.at + 1}")
        if visitor.archive is not None:
            visitor.write_archive()
        visitor.delete_if_gone()
        return self.display.show(visitor, controls, restored=True)

    def refill_grown(self, request: gr.Request, *controls: Any) -> Changes:
        """Fill the photo that is shown again, with the growth that the slider is set to."""
        return self.refill(request, *_grow_as_told(controls))

    def _get_visitor(self, request: gr.Request) -> Visitor:
        return self.visitors.get(_get_session(request))


def _grow_as_told(controls: Sequence[Any]) -> list[Any]:
    """The values of `Layout.controls` where the slider says how far masks grow: it was just moved."""
    *values, _, view = controls
    return [*values, False, view]


def _get_session(request: gr.Request) -> str:
    """Return the name by which the server knows a browser."""
    return str(request.session_hash)


def _take_strokes(visitor: Visitor, editor: dict[str, Any] | None) -> bool:
    """Add what was painted since `Work.begin_strokes` to the mask; return whether there was anything."""
    layers = (editor or {}).get("layers") or []
    work = visitor.work
    if work is None:
        return False
    fill, leave = np.zeros(work.size, bool), np.zeros(work.size, bool)
    for layer in layers:
        if not isinstance(layer, np.ndarray) or layer.ndim != 3 or layer.shape[2] != 4:
            raise gr.Error("The strokes cannot be read.", print_exception=False)
        more_fill, more_leave = read_strokes(layer, work.size)
        fill, leave = (fill | more_fill) & ~more_leave, (leave | more_leave) & ~more_fill
    if not (fill.any() or leave.any()):
        return False
    with visitor.lock:
        work.set_strokes(fill, leave)
    return True
