"""Registers something, then fails."""

from hcl_sdk import hookimpl


@hookimpl
def hcl_register(registry):
    registry.head("first-half", "hcl_broken.half:FirstHalf")
    raise OSError("license server\ndoes not answer")
