"""The page: what is on it, and what happens when something on it is touched."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import gradio as gr
import numpy as np

from hcl_gradio.api import add_api
from hcl_gradio.drawing import (
    FILL,
    LEAVE,
    draw_confidence,
    draw_found,
    draw_mask,
    read_strokes,
)
from hcl_gradio.examples import write_examples
from hcl_gradio.limits import Limits
from hcl_gradio.visitors import Visitor, Visitors
from hcl_gradio.work import Adjustments, Selection, Work
from hcl_sdk import PhotoError, Pipeline

_MODEL = "model"  # what uses the models takes turns; everything else goes on meanwhile
_LISTED = 24
_PROGRESS = gr.Progress()  # stands for: hand in the bar of this request
_VIEWS = ["What was found", "How sure", "The mask"]
_TAP_REGION, _TAP_BOX = "keeps or fills a region", "marks a corner of the search area"


def make_page(
    pipeline: Pipeline,
    *,
    limits: Limits | None = None,
    folder: str | Path | None = None,
) -> gr.Blocks:
    """Make the page; `serve` opens it, and sets up what the server around it needs.

    Args:
        pipeline: with a detector and a restorer.
        limits: what one visitor may ask for.
        folder: where files are kept as long as a page is open; a new one if none is given. What belongs to a
            visitor is deleted when they leave.

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
    # Served from where they are: Gradio would make copies, which outlive those who asked for them.
    gr.set_static_paths([kept])
    # Programs have visitors of their own, so that many requests push out nobody who is at the page.
    visitors, programs = Visitors(kept, limits), Visitors(kept, limits)
    blocks = _Page(pipeline, limits, visitors, programs, write_examples(kept / "examples")).blocks
    _sweep([visitors, programs])
    return blocks


def _sweep(stores: Sequence[Visitors], every: float = 60) -> None:
    """Look after idle visitors from time to time, for as long as the program runs."""

    def sweep() -> None:
        pause = threading.Event()
        while not pause.wait(every):
            for visitors in stores:
                visitors.sweep()

    threading.Thread(target=sweep, name="hcl-page-sweep", daemon=True).start()


