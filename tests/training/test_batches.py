"""Batches: items as tensors, which travel between processes."""

from __future__ import annotations

import pickle
from typing import Any, cast

import numpy as np
import torch

from hcl_sdk.data.items import Item
from hcl_sdk.training import Recipe, load_run
from hcl_sdk.training.batches import Batch, collate, make_loader


def make_item(number: int, *, paired: bool = False) -> Item:
    image = np.full((4, 5, 3), number, np.uint8)
    mask = np.zeros((4, 5), np.bool_)
    mask[number] = True
    return Item(
        image=image,
        clean=None if paired else image + 1,
        corruption_mask=mask,
        damage_map=None if paired else mask * np.uint8(number + 1),
        name=str(number),
        unreadable=(("a.jpg", "why"),),
    )


def test_items_become_tensors_with_channels_first() -> None:
    batch = collate([make_item(0), make_item(1), make_item(2)])
    assert batch.image.shape == (3, 3, 4, 5)
    assert batch.corruption_mask is not None
    assert batch.damage_map is not None
    assert batch.corruption_mask.dtype == torch.bool
    assert batch.damage_map.dtype == torch.uint8
    assert batch.damage_map.shape == batch.corruption_mask.shape == (3, 1, 4, 5)
    assert torch.equal(batch.damage_map > 0, batch.corruption_mask)
    assert batch.damage_map.amax(dim=(1, 2, 3)).tolist() == [1, 2, 3]
    assert len(batch.unreadable) == 3


def test_values_missing_in_one_item_are_missing_in_the_batch() -> None:
    batch = collate([make_item(0), make_item(1, paired=True)])
    assert batch.clean is None
    assert batch.damage_map is None
    assert batch.corruption_mask is not None


def test_a_batch_comes_out_of_a_pipe_and_of_a_move_as_it_was() -> None:
    batch = collate([make_item(0), make_item(1)])
    assert batch.damage_map is not None
    for again in (pickle.loads(pickle.dumps(batch)), batch.to(torch.device("cpu"))):
        assert isinstance(again, Batch)
        assert again.clean is not None
        assert again.damage_map is not None
        assert torch.equal(again.image, batch.image)
        assert torch.equal(again.damage_map, batch.damage_map)
        assert again.unreadable == batch.unreadable


def load(recipe: Recipe, workers: int) -> list[Batch]:
    return list(make_loader(recipe, start=0, process=0, processes=1, workers=workers, pin_memory=False))


def test_batches_do_not_need_shared_memory(run_config: Any) -> None:
    """Containers have little of it, and what does not fit into it would be lost and waited for."""
    _, recipe = load_run(run_config("steps=3"), device="cpu")
    alone, from_workers = load(recipe, 0), load(recipe, 1)
    assert len(alone) == len(from_workers) == 3
    for ours, theirs in zip(from_workers, alone, strict=True):
        for name in ("image", "clean", "corruption_mask", "damage_map"):
            tensor = getattr(ours, name)
            assert not tensor.is_shared()
            assert torch.equal(tensor, getattr(theirs, name))


def test_sizes_take_turns_with_about_as_many_pixels_and_no_photo_is_drawn_twice(run_config: Any) -> None:
    _, recipe = load_run(run_config("steps=5", "data.size=[32,16,24]", "batch_size=2"), device="cpu")
    batches = load(recipe, 0)
    shapes = [tuple(batch.image.shape) for batch in batches]
    assert shapes == [(2, 3, 32, 32), (8, 3, 16, 16), (4, 3, 24, 24), (2, 3, 32, 32), (8, 3, 16, 16)]
    assert recipe.count_images(5) == 24
    later = list(make_loader(recipe, start=3, process=0, processes=1, workers=0, pin_memory=False))
    for first, again in zip(batches[3:], later, strict=True):
        assert torch.equal(first.image, again.image)
    loaders = [make_loader(recipe, start=0, process=i, processes=2, workers=0, pin_memory=False) for i in range(2)]
    numbers = [number for loader in loaders for keys in cast(Any, loader.batch_sampler) for _, number in keys]
    assert sorted(numbers) == list(range(24))
