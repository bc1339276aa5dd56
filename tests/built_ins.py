"""Small instances of the built-in components."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import built_in_datasets

from hcl_sdk.corruptions.shapes.irregular import IrregularMasks
from hcl_sdk.encoders.convnext import ConvNeXtEncoder
from hcl_sdk.encoders.resnet import ResNetEncoder
from hcl_sdk.encoders.side_by_side import SideBySideEncoder
from hcl_sdk.encoders.swin import SwinEncoder
from hcl_sdk.heads.deep_projection import DeepProjectionHead
from hcl_sdk.heads.projection import ProjectionHead
from hcl_sdk.interactions.bidirectional import BidirectionalFusion
from hcl_sdk.interactions.residual_fpn import ResidualFPN
from hcl_sdk.losses import HingeLoss, PerceptualLoss, WassersteinLoss
from hcl_sdk.restorers.gated_unet import GatedUNet
from hcl_sdk.restorers.partial_swin import PartialSwinRestorer
from hcl_sdk.restorers.patch_synthesis import PatchSynthesis

EXAMPLES: dict[type, Callable[[Path], Any]] = {
    SwinEncoder: lambda _: SwinEncoder(dim=4, depths=(2, 1, 1), window_sizes=(4, 4, 4), conv_stages=1),
    ConvNeXtEncoder: lambda _: ConvNeXtEncoder(channels=(4, 6, 8), depths=(1, 2, 1), kernel_size=3),
    ResNetEncoder: lambda _: ResNetEncoder(channels=(4, 6, 8), depths=(1, 0, 1)),
    SideBySideEncoder: lambda _: SideBySideEncoder(
        encoders=(ResNetEncoder(channels=(4, 6), depths=(1, 0)), ConvNeXtEncoder(channels=(4, 6), depths=(1, 1)))
    ),
    BidirectionalFusion: lambda _: BidirectionalFusion(dim=6),
    ResidualFPN: lambda _: ResidualFPN(channels=(4, 6, 8), head_dim=4),
    ProjectionHead: lambda _: ProjectionHead(dim=6),
    DeepProjectionHead: lambda _: DeepProjectionHead(dim=6),
    PartialSwinRestorer: lambda _: PartialSwinRestorer(
        depths=(2, 1, 1),
        window_sizes=(4, 4, 4),
        bottleneck_depth=1,
        bottleneck_window_size=4,
        refinement_dim=4,
        refinement_multipliers=(1, 2),
    ),
    PatchSynthesis: lambda _: PatchSynthesis(guide=GatedUNet(dim=4, multipliers=(1, 2)), patch_size=5),
    GatedUNet: lambda _: GatedUNet(dim=4, multipliers=(1, 2)),
    PerceptualLoss: lambda _: PerceptualLoss(encoder=ResNetEncoder(channels=(4, 6), depths=(1, 0)), weights="own"),
    WassersteinLoss: lambda _: WassersteinLoss(channels=(4, 6, 6)),
    HingeLoss: lambda _: HingeLoss(channels=(4, 6, 6)),
    IrregularMasks: lambda folder: IrregularMasks(folder=built_in_datasets.draw_masks(folder)),
    **built_in_datasets.EXAMPLES,
}
"""Where the defaults are too large, or none; each makes an instance, of files in an empty folder if it needs some."""
