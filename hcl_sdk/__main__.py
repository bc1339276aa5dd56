"""The program ``hcl``, also ``python -m hcl_sdk``."""

from __future__ import annotations

import sys


def run() -> None:
    """Run ``hcl``; an interruption during the imports is reported in one line, like one later on."""
    try:
        from hcl_sdk.cli import main
        from hcl_sdk.cli._output import end_output

        try:
            main()
        finally:
            end_output()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)  # what shells expect after Ctrl-C


if __name__ == "__main__":
    run()
