"""Smaller and faster detectors: 8-bit whole numbers in the convolutions."""

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
    """Turn the detector of an exported folder into one of 8 bits, in place.

    Weights (one scale for each channel) and activations of the convolutions of encoder, interaction and head become
    whole numbers of 8 bits (weights of 7, because processors without instructions for such products overflow).
    Clustering stays in float32, and so does what makes the encoder's finest map, where faint traces would drown in the
    rounding. What range the activations have is measured on photos (static quantization: Jacob et al., "Quantization
    and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018). The restorer is left
    as it is.

    Args:
        folder: written by :func:`hcl_onnx.export.export`, not quantized yet.
        photos: paths or arrays, damaged and clean ones as the detector is going to see them; some dozens are enough.

    Raises:
        ModelError: if the folder is not a sound export.
        ValueError: if there is no detector or no photo, or the detector is quantized already.
    """
    folder = Path(folder)
    manifest = manifests.read(folder)
    if DETECTOR not in manifest.files:
        raise ValueError(f"{folder} holds no detector")
    if manifest.precision != "float32":
        raise ValueError(f"the detector in {folder} is {manifest.precision} already; export it again first")
    if not photos:
        raise ValueError("quantization needs photos, to measure the range of the activations on")
    model = onnx.load(folder / DETECTOR)
    kept = list(model.metadata_props)
    left_out = [node.name for node in model.graph.node if node.name.startswith("clustering/")]
    left_out += _makers_of("map_0", model)
    with tempfile.TemporaryDirectory() as temporary:
        whole, made = Path(temporary) / "float32.onnx", Path(temporary) / "int8.onnx"
        onnx.save_model(model, whole)
        with _quiet():
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
                extra_options={"DedicatedQDQPair": True},  # what two parts read is rounded in each of them
            )
        quantized = onnx.load(made)
    del quantized.metadata_props[:]
    quantized.metadata_props.extend(kept)
    _name_after_neighbors(quantized)
    onnx.save_model(quantized, folder / DETECTOR)
    files = {**manifest.files, DETECTOR: manifests.sha256(folder / DETECTOR)}
    manifests.write(folder, replace(manifest, precision="int8", files=files))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that recommend what an export has done already."""
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


def _makers_of(value: str, model: onnx.ModelProto) -> list[str]:
    """The names of the nodes that a value comes from, however far back."""
    wanted, names = {value}, []
    for node in reversed(model.graph.node):  # sorted: what makes a value comes before what takes it
        if wanted.intersection(node.output):
            wanted.update(node.input)
            names.append(node.name)
    return names


def _name_after_neighbors(model: onnx.ModelProto) -> None:
    """Put what quantization added into the part of what it was added to, by the name, so that parts can be cut out."""
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
