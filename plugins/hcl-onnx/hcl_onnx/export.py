"""Export a pipeline of hcl_sdk to a folder of ONNX models for any batch and image size."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from safetensors.torch import save
from torch import Tensor, nn

from hcl_onnx import manifest as manifests
from hcl_onnx.graphs import describe, join_parts
from hcl_onnx.manifest import CLUSTERER, DETECTOR, FORMAT, MANIFEST, RESTORER, VERDICT, Manifest
from hcl_onnx.session import Session
from hcl_onnx.tracing import Draws, Exportable
from hcl_sdk import Detection, Detector, Pipeline, Pyramid, Restorer
from hcl_sdk.errors import describe_error
from hcl_sdk.functional.pull_push import LEVELS
from hcl_sdk.functional.resize import resize
from hcl_sdk.functional.sensitivity import adjust_threshold
from hcl_sdk.interfaces import check_mask

THRESHOLDS = ("threshold", "peak_threshold")
SIZES = ((2, 64, 96), (1, 97, 131), (1, 1, 1), (3, 33, 40), (1, 300, 520))
"""Batch, height and width of the images on which exported models are compared with the original."""


class ExportError(ValueError):
    """A pipeline cannot be exported, or its export gives different results."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The deviation of an exported model from the original on random images of one size.

    Attributes:
        model: ``detector.onnx`` or ``restorer.onnx``.
        size: batch, height and width.
        largest: the largest difference of the confidence and the verdict, or of the restored image.
        mask: the share of pixels whose mask differs; 0 for a restorer.
    """

    model: str
    size: tuple[int, int, int]
    largest: float
    mask: float


def export(
    pipeline: Pipeline,
    folder: str | os.PathLike[str],
    *,
    seed: int = 0,
    sizes: Sequence[tuple[int, int, int]] = SIZES,
    tolerance: float = 1e-3,
) -> list[Difference]:
    """Write the detector and the restorer of a pipeline as ONNX models, and compare them with the originals.

    ``detector.onnx`` takes ``image`` ``[B, 3, H, W]`` and returns ``confidence`` ``[B, 1, H, W]``; it contains
    everything from the encoder to the coarse-to-fine clustering. With a verdict it also returns ``verdict`` ``[B]``,
    the probability that there is any damage; for a restorer that uses features also ``map_0`` ... and ``mask_0`` ...,
    fine to coarse. ``restorer.onnx`` takes ``image``, ``corruption_mask`` ``[B, 1, H, W]`` (bool, True = corrupted),
    and the features and their masks if it uses them, and returns ``restored``. ``B``, ``H`` and ``W`` are dynamic.
    Existing files are overwritten.

    Args:
        pipeline: on any device; it is moved to the CPU for the export, and back.
        folder: created if it does not exist.
        seed: seed of the clusterer's random draws, which become constants.
        sizes: batch, height and width of random images on which original and export are compared.
        tolerance: the maximum difference of confidence and restored image; masks may differ in one pixel of a
            thousand.

    Returns:
        The differences, in the order of the models and sizes.

    Raises:
        ExportError: if a part cannot be traced or translated, the export differs from the original, or the pipeline
            uses ``texture``, ``unveil``, ``only`` or ``skip``, which are not exported.
    """
    if pipeline.texture > 0 or pipeline.unveil:
        raise ExportError(
            f"texture and unveil are not exported; expected texture=0, unveil=False, got texture={pipeline.texture:g}, "
            f"unveil={pipeline.unveil}: export pipeline.replace(texture=0, unveil=False)"
        )
    if pipeline.detail_size is not None:
        raise ExportError(
            f"the models look at photos as a whole, not at tiles; expected detail_size=None, got "
            f"{pipeline.detail_size}: export pipeline.replace(detail_size=None), which does not find thin damage in "
            f"large photos"
        )
    folder = Path(folder)
    # The runner knows thresholds only.
    limits = {name: adjust_threshold(pipeline.sensitivity, getattr(pipeline, name)) for name in THRESHOLDS}
    config: dict[str, Any] = pipeline.to_config() | limits | {"sensitivity": 0.5}
    if pipeline.only or pipeline.skip:
        raise ExportError("exported models do not know the kind of damage that only and skip select by; set both to ()")
    if config["detector"] is not None:
        config["detector"] = config["detector"] | {"damage_head": None, "detail_fusion": None}  # not part of the models
    device = pipeline.device
    parts = [part for part in (pipeline.detector, pipeline.restorer) if part is not None]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)  # a half-written folder must not look like an export
    try:
        for part in parts:
            part.to("cpu").eval()
        with torch.no_grad():
            return _export(pipeline, config, folder, seed, sizes, tolerance)
    finally:
        for part in parts:
            part.to(device)


def _export(
    pipeline: Pipeline,
    config: dict[str, Any],
    folder: Path,
    seed: int,
    sizes: Sequence[tuple[int, int, int]],
    tolerance: float,
) -> list[Difference]:
    detector, restorer = pipeline.detector, pipeline.restorer
    features = restorer is not None and restorer.uses_features
    names: list[str] = []
    differences: list[Difference] = []
    if detector is not None:
        onnx.save_model(_make_detector_model(detector, seed, features), folder / DETECTOR)
        names.append(DETECTOR)
        for name, part in ((CLUSTERER, detector.clusterer), (VERDICT, detector.verdict)):
            if part is not None:
                state = {key: tensor.contiguous() for key, tensor in part.state_dict().items()}
                (folder / name).write_bytes(save(state))  # save_file would make it readable by its owner only
                names.append(name)
        differences += _compare_detector(detector, folder / DETECTOR, seed, sizes)
    if restorer is not None:
        onnx.save_model(_make_restorer_model(restorer, detector), folder / RESTORER)
        names.append(RESTORER)
        differences += _compare_restorer(restorer, detector, folder / RESTORER, sizes)
    if wrong := [d for d in differences if not (d.largest <= tolerance and d.mask <= 1e-3)]:
        listed = "; ".join(
            f"{d.model} at {list(d.size)} by {d.largest:.2g}, its mask on {d.mask:.2%} of the pixels" for d in wrong
        )
        raise ExportError(f"the export differs from the original: {listed}")
    files = {name: manifests.hash_file(folder / name) for name in names}
    manifests.write(
        folder,
        Manifest(version=version("hcl-onnx"), precision="float32", seed=seed, config=config, files=files),
    )
    return differences


class EncoderGraph(nn.Module):
    """The encoder: image -> maps, fine to coarse."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return self.detector.encoder(image).maps


