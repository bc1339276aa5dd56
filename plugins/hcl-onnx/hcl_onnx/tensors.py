"""Running models in ONNX Runtime on tensors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hcl_onnx.session import Session


def run(session: Session, inputs: Mapping[str, Tensor], like: Tensor) -> tuple[Tensor, ...]:
    """Run a model on the CPU in float32; the outputs have the device and dtype of ``like`` and carry no gradient."""
    arrays = {
        name: (value if value.dtype == torch.bool else value.float()).detach().cpu().contiguous().numpy()
        for name, value in inputs.items()
    }
    return tuple(torch.from_numpy(value).to(like.device, like.dtype) for value in session.run(arrays))
