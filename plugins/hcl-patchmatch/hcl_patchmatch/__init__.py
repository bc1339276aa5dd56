"""PyPatchMatch's inpainting as a restorer for hcl_sdk. Importing this module imports neither PyPatchMatch nor torch."""

from hcl_sdk import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    registry.restorer(
        "patchmatch",
        "hcl_patchmatch.patchmatch:PatchMatch",
        summary="copies patches of the photo (Barnes et al. 2009); no weights",
    )
