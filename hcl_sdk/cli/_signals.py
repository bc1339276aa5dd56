"""Handling of signals that end ``hcl``: it prints a line, and exits with the status that shells expect."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click


class _Terminated(KeyboardInterrupt):
    """SIGTERM was received; whatever lets an interruption through lets this through."""


@contextmanager
def end_on_signals() -> Iterator[None]:
    """Print what ended the program, and exit with 128 plus the number of the signal.

    Raises:
        click.exceptions.Exit: with this status.
    """
    try:
        with _raise_on_sigterm():
            yield
    except _Terminated:
        click.echo("Terminated.", err=True)
        raise click.exceptions.Exit(128 + signal.SIGTERM) from None
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        raise click.exceptions.Exit(128 + signal.SIGINT) from None


@contextmanager
def _raise_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise, so that nothing half-written is left behind. A handler that was set before is kept."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    process = os.getpid()

    def handle(number: int, _: FrameType | None) -> None:
        if os.getpid() == process:
            raise _Terminated
        signal.signal(number, signal.SIG_DFL)  # a forked process ends as if there were no handler
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