class _Page:
    """The components, and the functions that they call.

    Gradio hands in the request, the event and the bar by their types, and after them what the components hold. The
    functions return a mapping from components to what becomes of them, so that each changes only what it means to.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        limits: Limits,
        visitors: Visitors,
        programs: Visitors,
        examples: Sequence[tuple[Path, str]],
    ) -> None:
        self.pipeline, self.limits, self.visitors, self.examples = (
            pipeline,
            limits,
            visitors,
            examples,
        )
        # Gradio's telemetry would tell others; files that it makes itself go after a quarter of an hour.
        with gr.Blocks(title="Restore photos", analytics_enabled=False, delete_cache=(60, 900)) as self.blocks:
            self._lay_out()
            self._connect()
            add_api(pipeline, limits, programs, _MODEL)
        self.blocks.queue(max_size=limits.waiting, default_concurrency_limit=8)

    # What is on it

    def _lay_out(self) -> None:
        gr.HTML(
            "<h1>Restore photos</h1><p>Captions, stamps, pen, logos, scratches: what does not belong in a photo is "
            "found and filled. Every other pixel stays as it is.</p>",
            elem_id="hcl-head",
            padding=False,
        )
        with gr.Column(elem_id="hcl-intake") as self.intake:
            self.drop = gr.File(
                file_count="multiple",
                file_types=["image"],
                label="Drop photos here, or tap to choose",
                height=220,
            )
            gr.HTML(
                f"<p>Up to {self.limits.photos} photos, each of at most {self.limits.megabytes} MB and "
                f"{self.limits.megapixels} megapixels. They are deleted when you close this page.</p>"
                "<h3>Or try one of these</h3>",
                elem_classes="hcl-note",
                padding=False,
            )
            self.shelf = gr.Gallery(
                value=[(str(path), caption) for path, caption in self.examples],
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
        with gr.Row(visible=False, elem_id="hcl-bench", equal_height=False) as self.bench:
            with gr.Column(scale=7, min_width=280):
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
                            _VIEWS,
                            value=_VIEWS[0],
                            show_label=False,
                            container=False,
                            elem_id="hcl-view",
                        )
                    with gr.Tab("Paint", id="paint") as self.paint_tab:
                        gr.HTML(
                            '<p><b class="hcl-fill">Pink</b>: fill this too. <b class="hcl-leave">Blue</b>: leave this '
                            "alone.</p>",
                            elem_classes="hcl-note",
                            padding=False,
                        )
                        self.editor = gr.ImageEditor(
                            type="numpy",
                            image_mode="RGBA",
                            sources=(),
                            transforms=(),
                            layers=False,
                            brush=gr.Brush(
                                default_size=18,
                                colors=[_hex(FILL), _hex(LEAVE)],
                                default_color=_hex(FILL),
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
            with gr.Column(scale=4, min_width=280, elem_id="hcl-side"):
                self.status = gr.HTML(elem_id="hcl-status", padding=False)
                self.go = gr.Button("Restore", variant="primary", size="lg", elem_id="hcl-go")
                with gr.Row(visible=False, elem_id="hcl-downloads") as self.downloads:
                    self.get_restored = gr.DownloadButton("Save photo", variant="secondary", size="md", min_width=84)
                    self.get_mask = gr.DownloadButton("Mask", variant="secondary", size="md", min_width=84)
                    self.get_coco = gr.DownloadButton("COCO JSON", variant="secondary", size="md", min_width=84)
                    self.get_all = gr.DownloadButton("All (ZIP)", size="md", min_width=84, visible=False)
                self.sensitivity = gr.Slider(
                    0,
                    1,
                    value=self.pipeline.sensitivity,
                    step=0.01,
                    label="Sensitivity",
                    info="More finds more",
                    buttons=[],
                    elem_id="hcl-sensitivity",
                )
                self.regions = gr.CheckboxGroup(
                    label="Regions",
                    info="Uncheck one, or tap it in the photo, to leave it alone",
                    elem_id="hcl-regions",
                )
                with gr.Accordion("Fine tuning", open=False, elem_id="hcl-fine"):
                    self.least_area = gr.Slider(
                        0,
                        500,
                        value=0,
                        step=1,
                        label="Smallest region",
                        info="In pixels",
                        buttons=[],
                    )
                    self.dilate = gr.Slider(
                        0,
                        20,
                        value=self.pipeline.dilate,
                        step=0.5,
                        label="Grow",
                        info="Fill so many pixels more around each region",
                        buttons=[],
                    )
                    self.feather = gr.Slider(
                        0,
                        20,
                        value=self.pipeline.feather,
                        step=0.5,
                        label="Soft border",
                        info="Width in pixels",
                        buttons=[],
                    )
                    self.texture = gr.Slider(
                        0,
                        1,
                        value=self.pipeline.texture,
                        step=0.05,
                        label="Texture",
                        info="0 is smooth, 1 is of the photo's own texture, and slower",
                        buttons=[],
                        elem_id="hcl-texture",
                    )
                    self.tap = gr.Radio(
                        [_TAP_REGION, _TAP_BOX],
                        value=_TAP_REGION,
                        label="A tap on the photo",
                        elem_id="hcl-tap",
                    )
                    self.whole = gr.Button("Search the whole photo again", size="sm", visible=False)
                with gr.Row():
                    self.more = gr.UploadButton(
                        "Add photos",
                        file_count="multiple",
                        file_types=["image"],
                        size="sm",
                    )
                    self.over = gr.Button("Start over", size="sm", elem_id="hcl-over")

    # What happens

    def _connect(self) -> None:
        sliders = (
            self.sensitivity,
            self.dilate,
            self.feather,
            self.texture,
            self.least_area,
        )
        shown = [*sliders, self.view]
        self._everything = {
            *(
                self.intake,
                self.drop,
                self.bench,
                self.strip,
                self.tabs,
                self.image,
                self.editor,
                self.compare,
            ),
            *(
                self.status,
                self.go,
                self.downloads,
                self.get_restored,
                self.get_mask,
                self.get_coco,
                self.get_all,
            ),
            *(self.regions, self.least_area, self.whole, self.tap),
        }
        quick: dict[str, Any] = {
            "outputs": self._everything,
            "api_visibility": "private",
            "show_progress": "hidden",
            "concurrency_limit": None,
        }
        heavy: dict[str, Any] = {
            "outputs": self._everything,
            "api_visibility": "private",
            "concurrency_id": _MODEL,
            "concurrency_limit": 1,
            "show_progress": "full",
            "show_progress_on": [self.image, self.compare],
        }

        # The editor tells of every move of the brush and of every answer to it, on and on.
        # So its strokes are handed in where something is done with them.
        with_editor = {**quick, "outputs": {*self._everything, self.editor}}

        for source in (self.drop, self.more):
            source.upload(self._take, [source, *shown], **with_editor).success(self._find, shown, **heavy)
        self.shelf.select(self._take_example, shown, **with_editor).success(self._find, shown, **heavy)
        self.strip.select(self._turn_to, shown, **with_editor)
        self.over.click(self._start_over, None, **with_editor)

        # Sliders answer while they are dragged; what comes in meanwhile but the last is left out.
        gr.on([slider.input for slider in sliders], self._adjust, shown, **quick, trigger_mode="always_last")
        self.view.input(self._adjust, shown, **quick)
        self.regions.input(self._choose, [self.regions, *shown], **quick)
        self.image.select(self._tap, [self.tap, *shown], **quick)
        self.whole.click(self._search_all, shown, **quick)
        self.paint_tab.select(self._begin_painting, shown, **with_editor)
        self.painted.click(self._paint, [self.editor, *shown], **with_editor)
        self.found_tab.select(self._end_painting, [self.editor, *shown], **quick)

        self.go.click(self._restore, [self.editor, *shown], **heavy)
        # What only the filling depends on is filled anew, where the restored photo is looked at.
        gr.on([slider.release for slider in (self.dilate, self.feather, self.texture)], self._refill, shown, **heavy)
        self.blocks.unload(self._leave)

    def _take(self, request: gr.Request, files: list[str] | None, *shown: Any) -> dict[Any, Any]:
        visitor = self._visitor(request)
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
            raise _nothing_taken()
        with visitor.lock:
            visitor.at = len(visitor.works) - taken
        return self._show(visitor, shown, new=True)

    def _take_example(self, request: gr.Request, event: gr.SelectData, *shown: Any) -> dict[Any, Any]:
        visitor = self._visitor(request)
        path, _ = self.examples[event.index]
        with visitor.lock:
            visitor.works.append(Work.open(path, self.limits.megapixels))
            visitor.at = len(visitor.works) - 1
        return self._show(visitor, shown, new=True)

    def _find(self, request: gr.Request, progress: Any = _PROGRESS, *shown: Any) -> dict[Any, Any]:
        visitor = self._visitor(request)
        missing = [work for work in visitor.works if work.confidence is None]
        for i, work in enumerate(missing):
            progress(
                (i, len(missing)),
                desc="Looking for what does not belong",
                unit="photos",
            )
            work.find(self.pipeline)
        return self._show(visitor, shown)

    def _turn_to(self, request: gr.Request, event: gr.SelectData, *shown: Any) -> dict[Any, Any]:
        visitor = self._visitor(request)
        with visitor.lock:
            visitor.at = min(int(event.index), len(visitor.works) - 1)
        return self._show(visitor, shown, new=True)

    def _start_over(self, request: gr.Request) -> dict[Any, Any]:
        self.visitors.forget(_name(request))
        return {
            self.intake: gr.update(visible=True),
            self.bench: gr.update(visible=False),
            self.drop: gr.update(value=None),
            self.compare: gr.update(value=None),
            self.image: gr.update(value=None),
            self.editor: gr.update(value=None),
        }

    def _leave(self, request: gr.Request) -> None:
        self.visitors.forget(_name(request))

    def _adjust(self, request: gr.Request, *shown: Any) -> dict[Any, Any]:
        return self._show(self._visitor(request), shown)

    def _choose(self, request: gr.Request, chosen: list[str], *shown: Any) -> dict[Any, Any]:
        visitor = self._visitor(request)
        if visitor.work is not None:
            adjustments, _ = _read(shown)
            selection = visitor.work.select(self.pipeline, adjustments)
            labels = {int(label) for label in chosen if label != _REST}
            if _REST in chosen:
                labels |= {spot.label for spot in selection.spots[_LISTED:]}
            with visitor.lock:
                visitor.work.fill(selection, labels)
        return self._show(visitor, shown)

    def _tap(self, request: gr.Request, event: gr.SelectData, tap: str, *shown: Any) -> dict[Any, Any]:
        visitor = self._visitor(request)
        work = visitor.work
        if work is None:
            return self._show(visitor, shown)
        height, width = work.size
        x = min(width - 1, max(0, round(event.index[0] / work.scale)))
        y = min(height - 1, max(0, round(event.index[1] / work.scale)))
        if tap == _TAP_BOX:
            with visitor.lock:
                is_done = work.limit(x, y)
            return {
                **self._show(visitor, shown),
                self.tap: gr.update(value=_TAP_REGION) if is_done else gr.skip(),
            }
        adjustments, _ = _read(shown)
        selection = work.select(self.pipeline, adjustments)
        spot = selection.at(x, y, reach=max(1, round(14 / work.scale)))
        if spot is not None:
            kept = {other.label for other in selection.spots if other.is_filled} ^ {spot.label}
            with visitor.lock:
                work.fill(selection, kept)
        return self._show(visitor, shown)

    def _search_all(self, request: gr.Request, *shown: Any) -> dict[Any, Any]:
        visitor = self._visitor(request)
        if visitor.work is not None:
            with visitor.lock:
                visitor.work.box = visitor.work.corner = None
        return self._show(visitor, shown)

    def _begin_painting(self, request: gr.Request, *shown: Any) -> dict[Any, Any]:
        """Lay the photo with what was found under a new layer; strokes before are part of what was found now."""
        visitor = self._visitor(request)
        work = visitor.work
        if work is None:
            return {self.status: gr.skip()}
        adjustments, _ = _read(shown)
        with visitor.lock:
            work.begin_strokes()
        drawn = draw_found(work, work.select(self.pipeline, adjustments), adjustments)
        return {self.editor: {"background": drawn, "layers": [], "composite": None}}

    def _paint(self, request: gr.Request, value: dict[str, Any] | None, *shown: Any) -> dict[Any, Any]:
        """Take the strokes, and show what they made of the mask below a new layer."""
        visitor = self._visitor(request)
        self._take_strokes(visitor, value)
        return {**self._show(visitor, shown), **self._begin_painting(request, *shown)}

    def _end_painting(self, request: gr.Request, value: dict[str, Any] | None, *shown: Any) -> dict[Any, Any]:
        visitor = self._visitor(request)
        if not self._take_strokes(visitor, value):
            return {self.status: gr.skip()}
        return self._show(visitor, shown)

    def _take_strokes(self, visitor: Visitor, value: dict[str, Any] | None) -> bool:
        """Set what was painted since painting began; whether there was anything."""
        layers = (value or {}).get("layers") or []
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

    def _restore(
        self, request: gr.Request, value: dict[str, Any] | None, progress: Any = _PROGRESS, *shown: Any
    ) -> dict[Any, Any]:
        visitor = self._visitor(request)
        self._take_strokes(visitor, value)
        adjustments, _ = _read(shown)
        works = list(visitor.works)
        for i, work in enumerate(works):
            progress((i, len(works)), desc="Restoring", unit="photos")
            if work.confidence is None:
                work.find(self.pipeline)
            work.restore(self.pipeline, adjustments, visitor.folder / f"photo-{i + 1}")
        if len(works) > 1:
            _zip(works, visitor.folder / "restored.zip")
        if visitor.is_gone:  # the page was closed meanwhile
            visitor.forget()
        return {
            **self._show(visitor, shown, restored=True),
            self.tabs: gr.update(selected="restored"),
        }

    def _refill(self, request: gr.Request, *shown: Any) -> dict[Any, Any]:
        visitor = self._visitor(request)
        adjustments, _ = _read(shown)
        work = visitor.work
        if work is None or work.result is None:
            return {self.status: gr.skip()}
        work.restore(self.pipeline, adjustments, visitor.folder / f"photo-{visitor.at + 1}")
        if len(visitor.works) > 1 and (visitor.folder / "restored.zip").exists():
            _zip(
                [other for other in visitor.works if other.files],
                visitor.folder / "restored.zip",
            )
        if visitor.is_gone:
            visitor.forget()
        return self._show(visitor, shown, restored=True)

    # What it looks like then

    def _show(
        self,
        visitor: Visitor,
        shown: Sequence[Any],
        *,
        new: bool = False,
        restored: bool = False,
    ) -> dict[Any, Any]:
        """What the page is to show of a visitor's photos.

        Args:
            visitor: whose they are.
            shown: what the components hold that say how.
            new: whether it is another photo than before.
            restored: whether it was restored just now.
        """
        work = visitor.work
        if work is None:
            return self._show_nothing()
        adjustments, view = _read(shown)
        selection = work.select(self.pipeline, adjustments)
        draw: Callable[[], Any] = {
            _VIEWS[0]: lambda: draw_found(work, selection, adjustments),
            _VIEWS[1]: lambda: draw_confidence(work),
            _VIEWS[2]: lambda: draw_mask(work, selection),
        }[view]
        several = len(visitor.works) > 1
        changes: dict[Any, Any] = {
            self.image: gr.update(value=str(visitor.write(draw()))),
            self.status: gr.update(value=_describe(work, selection, adjustments)),
            self.regions: self._list_regions(work, selection),
            self.whole: gr.update(visible=work.box is not None),
            self.go: gr.update(value=f"Restore {len(visitor.works)} photos" if several else "Restore"),
        }
        if new:
            thumbnails = [(str(visitor.write(other.preview)), other.name) for other in visitor.works] if several else []
            height, width = work.size
            changes |= {
                self.intake: gr.update(visible=False),
                self.bench: gr.update(visible=True),
                self.drop: gr.update(value=None),
                self.strip: gr.update(value=thumbnails, visible=several),
                self.tabs: gr.update(selected="found"),
                self.editor: gr.update(value=None),
                self.least_area: gr.update(maximum=max(50, round(height * width / 2000))),
            }
        if new or restored:
            changes |= self._show_files(visitor, work)
        return changes

    def _show_files(self, visitor: Visitor, work: Work) -> dict[Any, Any]:
        if not work.files:
            return {
                self.downloads: gr.update(visible=False),
                self.compare: gr.update(value=None),
            }
        archive = visitor.folder / "restored.zip"
        return {
            self.downloads: gr.update(visible=True),
            self.compare: gr.update(
                value=(
                    str(visitor.write(work.preview)),
                    str(visitor.write(work.restored_preview())),
                )
            ),
            self.get_restored: gr.update(value=str(work.files["restored"])),
            self.get_mask: gr.update(value=str(work.files["mask"])),
            self.get_coco: gr.update(value=str(work.files["coco"])),
            self.get_all: gr.update(
                value=str(archive) if archive.exists() else None,
                visible=len(visitor.works) > 1 and archive.exists(),
            ),
        }

    def _show_nothing(self) -> dict[Any, Any]:
        gr.Info(f"Photos are deleted after {self.limits.minutes} minutes; drop them again.")
        return {
            self.intake: gr.update(visible=True),
            self.bench: gr.update(visible=False),
        }

    def _list_regions(self, work: Work, selection: Selection) -> Any:
        pixels = work.size[0] * work.size[1]
        choices, chosen = [], []
        for number, spot in enumerate(selection.spots[:_LISTED], start=1):
            share = f"{100 * spot.area / pixels:.1f} %" if spot.area * 1000 >= pixels else f"{spot.area} px"
            choices.append((f"{number} · {spot.kind + ' · ' if spot.kind else ''}{share}", str(spot.label)))
            if spot.is_filled:
                chosen.append(str(spot.label))
        rest = selection.spots[_LISTED:]
        if rest:
            choices.append((f"{len(rest)} smaller ones", _REST))
            if all(spot.is_filled for spot in rest):
                chosen.append(_REST)
        return gr.update(choices=choices, value=chosen, visible=bool(choices))

    def _visitor(self, request: gr.Request) -> Visitor:
        return self.visitors.get(_name(request))


_REST = "rest"


def _name(request: gr.Request) -> str:
    """What the browser calls itself."""
    return str(request.session_hash)


def _read(shown: Sequence[Any]) -> tuple[Adjustments, str]:
    """Where the sliders stand, and what is looked at."""
    *values, view = shown
    sensitivity, dilate, feather, texture, least_area = map(float, values)
    adjustments = Adjustments(
        sensitivity=sensitivity,
        dilate=dilate,
        feather=feather,
        texture=texture,
        least_area=round(least_area),
    )
    return adjustments, view if view in _VIEWS else _VIEWS[0]


def _describe(work: Work, selection: Selection, adjustments: Adjustments) -> str:
    name = f'<p class="hcl-name">{escape(work.name)} · {work.size[1]} &times; {work.size[0]}</p>'
    if work.confidence is None:
        return f"{name}<p>Looking …</p>"
    filled = [spot for spot in selection.spots if spot.is_filled]
    if not filled:
        advice = "Raise the sensitivity, or paint over what should go."
        what = "Nothing was found" if not selection.spots else "Nothing is left to fill"
        return f"{name}<p><b>{what}.</b> {advice}</p>"
    share = sum(spot.area for spot in filled) / (work.size[0] * work.size[1])
    noun = "region" if len(filled) == 1 else "regions"
    state = "to fill"
    if work.result is not None:
        is_current = np.array_equal(work.result.corruption_mask[0, 0].numpy(), selection.mask)
        is_current &= work.filled_with == adjustments.filling
        state = "filled" if is_current else "to fill; restore again to see it"
    return f"{name}<p><b>{len(filled)} {noun}</b>, {100 * share:.1f} % of the photo, {state}.</p>"


def _zip(works: Sequence[Work], path: Path) -> None:
    """Everything to download in one file; photos are compressed already."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        taken: set[str] = set()
        for i, work in enumerate(works, start=1):
            for file in work.files.values():
                name = file.name if file.name not in taken else f"{i}_{file.name}"
                taken.add(name)
                archive.write(file, name)


def _nothing_taken() -> gr.Error:
    return gr.Error(
        "None of these could be read as a photo.",
        duration=6,
        title="No photo",
        print_exception=False,
    )


def _hex(color: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
