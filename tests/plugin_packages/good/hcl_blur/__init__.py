"""Blur-based components for hcl_sdk."""

from hcl_sdk import hookimpl

api_version = 1


@hookimpl
def hcl_register(registry):
    registry.restorer(
        "blur-fill", "hcl_blur.restorer:BlurFill", summary="fills the mask by repeated masked box blurring; no weights"
    )
    registry.interaction(
        "blurred-context",
        "hcl_blur.interaction:BlurredContext",
        summary="adds a blurred view of the next coarser scale",
    )
