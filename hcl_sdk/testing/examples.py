"""Small instances of components, to be checked in milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hcl_sdk.interfaces import Configurable


def example(cls: type[Configurable], folder: Path) -> Any:
    """A small instance of a component class.

    Made by its class method ``testing_example(folder)``, where it has one; else, for a built-in, as it says here; else
    with the defaults of all its fields.

    Args:
        cls: the class.
        folder: an empty one, for files that it needs.

    Raises:
        TypeError: if fields have no defaults, and there is no example.
    """
    own: Callable[[Path], Any] | None = getattr(cls, "testing_example", None)
    if own is not None:
        return own(folder)
    if cls.__module__.startswith("hcl_sdk."):
        from hcl_sdk.testing.built_in import EXAMPLES

        if (made := EXAMPLES.get(cls)) is not None:
            return made(folder)
    try:
        return cls()
    except TypeError as error:
        raise TypeError(
            f"{cls.__name__} cannot be made from its defaults ({error}); give it a class method "
            f"testing_example(cls, folder) that returns a small one, or check a function that makes one"
        ) from error
