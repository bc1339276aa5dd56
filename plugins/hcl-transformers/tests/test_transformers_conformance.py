"""hcl_sdk's conformance kit, on backbones of every sort."""

from hcl_transformers.encoder import TransformersEncoder

from hcl_sdk.testing import parametrize_with_checks


def convnext():
    return TransformersEncoder.testing_example(None)


def swin():
    config = {"model_type": "swin", "embed_dim": 12, "depths": (1, 1, 2, 1), "num_heads": (1, 2, 3, 4)}
    return TransformersEncoder(config={**config, "window_size": 4}, out_indices=(1, 2, 3))


def dinov2_frozen():
    config = {"model_type": "dinov2", "hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 2}
    return TransformersEncoder(config={**config, "image_size": 28}, frozen=True)


def resnet():
    config = {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": (8, 16), "depths": (1, 1)}
    return TransformersEncoder(config={**config, "layer_type": "basic"})


@parametrize_with_checks([convnext, swin, dinov2_frozen, resnet])
def test_conformance(factory, check):
    check(factory)
