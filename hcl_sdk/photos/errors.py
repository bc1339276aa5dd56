"""The exception raised for photos that cannot be used."""

from __future__ import annotations


class PhotoError(ValueError):
    """A photo that cannot be read, used, or written as asked; the message names it and says why.

    Attributes:
        name: the file, or the photo's name in its dataset; empty for what came from memory.
    """

    def __init__(self, message: str, *, name: str = "") -> None:
        super().__init__(message)
        self.name = name
