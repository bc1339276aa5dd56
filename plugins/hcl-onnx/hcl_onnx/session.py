"""Models in ONNX Runtime, on the CPU."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from hcl_onnx.manifest import FORMAT, ModelError

KEY = "hcl_onnx"
"""The name under which the metadata of a model hold what hcl-onnx knows about it, as JSON."""


class Session:
    """A model in ONNX Runtime. It is read on first use, and again after it was pickled or copied.

    Args:
        path: the file.
        kind: the expected kind, ``"detector"`` or ``"restorer"``.
        part: extracts the part to run from the content of the file; by default the whole model runs.
        threads: the number of threads that ONNX Runtime may use; None for all cores.

    Raises:
        ModelError: if the file does not exist; on first use, if it is damaged or of another kind.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        kind: str,
        *,
        part: Callable[[bytes], bytes] | None = None,
        threads: int | None = None,
    ) -> None:
        self.path, self.kind, self.part, self.threads = Path(path), kind, part, threads
        self._session: ort.InferenceSession | None = None
        if not self.path.is_file():
            raise ModelError(f"{self.path}: there is no such file; expected a {kind}.onnx that 'hcl-onnx export' wrote")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_session": None}

    @property
    def session(self) -> ort.InferenceSession:
        """The session of ONNX Runtime."""
        if self._session is None:
            self._session = self._open()
        return self._session

    @property
    def about(self) -> dict[str, Any]:
        """The metadata that hcl-onnx wrote into the model."""
        return json.loads(self.session.get_modelmeta().custom_metadata_map[KEY])

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        return [value.name for value in self.session.get_outputs()]

    def run(self, inputs: dict[str, np.ndarray], outputs: list[str] | None = None) -> list[np.ndarray]:
        """Run the model; return the outputs in the requested order."""
        return self.session.run(outputs, inputs)  # pyright: ignore[reportReturnType]

    def _open(self) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.log_severity_level = 3
        if self.threads is not None:
            options.intra_op_num_threads = self.threads
        try:
            content = self.path.read_bytes()
            if self.part is not None:
                content = self.part(content)
            session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except ModelError:
            raise
        except Exception as error:  # ONNX Runtime and protobuf raise errors of many types
            reason = " ".join(str(error).split())
            raise ModelError(f"{self.path} is damaged or not an ONNX model: {reason}") from error
        try:
            about = json.loads(session.get_modelmeta().custom_metadata_map[KEY])
        except KeyError:
            raise ModelError(f"{self.path} was not exported by hcl-onnx: its metadata lack {KEY!r}") from None
        if about["format"] != FORMAT or about["kind"] != self.kind:
            raise ModelError(
                f"{self.path}: expected a {self.kind} of format {FORMAT}, got a {about['kind']} of format "
                f"{about['format']}"
            )
        return session
