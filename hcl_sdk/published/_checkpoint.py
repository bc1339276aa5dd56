"""Reading published checkpoints: tensors by name, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hcl_sdk.files import is_special

_NOT_LOADED = re.compile(r"pdisc|step|optimizer_.*")
"""The parts of a checkpoint that only training needs: the discriminator, the optimizers and the step."""


_MAX_ENTRIES = 100_000
_MAX_DEPTH = 8


class ConversionError(ValueError):
    """A file is not a published checkpoint, or does not match the configuration; the message lists all differences."""

    __module__ = "hcl_sdk.published"


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Read all tensors of a checkpoint, under ``group.name``, and the names of the entries that are left out.

    The file is read without running code from it. Only dense tensors with values are accepted.

    Raises:
        FileNotFoundError: if the file does not exist.
        ConversionError: if the file holds anything else.
    """
    if is_special(path) or path.is_dir():
        raise ConversionError(f"{path} is not a regular file; expected a checkpoint written by torch.save")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # for other files, the reader raises anything: KeyError, IndexError, ...
        raise ConversionError(
            f"{path} is not a checkpoint written by torch.save, or holds more than tensors, "
            f"which is not read because it could run code"
        ) from error
    if not isinstance(content, dict):
        raise ConversionError(f"{path} holds a {type(content).__name__}; a published checkpoint is a dictionary")
    left_out = tuple(str(name) for name in dict.keys(content) if _NOT_LOADED.fullmatch(str(name)))
    tensors: dict[str, Tensor] = {}
    strange: list[str] = []
    for i, (name, value) in enumerate(_flatten(content, "", path, left_out)):
        if i == _MAX_ENTRIES:
            raise ConversionError(f"{path} holds more than {_MAX_ENTRIES:,} entries; it is not a published checkpoint")
        if not isinstance(value, Tensor):
            strange.append(f"{name} ({type(value).__name__})")
        elif why := _explain_unusable(value):
            strange.append(f"{name} ({why})")
        else:
            tensors[name] = value
    if strange:
        more = f" and {len(strange) - 10} more" * (len(strange) > 10)
        raise ConversionError(f"{path} holds values that are not tensors: {', '.join(sorted(strange)[:10])}{more}")
    return tensors, left_out


def _flatten(
    tree: dict[Any, Any], prefix: str, path: Path, left_out: tuple[str, ...] = (), depth: int = 1
) -> Iterator[tuple[str, Any]]:
    if depth > _MAX_DEPTH:
        raise ConversionError(f"{path} holds dictionaries in {_MAX_DEPTH} levels or in themselves: {prefix[:60]}...")
    for name, value in dict.items(tree):  # not tree.items(), which a file may have replaced
        if str(name) in left_out:
            continue
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.", path, depth=depth + 1)
        else:
            yield f"{prefix}{name}", value


def _explain_unusable(tensor: Tensor) -> str:
    """Explain what keeps a tensor from being copied as it is; empty if nothing does."""
    if tensor.is_nested:
        return "a nested tensor"
    if tensor.layout != torch.strided or tensor.is_quantized:
        return f"a tensor of the layout {tensor.layout}" if not tensor.is_quantized else "a quantized tensor"
    if tensor.is_meta:
        return "a tensor without values"
    return ""
