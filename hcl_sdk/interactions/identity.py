"""No interaction between scales."""

from __future__ import annotations

from hcl_sdk.interfaces import Interaction, Pyramid, PyramidSpec, component


@component
class Identity(Interaction):
    """Returns every scale unchanged: the ablation "without fusion" of the published method."""

    exportable = True

    def build(self, spec: PyramidSpec) -> None:
        self._spec = spec

    @property
    def spec(self) -> PyramidSpec:
        return self._spec

    def forward(self, pyramid: Pyramid) -> Pyramid:
        return pyramid
