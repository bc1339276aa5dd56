"""Backbones of Hugging Face transformers as encoders for hcl_sdk. Importing this module imports no torch."""

from hcl_sdk import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    registry.encoder(
        "transformers",
        "hcl_transformers.encoder:TransformersEncoder",
        summary="any backbone of Hugging Face transformers: ConvNeXt, Swin, DINOv2, ResNet ...",
    )
