from __future__ import annotations

import sys
import types
import warnings
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hcl_sdk.functional import attention as module
from hcl_sdk.functional.attention import attention, attention_backend
from hcl_sdk.functional.windows import find_window_neighbors, partition

BACKENDS = ("auto", "sdpa", "math")


def plain(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    """Attention as it is written down, one query after the other, in float64."""
    lead, rows, columns = query.shape[:-2], query.shape[-2], key.shape[-2]
    bias = torch.zeros(()) if bias is None else bias
    mask = torch.ones((), dtype=torch.bool) if mask is None else mask
    bias, mask = (t.expand(*lead, rows, columns) for t in (bias, mask))
    out = torch.empty(*lead, rows, value.shape[-1], dtype=torch.float64)
    for index in torch.cartesian_prod(*(torch.arange(n) for n in (*lead, rows))).reshape(-1, len(lead) + 1).tolist():
        at, row = tuple(index[:-1]), index[-1]
        allowed = mask[at][row]
        logits = key[at][allowed].double() @ query[at][row].double() / query.shape[-1] ** 0.5
        weights = (logits + bias[at][row][allowed].double()).softmax(0)
        out[at][row] = weights @ value[at][allowed].double()
    return out


@st.composite
def problems(draw: st.DrawFn) -> tuple[Any, Any, Any, Any, Any]:
    lead = draw(st.lists(st.integers(1, 3), min_size=0, max_size=2))
    heads, rows, columns, dim = (draw(st.integers(1, 4)) for _ in range(4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    query, key, value = (torch.randn(*lead, heads, n, dim, generator=generator) for n in (rows, columns, columns))

    def shape(rows: int) -> list[int]:  # something that broadcasts to [*lead, heads, rows, columns]
        full = [draw(st.sampled_from((1, n))) for n in (*lead, heads, rows)] + [columns]
        return full[draw(st.integers(0, len(full) - 2)) :]

    bias = torch.randn(shape(rows), generator=generator) if draw(st.booleans()) else None
    mask = torch.rand(shape(rows), generator=generator) > 0.4 if draw(st.booleans()) else None
    if mask is not None:
        mask[..., 0] = True  # every query has a key
    return query, key, value, bias, mask


@pytest.mark.parametrize("backend", BACKENDS)
@given(problem=problems())
@settings(max_examples=15, deadline=None)
def test_equals_the_definition_for_every_shape(backend: str, problem: tuple[Any, Any, Any, Any, Any]) -> None:
    with attention_backend(backend):
        torch.testing.assert_close(attention(*problem).double(), plain(*problem), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_reach_queries_keys_values_and_bias(backend: str) -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, 2, 5, 4, generator=generator, requires_grad=True) for _ in range(3))
    bias = torch.randn(2, 5, 5, generator=generator, requires_grad=True)
    mask = torch.rand(3, 1, 5, 5, generator=generator) > 0.5
    mask |= torch.eye(5, dtype=torch.bool)
    leaves = (query, key, value, bias)
    with attention_backend(backend):
        ours = torch.autograd.grad(attention(query, key, value, bias, mask).pow(2).sum(), leaves)
    logits = (query @ key.mT / 2 + bias).masked_fill(~mask, float("-inf"))
    reference = torch.autograd.grad((logits.softmax(-1) @ value).pow(2).sum(), leaves)
    for a, b in zip(ours, reference, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


def test_masked_positions_have_no_influence() -> None:
    query, key, value = torch.randn(3, 1, 4, 8).unbind(0)
    mask = torch.tensor([True, True, False, True])
    before = attention(query, key, value, mask=mask)
    key[:, 2], value[:, 2] = 1e4, 1e30
    assert torch.equal(attention(query, key, value, mask=mask), before)


def test_half_precision_takes_a_float32_bias() -> None:
    query, key, value = torch.randn(3, 2, 2, 4, 8).to(torch.bfloat16).unbind(0)
    bias = torch.randn(2, 4, 4)
    out = attention(query, key, value, bias)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.double(), plain(query, key, value, bias), atol=5e-2, rtol=5e-2)


def test_a_batch_too_long_for_one_kernel_is_cut_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_AXIS", 3)
    query, key, value = torch.randn(3, 2, 4, 2, 3, 5).unbind(0)
    longest = []

    def watch(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Any:
        longest.append(max(query.shape[:2]))
        return sdpa(query, key, value, bias)

    sdpa = module._BACKENDS["auto"]
    monkeypatch.setitem(module._BACKENDS, "auto", watch)
    for bias in (None, torch.randn(2, 3, 3), torch.randn(2, 4, 1, 3, 3), torch.randn(4, 1, 3, 3)):
        expected = plain(query, key, value, bias)
        torch.testing.assert_close(attention(query, key, value, bias).double(), expected, atol=1e-5, rtol=1e-4)
    assert max(longest) == 3


@pytest.mark.parametrize("shape", [(6, 1, 4, 4), (1, 6, 1, 4, 4), (6, 2, 4, 4), (2, 4, 4), (4, 4)])
def test_values_shared_by_all_images_are_not_copied(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def watch(query: Tensor, key: Tensor, value: Tensor, attn_mask: Any = None) -> Any:
        sizes.append(attn_mask.untyped_storage().nbytes())
        return sdpa(query, key, value, attn_mask=attn_mask)

    sdpa = module.F.scaled_dot_product_attention
    monkeypatch.setattr(module.F, "scaled_dot_product_attention", watch)
    bias = torch.randn(shape)
    for images in (1, 2, 9):
        query = torch.randn(images, 6, 2, 4, 8)
        out = attention(query, query, query, torch.randn(2, 4, 4), bias > 0 if len(shape) > 3 else None)
        assert out.shape == query.shape
        attention(query, query, query, bias)
    assert max(sizes) == 4 * max(6 * 2 * 4 * 4 if len(shape) > 3 else 2 * 4 * 4, bias.numel())


def test_the_backend_is_restored_after_an_error_and_may_be_nested() -> None:
    query = torch.randn(1, 2, 4)
    with attention_backend("math"):
        with pytest.raises(KeyError), attention_backend("sdpa"):
            raise KeyError
        assert module._chosen == "math"
    assert module._chosen == "auto"
    attention(query, query, query)


def test_blocks_may_be_left_in_any_order() -> None:
    first, second = attention_backend("math"), attention_backend("sdpa")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert module._chosen == "sdpa"
    second.__exit__(None, None, None)
    assert module._chosen == "auto"


def test_one_compilation_serves_all_sizes_and_a_new_backend_is_noticed() -> None:
    compiled = 0

    def backend(graph: Any, inputs: Any) -> Any:
        nonlocal compiled
        compiled += 1
        return graph.forward

    def within_windows(features: Tensor) -> Any:
        windows = partition(features, 4)[:, :, None]
        return attention(
            windows,
            windows,
            windows,
            bias,
            find_window_neighbors((features.shape[1], features.shape[2]), 4, (2, 2))[:, None],
        )

    bias = torch.randn(1, 16, 16)
    fast = torch.compile(within_windows, backend=backend, fullgraph=True, dynamic=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the compiler
        for size in ((2, 8, 12), (3, 16, 8)):
            features = torch.randn(*size, 6)
            torch.testing.assert_close(fast(features), within_windows(features))
        assert compiled == 1
        with attention_backend("math"):
            torch.testing.assert_close(fast(features), within_windows(features))
        assert compiled == 2


def test_an_unknown_backend_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(ValueError, match=r"'flash'.*auto, sdpa, xformers, math"), attention_backend("flash"):
        pass


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(2, 4), (2, 4), (2, 4)], "query"),
        ([(1, 2, 4), (1, 2, 5), (1, 2, 5)], "query"),
        ([(1, 2, 4), (1, 3, 4), (1, 2, 4)], "query"),
        ([(1, 2, 4), (1, 3, 4), (1, 3, 4), (2, 2)], "bias must be broadcastable"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        attention(*(torch.zeros(s) for s in shapes))


def test_a_float_mask_is_refused() -> None:
    query = torch.zeros(1, 2, 4)
    with pytest.raises(ValueError, match=r"must be bool.*float32"):
        attention(query, query, query, mask=torch.zeros(2, 2))


# xFormers runs on GPUs only; a stand-in checks what it is given.


@pytest.fixture
def fake_xformers(monkeypatch: pytest.MonkeyPatch) -> Any:
    calls: list[dict] = []

    def memory_efficient_attention(query: Tensor, key: Tensor, value: Tensor, attn_bias: Any = None) -> Tensor:
        assert all(t.ndim == 4 for t in (query, key, value))
        batch, rows, heads, dim = query.shape
        if attn_bias is not None:
            assert attn_bias.shape == (batch, heads, rows, key.shape[1])
            assert attn_bias.dtype == query.dtype
            assert attn_bias.stride(-1) == 1
            assert all(s % 8 == 0 for s in attn_bias.stride()[:-1]), "rows must begin at multiples of 8"
        calls.append({"query": tuple(query.shape), "bias": attn_bias is not None})
        logits = torch.einsum("bnhd,bmhd->bhnm", query, key) * dim**-0.5
        if attn_bias is not None:
            logits = logits + attn_bias
        return torch.einsum("bhnm,bmhd->bnhd", logits.softmax(-1), value)

    package, ops = types.ModuleType("xformers"), types.ModuleType("xformers.ops")
    vars(ops)["memory_efficient_attention"] = memory_efficient_attention
    vars(package)["ops"] = ops
    monkeypatch.setitem(sys.modules, "xformers", package)
    monkeypatch.setitem(sys.modules, "xformers.ops", ops)
    return calls


def test_xformers_gets_heads_behind_tokens_and_an_aligned_bias(fake_xformers: Any) -> None:
    query = torch.empty(2, 3, 4, 5, 8, device="meta")
    key = torch.empty(2, 3, 4, 7, 8, device="meta")
    with attention_backend("xformers"):
        out = attention(query, key, key, torch.empty(4, 5, 7, device="meta"))
        attention(query, key, key)
    assert out.shape == query.shape
    assert fake_xformers == [{"query": (6, 5, 4, 8), "bias": True}, {"query": (6, 5, 4, 8), "bias": False}]


def test_xformers_computes_the_same(fake_xformers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module._BACKENDS, "xformers", module._attend_with_xformers)  # without the refusal of the CPU
    query, key, value = torch.randn(3, 2, 3, 4, 5, 8).unbind(0)
    bias, mask = torch.randn(4, 5, 5), torch.rand(3, 1, 5, 5) > 0.5
    mask |= torch.eye(5, dtype=torch.bool)
    with attention_backend("xformers"):
        out = attention(query, key, value, bias, mask)
    torch.testing.assert_close(out, attention(query, key, value, bias, mask), atol=1e-5, rtol=1e-4)
    assert fake_xformers


def test_xformers_on_the_cpu_is_a_clear_error(fake_xformers: Any) -> None:
    query = torch.zeros(1, 2, 4)
    with attention_backend("xformers"), pytest.raises(RuntimeError, match=r"CPU.*'auto'"):
        attention(query, query, query)


def test_xformers_that_is_not_installed_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xformers.ops", None)
    with pytest.raises(RuntimeError, match=r"pip install 'hcl_sdk\[xformers\]'"), attention_backend("xformers"):
        pass


def test_xformers_is_imported_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} was imported")

    monkeypatch.setattr(module.importlib, "import_module", refuse)
    query = torch.zeros(1, 2, 4)
    attention(query, query, query)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_backends_agree_on_a_gpu_for_more_windows_than_a_grid_has_blocks() -> None:
    query, key, value = torch.randn(3, 70000, 2, 4, 8, device="cuda").unbind(0)
    with attention_backend("math"):
        expected = attention(query, key, value)
    torch.testing.assert_close(attention(query, key, value), expected, atol=1e-4, rtol=1e-3)
