"""Models of timm as encoders for hcl_sdk. Importing this module imports no torch."""

from hcl_sdk import hookimpl

api_version = 1


@hookimpl
def hcl_register(registry):
    registry.encoder("timm", "hcl_timm.encoder:TimmEncoder", summary="any model of timm that has feature maps")
