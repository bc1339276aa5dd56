"""Batches: which items a step is made of, and the processes that prepare them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from hcl_sdk.data.items import Item, Items
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.training.processes import end_with_parent
from hcl_sdk.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Items as tensors.

    Between processes it travels through a pipe, as plain arrays. Tensors would travel through shared memory, which
    containers keep small: where it is full, a batch is lost and waited for without end.

    Attributes:
        image: ``[B, 3, H, W]`` uint8, damaged.
        clean: the same undamaged; None if the dataset does not know it.
        corruption_mask: ``[B, 1, H, W]`` bool; None if the dataset does not know it.
        damage_map: ``[B, 1, H, W]`` uint8, as in :class:`~hcl_sdk.corruptions.Corrupted`; None if it is not known.
        unreadable: photos that could not be used: (name, why).
    """

    image: Tensor
    clean: Tensor | None
    corruption_mask: Tensor | None
    damage_map: Tensor | None
    unreadable: tuple[tuple[str, str], ...]

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory, from which it is copied to an accelerator in the background."""
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
    """Items of one size -> a batch."""
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


def make_loader(
    recipe: Recipe, *, start: int, process: int, processes: int, workers: int, pin_memory: bool
) -> DataLoader[Any]:
    """What gives the parts of each step's batch that a process works on, in order; errors of samples as they are.

    Args:
        recipe: of the run.
        start: the first step.
        process: the number of this process.
        processes: how many share the work.
        workers: processes that prepare images; 0 for none.
        pin_memory: whether to put them into page-locked memory.
    """
    data = recipe.data
    items = Items(
        data.dataset,
        data.size,
        corruption=data.corruption,
        seed=recipe.seed,
        augment=True,
        min_scale=data.min_scale,
        soften_over=data.soften_over * recipe.batch_size,
    )
    return DataLoader(
        _Handed(items),  # pyright: ignore[reportArgumentType]
        batch_sampler=_Parts(recipe, start, process, processes),
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=pin_memory,
        generator=torch.Generator(),  # otherwise the global one would be drawn from
        persistent_workers=workers > 0,
        prefetch_factor=4 if workers > 0 else None,
        worker_init_fn=end_with_parent if workers > 0 else None,
    )


class _Parts(Sampler[list[int]]):
    """The numbers of the items of each part of a batch that this process works on, from a step on to the last."""

    def __init__(self, recipe: Recipe, start: int, process: int, processes: int) -> None:
        self.recipe, self.start, self.process, self.processes = recipe, start, process, processes

    def __iter__(self) -> Iterator[list[int]]:
        recipe = self.recipe
        size = recipe.batch_size // (recipe.accumulation * self.processes)
        for step in range(self.start, recipe.steps):
            for part in range(recipe.accumulation):
                first = step * recipe.batch_size + (part * self.processes + self.process) * size
                yield list(range(first, first + size))


class _Handed:
    """Items whose errors are handed over like items: a worker would wrap them in its own traceback."""

    def __init__(self, items: Items) -> None:
        self.items = items

    def __getitem__(self, number: int) -> Item | PhotoError:
        try:
            return self.items[number]
        except PhotoError as error:
            return error


def _collate(items: Sequence[Item | PhotoError]) -> Batch | PhotoError:
    made = [item for item in items if not isinstance(item, PhotoError)]
    return collate(made) if len(made) == len(items) else next(i for i in items if isinstance(i, PhotoError))
