"""The code that may run: decided by the program or its environment, never by a configuration."""

from __future__ import annotations

import os
import re

VARIABLE = "HCL_LAMA_TRUST"
"""The environment variable that lists the SHA-256 of trusted files, separated by commas or spaces."""

_trusted: set[str] = set()


def trust(sha256: str) -> None:
    """Let this process load the TorchScript file with this hash, and run its code.

    For other processes, such as the command ``hcl`` or those of ``accelerate launch``, set the environment variable
    ``HCL_LAMA_TRUST``.

    Args:
        sha256: of the file, 64 hexadecimal digits.

    Raises:
        ValueError: if it is not a SHA-256.
    """
    _trusted.add(_check_hash(sha256))


def is_trusted(sha256: str) -> bool:
    """Return whether this process or its environment trusts a file.

    Raises:
        ValueError: if the environment variable holds anything but hashes.
    """
    named = re.split(r"[,\s]+", os.environ.get(VARIABLE, "").strip())
    return sha256 in _trusted or sha256 in [_check_hash(name, f"{VARIABLE}: ") for name in named if name]


def _check_hash(sha256: str, where: str = "") -> str:
    if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"{where}expected a SHA-256, 64 hexadecimal digits; got {sha256!r}")
    return sha256.lower()
