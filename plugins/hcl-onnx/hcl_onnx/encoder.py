"""The encoder of an exported detector."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import attrs
from torch import Tensor

from hcl_onnx import tensors
from hcl_onnx.graphs import extract_part
from hcl_onnx.manifest import DETECTOR
from hcl_onnx.session import Session
from hcl_sdk import Encoder, Pyramid, PyramidSpec, component


@component
class OnnxEncoder(Encoder):
    """Features from ONNX Runtime: the encoder inside a ``detector.onnx``.

    It runs on the CPU in float32, has no parameters, and no gradient flows through it: the parts after it can be
    trained, but not the encoder itself.

    Attributes:
        model: path of the file, written by ``hcl-onnx export``.

    Raises:
        ModelError: if the file is missing, damaged or not an exported model.
    """

    model: str = attrs.field()

    @classmethod
    def testing_example(cls, folder: Path) -> OnnxEncoder:
        """Make a small one with random weights; its model is written to ``folder``."""
        from hcl_onnx.example import write_example  # imports torch.onnx, which takes long

        return cls(model=str(write_example(folder) / DETECTOR))

    def build(self) -> None:
        cut = partial(extract_part, prefix="encoder", inputs="image", outputs="map")
        self._session = Session(self.model, "detector", part=cut)
        about = self._session.about
        self._spec = PyramidSpec(channels=tuple(about["channels"]), strides=tuple(about["strides"]))

    @property
    def spec(self) -> PyramidSpec:
        return self._spec

    def forward(self, image: Tensor) -> Pyramid:
        return Pyramid(maps=tensors.run(self._session, {"image": image}, image), spec=self.spec)
