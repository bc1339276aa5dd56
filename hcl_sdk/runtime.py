"""Where things run: device, precision, and one process's share of the work among several.

This is the one place that knows Accelerate at inference. It creates no ``Accelerator``: that would fix one precision
for the whole process, and a program may hold two pipelines.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Literal, TypeVar, get_args

import torch

Precision = Literal["no", "fp16", "bf16"]

_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
T = TypeVar("T")


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """Choose the device to run on: the given one, else the accelerator of this process, else the CPU.

    Raises:
        ValueError: if ``device`` is not a device, or is one that this machine does not have.
    """
    available = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device is None:
        if available is None:
            return torch.device("cpu")
        return torch.device(available.type, int(os.environ.get("LOCAL_RANK", "0")))
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"expected a device such as 'cpu' or 'cuda:0', got {device!r}") from error
    if wanted.type != "cpu" and (available is None or wanted.type != available.type):
        raise ValueError(f"device {str(wanted)!r} is not available here; there is {available or 'cpu'}")
    if wanted.index is not None and wanted.type != "cpu":
        count = torch.accelerator.device_count()
        if wanted.index >= count:
            raise ValueError(f"device {str(wanted)!r} is not available here; there are {count}, counted from 0")
    return wanted


def check_precision(precision: str) -> Precision:
    """Return the precision if it is valid, else raise ``ValueError``."""
    if precision not in get_args(Precision):
        raise ValueError(f"expected precision {', '.join(map(repr, get_args(Precision)))}, got {precision!r}")
    return precision  # pyright: ignore[reportReturnType]


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Return a context manager in which a forward pass runs in ``precision``."""
    return nullcontext() if precision == "no" else torch.autocast(device.type, _DTYPES[precision])


def take_share(items: Sequence[T]) -> list[T]:
    """Return this process's share of ``items``: all of them, unless under ``accelerate launch``."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return list(items)
    from accelerate import PartialState  # joins the other processes, so only where there are some

    # The timeout is for wait_for_everyone: shares may take very different times.
    state = PartialState(cpu=not torch.accelerator.is_available(), timeout=timedelta(days=30))
    return list(items[state.process_index :: state.num_processes])


def gather(items: list[T]) -> list[T]:
    """Gather the items of all processes of ``accelerate launch`` in each of them; without it, return the items."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return items
    from accelerate.utils import gather_object

    take_share([])  # joins the other processes
    return gather_object(items)


def is_first_process() -> bool:
    """Whether this is the process that writes what only one process may write."""
    return int(os.environ.get("RANK", "0")) == 0


def wait_for_everyone() -> None:
    """Wait until all processes of ``accelerate launch`` are here; alone, do nothing. Call :func:`take_share` first."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()
