"""The program ``hcl``, also ``python -m hcl_sdk``."""

from __future__ import annotations

import sys


def run() -> None:
    """Run ``hcl``; interrupted while it is still being imported, it says so in a line, as it does later."""
    try:
        from hcl_sdk.cli import main

        main()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)  # what shells expect after Ctrl-C


if __name__ == "__main__":
    run()
