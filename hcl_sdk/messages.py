"""What error messages have in common: what came instead, and which name was perhaps meant."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def received(value: Any) -> str:
    """A value and its type, for messages; cut where it is long."""
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def suggest(name: Any, known: Collection[str]) -> str:
    """Which of the known names was perhaps meant, as the end of a message.

    >>> suggest("sensitivty", ["sensitivity", "dilate"])
    "did you mean 'sensitivity'?"
    >>> suggest("color", ["sensitivity", "dilate"])
    'known: sensitivity, dilate'
    """
    near = difflib.get_close_matches(str(name), known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"


def check_keywords(what: str, given: Iterable[str], known: Collection[str]) -> None:
    """Raise ``TypeError`` with a suggestion if a keyword is not one of those that ``what`` takes.

    Python itself suggests one from 3.13 on, and for functions only.
    """
    for name in given:
        if name not in known:
            raise TypeError(f"{what}() got an unexpected keyword argument {name!r}; {suggest(name, known)}")


def suggest_keywords(function: F) -> F:
    """Decorate a function so that a misspelt keyword is answered with the nearest right one."""
    parameters = inspect.signature(function).parameters.values()
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name != "self"]

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        check_keywords(function.__qualname__, kwargs, known)
        return function(*args, **kwargs)

    return call  # pyright: ignore[reportReturnType]  # of the same signature
