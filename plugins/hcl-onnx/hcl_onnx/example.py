"""A small export for the conformance kit."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

from hcl_onnx.export import export
from hcl_sdk import Detector, GatedUNet, Identity, Pipeline, ProjectionHead, Prototypes, ResNetEncoder


def write_example(folder: Path) -> Path:
    """Write an export with random weights to ``folder``. It is made once per process."""
    for name, content in _make_files().items():
        (folder / name).write_bytes(content)
    return folder


@lru_cache(maxsize=1)
def _make_files() -> dict[str, bytes]:
    detector = Detector(
        encoder=ResNetEncoder(channels=(8, 8), depths=(0, 0)),
        interaction=Identity(),
        head=ProjectionHead(dim=8),
        clusterer=Prototypes(),
    )
    with tempfile.TemporaryDirectory() as temporary:
        export(Pipeline(detector, GatedUNet(dim=4, multipliers=(1,))), temporary)
        return {file.name: file.read_bytes() for file in Path(temporary).iterdir()}