class HeadGraph(nn.Module):
    """Interaction and head: maps -> embeddings."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, *maps: Tensor) -> tuple[Tensor, ...]:
        pyramid = Pyramid(maps=maps, spec=self.detector.encoder.spec)
        return self.detector.head(self.detector.interaction(pyramid))


class ClusteringGraph(nn.Module):
    """Image (for its size), embeddings -> confidence, the verdict if there is one, and the mask of every scale."""

    def __init__(self, detector: Detector, seed: int) -> None:
        super().__init__()
        self.detector, self.seed = detector, seed

    def forward(self, image: Tensor, *embeddings: Tensor) -> tuple[Tensor, ...]:
        scales = self.detector.cluster_scales(embeddings, seed=self.seed)
        confidence = resize(scales[0].confidence, image.shape[-2:], self.detector.upsampling)
        masks = tuple(scale.corruption_mask for scale in scales)
        if self.detector.verdict is None:
            return confidence, *masks
        return confidence, self.detector.verdict([scale.confidence for scale in scales]).sigmoid(), *masks


class RestorerGraph(nn.Module):
    """Image, mask, and, if it uses features, the mask and map of every scale -> restored image."""

    def __init__(self, restorer: Restorer, detector: Detector | None) -> None:
        super().__init__()
        self.restorer = restorer
        self.spec = detector.encoder.spec if restorer.uses_features and detector is not None else None

    def forward(self, image: Tensor, corruption_mask: Tensor, *features: Tensor) -> Tensor:
        check_mask(corruption_mask)
        scales = len(features) // 2
        pyramid = None if self.spec is None else Pyramid(maps=features[scales:], spec=self.spec)
        detection = Detection(
            confidence=corruption_mask.to(image.dtype),
            corruption_mask=corruption_mask,
            masks=features[:scales],
            pyramid=pyramid,
        )
        return self.restorer(image, detection)


def _make_detector_model(detector: Detector, seed: int, features: bool) -> onnx.ModelProto:
    spec, dim = detector.encoder.spec, detector.head.dim
    scales = range(len(spec))
    image, sizes = _draw_example(spec.strides)
    maps = tuple(torch.rand(2, c, *size) for c, size in zip(spec.channels, sizes, strict=True))
    embeddings = tuple(nn.functional.normalize(torch.randn(2, dim, *size), dim=1) for size in sizes)
    map_names, embedding_names, mask_names = ([f"{what}_{s}" for s in scales] for what in ("map", "embedding", "mask"))
    decisions = ["confidence"] if detector.verdict is None else ["confidence", "verdict"]
    model = join_parts(
        {
            "encoder": _translate(EncoderGraph(detector), (image,), ["image"], map_names),
            "head": _translate(HeadGraph(detector), maps, map_names, embedding_names),
            "clustering": _translate(
                ClusteringGraph(detector, seed),
                (image, *embeddings),
                ["image", *embedding_names],
                [*decisions, *mask_names],
            ),
        },
        [*decisions, *map_names, *mask_names] if features else decisions,
    )
    about = {"channels": spec.channels, "strides": spec.strides, "dim": dim}
    describe(model, {"format": FORMAT, "kind": "detector", **about})
    return model


def _make_restorer_model(restorer: Restorer, detector: Detector | None) -> onnx.ModelProto:
    spec = detector.encoder.spec if restorer.uses_features and detector is not None else None
    # 19 * 2 ** (LEVELS - 5) pixels, more than 2 ** (LEVELS - 1): pull-push still has something to halve at each level.
    image, sizes = _draw_example((2 ** (LEVELS - 5),) if spec is None else spec.strides)
    inputs = {"image": image, "corruption_mask": torch.rand(2, 1, *image.shape[-2:]) > 0.5}
    if spec is not None:
        inputs |= {f"mask_{s}": torch.rand(2, 1, *size) > 0.5 for s, size in enumerate(sizes)}
        inputs |= {f"map_{s}": torch.rand(2, spec.channels[s], *size) for s, size in enumerate(sizes)}
    model = _translate(RestorerGraph(restorer, detector), tuple(inputs.values()), list(inputs), ["restored"])
    about = {"uses_features": spec is not None}
    if spec is not None:
        about |= {"channels": spec.channels, "strides": spec.strides}
    describe(model, {"format": FORMAT, "kind": "restorer", **about})
    return model


def _draw_example(strides: Sequence[int]) -> tuple[Tensor, list[tuple[int, int]]]:
    """Draw images to trace with, and compute the sizes of their maps.

    The size is odd, and so large that no map is smaller than the usual attention window: whatever a model does only at
    some sizes, such as padding, it does at this one.
    """
    height, width = 19 * strides[-1] - 1, 23 * strides[-1] - 1
    return torch.rand(2, 3, height, width), [(-(-height // s), -(-width // s)) for s in strides]


def _translate(
    module: nn.Module, inputs: tuple[Tensor, ...], input_names: list[str], output_names: list[str]
) -> onnx.ModelProto:
    """Translate a module into an ONNX model in which every dimension but the channels is dynamic."""
    free = torch.export.Dim.DYNAMIC
    shape = {0: free, 2: free, 3: free}
    what = type(module).__name__.removesuffix("Graph").lower()
    with Draws() as draws:
        module(*inputs)
    try:
        with Exportable(draws.drawn):
            program = torch.export.export(
                module.eval(), inputs, dynamic_shapes=_map_to_arguments(module, [shape] * len(inputs))
            )
        made = torch.onnx.export(
            program, dynamo=True, verbose=False, input_names=input_names, output_names=output_names
        )
    except Exception as error:  # from symbolic shapes, the exporter, or the component
        raise ExportError(f"the {what} cannot be exported: {describe_error(error, limit=2000)}") from error
    assert made is not None
    return made.model_proto


def _map_to_arguments(module: nn.Module, shapes: list[Any]) -> dict[str, Any]:
    """Map the names of the arguments of ``forward`` to shapes; a starred argument takes those that are left."""
    code = type(module).forward.__code__
    named = code.co_varnames[1 : code.co_argcount]
    by_name: dict[str, Any] = dict(zip(named, shapes, strict=False))
    if len(shapes) > len(named):  # there is a starred argument, and it is not empty
        by_name[code.co_varnames[code.co_argcount]] = tuple(shapes[len(named) :])
    return by_name


def _compare_detector(
    detector: Detector, path: Path, seed: int, sizes: Sequence[tuple[int, int, int]]
) -> list[Difference]:
    session = Session(path, "detector")
    found = []
    for batch, height, width in sizes:
        image = torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(height))
        ours = detector(image, seed=seed)
        (theirs,) = session.run({"image": image.numpy()}, ["confidence"])
        difference = _measure_difference(DETECTOR, (batch, height, width), ours.confidence.numpy(), theirs)
        if ours.verdict_logits is not None:
            (theirs,) = session.run({"image": image.numpy()}, ["verdict"])
            verdict = _measure_difference(
                DETECTOR, (batch, height, width), ours.verdict_logits.sigmoid().numpy(), theirs
            )
            difference = replace(difference, largest=max(difference.largest, verdict.largest))
        found.append(difference)
    return found


def _compare_restorer(
    restorer: Restorer, detector: Detector | None, path: Path, sizes: Sequence[tuple[int, int, int]]
) -> list[Difference]:
    session = Session(path, "restorer")
    found = []
    for batch, height, width in sizes:
        generator = torch.Generator().manual_seed(height)
        image = torch.rand(batch, 3, height, width, generator=generator)
        mask = torch.zeros(batch, 1, height, width, dtype=torch.bool)
        mask[..., height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = True
        uses = detector is not None and restorer.uses_features
        detection = detector.encode_mask(image, mask) if uses else Detection.from_mask(mask)  # pyright: ignore[reportOptionalMemberAccess]
        ours = restorer(image, detection).numpy()
        inputs = {"image": image, "corruption_mask": mask}
        if detection.pyramid is not None:
            inputs |= {f"mask_{s}": m for s, m in enumerate(detection.masks)}
            inputs |= {f"map_{s}": m for s, m in enumerate(detection.pyramid.maps)}
        (theirs,) = session.run({name: value.numpy() for name, value in inputs.items()}, ["restored"])
        found.append(_measure_difference(RESTORER, (batch, height, width), ours, theirs))
    return found


def _measure_difference(model: str, size: tuple[int, int, int], ours: np.ndarray, theirs: np.ndarray) -> Difference:
    if ours.shape != theirs.shape:
        raise ExportError(f"{model} at {list(size)}: expected the shape {list(ours.shape)}, got {list(theirs.shape)}")
    mask = float(((ours > 0.5) != (theirs > 0.5)).mean()) if model == DETECTOR else 0.0
    return Difference(model=model, size=size, largest=float(np.abs(ours - theirs).max()), mask=mask)
