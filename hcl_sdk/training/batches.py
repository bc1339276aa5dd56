"""Batches: the items of each step, and the processes that prepare them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from hcl_sdk.data.items import Item, Items
from hcl_sdk.errors import describe_error, locate_error
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.plugins import registry
from hcl_sdk.registry import find_component_at_work
from hcl_sdk.training.processes import end_with_parent
from hcl_sdk.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Items as tensors.

    Between processes, a batch is sent through a pipe as plain arrays. Tensors would be sent through shared memory,
    which containers keep small: once it is full, a batch is lost, and waiting for it never ends.

    Attributes:
        image: ``[B, 3, H, W]`` uint8, damaged.
        clean: ``[B, 3, H, W]`` uint8, undamaged; None if the dataset does not have it.
        corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted; None if the dataset does not have it.
        damage_map: ``[B, 1, H, W]`` uint8, as in :class:`~hcl_sdk.corruptions.Corrupted`; None if unknown.
        unreadable: photos that could not be used: (name, reason).
    """

    image: Tensor
    clean: Tensor | None
    corruption_mask: Tensor | None
    damage_map: Tensor | None
    unreadable: tuple[tuple[str, str], ...]

    def to(self, device: torch.device) -> Batch:
        """Move the batch to a device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """Copy the batch to page-locked memory, from which it is copied to an accelerator in the background."""
        return self._map(lambda tensor: tensor.pin_memory())

    def __reduce__(self) -> tuple[Any, ...]:
        arrays = {name: None if t is None else t.numpy() for name, t in self._list_tensors().items()}
        return _unpack, (arrays, self.unreadable)

    def _map(self, change: Callable[[Tensor], Tensor]) -> Batch:
        tensors = {name: None if t is None else change(t) for name, t in self._list_tensors().items()}
        return replace(self, **tensors)  # pyright: ignore[reportArgumentType]

    def _list_tensors(self) -> dict[str, Tensor | None]:
        return {
            "image": self.image,
            "clean": self.clean,
            "corruption_mask": self.corruption_mask,
            "damage_map": self.damage_map,
        }


def _unpack(arrays: dict[str, np.ndarray | None], unreadable: tuple[tuple[str, str], ...]) -> Batch:
    tensors = {name: None if array is None else torch.from_numpy(array) for name, array in arrays.items()}
    return Batch(**tensors, unreadable=unreadable)  # pyright: ignore[reportArgumentType]


def collate(items: Sequence[Item]) -> Batch:
    """Collate items of one size into a batch."""
    image = _stack(item.image for item in items)
    assert image is not None
    return Batch(
        image=image,
        clean=_stack(item.clean for item in items),
        corruption_mask=_stack(
            None if item.corruption_mask is None else item.corruption_mask[..., None] for item in items
        ),
        damage_map=_stack(None if item.damage_map is None else item.damage_map[..., None] for item in items),
        unreadable=tuple(problem for item in items for problem in item.unreadable),
    )


def _stack(arrays: Iterable[np.ndarray | None]) -> Tensor | None:
    listed = list(arrays)
    if any(array is None for array in listed):
        return None
    return torch.from_numpy(np.ascontiguousarray(np.stack(listed).transpose(0, 3, 1, 2)))  # pyright: ignore[reportCallIssue, reportArgumentType]


@dataclass(frozen=True, kw_only=True)
class ItemFailure:
    """The reason why an item could not be made: a mistake of a component, not the contents of a file.

    Attributes:
        reason: the component that was at work, and its error, in one line.
        traceback: the traceback of the error, which does not pass from process to process.
    """

    reason: str
    traceback: str

    @classmethod
    def describe(cls, error: Exception) -> ItemFailure:
        """Describe an error that was just caught."""
        component = find_component_at_work(registry, error)
        who = "an image could not be prepared" if component is None else f"{component} failed"
        text = "".join(traceback.format_exception(error))
        return cls(reason=f"{who}: {describe_error(error)}{locate_error(error)}", traceback=text)


def make_loader(
    recipe: Recipe, *, start: int, process: int, processes: int, workers: int, pin_memory: bool
) -> DataLoader[Any]:
    """Make a loader of a process's parts of each step's batch, in order; errors of samples are items too.

    Args:
        recipe: the recipe of the run.
        start: the first step.
        process: the number of this process.
        processes: the number of processes that share the work.
        workers: the number of processes that prepare images; 0 for none.
        pin_memory: whether to copy batches to page-locked memory.
    """
    data = recipe.data
    items = {
        size: Items(
            data.dataset,
            size,
            corruption=data.corruption,
            seed=recipe.seed,
            augment=True,
            min_scale=data.min_scale,
            on_side=data.on_side,
            enlarge=data.enlarge,
            soften_over=recipe.count_images(data.soften_over),
        )
        for size, _ in recipe.list_turns()
    }
    return DataLoader(
        _ItemsBySize(items),  # pyright: ignore[reportArgumentType]
        batch_sampler=_PartSampler(recipe, start, process, processes),
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=pin_memory,
        generator=torch.Generator(),  # otherwise numbers would be drawn from the global generator
        persistent_workers=workers > 0,
        prefetch_factor=4 if workers > 0 else None,
        worker_init_fn=end_with_parent if workers > 0 else None,
    )


class _PartSampler(Sampler[list[tuple[int, int]]]):
    """The sizes and numbers of the items in each part of a batch that this process handles, from a given step on."""

    def __init__(self, recipe: Recipe, start: int, process: int, processes: int) -> None:
        self.recipe, self.start, self.process, self.processes = recipe, start, process, processes

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        recipe = self.recipe
        parts = recipe.accumulation * self.processes
        turns = recipe.list_turns()
        for step in range(self.start, recipe.steps):
            size, images = turns[step % len(turns)]
            for part in range(recipe.accumulation):
                first = recipe.count_images(step) + (part * self.processes + self.process) * images // parts
                yield [(size, first + i) for i in range(images // parts)]


class _ItemsBySize:
    """The items of each size. Errors are returned like items, because a worker would wrap them in its own traceback."""

    def __init__(self, items: Mapping[int, Items]) -> None:
        self.items = items

    def __getitem__(self, key: tuple[int, int]) -> Item | PhotoError | ItemFailure:
        size, number = key
        try:
            return self.items[size][number]
        except PhotoError as error:
            return error
        except Exception as error:
            return ItemFailure.describe(error)


def _collate(items: Sequence[Item | PhotoError | ItemFailure]) -> Batch | PhotoError | ItemFailure:
    for item in items:
        if isinstance(item, PhotoError | ItemFailure):
            return item
    try:
        return collate(items)  # pyright: ignore[reportArgumentType]
    except Exception as error:
        return ItemFailure.describe(error)
