"""Contact sheets: what a pipeline made of some images."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hcl_sdk.data.items import Item
from hcl_sdk.result import Result, side_by_side

HEIGHT = 192


def contact_sheet(cases: Iterable[tuple[str, Item, Result]]) -> Image.Image:
    """One row for each case: input, true mask, found mask, restored, clean; as far as they are known.

    Args:
        cases: a caption, the image, and what the pipeline made of it; at least one.
    """
    rows = []
    for caption, item, result in cases:
        panels = {"input": Image.fromarray(item.image)}
        if item.corruption_mask is not None:
            panels["true mask"] = Image.fromarray(item.corruption_mask.astype(np.uint8) * 255)
        panels["mask"] = result.mask
        if result.composited is not None:
            rgb = result.composited.rgb[0].permute(1, 2, 0).numpy()
            panels["restored"] = Image.fromarray(np.round(rgb * 255).astype(np.uint8))
        if item.clean is not None:
            panels["clean"] = Image.fromarray(item.clean)
        rows.append((caption, side_by_side(panels, HEIGHT)))
    heading = 18
    sheet = Image.new("RGB", (max(r.width for _, r in rows), sum(r.height + heading for _, r in rows)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    top = 0
    for caption, row in rows:
        draw.text((6, top + 4), caption, fill="black", font=font)
        sheet.paste(row, (0, top + heading))
        top += row.height + heading
    return sheet
