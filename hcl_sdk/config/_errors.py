"""The problems in a configuration, all reported at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

Problem = tuple[str, str]
"""A path such as ``detector.encoder.dim``, and a message."""


class ConfigError(ValueError):
    """A configuration is invalid.

    Attributes:
        problems: all problems, as (path, message).
    """

    __module__ = "hcl_sdk.config"  # the import path, which tracebacks show

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        lines = (f"\n  {path}: {message}" if path else f"\n  {message}" for path, message in self.problems)
        super().__init__(f"{count} in the configuration:{''.join(lines)}")

    def __reduce__(self) -> Any:
        return type(self), (self.problems,)


class Problems(list[Problem]):
    """Collects problems, so that one does not hide the next.

    Example:
        >>> problems = Problems()
        >>> for name in ("dim", "depth"):
        ...     with problems.collect():
        ...         raise ConfigError([(name, "missing")])
        >>> problems
        [('dim', 'missing'), ('depth', 'missing')]
    """

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Collect the problems of a ``ConfigError`` raised inside, and continue after the ``with`` statement."""
        try:
            yield
        except ConfigError as error:
            self.extend(error.problems)

    def check(self) -> None:
        """Raise ``ConfigError`` if there are problems."""
        if self:
            raise ConfigError(self)


def get_message(error: Exception) -> str:
    """Return the message of an error in one line; attrs' own validators put more than that into ``args``."""
    return " ".join(str(error.args[0] if error.args else error).split())
