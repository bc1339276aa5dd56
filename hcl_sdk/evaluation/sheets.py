"""Contact sheets: the results of a pipeline for some images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hcl_sdk.data.items import Item
from hcl_sdk.errors import escape
from hcl_sdk.evaluation.rows import Row
from hcl_sdk.result import Result, place_side_by_side

HEIGHT = 192


def choose_cases(rows: Sequence[Row], count: int) -> dict[str, tuple[str, list[tuple[float, int]]]]:
    """Choose the images to show: for each sheet its criterion, and scores and numbers, most telling first.

    Restorations are chosen by the distance of features if it was measured, which is closer to human perception than
    PSNR; of clean images, only those with flagged pixels are shown.
    """
    detected = [(row.detection.f1, row.number) for row in rows if row.detection is not None]
    restored = [(row.restoration.feature_distance, row.number) for row in rows if row.restoration is not None]
    by, is_better_larger = "feature distance", False
    if all(value is None for value, _ in restored):
        restored = [(row.restoration.psnr, row.number) for row in rows if row.restoration is not None]
        by, is_better_larger = "psnr", True
    clean = [row for row in rows if row.area == 0]
    counted = [(row.detection.counts, row.number) for row in clean if row.detection is not None]
    flagged = [(counts.false_positives / counts.pixels, number) for counts, number in counted]
    sheets: dict[str, tuple[str, list[tuple[float, int]]]] = {}
    for what, score, values, is_larger in (
        ("detection", "f1", detected, True),
        ("restoration", by, restored, is_better_larger),
    ):
        scored = sorted((value, number) for value, number in values if value is not None)
        sheets[f"worst_{what}"] = score, (scored if is_larger else scored[::-1])[:count]
        sheets[f"best_{what}"] = score, (scored[::-1] if is_larger else scored)[:count]
    worst = sorted((case for case in flagged if case[0] > 0), reverse=True)
    sheets["worst_clean"] = "flagged share", worst[:count]
    return {name: (score, chosen) for name, (score, chosen) in sheets.items() if chosen}


def draw_contact_sheet(cases: Iterable[tuple[str, Item, Result]]) -> Image.Image:
    """Draw one row for each case: input, true mask, confidence, found mask, restored and clean image, as far as known.

    Pixels excluded from the score are gray in the true mask.

    Args:
        cases: a caption, the item, and its result; at least one.
    """
    rows = []
    for caption, item, result in cases:
        panels = {"input": Image.fromarray(item.image)}
        if item.corruption_mask is not None:
            mask = item.corruption_mask.astype(np.uint8) * 255
            if item.ignored is not None:
                mask[item.ignored] = 128
            panels["true mask"] = Image.fromarray(mask)
        if result.detection is not None:
            confidence = result.confidence[0, 0].numpy()
            panels["confidence"] = Image.fromarray(np.round(confidence * 255).astype(np.uint8))
        panels["mask"] = result.mask
        if result.composited is not None:
            rgb = result.composited.rgb[0].permute(1, 2, 0).numpy()
            panels["restored"] = Image.fromarray(np.round(rgb * 255).astype(np.uint8))
        if item.clean is not None:
            panels["clean"] = Image.fromarray(item.clean)
        rows.append((caption, place_side_by_side(panels, HEIGHT)))
    heading = 24
    sheet = Image.new("RGB", (max(r.width for _, r in rows), sum(r.height + heading for _, r in rows)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=17)
    top = 0
    for caption, row in rows:
        draw.text((6, top + 2), escape(caption), fill="black", font=font)
        sheet.paste(row, (0, top + heading))
        top += row.height + heading
    return sheet
