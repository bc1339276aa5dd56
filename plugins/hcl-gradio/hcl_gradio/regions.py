"""The list of regions next to the photo: its lines, and which of them are checked."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from hcl_gradio.work import Selection, Work

LISTED = 24
"""Regions that are listed one by one, the largest; the others share a line."""

REST = "rest"
"""Name of the line that stands for all other regions."""


@attrs.frozen(kw_only=True)
class RegionList:
    """The lines of the list.

    Attributes:
        choices: (text, value) of each line.
        checked: values of the lines whose regions are to be filled.
    """

    choices: tuple[tuple[str, str], ...]
    checked: tuple[str, ...]


def list_regions(work: Work, selection: Selection) -> RegionList:
    """List the regions of a photo: number, kind and size of the largest, and how many smaller ones there are."""
    pixels = work.size[0] * work.size[1]
    choices, checked = [], []
    for number, spot in enumerate(selection.spots[:LISTED], start=1):
        share = f"{100 * spot.area / pixels:.1f} %" if spot.area * 1000 >= pixels else f"{spot.area} px"
        choices.append((f"{number} · {spot.kind + ' · ' if spot.kind else ''}{share}", str(spot.label)))
        if spot.is_filled:
            checked.append(str(spot.label))
    rest = selection.spots[LISTED:]
    if rest:
        choices.append((f"{len(rest)} smaller ones", REST))
        if all(spot.is_filled for spot in rest):
            checked.append(REST)
    return RegionList(choices=tuple(choices), checked=tuple(checked))


def read_checked(checked: Collection[str], selection: Selection) -> set[int]:
    """The labels of the regions whose lines are checked."""
    labels = {int(label) for label in checked if label != REST}
    if REST in checked:
        labels |= {spot.label for spot in selection.spots[LISTED:]}
    return labels
