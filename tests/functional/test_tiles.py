"""Tiles of images that are too large to be worked on as a whole."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from hcl_sdk.functional.tiles import TileMerger, cut_tiles

EXTENT = st.integers(1, 300)
SIDE, OVERLAP, MULTIPLE = 64, 16, 8


@given(height=EXTENT, width=EXTENT)
def test_tiles_cover_an_image_overlap_and_lie_on_the_grid(height: int, width: int) -> None:
    tiles = cut_tiles((height, width), side=SIDE, overlap=OVERLAP, multiple=MULTIPLE)
    seen = np.zeros((height, width), int)
    for rows, columns in tiles:
        seen[rows, columns] += 1
        for span, extent in ((rows, height), (columns, width)):
            assert 0 <= span.start < span.stop <= extent
            assert span.start % MULTIPLE == 0
            assert span.stop % MULTIPLE == 0 or span.stop == extent
            assert span.stop - span.start <= SIDE
    assert (seen > 0).all()
    for axis, extent in ((0, height), (1, width)):
        spans = sorted({(tile[axis].start, tile[axis].stop) for tile in tiles})
        for (_, stop), (start, _) in itertools.pairwise(spans):
            assert stop - start >= OVERLAP
        assert len(spans) == 1 or extent > SIDE  # what fits into one tile is one
        assert len(spans) <= 1 + -(-extent // (SIDE - OVERLAP))


@given(height=EXTENT, width=EXTENT, stride=st.sampled_from([1, 2, 8]))
def test_parts_of_a_map_are_joined_to_the_map(height: int, width: int, stride: int) -> None:
    whole = torch.rand(1, 1, -(-height // stride), -(-width // stride), generator=torch.Generator().manual_seed(0))
    merger = TileMerger((height, width), stride=stride, overlap=OVERLAP)
    for rows, columns in cut_tiles((height, width), side=SIDE, overlap=OVERLAP, multiple=MULTIPLE):
        part = whole[..., rows.start // stride : -(-rows.stop // stride), columns.start // stride :]
        merger.add((rows, columns), part[..., : -(-columns.stop // stride) - columns.start // stride])
    assert torch.allclose(merger.finish(), whole, atol=1e-6)


def test_where_tiles_differ_one_fades_into_the_other() -> None:
    """No step is larger than what fading over the overlap makes necessary."""
    size = 40, 200
    merger = TileMerger(size, stride=2, overlap=OVERLAP)
    tiles = cut_tiles(size, side=SIDE, overlap=OVERLAP, multiple=MULTIPLE)
    for number, tile in enumerate(tiles):
        merger.add(tile, torch.full((1, 1, 20, -(-(tile[1].stop - tile[1].start) // 2)), float(number)))
    row = merger.finish()[0, 0, 7]
    assert len(tiles) > 2
    assert row[0] == 0
    assert row[-1] == len(tiles) - 1
    assert (row.diff() >= 0).all()
    assert row.diff().max() <= 2 / OVERLAP + 1e-6
