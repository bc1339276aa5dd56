"""The published networks: their configurations, and the checkpoints that the authors' code writes.

The authors' code has masks the other way round (1 = valid). What is converted here follows this package's convention,
True = corrupted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hcl_sdk.clusterers.soft_kmeans import SoftKMeans
from hcl_sdk.config import load_yaml
from hcl_sdk.detector import Detector
from hcl_sdk.encoders.swin import SwinEncoder
from hcl_sdk.functional.windows import relative_position_index, window_neighbors
from hcl_sdk.heads.projection import ProjectionHead
from hcl_sdk.interactions.identity import Identity
from hcl_sdk.interactions.top_down import TopDownFusion
from hcl_sdk.interfaces import Restorer
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.restorers.partial_swin import PartialSwinRestorer

_VERSIONS = (2, 3, 4)
_NOT_LOADED = re.compile(r"pdisc|step|optimizer_.*")
"""What a checkpoint holds for training only: the discriminator, the optimizers and the step."""


class ConversionError(ValueError):
    """A file is no published checkpoint, or not one of the given configuration; the message lists all that differs."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Conversion:
    """What :func:`convert` made of a checkpoint.

    Attributes:
        pipeline: with the weights of the checkpoint; ``pipeline.save_pretrained(directory)`` writes it.
        left_out: the entries of the file that belong to training and are not part of a pipeline.
    """

    pipeline: Pipeline
    left_out: tuple[str, ...]


def convert(checkpoint: str | Path, config: Mapping[str, Any]) -> Conversion:
    """Read a published checkpoint into a pipeline.

    The file is read without running code from it. Every name and shape is checked.

    Args:
        checkpoint: a file that the published code wrote, with or without the parts for training.
        config: of the pipeline: :func:`preset`, :func:`settings_to_config`, or one's own of the same components.

    Raises:
        FileNotFoundError: if there is no such file.
        ConversionError: if the file cannot be read safely, or does not fit the configuration.
    """
    pipeline = Pipeline.from_config(config)
    if pipeline.detector is None or pipeline.restorer is None:
        raise ConversionError("a published checkpoint holds a detector and a restorer; the configuration lacks one")
    return Conversion(pipeline=pipeline, left_out=load_published(checkpoint, pipeline.detector, pipeline.restorer))


def presets() -> tuple[str, ...]:
    """The names of the published configurations."""
    return tuple(sorted(f.name.removesuffix(".yaml") for f in _preset_files() if f.name.endswith(".yaml")))


def preset(name: str, version: int = 4) -> dict[str, Any]:
    """The configuration of a published network, as :meth:`hcl_sdk.Pipeline.from_config` takes it.

    Args:
        name: one of :func:`presets`: ``"ffhq256"``, ``"imagenet256"``, ``"places256"``, ``"places512"``.
        version: of the code that trained the checkpoint: 4, the final one, or 2 or 3.

    Raises:
        ValueError: for an unknown name or version.
    """
    if name not in presets():
        raise ValueError(f"unknown preset {name!r}; there are {', '.join(presets())}")
    file = next(f for f in _preset_files() if f.name == f"{name}.yaml")
    return _of_version(load_yaml(file.read_text(encoding="utf-8")), version)


