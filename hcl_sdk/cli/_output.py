"""The output of ``hcl``: nothing else goes to standard output, and errors in writing it do not end the work."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from hcl_sdk.registry import runs_plugin_code

_STDOUT = 1  # the file descriptor


@contextmanager
def own_output() -> Iterator[None]:
    """Keep standard output for what the command itself prints, and continue if nothing can be printed.

    Anything that plugins print, on import or at work, that other threads print (commands print in their own thread), or
    that libraries write past Python goes to standard error. Characters that the output cannot represent, such as bytes
    in file names that are not text, are printed as escapes.

    Only for programs, not for the library: it replaces ``sys.stdout`` and ``sys.stderr``.

    Raises:
        SystemExit: at the end, with a status other than 0, if some output was lost; standard error says so.
    """
    before = sys.stdout, sys.stderr
    with ExitStack() as stack:
        # If a program is started without them, their descriptors are free, and the next opened file would get one.
        stdout, stderr = (stack.enter_context(open(os.devnull, "w")) if s is None else s for s in before)
        errors = _Output(stderr)
        output = _Output(stack.enter_context(_keep_to_itself(stdout, stderr)), errors)
        sys.stdout, sys.stderr = output, errors  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield
        except SystemExit as end:
            output.flush()
            if output.lost is None:
                raise
            if output.lost.errno != errno.EPIPE:  # whoever closed the pipe knows
                reason = output.lost.strerror or output.lost
                errors.write(f"Error: standard output could not be written to the end: {reason}\n")
            raise SystemExit(end.code or 1) from None
        finally:
            errors.flush()
            sys.stdout, sys.stderr = before


@contextmanager
def _keep_to_itself(stdout: Any, stderr: Any) -> Iterator[Any]:
    """Move standard output to another file descriptor; what is written to its own goes to standard error."""
    try:
        is_real, errors = stdout.fileno() == _STDOUT, stderr.fileno()
    except (AttributeError, OSError, ValueError):  # they were replaced, as in a test
        is_real, errors = False, -1
    if not is_real:
        yield stdout
        return
    stdout.flush()
    kept = os.dup(_STDOUT)
    os.dup2(errors, _STDOUT)
    is_ascii = codecs.lookup(stdout.encoding).name == "ascii"
    own = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(kept, "w")),
        encoding="utf-8" if is_ascii else stdout.encoding,  # as click does it
        errors="backslashreplace" if stdout.errors == "strict" else stdout.errors,
        line_buffering=stdout.line_buffering,
    )
    try:
        yield own
    finally:
        with contextlib.suppress(OSError):
            stdout.flush()  # output that bypassed the replacement stream
        os.dup2(kept, _STDOUT)
        with contextlib.suppress(OSError):  # reported by whoever wrote it
            own.close()


def end_output() -> None:
    """Close standard output to anything printed while the program ends, which is not the command's own output.

    Handlers of ``atexit``, threads that outlive the command, and buffers of libraries in C print to standard error.
    """
    stdout, stderr = sys.stdout, sys.stderr
    with contextlib.suppress(AttributeError, OSError, ValueError):  # there is none, or it was replaced
        if stdout.fileno() == _STDOUT:
            stdout.flush()
            os.dup2(stderr.fileno(), _STDOUT)


def let_threads_print() -> None:
    """Let all threads print to standard output, because a plugin's own command runs."""
    if isinstance(sys.stdout, _Output):
        sys.stdout.thread = None


class _Output:
    """A stream that is written to until that fails; while plugins run, output goes to another stream.

    Attributes:
        thread: the only thread whose output it takes; None for all. The output of others goes to the other stream.
        lost: why something could not be written; None if everything was.
    """

    def __init__(self, stream: Any, other: _Output | None = None) -> None:
        self._stream, self._other = stream, other
        self.thread: int | None = None if other is None else threading.get_ident()
        self.lost: OSError | None = None

    @property
    def _instead(self) -> _Output | None:
        """The stream to write to now instead of this one."""
        is_foreign = runs_plugin_code() or self.thread not in (None, threading.get_ident())
        return self._other if is_foreign else None

    def write(self, text: str) -> int:
        """Write a text, or drop it."""
        if (instead := self._instead) is not None:
            return instead.write(text)
        if self.lost is None:
            try:
                try:
                    self._stream.write(text)
                except UnicodeEncodeError:  # of a stream that was replaced
                    encoding = self._stream.encoding
                    self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            except OSError as error:
                self.lost = error
        return len(text)

    def flush(self) -> None:
        """Write the buffered output, or drop it."""
        if (instead := self._instead) is not None:
            instead.flush()
        elif self.lost is None:
            try:
                self._stream.flush()
            except OSError as error:
                self.lost = error

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._instead or self._stream, name)
