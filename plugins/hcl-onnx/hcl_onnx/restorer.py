"""An exported restorer."""

from __future__ import annotations

from pathlib import Path

import attrs
from torch import Tensor

from hcl_onnx import tensors
from hcl_onnx.manifest import RESTORER
from hcl_onnx.session import Session
from hcl_sdk import Detection, PyramidSpec, Restorer, component


@component
class OnnxRestorer(Restorer):
    """Fills with ONNX Runtime, by a ``restorer.onnx``.

    If the exported restorer uses the features of an encoder, this one needs a detector with an encoder of the same
    channels and strides. It runs on the CPU in float32, has no parameters, and no gradient flows through it.

    Attributes:
        model: path of the file, written by ``hcl-onnx export``.

    Raises:
        ModelError: if the file is missing, damaged or not an exported model.
        ValueError: if it is bound to other channels or strides than it was exported with.
    """

    model: str = attrs.field()

    @classmethod
    def testing_example(cls, folder: Path) -> OnnxRestorer:
        """Make a small one with random weights; its model is written to ``folder``."""
        from hcl_onnx.example import write_example  # imports torch.onnx, which takes long

        return cls(model=str(write_example(folder) / RESTORER))

    @property
    def uses_features(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the exported restorer takes the features of an encoder."""
        return self._opened.about["uses_features"]

    @property
    def _opened(self) -> Session:
        if "_session" not in self.__dict__:
            self._session = Session(self.model, "restorer")
        return self._session

    def build(self, spec: PyramidSpec | None) -> None:
        if spec is not None:
            about = self._opened.about
            exported = PyramidSpec(channels=tuple(about["channels"]), strides=tuple(about["strides"]))
            if spec != exported:
                raise ValueError(f"{self.model} takes maps of {exported}; got {spec}")

    def forward(self, image: Tensor, detection: Detection) -> Tensor:
        inputs = {"image": image, "corruption_mask": detection.corruption_mask}
        if self.uses_features:
            if detection.pyramid is None:
                raise ValueError(f"{self.model} restores from an encoder's features, and this detection has none")
            inputs |= {f"mask_{s}": m for s, m in enumerate(detection.masks)}
            inputs |= {f"map_{s}": m for s, m in enumerate(detection.pyramid.maps)}
        (restored,) = tensors.run(self._opened, inputs, image)
        return restored