def settings_to_config(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration for the settings of the published code.

    Args:
        settings: ``image_size`` (the windows are shrunk to maps that are smaller at this size), ``legacy`` (the
            version, 2 to 4), ``network`` (``dim``, ``dim_mults``, ``proj_dim``, ``encoder_depths``,
            ``decoder_depths``, ``window_size``, ``bottleneck_window_size``, ``bottleneck_depth``, ``conf_threshs``,
            ``kmeans_n_iters``, ``kmeans_repeat``, ``fuse``, ``n_conv_stages``) and ``refinement`` (``dim``,
            ``dim_mults``).

    Raises:
        ValueError: if a setting is missing or unknown, or the version is.
    """
    names = {
        "settings": ({"image_size", "legacy", "network", "refinement"}, settings),
        "network": (_NETWORK_SETTINGS, settings.get("network", {})),
        "refinement": ({"dim", "dim_mults"}, settings.get("refinement", {})),
    }
    wrong = [
        f"{where}: {word} {', '.join(sorted(found))}"
        for where, (expected, given) in names.items()
        for word, found in (("missing", expected - set(given)), ("unknown", set(given) - expected))
        if found
    ]
    if wrong:
        raise ValueError("these are not the settings of a published network: " + "; ".join(wrong))
    net, refinement = settings["network"], settings["refinement"]
    scales = range(len(net["dim_mults"]))
    maps = [math.ceil(settings["image_size"] / 2 ** (net["n_conv_stages"] + s)) for s in scales]
    windows = [min(net["window_size"], extent) for extent in maps]
    config = {
        "detector": {
            "encoder": {
                "use": "swin",
                "dim": net["dim"],
                "multipliers": list(net["dim_mults"]),
                "depths": list(net["encoder_depths"]),
                "window_sizes": windows,
                "conv_stages": net["n_conv_stages"],
                "activation_first": False,
            },
            "interaction": {"use": "top-down" if net["fuse"] else "identity"},
            "head": {"use": "projection", "dim": net["proj_dim"]},
            "clusterer": {
                "use": "soft-kmeans",
                "iterations": net["kmeans_n_iters"],
                "repeats": net["kmeans_repeat"],
                "temperature": 0.1,
                "classifier": True,
                "one_class": False,
            },
            "settle": list(net["conf_threshs"]),
            "upsampling": "nearest",
        },
        "restorer": {
            "use": "partial-swin",
            "depths": list(net["decoder_depths"]),
            "window_sizes": windows,
            "heads": list(net["dim_mults"]),
            "bottleneck_depth": net["bottleneck_depth"],
            "bottleneck_window_size": min(net["bottleneck_window_size"], maps[-1]),
            "refinement_dim": refinement["dim"],
            "refinement_multipliers": list(refinement["dim_mults"]),
            "upsampling": "bilinear",
        },
    }
    return _of_version(config, settings["legacy"])


_NETWORK_SETTINGS = {
    "dim",
    "dim_mults",
    "proj_dim",
    "encoder_depths",
    "decoder_depths",
    "window_size",
    "bottleneck_window_size",
    "bottleneck_depth",
    "conf_threshs",
    "kmeans_n_iters",
    "kmeans_repeat",
    "fuse",
    "n_conv_stages",
}


def load_published(checkpoint: str | Path, detector: Detector, restorer: Restorer) -> tuple[str, ...]:
    """Load the weights of a published checkpoint into components that are bound to each other.

    Args:
        checkpoint: a file that the published code wrote, with or without the parts for training.
        detector: of the published components (``identity`` in place of ``top-down`` for networks without fusion).
        restorer: a :class:`~hcl_sdk.PartialSwinRestorer`.

    Returns:
        The entries of the file that belong to training and were left out.

    Raises:
        FileNotFoundError: if there is no such file.
        ConversionError: if the file cannot be read safely, or does not fit the components; these keep their weights
            then.
    """
    _check_components(detector, restorer)
    tensors, left_out = _read(Path(checkpoint))
    names = _published_names(detector, restorer)
    targets: dict[str, Tensor] = {}
    for prefix, module in (("detector", detector), ("restorer", restorer)):
        for name, parameter in module.named_parameters(prefix):
            layer, _, leaf = name.rpartition(".")
            targets[names[name] if name in names else f"{names[layer]}.{leaf}"] = parameter
    computed = {name for name in tensors if _owner(name) in targets}
    unexpected = tensors.keys() - targets.keys() - computed
    problems = [
        *_listed("missing", sorted(targets.keys() - tensors.keys())),
        *_listed("unexpected", sorted(unexpected)),
        *_listed("of another shape or type", list(_misfits(targets, tensors))),
        *_listed("with other values than computed", list(_other_values(computed, targets, tensors))),
    ]
    if problems:
        raise ConversionError(f"{checkpoint} is no published checkpoint of this configuration\n" + "\n".join(problems))
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(tensors[name])
    return left_out


def _preset_files() -> Iterator[Any]:
    return resources.files("hcl_sdk").joinpath("presets").iterdir()


def _of_version(config: dict[str, Any], version: int) -> dict[str, Any]:
    """Change what differs between the versions of the published code."""
    if version not in _VERSIONS:
        raise ValueError(
            f"there are versions {', '.join(map(str, _VERSIONS))} of the published network; got {version!r}"
        )
    config["detector"]["encoder"]["activation_first"] = version == 3
    config["restorer"]["upsampling"] = "nearest" if version == 2 else "bilinear"
    return config


def _check_components(detector: Detector, restorer: Restorer) -> None:
    published = (
        (detector.encoder, SwinEncoder),
        (detector.interaction, (TopDownFusion, Identity)),
        (detector.head, ProjectionHead),
        (detector.clusterer, SoftKMeans),
        (restorer, PartialSwinRestorer),
    )
    wrong = [type(part).__name__ for part, types in published if not isinstance(part, types)]
    if wrong:
        raise ConversionError(
            f"published checkpoints are of swin, top-down or identity, projection, soft-kmeans and partial-swin; "
            f"they hold nothing for {', '.join(wrong)}"
        )


def _read(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """All tensors of a checkpoint under ``group.name``, and the names of what is left out."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # of what is no checkpoint, the reader raises anything: KeyError, IndexError, ...
        raise ConversionError(
            f"{path} is not a checkpoint written by torch.save, or holds more than tensors, "
            f"which is not read because it could run code"
        ) from error
    if not isinstance(content, dict):
        raise ConversionError(f"{path} holds a {type(content).__name__}; a published checkpoint is a dictionary")
    left_out = tuple(name for name in content if _NOT_LOADED.fullmatch(str(name)))
    kept = {name: value for name, value in content.items() if name not in left_out}
    tensors = dict(_flat(kept, ""))
    strange = sorted(name for name, value in tensors.items() if not isinstance(value, Tensor))
    if strange:
        raise ConversionError(f"{path} holds values that are not tensors: {', '.join(strange)}")
    return tensors, left_out


def _flat(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _listed(what: str, names: list[str]) -> Iterator[str]:
    if names:
        yield f"{what} ({len(names)}):"
        yield from (f"  {name}" for name in names)


def _misfits(targets: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Iterator[str]:
    for name in sorted(targets.keys() & tensors.keys()):
        target, tensor = targets[name], tensors[name]
        if target.shape != tensor.shape:
            yield f"{name}: expected {tuple(target.shape)}, got {tuple(tensor.shape)}{_window_hint(name, tensor)}"
        elif not tensor.is_floating_point():
            yield f"{name}: expected floating-point values, got {tensor.dtype}"


def _window_hint(name: str, table: Tensor) -> str:
    if not name.endswith("relative_position_bias_table"):
        return ""
    return f" (a window of {(math.isqrt(table.shape[0]) + 1) // 2})"


def _owner(name: str) -> str | None:
    """The table of relative positions in the block that a computed buffer belongs to."""
    found = re.fullmatch(r"(.*\.blocks\.\d+)\.(attn\.relative_position_index|attn_mask)", name)
    return found and f"{found[1]}.attn.relative_position_bias_table"


def _other_values(computed: set[str], targets: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """Buffers that the published code computes from the window and image size, and not as is done here."""
    for name in sorted(computed):
        table = targets[_owner(name) or ""]
        window = (math.isqrt(table.shape[0]) + 1) // 2
        if name.endswith("relative_position_index"):
            if not torch.equal(tensors[name], relative_position_index(window)):
                yield f"{name}: not the indices of a window of {window}; shape {tuple(tensors[name].shape)}"
        elif not _is_shift_mask(tensors[name], name, window):
            yield f"{name}: not the mask of windows of {window}, shifted by half; shape {tuple(tensors[name].shape)}"


def _is_shift_mask(mask: Tensor, name: str, window: int) -> bool:
    if int(name.split(".")[-2]) % 2 == 0:  # only odd blocks are shifted
        return False
    side = math.isqrt(mask.shape[0]) * window
    allowed = window_neighbors((side, side), window, (window // 2, window // 2))
    if allowed is None or allowed.shape != mask.shape:
        return False
    return torch.equal(mask.float(), torch.where(allowed, 0.0, -100.0))


def _published_names(detector: Detector, restorer: Restorer) -> dict[str, str]:
    """What each layer, or single parameter, of the published components is called in a checkpoint, group first."""
    encoder = detector.encoder
    assert isinstance(encoder, SwinEncoder)
    assert isinstance(restorer, PartialSwinRestorer)
    return {
        **_encoder_names("detector.encoder", "inpaintnet.encoder", encoder),
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
        **_blocks("restorer.bottleneck", "inpaintnet.bottleneck.bottleneck", restorer.bottleneck_depth),
        "restorer.bottleneck.conv": "inpaintnet.bottleneck.bottleneck.conv.conv",
        **_decoder_names("restorer", "inpaintnet.decoder", encoder, restorer),
        **_refinement_names("restorer.refinement", "refinenet", len(restorer.refinement_multipliers)),
    }


def _encoder_names(ours: str, theirs: str, encoder: SwinEncoder) -> dict[str, str]:
    order = 1 if encoder.activation_first else 0  # the activation, which has no name, and the convolution in turn
    names = {f"{ours}.stem": f"{theirs}.first_conv.conv"}
    for i in range(encoder.conv_stages):
        names[f"{ours}.stem_reductions.{i}"] = f"{theirs}.conv_down_blocks.{i}.{order}"
    for s, depth in enumerate(encoder.depths):
        names |= _blocks(f"{ours}.stages.{s}", f"{theirs}.down_blocks.{s}.0", depth)
        names[f"{ours}.stages.{s}.conv"] = f"{theirs}.down_blocks.{s}.0.conv.conv"
        names[f"{ours}.reductions.{s}"] = f"{theirs}.down_blocks.{s}.1.conv.conv"
    return names


def _decoder_names(ours: str, theirs: str, encoder: SwinEncoder, restorer: PartialSwinRestorer) -> dict[str, str]:
    names = {f"{ours}.to_image": f"{theirs}.last_conv.conv"}
    for s, depth in enumerate(restorer.depths):
        names |= _blocks(f"{ours}.stages.{s}", f"{theirs}.up_blocks.{s}.0", depth)
        names[f"{ours}.stages.{s}.conv.conv.weight"] = f"{theirs}.up_blocks.{s}.0.conv.conv.weight"
        names[f"{ours}.stages.{s}.conv.conv.bias"] = f"{theirs}.up_blocks.{s}.0.conv.bias"
        names[f"{ours}.enlargements.{s}"] = f"{theirs}.up_blocks.{s + 1}.1.conv.conv"
    for i in range(encoder.conv_stages):
        names[f"{ours}.image_enlargements.{i}"] = f"{theirs}.conv_up_blocks.{i}.0.1"
    return names


def _refinement_names(ours: str, theirs: str, levels: int) -> dict[str, str]:
    def gated(ours: str, theirs: str) -> dict[str, str]:
        return {f"{ours}.{part}": f"{theirs}.{part}.conv" for part in ("conv", "gate")}

    def block(ours: str, theirs: str) -> dict[str, str]:
        both = {**gated(f"{ours}.conv1", f"{theirs}.conv1"), **gated(f"{ours}.conv2", f"{theirs}.conv2")}
        return {**both, f"{ours}.shortcut": f"{theirs}.shortcut"}

    names = {**gated(f"{ours}.first", f"{theirs}.refine_first"), f"{ours}.last": f"{theirs}.refine_last.conv"}
    names |= block(f"{ours}.bottleneck", f"{theirs}.refine_bottleneck")
    for i in range(levels):
        j = levels - 1 - i  # theirs counts upwards from the coarsest
        names |= block(f"{ours}.encode.{i}", f"{theirs}.refine_encoder.{i}.0")
        names |= block(f"{ours}.decode.{i}", f"{theirs}.refine_decoder.{j}.0")
        names[f"{ours}.down.{i}"] = f"{theirs}.refine_encoder.{i}.1"
        names[f"{ours}.up.{i}"] = f"{theirs}.refine_decoder.{j - 1}.1.1"
    return names


def _blocks(ours: str, theirs: str, depth: int) -> dict[str, str]:
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
