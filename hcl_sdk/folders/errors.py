"""What is wrong with a request to work on many photos; found out before the work begins."""

from __future__ import annotations


class ArgumentError(ValueError):
    """Arguments that cannot be used, or not together.

    Attributes:
        arguments: their names, so that a program can say what it calls them.
    """

    def __init__(self, message: str, *arguments: str) -> None:
        super().__init__(message)
        self.arguments = arguments

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), *self.arguments)


class NoPhotosError(ValueError):
    """There is nothing to work on."""
