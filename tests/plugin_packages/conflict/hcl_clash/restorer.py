"""A restorer under several names."""

from hcl_blur.restorer import BlurFill

from hcl_sdk import component


@component
class WideFill(BlurFill):
    """Like BlurFill, over more pixels."""

    window: int = 15
