"""Gives a name that another package gives, and one that is built in."""

from hcl_sdk import hookimpl


@hookimpl
def hcl_register(registry):
    registry.restorer("blur-fill", "hcl_clash.restorer:WideFill")
    registry.restorer("gated-unet", "hcl_clash.restorer:WideFill")
    registry.weights("shipped", "hcl_clash:shipped")
    registry.weights("on-the-hub", "hub:somebody/something")
