"""The names of the layers of the published components in a checkpoint."""

from __future__ import annotations

from hcl_sdk.detector import Detector
from hcl_sdk.encoders.swin import SwinEncoder
from hcl_sdk.interfaces import Restorer
from hcl_sdk.restorers.partial_swin import PartialSwinRestorer


def map_names(detector: Detector, restorer: Restorer) -> dict[str, str]:
    """Map each layer, or single parameter, of the published components to its name in a checkpoint, group first."""
    encoder = detector.encoder
    assert isinstance(encoder, SwinEncoder)
    assert isinstance(restorer, PartialSwinRestorer)
    return {
        **_map_encoder("detector.encoder", "inpaintnet.encoder", encoder),
        **{
            f"detector.interaction.reduce.{s}": f"inpaintnet.project_heads.fuse.{s}.0"
            for s in range(len(encoder.depths) - 1)
        },
        **{
            f"detector.head.projections.{s}.{i}": f"inpaintnet.project_heads.proj_heads.{s}.{i}"
            for s in range(len(encoder.depths))
            for i in (0, 2)
        },
        **{f"detector.clusterer.score.{i}": f"classifier.cls.{i}" for i in (0, 2)},
        **_map_blocks("restorer.bottleneck", "inpaintnet.bottleneck.bottleneck", restorer.bottleneck_depth),
        "restorer.bottleneck.conv": "inpaintnet.bottleneck.bottleneck.conv.conv",
        **_map_decoder("restorer", "inpaintnet.decoder", encoder, restorer),
        **_map_refinement("restorer.refinement", "refinenet", len(restorer.refinement_multipliers)),
    }


def _map_encoder(ours: str, theirs: str, encoder: SwinEncoder) -> dict[str, str]:
    order = 1 if encoder.activation_first else 0  # alternately the activation, which has no name, and the convolution
    names = {f"{ours}.stem": f"{theirs}.first_conv.conv"}
    for i in range(encoder.conv_stages):
        names[f"{ours}.stem_reductions.{i}"] = f"{theirs}.conv_down_blocks.{i}.{order}"
    for s, depth in enumerate(encoder.depths):
        names |= _map_blocks(f"{ours}.stages.{s}", f"{theirs}.down_blocks.{s}.0", depth)
        names[f"{ours}.stages.{s}.conv"] = f"{theirs}.down_blocks.{s}.0.conv.conv"
        names[f"{ours}.reductions.{s}"] = f"{theirs}.down_blocks.{s}.1.conv.conv"
    return names


def _map_decoder(ours: str, theirs: str, encoder: SwinEncoder, restorer: PartialSwinRestorer) -> dict[str, str]:
    names = {f"{ours}.to_image": f"{theirs}.last_conv.conv"}
    for s, depth in enumerate(restorer.depths):
        names |= _map_blocks(f"{ours}.stages.{s}", f"{theirs}.up_blocks.{s}.0", depth)
        names[f"{ours}.stages.{s}.conv.conv.weight"] = f"{theirs}.up_blocks.{s}.0.conv.conv.weight"
        names[f"{ours}.stages.{s}.conv.conv.bias"] = f"{theirs}.up_blocks.{s}.0.conv.bias"
        names[f"{ours}.enlargements.{s}"] = f"{theirs}.up_blocks.{s + 1}.1.conv.conv"
    for i in range(encoder.conv_stages):
        names[f"{ours}.image_enlargements.{i}"] = f"{theirs}.conv_up_blocks.{i}.0.1"
    return names


def _map_refinement(ours: str, theirs: str, levels: int) -> dict[str, str]:
    def map_gated(ours: str, theirs: str) -> dict[str, str]:
        return {f"{ours}.{part}": f"{theirs}.{part}.conv" for part in ("conv", "gate")}

    def map_block(ours: str, theirs: str) -> dict[str, str]:
        both = {**map_gated(f"{ours}.conv1", f"{theirs}.conv1"), **map_gated(f"{ours}.conv2", f"{theirs}.conv2")}
        return {**both, f"{ours}.shortcut": f"{theirs}.shortcut"}

    names = {**map_gated(f"{ours}.first", f"{theirs}.refine_first"), f"{ours}.last": f"{theirs}.refine_last.conv"}
    names |= map_block(f"{ours}.bottleneck", f"{theirs}.refine_bottleneck")
    for i in range(levels):
        j = levels - 1 - i  # theirs counts upwards from the coarsest
        names |= map_block(f"{ours}.encode.{i}", f"{theirs}.refine_encoder.{i}.0")
        names |= map_block(f"{ours}.decode.{i}", f"{theirs}.refine_decoder.{j}.0")
        names[f"{ours}.down.{i}"] = f"{theirs}.refine_encoder.{i}.1"
        names[f"{ours}.up.{i}"] = f"{theirs}.refine_decoder.{j - 1}.1.1"
    return names


def _map_blocks(ours: str, theirs: str, depth: int) -> dict[str, str]:
    inside = {
        "norm1": "norm1",
        "attention.position_bias": "attn.relative_position_bias_table",
        "attention.qkv": "attn.qkv",
        "attention.out": "attn.proj",
        "norm2": "norm2",
        "mlp.0": "mlp.fc1",
        "mlp.2": "mlp.fc2",
    }
    return {f"{ours}.blocks.{b}.{a}": f"{theirs}.blocks.{b}.{c}" for b in range(depth) for a, c in inside.items()}
