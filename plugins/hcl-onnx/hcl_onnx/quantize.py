"""Smaller and faster detectors: 8-bit integers in the convolutions."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from hcl_onnx import arrays
from hcl_onnx import manifest as manifests
from hcl_onnx.manifest import DETECTOR
from hcl_onnx.run import Source
from hcl_sdk import Photo
from hcl_sdk.functional.arrays import shrink_size


def quantize(folder: str | os.PathLike[str], photos: Sequence[Source]) -> None:
    """Quantize the detector of an exported folder to 8 bits, in place.

    Weights (one scale per channel) and activations of the convolutions in encoder, interaction and head become 8-bit
    integers (weights use 7 bits, because processors without the matching instructions overflow otherwise). Clustering
    stays in float32, as do the layers that compute the encoder's finest map, where faint traces would be lost to
    rounding. The range of the activations is measured on photos (static quantization: Jacob et al., "Quantization and
    Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018). The restorer is not
    changed.

    Args:
        folder: written by :func:`hcl_onnx.export.export`, and not quantized yet.
        photos: damaged and clean photos like those that the detector will see, as paths or arrays; a few dozen are
            enough.

    Raises:
        ModelError: if the folder is not an intact export.
        ValueError: if there is no detector or no photo, or the detector is quantized already.
    """
    folder = Path(folder)
    manifest = manifests.read(folder)
    if DETECTOR not in manifest.files:
        raise ValueError(f"{folder} holds no detector")
    if manifest.precision != "float32":
        raise ValueError(f"the detector in {folder} is {manifest.precision} already; export it again first")
    if not photos:
        raise ValueError("quantization needs photos to measure the range of the activations")
    model = onnx.load(folder / DETECTOR)
    kept = list(model.metadata_props)
    left_out = [node.name for node in model.graph.node if node.name.startswith("clustering/")]
    left_out += _list_producers("map_0", model)
    with tempfile.TemporaryDirectory() as temporary:
        whole, made = Path(temporary) / "float32.onnx", Path(temporary) / "int8.onnx"
        onnx.save_model(model, whole)
        with _silence_recommendations():
            quantize_static(
                whole,
                made,
                _Photos(photos, manifest.config["detection_size"]),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=left_out,
                extra_options={"DedicatedQDQPair": True},  # values that two parts read are rounded in each of them
            )
        quantized = onnx.load(made)
    del quantized.metadata_props[:]
    quantized.metadata_props.extend(kept)
    _name_after_neighbors(quantized)
    onnx.save_model(quantized, folder / DETECTOR)
    files = {**manifest.files, DETECTOR: manifests.hash_file(folder / DETECTOR)}
    manifests.write(folder, replace(manifest, precision="int8", files=files))


@contextmanager
def _silence_recommendations() -> Iterator[None]:
    """Hide warnings that recommend steps which the export has taken already."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)


class _Photos(CalibrationDataReader):
    """Photos at the working size of the detector, one at a time."""

    def __init__(self, photos: Sequence[Source], detection_size: int | None) -> None:
        self._images = self._read(photos, detection_size)

    @staticmethod
    def _read(photos: Sequence[Source], detection_size: int | None) -> Iterator[np.ndarray]:
        for source in photos:
            photo = Photo.open(source)
            yield arrays.shrink(photo.rgb_array, shrink_size(photo.size, detection_size))

    def get_next(self) -> dict[str, np.ndarray] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        image = next(self._images, None)
        return None if image is None else {"image": image}


def _list_producers(value: str, model: onnx.ModelProto) -> list[str]:
    """List the names of all nodes that a value depends on."""
    wanted, names = {value}, []
    for node in reversed(model.graph.node):  # sorted: producers come before consumers
        if wanted.intersection(node.output):
            wanted.update(node.input)
            names.append(node.name)
    return names


def _name_after_neighbors(model: onnx.ModelProto) -> None:
    """Prefix the nodes that quantization added with the part that they belong to, so that parts can be extracted."""
    parts = ("encoder/", "head/", "clustering/")
    part_of = {}
    for node in model.graph.node:
        if node.name.startswith(parts):
            part_of |= {value: node.name.partition("/")[0] for value in node.input}
    for node in reversed(model.graph.node):
        if not node.name.startswith(parts):
            part = next((part_of[value] for value in node.output if value in part_of), "encoder")
            node.name = f"{part}/{node.name}"
            part_of |= dict.fromkeys(node.input, part)
