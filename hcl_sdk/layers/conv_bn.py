"""A convolution followed by batch normalization, computed as one convolution where nothing is learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvBN(nn.Sequential):
    """A convolution without bias, then batch normalization: ``[B, C, H, W]`` -> ``[B, C', H', W']``.

    With fixed statistics, batch normalization only scales and shifts each channel. Unless it learns, the scale is
    multiplied into the convolution's weights (Jacob et al., "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", CVPR 2018, section 3.2): on a CPU, a pass over a large map can take as long as
    the convolution. Weights are small, so this is done for every batch, and they can change at any time.

    A graph that is exported or compiled has both layers.
    """

    def forward(self, input: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            return super().forward(input)
        convolution, norm = self
        # Another class has replaced a layer, as adapters do.
        if not isinstance(convolution, nn.Conv2d) or type(convolution).forward is not nn.Conv2d.forward:
            return super().forward(input)
        if type(norm) is not nn.BatchNorm2d or norm.training or (torch.is_grad_enabled() and _learns(self)):
            return super().forward(input)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        weight, bias = convolution.weight * scale.view(-1, 1, 1, 1), norm.bias - norm.running_mean * scale
        return convolution._conv_forward(input, weight, bias)


class CroppedConv2d(nn.Conv2d):
    """A convolution whose first row and column are cropped.

    With stride 2 and a padding of ``kernel // 2 + 1``, that is TensorFlow's padding of even sizes, which has one pixel
    more at the bottom and the right. To pad the map itself takes longer than the convolution.
    """

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return super()._conv_forward(input, weight, bias)[..., 1:, 1:]


def _learns(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())
