"""OpenCV's inpainting as restorers for hcl_sdk. Importing this module imports neither OpenCV nor torch."""

from hcl_sdk import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    registry.restorer("telea", "hcl_opencv.telea:Telea", summary="fast marching (Telea 2004); no weights")
    registry.restorer(
        "navier-stokes",
        "hcl_opencv.navier_stokes:NavierStokes",
        summary="continues lines of equal brightness (Bertalmio et al. 2001); no weights",
    )
