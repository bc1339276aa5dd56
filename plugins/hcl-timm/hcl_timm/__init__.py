"""Models of timm as encoders for hcl_sdk. Importing this module imports no torch."""

from hcl_sdk import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    registry.encoder("timm", "hcl_timm.encoder:TimmEncoder", summary="any model of timm that has feature maps")
