"""What to say of an error that somebody else's code raised."""

from __future__ import annotations

import traceback
from pathlib import Path


def describe_error(error: BaseException, *, limit: int | None = None) -> str:
    """The type and the message of an error in one line, for a message of one's own.

    Args:
        error: raised by any code; that its message can be shown is not taken for granted.
        limit: the most characters of the message; a longer one is cut.

    Example:
        >>> describe_error(ImportError("No module\\n  named 'x'"))
        "ImportError: No module named 'x'"
        >>> describe_error(ValueError("a long explanation."), limit=9)
        'ValueError: a long...'
        >>> describe_error(KeyError())
        'KeyError'
    """
    name, text = type(error).__name__, read_message(error)
    if limit is not None:
        text = text.rstrip(".")
        text = text if len(text) <= limit else f"{text[: limit - 3]}..."
    return f"{name}: {text}" if text else name


def read_message(error: BaseException) -> str:
    """The message of an error in one line; that it can be shown is not taken for granted."""
    try:
        return " ".join(str(error).split())
    except KeyboardInterrupt:
        raise
    except BaseException as failure:
        return f"(its message cannot be shown: {type(failure).__name__})"


def locate_error(error: BaseException) -> str:
    """`` (file:line)`` of where it was raised, or called what raised it; empty if no code but this package's was."""
    own = Path(__file__).parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        passed_through = frame.filename.startswith("<") or file.parent.name in ("importlib", "pluggy")
        if not passed_through and not file.is_relative_to(own):
            return f" ({frame.filename}:{frame.lineno})"
    return ""
