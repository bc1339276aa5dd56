"""Gives a name that the package's first plugin gave."""

from hcl_sdk import hookimpl


@hookimpl
def hcl_register(registry):
    registry.restorer("other", "hcl_clash.restorer:WideFill")
    registry.restorer("blur-fill", "hcl_clash.restorer:WideFill")
