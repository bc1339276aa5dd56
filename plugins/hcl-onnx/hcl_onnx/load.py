"""Loading an exported folder into hcl_sdk."""

from __future__ import annotations

import os
from pathlib import Path

from hcl_onnx.manifest import CLUSTERER, DETECTOR, RESTORER, VERDICT, read
from hcl_sdk import Pipeline
from hcl_sdk.files.tensors import read_tensors


def load(folder: str | os.PathLike[str]) -> Pipeline:
    """Load an exported pipeline as a `Pipeline` whose encoder, head and restorer run in ONNX Runtime.

    Clusterer and verdict, with their weights, and the coarse-to-fine order are hcl_sdk's own. So every seed works, and
    the detection is complete except for the kind of damage. Configurations can name the components.

    Raises:
        ModelError: if the folder or a file in it is missing, damaged or of another format.
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
            "damage_head": None,  # it would need features that the models do not return
        }
    if config["restorer"] is not None:
        config["restorer"] = {"use": "hcl-onnx/restorer", "model": str(folder / RESTORER)}
    pipeline = Pipeline.from_config(config, device="cpu")
    if pipeline.detector is not None:
        pipeline.detector.clusterer.load_state_dict(read_tensors(folder / CLUSTERER))
        if pipeline.detector.verdict is not None:
            pipeline.detector.verdict.load_state_dict(read_tensors(folder / VERDICT))
    return pipeline
