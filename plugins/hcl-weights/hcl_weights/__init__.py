"""Weights for hcl_sdk that were trained as in the paper. Importing this module imports no torch."""

from hcl_sdk import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    registry.weights(
        "research",
        "hcl_weights:research",
        summary="a detector trained as in the paper, only on parts of other photos, by contrast and clustering",
    )
