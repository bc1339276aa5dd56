"""The endpoints for programs, which do what the page does."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import gradio as gr

from hcl_gradio.limits import Limits
from hcl_gradio.visitors import Visitors
from hcl_gradio.work import Adjustments, Work
from hcl_sdk import PhotoError, Pipeline


def add_api(pipeline: Pipeline, limits: Limits, programs: Visitors, model: str) -> None:
    """Add ``/detect`` and ``/restore``; call it inside ``gr.Blocks``.

    Args:
        pipeline: finds and fills.
        limits: the limits on photos.
        programs: keeps the files that are returned until they expire.
        model: the name of the queue for the pipeline.
    """

    def detect(photo: str | None, sensitivity: float = pipeline.sensitivity) -> tuple[str, dict[str, Any]]:
        files = run(photo, Adjustments(sensitivity=sensitivity), restoring=False)
        return str(files["mask"]), json.loads(files["coco"].read_text(encoding="utf-8"))

    def restore(
        photo: str | None,
        sensitivity: float = pipeline.sensitivity,
        dilate: float | None = None,
        feather: float = pipeline.feather,
        texture: float = pipeline.texture,
    ) -> tuple[str, str, dict[str, Any]]:
        adjustments = Adjustments(sensitivity=sensitivity, dilate=dilate, feather=feather, texture=texture)
        files = run(photo, adjustments, restoring=True)
        return (str(files["restored"]), str(files["mask"]), json.loads(files["coco"].read_text(encoding="utf-8")))

    def run(photo: str | None, adjustments: Adjustments, *, restoring: bool) -> dict[str, Path]:
        if photo is None:
            raise gr.Error("a photo is expected, as a file; got none", print_exception=False)
        # Each request is a visitor of its own, whose files expire like those of an idle one.
        visitor = programs.get(secrets.token_hex(8))
        path = Path(photo)
        try:
            work = Work.open(path, limits.megapixels)
            work.find(pipeline)
            work.write(pipeline, adjustments, visitor.folder, restoring=restoring)
        except (ValueError, TypeError) as error:
            name = f"{path.name}: " if isinstance(error, PhotoError) else ""
            raise gr.Error(f"{name}{error}", print_exception=False) from error
        finally:
            path.unlink(missing_ok=True)
        return work.files

    with gr.Row(visible=False):
        photo = gr.File(label="photo", type="filepath")
        numbers = [
            gr.Number(value=None if name == "dilate" else getattr(pipeline, name), label=name)
            for name in ("sensitivity", "dilate", "feather", "texture")
        ]
        restored, mask, coco = (gr.File(label="restored"), gr.File(label="mask"), gr.JSON(label="coco"))
        buttons = gr.Button(), gr.Button()
    shared: dict[str, Any] = {"concurrency_id": model, "concurrency_limit": 1, "api_visibility": "public"}
    buttons[0].click(detect, [photo, numbers[0]], [mask, coco], api_name="detect", **shared)
    buttons[1].click(restore, [photo, *numbers], [restored, mask, coco], api_name="restore", **shared)
