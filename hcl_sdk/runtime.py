"""Device, precision, and one process's share of the work among several.

This is the one place that knows Accelerate at inference. It creates no ``Accelerator``: that would fix one precision
for the whole process, and a program may hold two pipelines.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sys
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

import torch

from hcl_sdk.errors import read_message

if TYPE_CHECKING:
    from accelerate import PartialState

Precision = Literal["no", "fp16", "bf16"]

_logger = logging.getLogger("hcl_sdk.runtime")

_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}
T = TypeVar("T")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that there is not enough memory; for some devices, PyTorch has no class for that."""
    is_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return is_memory or re.search("DefaultCPUAllocator|out of memory", read_message(error)) is not None


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
        raise ValueError(f"device {str(wanted)!r} is not available here; available: {available or 'cpu'}")
    if wanted.index is not None and wanted.type != "cpu":
        count = torch.accelerator.device_count()
        if wanted.index >= count:
            raise ValueError(f"device {str(wanted)!r} is not available here; there are {count}, counted from 0")
    return wanted


def count_processors() -> int:
    """Count the processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def release_memory() -> None:
    """Return freed memory to the system where the C library, glibc, keeps it for later; elsewhere, do nothing.

    After work in large parts, that can be hundreds of megabytes, which the next step would need in addition to its own.
    """
    trim = getattr(_load_c_library(), "malloc_trim", None)
    if trim is not None:
        trim(0)


@cache
def _load_c_library() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def explain_crowding(device: torch.device) -> str | None:
    """Explain what to do if the processes of this machine have more threads than there are processors.

    They then wait for each other at every operation: two processes of two threads on two processors are up to ten times
    slower than with one thread each. All processes that ``accelerate launch`` or ``torchrun`` started here are counted.

    Returns:
        The problem and its remedy in one sentence; None if there is room for all threads, ``device`` is not the CPU, or
        this is not the first process of this machine, which says it for all.
    """
    if int(os.environ.get("LOCAL_RANK", "0")) > 0:
        return None
    threads, processors = torch.get_num_threads(), count_processors()
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if device.type != "cpu" or threads * processes <= processors:
        return None
    crowd = f"{threads} threads" if processes == 1 else f"{processes} processes with {threads} threads each"
    remedy = f"set OMP_NUM_THREADS={max(1, processors // processes)}"
    if processes > processors:
        remedy = f"{'' if threads == 1 else remedy + ' and '}start at most {processors} processes"
    plural = "processor" if processors == 1 else "processors"
    return f"{crowd} compete for {processors} {plural}, which makes them many times slower: {remedy}"


@cache
def warn_of_crowding(device: torch.device) -> None:
    """Log what :func:`explain_crowding` says, once."""
    if why := explain_crowding(device):
        _logger.warning("%s", why)


def check_precision(precision: str) -> Precision:
    """Return the precision if it is valid, else raise ``ValueError``."""
    if precision not in get_args(Precision):
        raise ValueError(f"expected precision {', '.join(map(repr, get_args(Precision)))}, got {precision!r}")
    return precision  # pyright: ignore[reportReturnType]


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Return a context manager in which a forward pass runs in ``precision``, whatever it is outside."""
    return torch.autocast(device.type, _DTYPES.get(precision), enabled=precision != "no")


def count_processes() -> int:
    """Count the processes that ``accelerate launch`` started, on all machines; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def take_share(items: Sequence[T]) -> list[T]:
    """Return this process's share of ``items``: all of them, unless under ``accelerate launch``."""
    if count_processes() == 1:
        return list(items)
    state = join_processes()
    return list(items[state.process_index :: state.num_processes])


def gather(items: list[T]) -> list[T]:
    """Gather the items of all processes of ``accelerate launch`` in each of them; without it, return the items."""
    if count_processes() == 1:
        return items
    from accelerate.utils import gather_object

    join_processes()
    return gather_object(items)


def is_first_process() -> bool:
    """Whether this is the process that writes what only one process may write."""
    return int(os.environ.get("RANK", "0")) == 0


def wait_for_everyone() -> None:
    """Wait until all processes of ``accelerate launch`` are here; alone, do nothing."""
    if count_processes() > 1:
        join_processes().wait_for_everyone()


def join_processes() -> PartialState:
    """Join the other processes of ``accelerate launch``, once; call it only if there are some."""
    from accelerate import PartialState

    # The timeout is for wait_for_everyone: shares may take very different times.
    return PartialState(cpu=not torch.accelerator.is_available(), timeout=timedelta(days=30))
