"""The published restorer: a decoder of masked window attention on the detector's features, and a gated refinement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import attrs
import torch
from attrs.validators import deep_iterable, ge, min_len
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import Detection, Pyramid, PyramidSpec, Restorer, component
from hcl_sdk.layers.gated import GatedUNetBody
from hcl_sdk.layers.swin import MaskedSwinLayer, SwinLayer


@component
class PartialSwinRestorer(Restorer):
    """Fills from the encoder's features under the mask of every scale, then refines the image.

    The decoder goes from coarse to fine, in layers that attend to valid pixels only and end in a partial convolution.
    The refinement is a gated U-Net on the decoder's image and the mask.

    Source: the paper, section 3.3.

    Attributes:
        depths: attention blocks at each scale, fine to coarse.
        window_sizes: side of the attention windows at each scale.
        heads: attention heads at each scale; the bottleneck has those of the coarsest.
        bottleneck_depth: attention blocks on the coarsest map, before the decoder.
        bottleneck_window_size: side of their windows.
        refinement_dim: width of the refinement's first level.
        refinement_multipliers: width of each of its levels as a multiple of ``refinement_dim``.
        upsampling: how the decoder goes from the finest scale to the image, and the refinement from level to level;
            bilinear in versions 3 and 4 of the published code, nearest before.

    Example:
        >>> restorer = PartialSwinRestorer(depths=(1, 1), window_sizes=(4, 4), heads=(1, 2), refinement_dim=4)
        >>> restorer.bind(PyramidSpec(channels=(8, 16), strides=(1, 2))).is_bound
        True
    """

    exportable = True
    uses_features: ClassVar[bool] = True

    depths: tuple[int, ...] = attrs.field(default=(2, 2, 2), validator=deep_iterable(ge(1)))
    window_sizes: tuple[int, ...] = attrs.field(default=(8, 8, 8), validator=deep_iterable(ge(1)))
    heads: tuple[int, ...] = attrs.field(default=(1, 2, 4), validator=deep_iterable(ge(1)))
    bottleneck_depth: int = attrs.field(default=2, validator=ge(1))
    bottleneck_window_size: int = attrs.field(default=8, validator=ge(1))
    refinement_dim: int = attrs.field(default=64, validator=ge(1))
    refinement_multipliers: tuple[int, ...] = attrs.field(
        default=(1, 2, 4, 8, 8), validator=[deep_iterable(ge(1)), min_len(1)]
    )
    upsampling: Literal["bilinear", "nearest"] = "bilinear"

    def build(self, spec: PyramidSpec | None) -> None:
        """Make the layers for pyramids of ``spec``.

        Raises:
            ValueError: if ``depths``, ``window_sizes`` and ``heads`` are not one for each scale, the finest stride is
                not a power of 2, or channels cannot be split among heads.
        """
        assert spec is not None  # Restorer.bind has refused it
        if not len(self.depths) == len(self.window_sizes) == len(self.heads) == len(spec):
            raise ValueError(
                f"PartialSwinRestorer needs one depth, window size and number of heads for each of the encoder's "
                f"{len(spec)} scales; got depths={self.depths}, window_sizes={self.window_sizes}, heads={self.heads}"
            )
        if spec.strides[0] & (spec.strides[0] - 1):
            raise ValueError(
                f"PartialSwinRestorer enlarges the finest scale by factors of 2, so its stride must be a power of 2; "
                f"got strides {spec.strides}"
            )
        for s, (width, heads) in enumerate(zip(spec.channels, self.heads, strict=True)):
            # A decoder layer is twice as wide as the encoder's map; the bottleneck is as wide as the coarsest one.
            split = width if s == len(spec) - 1 else 2 * width
            if split % heads:
                raise ValueError(
                    f"PartialSwinRestorer cannot split the {split} channels of scale {s} among {heads} heads; "
                    f"got heads={self.heads} for an encoder with {spec.channels} channels"
                )
        widest = spec.channels[-1]
        self.bottleneck = SwinLayer(widest, self.heads[-1], self.bottleneck_depth, self.bottleneck_window_size)
        self.stages = nn.ModuleList(
            MaskedSwinLayer(2 * width, heads, depth, window)
            for width, heads, depth, window in zip(
                spec.channels, self.heads, self.depths, self.window_sizes, strict=True
            )
        )
        self.enlargements = nn.ModuleList(
            nn.Conv2d(2 * coarse, fine, 3, padding=1)
            for fine, coarse in zip(spec.channels[:-1], spec.channels[1:], strict=True)
        )
        finest = 2 * spec.channels[0]
        self.image_enlargements = nn.ModuleList(
            nn.Conv2d(finest, finest, 3, padding=1) for _ in range(spec.strides[0].bit_length() - 1)
        )
        self.to_image = nn.Conv2d(finest, 3, 1)
        self.refinement = GatedUNetBody(self.refinement_dim, self.refinement_multipliers, self.upsampling)

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        """Restore ``[B, 3, H, W]`` images in [0, 1]; the same shape and range.

        Raises:
            ValueError: if the detection has no features.
        """
        return self.outputs(image, detection)[-1]

    def outputs(self, image: Tensor, detection: Detection) -> tuple[Tensor, ...]:
        """Return the decoder's image and the refined one; gradients of the latter stop there (paper, section 3.3)."""
        if detection.pyramid is None:
            raise ValueError(
                "PartialSwinRestorer restores from the encoder's features, and this detection has none; "
                "Detection.from_mask(mask, pyramid) and Detector.encode_mask(image, mask) provide them"
            )
        size = (image.shape[-2], image.shape[-1])
        decoded = self.decode(detection.pyramid, detection.masks, size)
        return decoded, self.refine(decoded.detach(), detection.corruption_mask)

    def decode(self, pyramid: Pyramid, masks: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """Decode the image before refinement.

        Args:
            pyramid: the encoder's features.
            masks: the corruption mask of every scale, fine to coarse, ``[B, 1, H_s, W_s]`` bool, True = corrupted.
            size: height and width of the image.

        Returns:
            ``[B, 3, H, W]`` in [0, 1].

        Raises:
            ValueError: if there is not one mask for each scale, of its size.
        """
        if [m.shape[-2:] for m in masks] != [m.shape[-2:] for m in pyramid.maps]:
            raise ValueError(
                f"decoding needs a mask of the size of each feature map; got masks {[tuple(m.shape) for m in masks]} "
                f"for maps {[tuple(m.shape) for m in pyramid.maps]}"
            )
        features = self.bottleneck(pyramid.maps[-1])
        for s in reversed(range(len(pyramid))):
            features = self.stages[s](torch.cat([features, pyramid.maps[s]], dim=1), masks[s])
            if s > 0:
                features = F.gelu(self.enlargements[s - 1](resize(features, pyramid.maps[s - 1].shape[-2:])))
        for left, enlargement in zip(
            reversed(range(len(self.image_enlargements))), self.image_enlargements, strict=True
        ):
            finer = [(extent + 2**left - 1) // 2**left for extent in size]
            features = F.gelu(enlargement(resize(features, finer, self.upsampling)))
        return (torch.tanh(self.to_image(features)) + 1) / 2

    def refine(self, coarse: Tensor, corruption_mask: Tensor) -> Tensor:
        """Refine the decoder's image.

        Args:
            coarse: ``[B, 3, H, W]`` in [0, 1].
            corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted.

        Returns:
            ``[B, 3, H, W]`` in [0, 1].
        """
        valid = (~corruption_mask).to(coarse.dtype)
        return (self.refinement(torch.cat([coarse * 2 - 1, valid], dim=1)) + 1) / 2
