"""Conformance tests."""

from hcl_blur.interaction import BlurredContext
from hcl_blur.restorer import BlurFill

from hcl_sdk.testing import parametrize_with_checks


@parametrize_with_checks([BlurFill, lambda: BlurFill(window=3, smoothing=0), BlurredContext])
def test_conformance(factory, check):
    check(factory)
