"""Any failure as one line that names the component at fault; ``HCL_TRACEBACK=1`` shows the traceback."""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from hcl_sdk.errors import KeptTraceback, describe_error, is_explained, locate_error

VARIABLE = "HCL_TRACEBACK"
HINT = f"{VARIABLE}=1 shows the traceback"


@contextmanager
def explain_failures(kind: type[BaseException] = Exception) -> Iterator[None]:
    """Turn an error raised inside into an error of the command.

    Args:
        kind: the errors; ``BaseException`` around components: one that raises ``SystemExit`` has failed.

    Raises:
        click.ClickException: instead of those errors, except interruptions and errors that the command raises itself.
    """
    try:
        yield
    except (KeyboardInterrupt, click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except kind as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise
        raise click.ClickException(_explain(error)) from error


def show_cause(error: BaseException) -> None:
    """Print the traceback of the cause of a command's error on standard error, if requested."""
    if error.__cause__ is not None and _shows_tracebacks():
        traceback.print_exception(error.__cause__, file=sys.stderr)


@contextmanager
def show_tracebacks_of_photos() -> Iterator[None]:
    """Print the tracebacks of photos that fail inside on standard error, if requested."""
    if not _shows_tracebacks():
        yield
        return
    logger, handler = logging.getLogger("hcl_sdk.folders"), logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: record.exc_info is not None)
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _shows_tracebacks() -> bool:
    return os.environ.get(VARIABLE, "") not in ("", "0")


def _explain(error: BaseException) -> str:
    if isinstance(error, click.ClickException) or is_explained(error):
        text = _name_file(error) if isinstance(error, OSError) else str(error)
        return f"{text}; {HINT}" if isinstance(error.__cause__, KeptTraceback) else text
    from hcl_sdk.plugins import registry
    from hcl_sdk.registry import find_component_at_work
    from hcl_sdk.runtime import is_out_of_memory

    if is_out_of_memory(error):
        return f"not enough memory; use smaller images, or fewer at once; {HINT}"
    component = find_component_at_work(registry, error)
    who = "" if component is None else f"{component} failed: "
    return f"{who}{describe_error(error)}{locate_error(error)}; {HINT}"


def _name_file(error: OSError) -> str:
    """Return the message of an error of the system as that of all others: the file first, and no number."""
    is_of_one_file = isinstance(error.filename, str | bytes | os.PathLike) and error.filename2 is None
    return f"{os.fsdecode(error.filename)}: {error.strerror}" if is_of_one_file and error.strerror else str(error)
