"""Factories of components: checked, and the example of a class."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hcl_sdk.interfaces import Configurable


def check_factory(factory: Any) -> None:
    """Check that a factory can create a component.

    Raises:
        TypeError: if it cannot; the message says what was expected.
    """
    if isinstance(factory, Configurable):
        name = type(factory).__name__
        raise TypeError(
            f"expected a component class, or a function without arguments that makes a component; got a component. "
            f"Write lambda: {name}(...), so that each check gets its own"
        )
    if not callable(factory) or (isinstance(factory, type) and not issubclass(factory, Configurable)):
        raise TypeError(f"expected a component class, or a function without arguments that makes one; got {factory!r}")
    if not isinstance(factory, type):
        try:
            inspect.signature(factory).bind()
        except TypeError as error:
            raise TypeError(
                f"expected a function that can be called without arguments, got {factory!r}: {error}"
            ) from None
        except ValueError:
            return


def make_example(cls: type[Configurable], folder: Path) -> Any:
    """Make a small instance: the result of ``testing_example(folder)`` if the class has it, otherwise the defaults.

    Raises:
        TypeError: if fields have no defaults, and there is no example.
    """
    example: Callable[[Path], Any] | None = getattr(cls, "testing_example", None)
    if example is not None:
        return example(folder)
    try:
        return cls()
    except TypeError as error:
        raise TypeError(
            f"{cls.__name__} cannot be made from its defaults ({error}); give it a class method "
            f"testing_example(cls, folder) that returns a small one, or check a function that makes one"
        ) from error
