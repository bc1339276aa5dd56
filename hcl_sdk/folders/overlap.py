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

    When the iteration stops for any reason, no further item is begun; reading and writing in progress are finished. An
    interruption is raised once the results of all items that were written have been yielded; one that reaches the
    caller between two results can be thrown in.

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
    written: deque[Future[None]] = deque()
    results: dict[int, D] = {}  # by number of the item; filled by the threads, so that no interruption loses one
    begun = yielded = 0

    def keep_result(number: int, processed: W) -> None:
        results[number] = write(processed)

    try:
        while waiting or read_ahead or written:
            _read_ahead(pool, read, waiting, read_ahead, weights, workers, weigh, most_held)
            if read_ahead:
                future = read_ahead.popleft()
                _read_ahead(pool, read, waiting, read_ahead, weights, workers, weigh, most_held)
                begun += 1
                written.append(pool.submit(keep_result, begun - 1, work(future.result())))
                del future  # it holds what was read
            must_wait = not read_ahead  # for room, or because these are the last
            while written and (must_wait or len(written) > workers or written[0].done()):
                written[0].result()
                result = results[yielded]
                yielded += 1
                yield result
                del result, results[yielded - 1]
                written.popleft()
                weights.popleft()
                must_wait = not waiting and not read_ahead
    except KeyboardInterrupt:
        pool.shutdown(wait=True, cancel_futures=True)
        for number in sorted(results):
            if number >= yielded:
                yield results[number]
        raise
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
