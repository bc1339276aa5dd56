"""LaMa as a restorer for hcl_sdk. Importing this module imports no torch."""

from hcl_lama.trusted import trust as trust
from hcl_sdk import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    registry.restorer("lama", "hcl_lama.restorer:LaMa", summary="large holes, by Fourier convolutions (Suvorov 2022)")
