"""Images that the page shows of a visitor's photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr
import numpy as np

from hcl_gradio.drawing import RGB, draw_confidence, draw_found, draw_mask
from hcl_gradio.layout import CONFIDENCE, FOUND, MASK, Layout
from hcl_gradio.limits import Limits
from hcl_gradio.regions import list_regions
from hcl_gradio.visitors import Visitor
from hcl_gradio.work import Adjustments, Selection, Work
from hcl_sdk import Pipeline

Changes = dict[Any, Any]
"""Components of the page, and their updates; components that are not in it stay as they are."""


class Display:
    """Updates the components.

    Args:
        layout: the components.
        pipeline: makes masks of confidences.
        limits: determine how long photos are kept.
    """

    def __init__(self, layout: Layout, pipeline: Pipeline, limits: Limits) -> None:
        self.layout, self.pipeline, self.limits = layout, pipeline, limits

    def show(self, visitor: Visitor, controls: Sequence[Any], *, new: bool = False, restored: bool = False) -> Changes:
        """Show the photo that a visitor is looking at.

        Args:
            visitor: whose photos they are.
            controls: the values of `Layout.controls`.
            new: whether it is another photo than before.
            restored: whether it has just been restored.
        """
        page, work = self.layout, visitor.work
        if work is None:
            return self.show_nothing()
        adjustments, view = read_controls(controls)
        selection = work.select(self.pipeline, adjustments)
        draw: Callable[[], Any] = {
            FOUND: lambda: self.draw_found(work, selection, adjustments),
            CONFIDENCE: lambda: draw_confidence(work),
            MASK: lambda: draw_mask(work, selection),
        }[view]
        regions = list_regions(work, selection)
        several = len(visitor.works) > 1
        changes: Changes = {
            page.image: gr.update(value=str(visitor.write(draw()))),
            page.status: gr.update(value=describe(work, selection, adjustments, self.pipeline)),
            page.regions: gr.update(
                choices=list(regions.choices), value=list(regions.checked), visible=bool(regions.choices)
            ),
            page.whole: gr.update(visible=work.box is not None),
            page.go: gr.update(value=f"Restore {len(visitor.works)} photos" if several else "Restore"),
        }
        if new:
            changes |= self._show_bench(visitor, work)
        if new or restored:
            changes |= self._show_files(visitor, work)
        return changes

    def draw_found(self, work: Work, selection: Selection, adjustments: Adjustments) -> RGB:
        """Draw the regions over a photo, with the border that they would be filled with."""
        grown = work.measure_growth(self.pipeline, adjustments, selection.mask)
        return draw_found(work, selection, grown, adjustments.feather)

    def show_nothing(self) -> Changes:
        """Show where photos are dropped, and explain why earlier ones are gone."""
        gr.Info(f"Photos are deleted after {self.limits.minutes} minutes; drop them again.")
        return {self.layout.intake: gr.update(visible=True), self.layout.bench: gr.update(visible=False)}

    def clear(self) -> Changes:
        """Show the page as it was at first."""
        page = self.layout
        return {
            page.intake: gr.update(visible=True),
            page.bench: gr.update(visible=False),
            **{component: gr.update(value=None) for component in (page.drop, page.compare, page.image, page.editor)},
        }

    def _show_bench(self, visitor: Visitor, work: Work) -> Changes:
        page, several = self.layout, len(visitor.works) > 1
        thumbnails = [(str(visitor.write(other.preview)), other.name) for other in visitor.works] if several else []
        height, width = work.size
        return {
            page.intake: gr.update(visible=False),
            page.bench: gr.update(visible=True),
            page.drop: gr.update(value=None),
            page.strip: gr.update(value=thumbnails, visible=several),
            page.tabs: gr.update(selected="found"),
            page.editor: gr.update(value=None),
            page.least_area: gr.update(maximum=max(50, round(height * width / 2000))),
        }

    def _show_files(self, visitor: Visitor, work: Work) -> Changes:
        page = self.layout
        if not work.files:
            return {page.downloads: gr.update(visible=False), page.compare: gr.update(value=None)}
        archive = visitor.archive
        before, after = visitor.write(work.preview), visitor.write(work.draw_restored())
        return {
            page.downloads: gr.update(visible=True),
            page.compare: gr.update(value=(str(before), str(after))),
            page.get_restored: gr.update(value=str(work.files["restored"])),
            page.get_mask: gr.update(value=str(work.files["mask"])),
            page.get_coco: gr.update(value=str(work.files["coco"])),
            page.get_all: gr.update(
                value=None if archive is None else str(archive), visible=len(visitor.works) > 1 and archive is not None
            ),
        }


def read_controls(controls: Sequence[Any]) -> tuple[Adjustments, str]:
    """The adjustments that the sliders are set to, and the view that is chosen."""
    *values, fitting, view = controls
    sensitivity, dilate, feather, texture, least_area = map(float, values)
    adjustments = Adjustments(
        sensitivity=sensitivity,
        dilate=None if fitting else dilate,
        feather=feather,
        texture=texture,
        least_area=round(least_area),
    )
    return adjustments, view if view in (FOUND, CONFIDENCE, MASK) else FOUND


def describe(work: Work, selection: Selection, adjustments: Adjustments, pipeline: Pipeline) -> str:
    """Describe in HTML what was found in a photo, and what became of it."""
    name = f'<p class="hcl-name">{escape(work.name)} · {work.size[1]} &times; {work.size[0]}</p>'
    if work.confidence is None:
        return f"{name}<p>Looking …</p>"
    filled = [spot for spot in selection.spots if spot.is_filled]
    if not filled:
        what = "Nothing is left to fill" if selection.spots else "Nothing was found"
        suspect = None if selection.spots else work.find_suspect(pipeline, adjustments)
        hint = ""
        if suspect is not None:
            sure = f"{100 * suspect.confidence:.0f} % sure; found from sensitivity {suspect.sensitivity:g} on"
            hint = f" Most suspicious: {sure}."
        return f"{name}<p><b>{what}.</b>{hint} Raise the sensitivity, or paint over what should go.</p>"
    share = sum(spot.area for spot in filled) / (work.size[0] * work.size[1])
    noun = "region" if len(filled) == 1 else "regions"
    state = "to fill"
    if work.result is not None:
        is_current = np.array_equal(work.result.corruption_mask[0, 0].numpy(), selection.mask)
        is_current &= work.filled_with == adjustments.filling
        state = "filled" if is_current else "to fill; restore again to see it"
    return f"{name}<p><b>{len(filled)} {noun}</b>, {100 * share:.1f} % of the photo, {state}.</p>"
