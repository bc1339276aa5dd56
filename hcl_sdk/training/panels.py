"""Panels: the results of a pipeline for some images, drawn during training."""

from __future__ import annotations

from PIL import Image

from hcl_sdk.evaluation.evaluation import Evaluation
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.pipeline import Pipeline


def draw_panel(pipeline: Pipeline, validation: Evaluation, *, rows: int = 4) -> Image.Image:
    """Draw the first images of a validation set, one row each: damaged, confidence, mask and, with a restorer,
    restored.

    A pipeline without a detector is given the true masks.
    """
    items = validation.make_items()
    plots: list[Image.Image] = []
    for i in validation.list_numbers():
        if len(plots) == rows:
            break
        try:
            item = items[i]
        except PhotoError:
            continue  # the validation itself reports it
        if pipeline.detector is None:
            if item.corruption_mask is None:
                continue
            result = pipeline.restore(item.image, corruption_mask=item.corruption_mask)
        else:
            result = pipeline.detect(item.image) if pipeline.restorer is None else pipeline(item.image)
        plots.append(result.plot())
    if not plots:
        return Image.new("RGB", (1, 1), "white")
    sheet = Image.new("RGB", (max(p.width for p in plots), sum(p.height for p in plots)), "white")
    top = 0
    for plot in plots:
        sheet.paste(plot, (0, top))
        top += plot.height
    return sheet
