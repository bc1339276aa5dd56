"""Inpainting pipelines of Hugging Face diffusers as a restorer for hcl_sdk. Importing this module imports no torch."""

from hcl_sdk import hookimpl
from hcl_sdk.registry import Registry

api_version = 1


@hookimpl
def hcl_register(registry: Registry) -> None:
    registry.restorer(
        "diffusers",
        "hcl_diffusers.restorer:DiffusersRestorer",
        summary="any inpainting pipeline of diffusers: Stable Diffusion, SDXL, FLUX ...",
    )
