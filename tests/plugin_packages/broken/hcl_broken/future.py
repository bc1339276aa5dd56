"""Was written for an hcl_sdk that does not exist yet."""

from hcl_sdk import hookimpl

api_version = 2


@hookimpl
def hcl_register(registry):
    registry.head("future", "hcl_broken.future:Future")
