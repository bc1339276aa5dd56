"""What the tests of results share: a pipeline that fills given masks."""

from __future__ import annotations

import pytest
import torch

from hcl_sdk import GatedUNet, Pipeline


@pytest.fixture(scope="module")
def restorer() -> Pipeline:
    torch.manual_seed(0)
    return Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), device="cpu")
