"""Building blocks of messages: the value received, the nearest valid name, names of files, errors of other code."""

from __future__ import annotations

import difflib
import functools
import inspect
import re
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


def describe_value(value: Any) -> str:
    """Describe a value and its type for a message; long values are shortened."""
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({type(value).__name__})"


def list_some(names: Sequence[str], count: int) -> str:
    """Join the first ``count`` of some names for messages, and count the others.

    Example:
        >>> list_some(["a.jpg", "b.jpg", "c.jpg", "d.jpg"], 2)
        'a.jpg, b.jpg and 2 more'
    """
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def escape(text: str) -> str:
    """Escape everything that is not UTF-8, ends lines or controls terminals: file names may be any bytes.

    >>> escape("a\\nb")
    'a\\\\nb'
    """
    shown = text.encode("utf-8", "backslashreplace").decode()
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), shown)


def suggest(name: Any, known: Collection[str], otherwise: str | None = None) -> str:
    """Suggest the known name that was probably meant, as the end of a message.

    Args:
        name: what was given.
        known: the names that exist.
        otherwise: the end of the message if no name is similar; by default, it lists all of them.

    Example:
        >>> suggest("sensitivty", ["sensitivity", "dilate"])
        "did you mean 'sensitivity'?"
        >>> suggest("mask", ["photo", "corruption_mask"])
        "did you mean 'corruption_mask'?"
        >>> suggest("color", ["sensitivity", "dilate"])
        'known: sensitivity, dilate'
    """
    near = difflib.get_close_matches(str(name), known, n=1)
    if not near:
        near = [longer for longer in known if str(name).removesuffix("s") in longer.split("_")]
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(known) or 'none'}" if otherwise is None else otherwise


def is_whole_number(value: Any) -> TypeGuard[Integral]:
    """Whether a value is a whole number, of NumPy too; a bool is not."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_whole_number(name: str, value: Any) -> int:
    """Return a whole number as an ``int``; raise ``TypeError`` if it is not one."""
    if not is_whole_number(value):
        raise TypeError(f"{name} must be a whole number; got {describe_value(value)}")
    return int(value)


def check_keywords(
    what: str, given: Iterable[str], known: Collection[str], hints: Mapping[str, str] | None = None
) -> None:
    """Raise ``TypeError`` with a suggestion if ``what`` does not accept one of the keywords.

    Python itself makes suggestions from 3.13 on, and only for functions.

    Args:
        what: the function or class, for the message.
        given: the keywords.
        known: those that it accepts.
        hints: what to do instead, for keywords that belong elsewhere; for all others, the nearest known one is named.
    """
    for name in given:
        if name not in known:
            hint = (hints or {}).get(name) or suggest(name, known)
            raise TypeError(f"{what}() got an unexpected keyword argument {name!r}; {hint}")


def suggest_keywords(function: _F, hints: Mapping[str, str] | None = None) -> _F:
    """Decorate a function so that the error for a misspelled keyword suggests the nearest valid one, or a hint."""
    parameters = inspect.signature(function).parameters.values()
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    known = [name for name in named if name not in ("self", "cls")]

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        check_keywords(function.__qualname__, kwargs, known, hints)
        return function(*args, **kwargs)

    return call  # pyright: ignore[reportReturnType]  # of the same signature


def describe_error(error: BaseException, *, limit: int | None = None) -> str:
    """Describe the type and the message of an error in one line, for use in another message.

    Args:
        error: an error of any code, even one that cannot be converted to text.
        limit: maximum number of characters of the message; a longer one is truncated.

    Example:
        >>> describe_error(ImportError("No module\\n  named 'x'"))
        "ImportError: No module named 'x'"
        >>> describe_error(ValueError("a long explanation."), limit=9)
        'ValueError: a long...'
        >>> describe_error(KeyError())
        'KeyError'
    """
    name, text = type.__getattribute__(type(error), "__name__"), read_message(error)
    if limit is not None:
        text = text.rstrip(".")
        text = text if len(text) <= limit else f"{text[: limit - 3]}..."
    return f"{name}: {text}" if text else name


def read_message(error: BaseException) -> str:
    """Return the message of an error in one line, even if the error cannot be converted to text."""
    try:
        return " ".join(str(error).split())
    except KeyboardInterrupt:
        raise
    except BaseException as failure:
        return f"(its message cannot be shown: {type(failure).__name__})"


def is_explained(error: BaseException) -> bool:
    """Whether the message of an error says everything: this package wrote it, or the system did and named the file."""
    if isinstance(error, OSError) and error.filename is not None:
        return True
    frames = traceback.extract_tb(error.__traceback__)
    is_ours = bool(frames) and Path(frames[-1].filename).is_relative_to(Path(__file__).parent)
    has_own_type = type(error).__module__.startswith("hcl_sdk.")
    return bool(read_message(error)) and (has_own_type or (is_ours and isinstance(error, ValueError | OSError)))


def locate_error(error: BaseException) -> str:
    """Locate the origin of an error outside this package, as `` (file:line)``; empty if there is none."""
    own = Path(__file__).parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        passed_through = frame.filename.startswith("<") or file.parent.name in ("importlib", "pluggy")
        if not passed_through and not file.is_relative_to(own):
            return f" ({frame.filename}:{frame.lineno})"
    return ""


class KeptTraceback(Exception):  # noqa: N818  # shown as what caused another error
    """The traceback of an error, as text, for an error raised instead in another process."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"
