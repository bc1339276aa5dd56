"""Shows the package, its version and the interface it was written for among the plugins of hcl_sdk."""

from hcl_sdk import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    """Register nothing: this package runs pipelines and is not part of one."""
