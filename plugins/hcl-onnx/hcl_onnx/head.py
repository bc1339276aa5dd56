"""The interaction and the head of an exported detector."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

import attrs
from torch import Tensor
from torch.nn import functional as F

from hcl_onnx import tensors
from hcl_onnx.encoder import OnnxEncoder
from hcl_onnx.graphs import extract_part
from hcl_onnx.manifest import DETECTOR
from hcl_onnx.session import Session
from hcl_sdk import Head, Pyramid, PyramidSpec, component


@component
class OnnxHead(Head):
    """Embeddings from ONNX Runtime: the interaction and the head inside a ``detector.onnx``, combined.

    Use it with the interaction ``identity``, and with an encoder of the channels and strides that it was exported with.
    It runs on the CPU in float32 and no gradient flows through it.

    Attributes:
        model: path of the file, written by ``hcl-onnx export``.

    Raises:
        ModelError: if the file is missing, damaged or not an exported model.
        ValueError: if it is bound to other channels or strides.
    """

    expected_failures: ClassVar[dict[str, str]] = {
        "gradients_reach_the_encoder": "ONNX Runtime computes without gradients"
    }

    model: str = attrs.field()

    @classmethod
    def testing_example(cls, folder: Path) -> OnnxHead:
        """Make a small one with random weights; its model is written to ``folder``."""
        from hcl_onnx.example import write_example  # imports torch.onnx, which takes long

        model = str(write_example(folder) / DETECTOR)
        return cls(model=model).bind(OnnxEncoder(model=model).spec)

    def build(self, spec: PyramidSpec) -> None:
        cut = partial(extract_part, prefix="head", inputs="map", outputs="embedding")
        session = Session(self.model, "detector", part=cut)
        exported = PyramidSpec(channels=tuple(session.about["channels"]), strides=tuple(session.about["strides"]))
        if spec != exported:
            raise ValueError(f"{self.model} takes maps of {exported}; got {spec}")
        self._session = session

    @property
    def dim(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Channels of the embeddings."""
        return self._session.about["dim"]

    def forward(self, pyramid: Pyramid) -> tuple[Tensor, ...]:
        inputs = {f"map_{s}": m for s, m in enumerate(pyramid.maps)}
        return tuple(F.normalize(e, dim=1) for e in tensors.run(self._session, inputs, pyramid.maps[0]))
