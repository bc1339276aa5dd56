"""The components of the page, and how they are arranged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gradio as gr
from gradio.blocks import Block

from hcl_gradio.drawing import FILL, LEAVE
from hcl_gradio.limits import Limits
from hcl_sdk import Pipeline

FOUND, CONFIDENCE, MASK = "What was found", "How sure", "The mask"
"""What the photo can be shown with."""

TAP_REGION, TAP_BOX = "keeps or fills a region", "marks a corner of the search area"
"""What a tap on the photo does."""


class Layout:
    """Adds everything to the page; call it inside ``gr.Blocks``.

    A visitor first sees `intake`, where photos are chosen, and then `bench`, where they are looked at and restored.

    Args:
        pipeline: supplies the positions that the sliders start from.
        limits: stated on the page.
        examples: photos to try, each with a caption.
    """

    def __init__(self, pipeline: Pipeline, limits: Limits, examples: Sequence[tuple[Path, str]]) -> None:
        gr.HTML(
            "<h1>Restore photos</h1><p>Captions, stamps, pen, logos, scratches: what does not belong in a photo is "
            "found and filled. Every other pixel stays as it is.</p>",
            elem_id="hcl-head",
            padding=False,
        )
        with gr.Column(elem_id="hcl-intake") as self.intake:
            self._add_intake(limits, examples)
        with gr.Row(visible=False, elem_id="hcl-bench", equal_height=False) as self.bench:
            with gr.Column(scale=7, min_width=280):
                self._add_views()
            with gr.Column(scale=4, min_width=280, elem_id="hcl-side"):
                self._add_actions()
                self._add_sliders(pipeline)
                with gr.Row():
                    self.more = gr.UploadButton("Add photos", file_count="multiple", file_types=["image"], size="sm")
                    self.over = gr.Button("Start over", size="sm", elem_id="hcl-over")

    def _add_intake(self, limits: Limits, examples: Sequence[tuple[Path, str]]) -> None:
        self.drop = gr.File(
            file_count="multiple", file_types=["image"], label="Drop photos here, or tap to choose", height=220
        )
        _add_note(
            f"<p>Up to {limits.photos} photos, each of at most {limits.megabytes} MB and "
            f"{limits.megapixels} megapixels. They are deleted when you close this page.</p>"
            "<h3>Or try one of these</h3>"
        )
        self.shelf = gr.Gallery(
            value=[(str(path), caption) for path, caption in examples],
            columns=3,
            rows=1,
            allow_preview=False,
            interactive=False,
            show_label=False,
            buttons=[],
            height="auto",
            object_fit="cover",
            elem_id="hcl-shelf",
        )

    def _add_views(self) -> None:
        self.strip = gr.Gallery(
            columns=8,
            rows=1,
            height=112,
            allow_preview=False,
            interactive=False,
            show_label=False,
            buttons=[],
            visible=False,
            elem_id="hcl-strip",
        )
        with gr.Tabs(elem_id="hcl-tabs") as self.tabs:
            with gr.Tab("Found", id="found") as self.found_tab:
                self.image = gr.Image(
                    type="filepath",
                    interactive=False,
                    show_label=False,
                    buttons=["fullscreen"],
                    elem_id="hcl-found",
                    container=False,
                )
                self.view = gr.Radio(
                    [FOUND, CONFIDENCE, MASK], value=FOUND, show_label=False, container=False, elem_id="hcl-view"
                )
            with gr.Tab("Paint", id="paint") as self.paint_tab:
                _add_note(
                    '<p><b class="hcl-fill">Pink</b>: fill this too. <b class="hcl-leave">Blue</b>: leave this '
                    "alone.</p>"
                )
                self.editor = gr.ImageEditor(
                    type="numpy",
                    image_mode="RGBA",
                    sources=(),
                    transforms=(),
                    layers=False,
                    brush=gr.Brush(
                        default_size=18,
                        colors=[_to_hex(FILL), _to_hex(LEAVE)],
                        default_color=_to_hex(FILL),
                        color_mode="fixed",
                    ),
                    eraser=gr.Eraser(default_size=24),
                    format="png",
                    show_label=False,
                    buttons=[],
                    canvas_size=(800, 600),
                    elem_id="hcl-paint",
                    container=False,
                )
                self.painted = gr.Button("Use what I painted", elem_id="hcl-painted")
            with gr.Tab("Restored", id="restored"):
                self.compare = gr.ImageSlider(
                    type="filepath",
                    show_label=False,
                    interactive=False,
                    buttons=["fullscreen"],
                    max_height=900,
                    elem_id="hcl-compare",
                    container=False,
                )

    def _add_actions(self) -> None:
        self.status = gr.HTML(elem_id="hcl-status", padding=False)
        self.go = gr.Button("Restore", variant="primary", size="lg", elem_id="hcl-go")
        with gr.Row(visible=False, elem_id="hcl-downloads") as self.downloads:
            self.get_restored = gr.DownloadButton("Save photo", variant="secondary", size="md", min_width=84)
            self.get_mask = gr.DownloadButton("Mask", variant="secondary", size="md", min_width=84)
            self.get_coco = gr.DownloadButton("COCO JSON", variant="secondary", size="md", min_width=84)
            self.get_all = gr.DownloadButton("All (ZIP)", size="md", min_width=84, visible=False)

    def _add_sliders(self, pipeline: Pipeline) -> None:
        self.sensitivity = gr.Slider(
            0,
            1,
            value=pipeline.sensitivity,
            step=0.01,
            label="Sensitivity",
            info="More finds more",
            buttons=[],
            elem_id="hcl-sensitivity",
        )
        self.regions = gr.CheckboxGroup(
            label="Regions", info="Uncheck one, or tap it in the photo, to leave it alone", elem_id="hcl-regions"
        )
        with gr.Accordion("Fine tuning", open=False, elem_id="hcl-fine"):
            self.least_area = gr.Slider(0, 500, value=0, step=1, label="Smallest region", info="In pixels", buttons=[])
            self.dilate = gr.Slider(
                0,
                20,
                value=pipeline.dilate,
                step=0.5,
                label="Grow",
                info="Fill this many more pixels around each region",
                buttons=[],
                elem_id="hcl-grow",
            )
            self.fitting = gr.Checkbox(
                value=pipeline.soft_edges,
                visible=pipeline.soft_edges,
                label="Grow further where edges are soft",
                info="Moving the slider above turns this off",
                elem_id="hcl-fitting",
            )
            self.feather = gr.Slider(
                0, 20, value=pipeline.feather, step=0.5, label="Soft border", info="Width in pixels", buttons=[]
            )
            self.texture = gr.Slider(
                0,
                1,
                value=pipeline.texture,
                step=0.05,
                label="Texture",
                info="0 is smooth; 1 copies the photo's own texture, and takes longer",
                buttons=[],
                elem_id="hcl-texture",
            )
            self.tap = gr.Radio([TAP_REGION, TAP_BOX], value=TAP_REGION, label="A tap on the photo", elem_id="hcl-tap")
            self.whole = gr.Button("Search the whole photo again", size="sm", visible=False)

    @property
    def sliders(self) -> tuple[gr.Slider, ...]:
        """The sliders, in the order in which `read_controls` takes their values."""
        return self.sensitivity, self.dilate, self.feather, self.texture, self.least_area

    @property
    def controls(self) -> list[gr.Slider | gr.Checkbox | gr.Radio]:
        """The controls that determine how a photo is shown: the inputs of nearly every handler."""
        return [*self.sliders, self.fitting, self.view]

    @property
    def outputs(self) -> set[Block]:
        """The blocks that handlers change."""
        return {
            *(self.intake, self.drop, self.bench, self.strip, self.tabs, self.image, self.editor, self.compare),
            *(self.status, self.go, self.downloads, self.get_restored, self.get_mask, self.get_coco, self.get_all),
            *(self.regions, self.least_area, self.fitting, self.whole, self.tap),
        }


def _add_note(html: str) -> None:
    gr.HTML(html, elem_classes="hcl-note", padding=False)


def _to_hex(color: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
