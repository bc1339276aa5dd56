"""Inpainting pipelines of Hugging Face diffusers as a restorer for hcl_sdk. Importing this module imports no torch."""

from hcl_sdk import hookimpl

api_version = 1


@hookimpl
def hcl_register(registry):
    registry.restorer(
        "diffusers",
        "hcl_diffusers.restorer:DiffusersRestorer",
        summary="any inpainting pipeline of diffusers: Stable Diffusion, SDXL, FLUX ...",
    )
