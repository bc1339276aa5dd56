"""Errors in a request to process many photos, raised before the work begins."""

from __future__ import annotations


class ArgumentError(ValueError):
    """Arguments that are invalid or cannot be combined.

    Attributes:
        arguments: their names, so that a program can translate them to its own options.
    """

    def __init__(self, message: str, *arguments: str) -> None:
        super().__init__(message)
        self.arguments = arguments

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self), *self.arguments)


class NoPhotosError(ValueError):
    """There are no photos to process."""
