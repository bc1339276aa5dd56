"""Weights for hcl_sdk that were trained as the paper does it. Importing this module imports no torch."""

from hcl_sdk import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    registry.weights(
        "research",
        "hcl_weights:research",
        summary="a detector trained on parts of other photos alone, by contrast and clusters, as the paper does it",
    )
