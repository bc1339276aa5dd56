"""An exported folder -> a pipeline of hcl_sdk."""

from __future__ import annotations

import os
from pathlib import Path

from safetensors.torch import load_file

from hcl_onnx.manifest import CLUSTERER, DETECTOR, RESTORER, VERDICT, read
from hcl_sdk import Pipeline


def load(folder: str | os.PathLike[str]) -> Pipeline:
    """The exported pipeline as one of hcl_sdk, whose encoder, head and restorer run in ONNX Runtime.

    Clusterer and verdict are hcl_sdk's own, with their weights, and so is the coarse-to-fine order, which belongs to
    the detector: every seed works, and the detection that comes out is complete, except that it does not say what the
    damage is. The components can be named in a configuration.

    Raises:
        ModelError: if the folder, or a file in it, is missing, damaged or of another format.
    """
    folder = Path(folder)
    manifest = read(folder)
    config = dict(manifest.config)
    if config["detector"] is not None:
        model = str(folder / DETECTOR)
        config["detector"] = config["detector"] | {
            "encoder": {"use": "hcl-onnx/encoder", "model": model},
            "interaction": "identity",
            "head": {"use": "hcl-onnx/head", "model": model},
            "damage_head": None,  # it would need features that the models keep to themselves
        }
    if config["restorer"] is not None:
        config["restorer"] = {"use": "hcl-onnx/restorer", "model": str(folder / RESTORER)}
    pipeline = Pipeline.from_config(config, device="cpu")
    if pipeline.detector is not None:
        pipeline.detector.clusterer.load_state_dict(load_file(folder / CLUSTERER))
        if pipeline.detector.verdict is not None:
            pipeline.detector.verdict.load_state_dict(load_file(folder / VERDICT))
    return pipeline
