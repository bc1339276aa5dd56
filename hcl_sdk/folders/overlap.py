"""Reading one photo and writing another while a third is processed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
W = TypeVar("W")
D = TypeVar("D")

WORKERS = 2
"""Default number of threads that read and write photos: one for each."""

MOST_HELD = 50.0
"""Megapixels of photos in memory beyond which no further photo is read ahead."""


def run_overlapped(
    items: Sequence[T],
    *,
    read: Callable[[T], R],
    work: Callable[[R], W],
    write: Callable[[W], D],
    workers: int,
    weigh: Callable[[T], float],
    most_held: float = MOST_HELD,
) -> Generator[D, None, None]:
    """Take items through three stages, with results in order.

    When the iteration stops for any reason, no further item is begun; reading and writing in progress are finished.

    Args:
        items: in the order of the results.
        read, write: run in threads.
        work: runs in the caller's thread.
        workers: number of threads; 0 takes each item through all stages before the next.
        weigh: how heavy an item is before it is read; called in the caller's thread.
        most_held: the largest sum of the weights of items held together. A heavier item is held alone.

    Yields:
        What ``write`` returns for each item.
    """
    if workers == 0:
        for item in items:
            yield write(work(read(item)))
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="hcl_sdk-photos")
    waiting = deque(items)
    weights: deque[float] = deque()  # of the items held, in order
    read_ahead: deque[Future[R]] = deque()
    written: deque[Future[D]] = deque()
    try:
        while waiting or read_ahead:
            _read_ahead(pool, read, waiting, read_ahead, weights, workers, weigh, most_held)
            if read_ahead:
                future = read_ahead.popleft()
                _read_ahead(pool, read, waiting, read_ahead, weights, workers, weigh, most_held)
                written.append(pool.submit(write, work(future.result())))
                del future  # it holds what was read
            must_wait = not read_ahead and waiting  # for room
            while written and (must_wait or len(written) > workers or written[0].done()):
                yield written.popleft().result()
                weights.popleft()
                must_wait = False
        while written:
            yield written.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read_ahead(
    pool: ThreadPoolExecutor,
    read: Callable[[T], R],
    waiting: deque[T],
    read_ahead: deque[Future[R]],
    weights: deque[float],
    workers: int,
    weigh: Callable[[T], float],
    most_held: float,
) -> None:
    """Begin to read the next items while there are threads and room for them."""
    while waiting and len(read_ahead) < workers:
        weight = weigh(waiting[0])
        if weights and sum(weights) + weight > most_held:
            return
        weights.append(weight)
        read_ahead.append(pool.submit(read, waiting.popleft()))
