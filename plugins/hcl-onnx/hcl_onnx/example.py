"""A small export for the conformance kit."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

from hcl_onnx.export import export
from hcl_sdk import Detector, GatedUNet, Identity, Pipeline, ProjectionHead, Prototypes, ResNetEncoder


def example(folder: Path) -> Path:
    """Write an export with random weights into ``folder``; it is made once in a process."""
    for name, content in _files().items():
        (folder / name).write_bytes(content)
    return folder


@lru_cache(maxsize=1)
def _files() -> dict[str, bytes]:
    detector = Detector(
        encoder=ResNetEncoder(channels=(8, 8), depths=(0, 0)),
        interaction=Identity(),
        head=ProjectionHead(dim=8),
        clusterer=Prototypes(),
    )
    with tempfile.TemporaryDirectory() as temporary:
        export(Pipeline(detector, GatedUNet(dim=4, multipliers=(1,))), temporary)
        return {file.name: file.read_bytes() for file in Path(temporary).iterdir()}
