"""The visitors of the page, and their photos: kept in memory and in their own folder for as long as they stay."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hcl_gradio.limits import Limits
from hcl_gradio.work import Work

_ARCHIVE = "restored.zip"
_SHOWN = 24  # images that a page may still load; older ones are deleted


class Visitor:
    """One page that is open in a browser.

    Attributes:
        folder: holds the files that are shown and downloaded. Its name cannot be guessed, so a file in it can be read
            only by those who were given its address.
        works: the photos.
        at: the index of the photo that is shown.
        lock: hold it while changing any of this.
        is_gone: whether the visitor was forgotten. Whoever writes a file afterwards must call `delete_if_gone`.
        seen: the time of the visitor's last request, in seconds of ``time.monotonic``.
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
        """Write an image ``[h, w, 3]`` to be shown, under a new name each time: browsers cache what they have seen."""
        shown = self.folder / "shown"
        shown.mkdir(parents=True, exist_ok=True)
        path = shown / f"{secrets.token_hex(8)}{suffix}"
        Image.fromarray(image).save(path, quality=88)
        for old in sorted(shown.iterdir(), key=lambda file: file.stat().st_mtime_ns)[:-_SHOWN]:
            old.unlink(missing_ok=True)
        return path

    @property
    def archive(self) -> Path | None:
        """All results in one file; None unless several photos were restored."""
        path = self.folder / _ARCHIVE
        return path if len(self.works) > 1 and path.exists() else None

    def write_archive(self) -> None:
        """Write the results of all photos to one file, if there are several photos."""
        if len(self.works) < 2:
            return
        with zipfile.ZipFile(self.folder / _ARCHIVE, "w", zipfile.ZIP_STORED) as archive:  # images are compressed
            taken: set[str] = set()
            for i, work in enumerate(self.works, start=1):
                for file in work.files.values():
                    name = file.name if file.name not in taken else f"{i}_{file.name}"
                    taken.add(name)
                    archive.write(file, name)

    def forget(self) -> None:
        """Delete all photos and files."""
        with self.lock:
            self.works, self.at, self.is_gone = [], 0, True
        shutil.rmtree(self.folder, ignore_errors=True)

    def delete_if_gone(self) -> None:
        """Delete what was written after the visitor had left."""
        if self.is_gone:
            self.forget()


class Visitors:
    """All visitors, by the name of their session.

    Args:
        folder: where their folders are made.
        limits: how many there may be, and for how long they are remembered.
        clock: returns the time in seconds.
    """

    def __init__(self, folder: Path, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder, self.limits, self._clock = folder, limits, clock
        self._known: dict[str, Visitor] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Visitor:
        """Return the visitor of this name; a new one if the name is unknown or was forgotten."""
        with self._lock:
            visitor = self._known.pop(name, None)
            if visitor is None:
                visitor = Visitor(self.folder / secrets.token_urlsafe(24))
            visitor.seen = self._clock()
            self._known[name] = visitor  # moved to the end: the first has been idle longest
            gone = self._take_idle()
        for other in gone:
            other.forget()
        return visitor

    def forget(self, name: str) -> None:
        """Delete the photos and files of a visitor."""
        with self._lock:
            visitor = self._known.pop(name, None)
        if visitor is not None:
            visitor.forget()

    def sweep(self) -> None:
        """Delete the photos and files of visitors who have been idle for too long."""
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
