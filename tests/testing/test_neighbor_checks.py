"""Interactions, heads and clusterers, each broken in one way: exactly the check that is for it names the fault."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import torch
from checking import find_faults
from torch import Tensor, nn
from torch.nn import functional as F

from hcl_sdk import (
    Clusterer,
    Clusters,
    Head,
    Interaction,
    Prototypes,
    Pyramid,
    PyramidSpec,
    SoftKMeans,
    component,
)
from hcl_sdk.testing import check_clusterer, check_head, check_interaction


@component
class Mixing(Interaction):
    def build(self, spec: PyramidSpec) -> None:
        self._spec = spec
        self.layers = nn.ModuleList(nn.Conv2d(c, c, 1) for c in spec.channels)

    @property
    def spec(self) -> PyramidSpec:
        return self._spec

    def forward(self, pyramid: Pyramid) -> Pyramid:
        return pyramid.with_maps([layer(m) for layer, m in zip(self.layers, pyramid.maps, strict=True)])


@component
class BindsAnew(Mixing):
    def bind(self, spec: PyramidSpec) -> Any:
        if self.is_bound and spec != self._bound_to:
            return self
        return super().bind(spec)


@component
class Halves(Mixing):
    def forward(self, pyramid: Pyramid) -> Pyramid:
        mixed = super().forward(pyramid)
        maps = [F.avg_pool2d(m, 2, ceil_mode=True) for m in mixed.maps]
        return Pyramid(maps=tuple(maps), spec=self.spec)


@component
class CutsTheEncoderOff(Mixing):
    def forward(self, pyramid: Pyramid) -> Pyramid:
        return super().forward(pyramid.with_maps([pyramid.maps[0].detach(), *pyramid.maps[1:]]))


@component
class SomeScales(Mixing):
    count: int = 5

    def build(self, spec: PyramidSpec) -> None:
        if len(spec) != self.count:
            raise ValueError(f"{self.count} scales only")
        super().build(spec)


@component
class Unit(Head):
    dim: int = attrs.field(default=5, validator=attrs.validators.ge(1))

    def build(self, spec: PyramidSpec) -> None:
        self.layers = nn.ModuleList(nn.Conv2d(c, self.dim, 1) for c in spec.channels)

    def forward(self, pyramid: Pyramid) -> tuple[Tensor, ...]:
        return tuple(F.normalize(layer(m), dim=1) for layer, m in zip(self.layers, pyramid.maps, strict=True))


@component
class OfAnyLength(Unit):
    def forward(self, pyramid: Pyramid) -> tuple[Tensor, ...]:
        return tuple(2 * e for e in super().forward(pyramid))


@component
class LongCenters(Prototypes):
    def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Clusters:
        found = super().forward(embedding, candidates, seed=seed)
        return Clusters(centers=3 * found.centers, assignment=found.assignment)


@component
class BeyondOne(Prototypes):
    def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Clusters:
        found = super().forward(embedding, candidates, seed=seed)
        return Clusters(centers=found.centers, assignment=2 * found.assignment)


@component
class AssignsToTheFirst(SoftKMeans):
    def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Clusters:
        found = super().forward(embedding, candidates, seed=seed)
        return Clusters(centers=found.centers, assignment=1 - found.assignment)


@component
class ClustersEverything(SoftKMeans):
    def forward(self, embedding: Tensor, candidates: Tensor, *, seed: int = 0) -> Clusters:
        return super().forward(embedding, torch.ones_like(candidates), seed=seed)


@component
class FindsOneClassWithoutOpinion(SoftKMeans):
    @property
    def finds_one_class(self) -> bool:
        return True


@component
class OneLogit(Prototypes):
    def corruption_logits(self, centers: Tensor) -> Tensor | None:
        return super().corruption_logits(centers)[:, :1]


@pytest.mark.parametrize(("check", "sound"), [(check_interaction, Mixing), (check_head, Unit)])
def test_sound_ones_pass(check: Any, sound: type[Any]) -> None:
    assert check(sound).count("passed") == 15


@pytest.mark.parametrize(
    ("kit", "broken", "check", "reason"),
    [
        (check_interaction, BindsAnew, "binds_once", "binding it to PyramidSpec(channels=(16, 32, 64)"),
        (check_interaction, Halves, "spec_is_true", "for images of 1 x 7, spec promises maps"),
        (check_interaction, CutsTheEncoderOff, "gradients_reach_the_encoder", "no gradient reaches map 0"),
        (check_head, OfAnyLength, "embeddings_are_unit_vectors", "have lengths from 2 to 2, not 1"),
        (check_clusterer, LongCenters, "clusters_are_valid", "centers have lengths"),
        (check_clusterer, BeyondOne, "clusters_are_valid", "beyond [0, 1]"),
        (
            check_clusterer,
            AssignsToTheFirst,
            "assignment_is_to_the_second_center",
            "resemble the first center have the",
        ),
        (check_clusterer, ClustersEverything, "only_candidates_are_clustered", "the centers with other embeddings"),
        (
            check_clusterer,
            lambda: FindsOneClassWithoutOpinion(classifier=False, one_class=False),
            "logits_fit_centers",
            "corruption_logits returns None",
        ),
        (check_clusterer, OneLogit, "logits_fit_centers", "expected logits [2, 2], got [2, 1]"),
    ],
)
def test_exactly_the_check_for_a_fault_names_it(kit: Any, broken: Any, check: str, reason: str) -> None:
    found = find_faults(kit, broken)
    assert list(found) == [check]
    assert reason in found[check]


def test_a_component_for_other_neighbors_may_come_bound() -> None:
    spec = PyramidSpec(channels=(4, 5, 6, 7, 8), strides=(1, 2, 4, 8, 16))
    assert not find_faults(check_interaction, lambda: SomeScales().bind(spec))
    found = find_faults(check_interaction, SomeScales)
    assert found
    assert all(
        "(5 scales only); let the factory return it bound to something suitable" in why for why in found.values()
    )


def test_a_component_for_four_scales_is_bound_to_four() -> None:
    assert not find_faults(check_interaction, lambda: SomeScales(count=4))


def test_a_clusterer_is_bound_to_another_dimension_by_its_factory() -> None:
    assert not find_faults(check_clusterer, lambda: Prototypes().bind(3))
    assert issubclass(Prototypes, Clusterer)
