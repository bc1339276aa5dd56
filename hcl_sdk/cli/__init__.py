"""The ``hcl`` command, one file per subcommand.

Nothing heavy is imported until a subcommand runs, so ``hcl --help`` is instant. Modules that begin with ``_`` are
shared by several subcommands or implement one.
"""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any

import click

from hcl_sdk._version import __version__
from hcl_sdk.cli._failures import explain_failures, show_cause, show_tracebacks_of_photos
from hcl_sdk.cli._lazy import LazyGroup
from hcl_sdk.cli._plugin_commands import PluginGroup
from hcl_sdk.cli._signals import end_on_signals


class _Commands(PluginGroup, LazyGroup):
    def invoke(self, ctx: click.Context) -> Any:
        # The command owns its process. A library must leave the filters alone, which belong to all threads.
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.filterwarnings("ignore", module=r"PIL\.")  # about small damage that decoders tolerate
                logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # likewise; errors are reported
            with show_tracebacks_of_photos():
                return self._invoke(ctx)

    def _invoke(self, ctx: click.Context) -> Any:
        try:
            with explain_failures(), end_on_signals():
                return super().invoke(ctx)
        except click.ClickException as error:
            show_cause(error)
            raise

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with end_on_signals():  # help lists the commands of plugins, which takes time
            return super().make_context(*args, **kwargs)


_NAMES = (
    "benchmark",
    "components",
    "convert",
    "detect",
    "doctor",
    "evaluate",
    "plugins",
    "quickstart",
    "restore",
    "train",
)


@click.group(
    cls=_Commands,
    targets={name: f"hcl_sdk.cli.{name}:{name}" for name in _NAMES},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="hcl", message="%(prog)s %(version)s")
def main() -> None:
    """Find the regions of a photo that do not belong in it, and fill them.

    Every other pixel is left untouched. To get started: hcl quickstart
    """
