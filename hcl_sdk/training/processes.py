"""Signals, and processes that end together with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import FrameType

from tqdm import tqdm

GRACE = 20.0
"""Seconds that a worker continues after it was asked to end, so that the trainer can finish a step."""


class StopRequested(BaseException):
    """A signal requested to stop at a moment when only waiting is interrupted."""


class Stop:
    """Whether a signal (SIGINT or SIGTERM) requested that a run stop.

    Attributes:
        requested: whether one did.
    """

    def __init__(self) -> None:
        self.requested = False
        self._waits = False

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Treat the first signal as a request; a second one ends the program as it would have before."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def handle(number: int, frame: FrameType | None) -> None:
            self.requested = True
            for each, handler in before.items():
                signal.signal(each, handler)
            tqdm.write("stopping after this step; repeat to stop at once", file=sys.stderr)
            if self._waits:
                raise StopRequested

        for number in before:
            signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def interrupt_waiting(self) -> Iterator[None]:
        """Raise `StopRequested` at once if a request comes while inside: the wait might never end."""
        self._waits = True
        try:
            yield
        finally:
            self._waits = False


def end_with_parent(_: int) -> None:
    """Set up a worker to end when its trainer is killed: otherwise it may wait forever to pass on an image.

    A terminal and a batch system signal the whole process group. The trainer still needs its workers then, to finish
    the step, and ends them itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _end_after(GRACE))
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])  # unlike getppid, also if a server forks the workers
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _end_after(seconds: float) -> None:
    timer = threading.Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()
