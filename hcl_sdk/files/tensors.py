"""Safetensors, the files of weights: named tensors, and no code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from hcl_sdk.files._paths import is_special, name_in_unicode

WEIGHTS = "model.safetensors"
"""The file of tensors in a folder of weights."""

_DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}  # usual ones

T = TypeVar("T")


class WeightsError(ValueError):
    """Weights that cannot be loaded: missing, damaged, or belonging to another architecture."""

    __module__ = "hcl_sdk.weights"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file, on the CPU.

    Raises:
        WeightsError: if it is missing, damaged or not such a file.
    """
    return _read(path, load_file)


def read_header(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file without their values, on the ``meta`` device; errors as above."""
    return _read(path, _read_header)


def hash_tensors(path: Path) -> str:
    """Compute the SHA-256 of a file of tensors, hexadecimal; errors as above."""
    return _read(path, _hash)


def _read(path: Path, read: Callable[[Path], T]) -> T:
    try:
        if path.is_dir():
            raise WeightsError(f"{path} cannot be read: it is a directory")
        if is_special(path):
            raise WeightsError(f"{path} is not a regular file; expected safetensors")
        # Opened first, since safetensors says of a file without permission that it does not exist.
        with path.open("rb"), name_in_unicode(path) as readable:
            return read(readable)
    except FileNotFoundError:
        expected = "; expected a folder written by save_pretrained" if path.name == WEIGHTS else ""
        raise WeightsError(f"{path.parent} holds no {path.name}{expected}") from None
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged or not a safetensors file: {error}") from None
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror or error}") from None


def _read_header(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        header = {}
        for name in file.keys():  # noqa: SIM118  # it is not a dict
            tensor = file.get_slice(name)
            dtype = _DTYPES.get(tensor.get_dtype()) or file.get_tensor(name).dtype
            header[name] = torch.empty(tensor.get_shape(), dtype=dtype, device="meta")
        return header


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
