"""Getting LaMa's TorchScript file, and running none of its code before it is identified."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import torch
from torch import nn

from hcl_lama.trusted import VARIABLE, is_trusted
from hcl_sdk.files import expand_home

ADDRESS = "https://github.com/Sanster/models/releases/download/add_big_lama/big-lama.pt"
"""The source of the file in IOPaint: ``LAMA_MODEL_URL`` in its ``iopaint/model/lama.py``."""

PINNED = "344c77bbcb158f17dd143070d1e789f38a66c04202311ae3a258ef66667a9ea9"
"""SHA-256 of the file at ``ADDRESS``, 205669692 bytes.

IOPaint publishes only its MD5, ``e3aa4aaa15225a33ec84f9f4bc47e500`` (``LAMA_MODEL_MD5``, next to the address).
Independent projects that download the same file pin this SHA-256, some of them together with that MD5; for example
``model_sha`` in ``modules/inpaint/lama/__init__.py`` of github.com/sipherxyz/comfyui-art-venture, commit 51dd8fc.
"""

KNOWN = {
    PINNED: "big-lama.pt of IOPaint",
    # 205803670 bytes, github.com/enesmsahin/simple-lama-inpainting/releases/download/v0.1.0/big-lama.pt. That project
    # publishes no hash; independent projects pin this one, such as github.com/DSY-Xueai/image2editable in its
    # image2editable/runtime_model_catalog.json, commit f57e6d5.
    "7ba7aa7ac37a4d41fdbbeba3a2af7ead18058552997e3a3cd1a3b2210c9e6b4c": "big-lama.pt of simple-lama-inpainting",
}
"""SHA-256 and origin of the files that may be loaded: LaMa's published weights as TorchScript."""

DOWNLOAD = "download"


def read(weights: str, sha256: str | None) -> tuple[bytes, str]:
    """Read the file; return its content and SHA-256.

    Args:
        weights: a file, or ``download``.
        sha256: the expected SHA-256; None for any.

    Raises:
        ValueError: if the file does not exist or cannot be downloaded, has another hash, or is neither in ``KNOWN`` nor
            trusted by the process.
    """
    if weights == DOWNLOAD:
        path, sha256 = _download(sha256), PINNED
    else:
        path = expand_home(weights)
    try:
        content = path.read_bytes()
    except OSError as error:
        what = "there is no file" if isinstance(error, FileNotFoundError) else f"{error.strerror or error}:"
        raise ValueError(
            f"expected LaMa's TorchScript file (big-lama.pt), or {DOWNLOAD!r}; {what} {str(path)!r}. A saved pipeline "
            f"holds the path and hash of the file, not its content: get the file and name it in 'weights'"
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise ValueError(f"{str(path)!r} is not the requested file: expected SHA-256 {sha256}, got {found}")
    if found not in KNOWN and not is_trusted(found):
        raise ValueError(
            f"{str(path)!r} is not known to be LaMa (SHA-256 {found}) and is not loaded: TorchScript is code, which "
            f"would run, and no configuration can vouch for it. If you trust whoever made it, call "
            f"hcl_lama.trust({found!r}), or set {VARIABLE}={found}"
        )
    return content, found


def load(content: bytes, name: str) -> nn.Module:
    """Load the network in a TorchScript file, on the CPU, frozen. From here on its code may run.

    Raises:
        ValueError: if it is not TorchScript.
    """
    try:
        # Deprecated, with a warning that Python hides by default; but LaMa is published as TorchScript.
        network = torch.jit.load(io.BytesIO(content), map_location="cpu")
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"{name!r} is damaged or not TorchScript: {str(error).strip().splitlines()[0]}") from error
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network.eval()


def _download(sha256: str | None) -> Path:
    """Download the file at ``ADDRESS`` to the cache of ``torch.hub``, unless it is there."""
    if sha256 not in (None, PINNED):
        raise ValueError(f"{ADDRESS} has SHA-256 {PINNED}, not {sha256}; pass the file that has it as 'weights'")
    path = Path(torch.hub.get_dir()) / "checkpoints" / f"big-lama-{PINNED[:8]}.pt"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(ADDRESS, str(path), hash_prefix=PINNED)
        except Exception as error:  # network errors of all kinds, or a wrong hash
            raise ValueError(
                f"LaMa cannot be downloaded: {error}. Get {ADDRESS} in another way, and pass the file as 'weights'"
            ) from error
    return path
