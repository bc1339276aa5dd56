"""Who is at the page, and the photos of each: in memory and in a folder of their own, for as long as they stay."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hcl_gradio.limits import Limits
from hcl_gradio.work import Work


class Visitor:
    """One page that is open in a browser.

    Attributes:
        folder: of the files that are shown and downloaded. Its name cannot be guessed, and only who was given the
            address of a file in it can read it.
        works: the photos.
        at: the index of the one that is shown.
        lock: held while any of this is changed.
        is_gone: whether the visitor was forgotten; what is written afterwards has to be deleted by whoever wrote it.
        seen: when something was last asked for, in seconds of ``time.monotonic``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.works: list[Work] = []
        self.at = 0
        self.lock = threading.RLock()
        self.seen = time.monotonic()
        self.is_gone = False

    @property
    def work(self) -> Work | None:
        """The photo that is shown."""
        return self.works[self.at] if self.works else None

    def write(self, image: NDArray[np.uint8], suffix: str = ".jpg") -> Path:
        """Write what is to be shown; under a new name each time, because browsers keep what they have seen."""
        shown = self.folder / "shown"
        shown.mkdir(parents=True, exist_ok=True)
        path = shown / f"{secrets.token_hex(8)}{suffix}"
        Image.fromarray(image).save(path, quality=88)
        for old in sorted(shown.iterdir(), key=lambda file: file.stat().st_mtime_ns)[:-24]:
            old.unlink(missing_ok=True)
        return path

    def forget(self) -> None:
        """Delete all photos and files."""
        with self.lock:
            self.works, self.at, self.is_gone = [], 0, True
        shutil.rmtree(self.folder, ignore_errors=True)


class Visitors:
    """All visitors, by the name that their browser gave itself.

    Args:
        folder: where their folders are made.
        limits: how many there may be, and how long they are remembered.
        clock: seconds.
    """

    def __init__(self, folder: Path, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self.limits, self._clock = folder, limits, clock
        self._known: dict[str, Visitor] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Visitor:
        """The visitor of this name; a new one if there is none, or none any more."""
        with self._lock:
            visitor = self._known.pop(name, None)
            if visitor is None:
                visitor = Visitor(self.folder / secrets.token_urlsafe(24))
            visitor.seen = self._clock()
            self._known[name] = visitor  # last, so that the first is the one that was idle longest
            gone = self._take_idle()
        for other in gone:
            other.forget()
        return visitor

    def forget(self, name: str) -> None:
        """Delete what there is of a visitor."""
        with self._lock:
            visitor = self._known.pop(name, None)
        if visitor is not None:
            visitor.forget()

    def sweep(self) -> None:
        """Delete what there is of visitors who were idle for too long."""
        with self._lock:
            gone = self._take_idle()
        for visitor in gone:
            visitor.forget()

    def __len__(self) -> int:
        return len(self._known)

    def _take_idle(self) -> list[Visitor]:
        oldest = self._clock() - 60 * self.limits.minutes
        idle = [name for name, visitor in self._known.items() if visitor.seen < oldest]
        surplus = len(self._known) - len(idle) - self.limits.visitors
        if surplus > 0:
            idle += [name for name in self._known if name not in idle][:surplus]
        return [self._known.pop(name) for name in idle]
