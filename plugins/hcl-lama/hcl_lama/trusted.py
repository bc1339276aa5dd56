"""Whose code may run: a decision of the program or its environment, which no configuration can make."""

from __future__ import annotations

import os
import re

VARIABLE = "HCL_LAMA_TRUST"
"""The environment variable that names trusted files by their SHA-256, separated by commas or spaces."""

_trusted: set[str] = set()


def trust(sha256: str) -> None:
    """Let this process load the TorchScript file with this hash, whose code then may run.

    For other processes, such as the command ``hcl`` or those of ``accelerate launch``, the environment variable
    ``HCL_LAMA_TRUST`` does the same.

    Args:
        sha256: of the file, 64 hexadecimal digits.

    Raises:
        ValueError: if it is no SHA-256.
    """
    _trusted.add(_checked(sha256))


def is_trusted(sha256: str) -> bool:
    """Whether this process, or its environment, trusts a file.

    Raises:
        ValueError: if the environment variable holds something else than hashes.
    """
    named = re.split(r"[,\s]+", os.environ.get(VARIABLE, "").strip())
    return sha256 in _trusted or sha256 in [_checked(name, f"{VARIABLE}: ") for name in named if name]


def _checked(sha256: str, where: str = "") -> str:
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"{where}expected a SHA-256, 64 hexadecimal digits; got {sha256!r}")
    return sha256.lower()
