"""Shift maps, against loops and brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_masks import draw_random_mask, random_case
from torch import Tensor

from hcl_sdk.functional import shift_maps
from hcl_sdk.functional.shift_maps import find_shifts, label_grid, level_steps, map_shifts


def make_labels(cells: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    number = int(cells.sum())
    return torch.rand(number, count, generator=generator), torch.rand(number, count, 3, generator=generator)


def measure_energy(cells: Tensor, unary: Tensor, features: Tensor, labels: tuple[int, ...]) -> float:
    """What labels cost, pair by pair."""
    places = cells.nonzero().tolist()
    energy = sum(float(unary[i, label]) for i, label in enumerate(labels))
    for (i, one), (j, other) in itertools.combinations(enumerate(places), 2):
        if abs(one[0] - other[0]) + abs(one[1] - other[1]) != 1 or labels[i] == labels[j]:
            continue
        unlike = min(float((features[n, labels[i]] - features[n, labels[j]]).square().sum()) for n in (i, j))
        energy += shift_maps._SEAM + shift_maps._SEAM_COLOR * unlike**0.5
    return energy


def find_least_energy(cells: Tensor, unary: Tensor, features: Tensor) -> float:
    choices = itertools.product(range(unary.shape[1]), repeat=len(unary))
    return min(measure_energy(cells, unary, features, labels) for labels in choices)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), length=st.integers(1, 5), count=st.integers(1, 4), is_column=st.booleans())
def test_labels_of_a_chain_have_the_least_energy(seed: int, length: int, count: int, is_column: bool) -> None:
    cells = torch.zeros(7, 7, dtype=torch.bool)
    cells[1 : 1 + length, 3] = True
    cells = cells if is_column else cells.T.contiguous()
    unary, features = make_labels(cells, count, seed)
    labels = label_grid(cells, unary, features)
    energy = measure_energy(cells, unary, features, tuple(labels.tolist()))
    assert energy == pytest.approx(find_least_energy(cells, unary, features), abs=1e-4)


def test_labels_of_a_grid_have_nearly_the_least_energy() -> None:
    cells = torch.tensor([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=torch.bool)  # with loops, and a bridge between them
    found, least, alone = [], [], []
    for seed in range(8):
        unary, features = make_labels(cells, 2, seed)
        found.append(measure_energy(cells, unary, features, tuple(label_grid(cells, unary, features).tolist())))
        least.append(find_least_energy(cells, unary, features))
        alone.append(measure_energy(cells, unary, features, tuple(unary.argmin(1).tolist())))
    assert np.mean(found) <= 1.02 * np.mean(least)
    assert np.mean(alone) > 1.1 * np.mean(least)  # where every cell takes what is best for itself


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), cells=st.integers(1, 20), count=st.integers(1, 150))
def test_every_cell_keeps_a_possible_label(seed: int, cells: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    unary = torch.rand(cells, count, generator=generator)
    unary[torch.rand(cells, count, generator=generator) < 0.97] += shift_maps._IMPOSSIBLE
    kept = shift_maps._keep_likely(unary)
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert len(kept) >= min(count, 64)
    is_possible = unary < shift_maps._IMPOSSIBLE
    assert torch.equal(is_possible[:, kept].any(1), is_possible.any(1))


def draw_tiles(height: int, width: int, period: tuple[int, int], seed: int) -> Tensor:
    tile = torch.rand(1, 3, *period, generator=torch.Generator().manual_seed(seed))
    return tile.repeat(1, 1, height // period[0] + 1, width // period[1] + 1)[..., :height, :width]


def test_the_shifts_of_a_pattern_are_its_periods() -> None:
    photo = draw_tiles(72, 96, (9, 11), 0)
    mask = draw_random_mask(72, 96, (slice(28, 44), slice(40, 60)))
    shifts = find_shifts(photo, mask, mask, torch.Generator().manual_seed(1))
    assert len(shifts) > 10
    assert len(torch.unique(shifts, dim=0)) == len(shifts)
    assert torch.equal(shifts % torch.tensor([9, 11]), torch.zeros_like(shifts))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), height=st.integers(1, 40), width=st.integers(1, 40))
def test_only_known_pixels_are_found_and_mapped(seed: int, height: int, width: int) -> None:
    image, mask = random_case(seed, height, width)
    shifts = find_shifts(image, mask, mask, torch.Generator().manual_seed(seed))
    damaged = torch.where(mask, 1 - image, image)
    assert torch.equal(shifts, find_shifts(damaged, mask, mask, torch.Generator().manual_seed(seed)))
    if not len(shifts):
        return
    mapped = map_shifts(image, mask, mask, shifts)
    assert mapped.shape == (height, width, 2)
    hole = mask[0, 0]
    assert not mapped[~hole].any()
    offered = {tuple(shift) for shift in shifts.tolist()}
    for row, column in hole.nonzero().tolist():
        top, left = row // 2 * 2, column // 2 * 2  # of its cell
        cell = [(y, x) for y in (top, top + 1) for x in (left, left + 1)]

        def is_known(down: int, right: int, cell: list[tuple[int, int]] = cell) -> bool:
            places = [(y + down, x + right) for y, x in cell]
            return all(0 <= y < height and 0 <= x < width and not hole[y, x] for y, x in places)

        chosen = tuple(mapped[row, column].tolist())
        assert chosen in offered
        assert is_known(*chosen) or not any(is_known(*shift) for shift in offered)


def test_a_pattern_is_continued_whatever_the_fill_says() -> None:
    photo = 0.3 + 0.4 * draw_tiles(72, 96, (9, 11), 2)
    mask = draw_random_mask(72, 96, (slice(28, 44), slice(40, 60)))
    wrong = torch.where(mask, photo.new_tensor([0.9, 0.1, 0.1])[:, None, None], photo)
    shifts = torch.cat(
        [find_shifts(photo, mask, mask, torch.Generator().manual_seed(1)), torch.tensor([[5, 31], [-28, 2]])]
    )
    mapped = map_shifts(wrong, mask, mask, shifts)[mask[0, 0]]
    rows, columns = mask[0, 0].nonzero(as_tuple=True)
    assert torch.allclose(photo[0, :, rows + mapped[:, 0], columns + mapped[:, 1]], photo[0, :, rows, columns])


def test_the_fill_decides_between_colors() -> None:
    photo = torch.full((1, 3, 48, 96), 0.5)
    photo[:, 0, :, :32] = 0.2
    photo[:, 0, :, 64:] = 0.8
    mask = draw_random_mask(48, 96, (slice(12, 36), slice(36, 60)))
    shifts = torch.tensor([[0, -30], [0, 30]])  # wholly known for neither; each has its half
    for color in (0.2, 0.8):
        fill = photo.clone()
        fill[:, 0, 20:28, 44:52] = color
        reds = []
        for guidance in (0.0, 100.0):
            mapped = map_shifts(torch.where(mask, fill, photo), mask, mask, shifts, guidance)
            assert set(mapped[mask[0, 0]][:, 1].tolist()) <= {-30, 30}
            reds.append(mapped[24, 48, 1].sign())
        assert reds[1] == (-1 if color == 0.2 else 1)


def test_the_fill_decides_only_near_what_is_known() -> None:
    photo = torch.full((1, 3, 96, 300), 0.5)
    photo[:, 0, :, :90] = 0.2
    photo[:, 0, :, 210:] = 0.8
    mask = draw_random_mask(96, 300, (slice(8, 88), slice(110, 190)))
    shifts = torch.tensor([[0, -105], [0, 105]])
    right = []
    for left in (112, 140):
        fill, spot = photo.clone(), (slice(38, 58), slice(left, left + 20))
        fill[:, 0, 8:88, 110:190] = 0.2
        fill[:, 0, *spot] = 0.8
        mapped = map_shifts(torch.where(mask, fill, photo), mask, mask, shifts, 100.0)
        assert set(mapped[mask[0, 0]][:, 1].tolist()) <= {-105, 105}
        right.append(float((mapped[spot][..., 1] > 0).float().mean()))
    assert right[0] > 0.4
    assert right[1] == 0


def level_by_least_squares(pixels: Tensor, filled: Tensor, hole: Tensor, shifts: Tensor, width: int) -> np.ndarray:
    """The same as a dense system with a row for each pair of neighbors."""
    photo, values, numbers = pixels.double().numpy(), filled.double().numpy(), hole.tolist()
    height = len(photo) // width
    rows, wanted = [], []
    for i, number in enumerate(numbers):
        row, column = divmod(number, width)
        for y, x in ((row, column + 1), (row + 1, column), (row, column - 1), (row - 1, column)):
            if not (0 <= y < height and 0 <= x < width):
                continue
            equation = np.zeros(len(numbers))
            equation[i] = 1
            if y * width + x not in numbers:
                rows.append(equation)
                wanted.append(np.zeros(3))
            elif y * width + x > number:
                j = numbers.index(y * width + x)
                equation[j] = -1
                steps = [photo[number + s] - photo[y * width + x + s] for s in (int(shifts[i]), int(shifts[j]))]
                step = np.mean(steps, axis=0) - (values[i] - values[j])
                rows.append(equation)
                wanted.append(step * np.exp(-(step**2).sum() / shift_maps._STEP**2))
    return values + np.linalg.lstsq(np.stack(rows), np.stack(wanted))[0]


@pytest.mark.parametrize("seed", range(3))
def test_steps_are_leveled_as_by_least_squares(seed: int) -> None:
    height, width = 9, 12
    generator = torch.Generator().manual_seed(seed)
    photo = 0.5 + 0.1 * torch.rand(height * width, 3, generator=generator)
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[2:6, 1:5] = mask[4:8, 4:6] = mask[0, 0] = True
    hole = mask.flatten().nonzero().flatten()
    shifts = torch.tensor([5, 6])[(hole % width) % 2]
    filled = photo[hole + shifts] + 0.02 * torch.rand(len(hole), 3, generator=generator)
    expected = level_by_least_squares(photo, filled, hole, shifts, width)
    leveled = level_steps(photo, filled, hole, shifts, width)
    assert np.allclose(leveled.numpy(), expected, atol=1e-4)


def test_small_steps_go_and_large_ones_stay() -> None:
    photo, mask = torch.full((1, 3, 24, 48), 0.5), torch.zeros(24, 48, dtype=torch.bool)
    mask[4:20, 4:20] = True
    hole = mask.flatten().nonzero().flatten()
    shifts = torch.full_like(hole, 24)
    for step, left in ((0.01, 0.3), (0.4, 0.95)):
        filled = torch.full((len(hole), 3), 0.5)
        filled[hole % 48 >= 12] += step
        image = photo[0, 0].clone()
        image[mask] = level_steps(photo[0].flatten(1).T, filled, hole, shifts, 48)[:, 0]
        jump = (image[4:20, 12] - image[4:20, 11]).mean()
        assert (jump < left * step) if step < 0.1 else (jump > left * step)
