"""Scaled dot-product attention behind one function, with interchangeable backends."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

_Backend: TypeAlias = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]

_LONGEST_AXIS = 65535
"""The largest grid axis on which CUDA's fused kernels put the batch and the heads."""


def attention(
    query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """Softmax(query key^T / sqrt(d) + bias) value, computed by the backend chosen with :func:`attention_backend`.

    Args:
        query: ``[*, heads, N, d]``; at least three dimensions.
        key: ``[*, heads, M, d]``.
        value: ``[*, heads, M, d]``.
        bias: float, added to the logits, broadcastable to ``[*, heads, N, M]``.
        mask: bool, True = this query may attend to this key, broadcastable to ``[*, heads, N, M]``. Every query
            needs at least one key. Other keys have a weight of exactly 0; a large negative bias would leave denormal
            numbers, which are slow on a CPU.

    Returns:
        ``[*, heads, N, d]``.

    Raises:
        ValueError: if the shapes do not match.
        RuntimeError: if the chosen backend cannot run here.
    """
    _check_shapes(query, key, value, bias, mask)
    shape = query.shape
    lead = shape[:-3]
    if bias is not None:
        bias = bias.to(query.dtype)
    if mask is not None:
        bias = torch.where(mask, query.new_zeros(()) if bias is None else bias, float("-inf"))
    batch = len(lead)  # this many leading dimensions become the kernels' batch; the following ones join the heads
    if bias is not None:
        bias = bias[(None,) * (len(shape) - bias.ndim)]
        same = 0
        while same < len(lead) and bias.shape[same] == 1:
            same += 1
        if any(extent > 1 for extent in lead[:same]):  # what is the same for many images is not copied for each
            batch = same
            bias = bias.expand(*(1,) * batch, *lead[batch:], shape[-3] if batch < len(lead) else -1, -1, -1)
        else:
            bias = bias.expand(*lead, -1, -1, -1)
        bias = _fold_batch(bias, batch)
    query, key, value = (_fold_batch(t, batch) for t in (query, key, value))
    return _run_in_pieces(_BACKENDS[_chosen], query, key, value, bias).reshape(shape)


def _fold_batch(t: Tensor, batch: int) -> Tensor:
    """Fold ``[*, heads, N, d]`` to ``batch`` leading dimensions as one, and all others joined with the heads."""
    return (t.flatten(0, batch - 1) if batch else t[None]).flatten(1, -3)


def _run_in_pieces(run: _Backend, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """Run the backend on as many pieces at once as its kernels accept."""
    for dim in (0, 1):
        if query.shape[dim] > _LONGEST_AXIS:
            pieces = [t.split(_LONGEST_AXIS, dim) for t in (query, key, value)]
            biases = [bias] * len(pieces[0]) if bias is None or bias.shape[dim] == 1 else bias.split(_LONGEST_AXIS, dim)
            return torch.cat([_run_in_pieces(run, *piece) for piece in zip(*pieces, biases, strict=True)], dim)
    return run(query, key, value, bias)


@contextmanager
def attention_backend(name: str) -> Iterator[None]:
    """Compute every :func:`attention` inside the ``with`` block by the backend ``name``.

    The choice applies to all threads of the process, because compiled models could not see a choice per thread. Of the
    active blocks, the one entered last counts.

    Args:
        name: ``"auto"`` (the default: what PyTorch has for the device), ``"sdpa"`` (PyTorch's fused kernels,
            likewise chosen by PyTorch), ``"xformers"`` (the package xFormers, not on the CPU), or ``"math"`` (plain
            matrix products, the reference). They agree up to rounding.

    Raises:
        ValueError: for another name.
        RuntimeError: for ``"xformers"``, if the package cannot be imported.

    Example:
        >>> import torch
        >>> q = torch.randn(2, 4, 16, 8)
        >>> with attention_backend("math"):
        ...     reference = attention(q, q, q)
        >>> torch.allclose(attention(q, q, q), reference, atol=1e-5)
        True
    """
    global _chosen
    if name not in _BACKENDS:
        raise ValueError(f"unknown attention backend {name!r}; there are {', '.join(_BACKENDS)}")
    if name == "xformers":
        _import_xformers()
    block = object()
    _open_blocks[block] = _chosen = name
    try:
        yield
    finally:  # not the previous choice: threads may leave their blocks in any order
        del _open_blocks[block]
        _chosen = next(reversed(_open_blocks.values()), _DEFAULT)


def _attend_with_sdpa(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, attn_mask=bias)


def _attend_by_definition(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    logits = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
    if bias is not None:
        logits = logits + bias
    return logits.softmax(-1).to(value.dtype) @ value


def _run_xformers(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    if query.device.type == "cpu":
        raise RuntimeError(
            "the attention backend 'xformers' has no kernels for the CPU, where the tensors are; "
            "use 'auto', or move the model to a GPU"
        )
    return _attend_with_xformers(query, key, value, bias)


def _attend_with_xformers(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    batch, heads, rows, _ = query.shape
    if bias is not None:
        # The kernels read rows of the bias that begin at multiples of 8, so each row is padded.
        columns = key.shape[-2]
        bias = F.pad(bias, (0, -columns % 8))[..., :columns].expand(batch, heads, rows, columns)
    # In xFormers, the heads follow the tokens: [B, N, heads, d].
    query, key, value = (t.transpose(1, 2) for t in (query, key, value))
    out = _import_xformers().memory_efficient_attention(query, key, value, attn_bias=bias)
    return out.transpose(1, 2)


def _import_xformers() -> Any:
    try:
        return importlib.import_module("xformers.ops")
    except ImportError as error:
        raise RuntimeError(
            f"the attention backend 'xformers' needs the package xformers (pip install 'hcl_sdk[xformers]'): {error}"
        ) from error


_BACKENDS: dict[str, _Backend] = {
    "auto": _attend_with_sdpa,
    "sdpa": _attend_with_sdpa,
    "xformers": _run_xformers,
    "math": _attend_by_definition,
}
_DEFAULT = "auto"
_open_blocks: dict[object, str] = {}
_chosen = _DEFAULT


def _check_shapes(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, mask: Tensor | None) -> None:
    if (
        query.ndim < 3
        or key.shape != value.shape
        or query.shape[:-2] != key.shape[:-2]
        or query.shape[-1] != key.shape[-1]
    ):
        raise ValueError(
            f"attention needs a query [*, heads, N, d] with a key and a value [*, heads, M, d]; "
            f"got {tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}"
        )
    target = (*query.shape[:-1], key.shape[-2])
    for name, tensor in (("bias", bias), ("mask", mask)):
        if tensor is None:
            continue
        sizes = zip(reversed(tensor.shape), reversed(target), strict=False)
        # Not "in (1, wanted)", which compares the symbols of dynamic shapes by their names.
        if tensor.ndim > len(target) or any(own != 1 and own != wanted for own, wanted in sizes):
            raise ValueError(f"the attention {name} must be broadcastable to {target}; got {tuple(tensor.shape)}")
    if mask is not None and mask.dtype != torch.bool:
        raise ValueError(f"the attention mask must be bool, True = may attend; got {mask.dtype} (is it a bias?)")
