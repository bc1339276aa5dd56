"""The conformance kit, on the restorer."""

from __future__ import annotations

from hcl_patchmatch.patchmatch import PatchMatch

from hcl_sdk.testing import parametrize_with_checks


@parametrize_with_checks([PatchMatch])
def test_conformance(factory, check):
    check(factory)
