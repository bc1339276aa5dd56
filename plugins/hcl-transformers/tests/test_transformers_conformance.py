"""hcl_sdk's conformance kit, on backbones of every sort."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hcl_transformers.encoder import TransformersEncoder

from hcl_sdk.testing import parametrize_with_checks


def make_convnext() -> TransformersEncoder:
    return TransformersEncoder.testing_example(Path())


def make_swin() -> TransformersEncoder:
    config = {"model_type": "swin", "embed_dim": 12, "depths": (1, 1, 2, 1), "num_heads": (1, 2, 3, 4)}
    return TransformersEncoder(config={**config, "window_size": 4}, out_indices=(1, 2, 3))


def make_frozen_dinov2() -> TransformersEncoder:
    config = {"model_type": "dinov2", "hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 2}
    return TransformersEncoder(config={**config, "image_size": 28}, frozen=True)


def make_resnet() -> TransformersEncoder:
    config = {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": (8, 16), "depths": (1, 1)}
    return TransformersEncoder(config={**config, "layer_type": "basic"})


@parametrize_with_checks([make_convnext, make_swin, make_frozen_dinov2, make_resnet])
def test_conformance(factory: Callable[[], Any], check: Callable[[Any], None]) -> None:
    check(factory)
