"""What encoders with another library's backbone have in common, on backbones written here."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from hcl_sdk import component
from hcl_sdk.encoders.backbone import BackboneEncoder, check_loaded
from hcl_sdk.testing import parametrize_with_checks


class Stages(nn.Module):
    """Convolutions whose strides are given; returns the maps of ``indices``."""

    def __init__(self, strides: tuple[int, ...], indices: Any) -> None:
        super().__init__()
        widths = (3, *range(4, 4 + len(strides)))
        self.indices = list(indices)
        self.norm = nn.BatchNorm2d(4)
        self.layers = nn.ModuleList(
            nn.Conv2d(a, b, max(stride, 1), stride) for a, b, stride in zip(widths, widths[1:], strides, strict=False)
        )
        self.never = nn.Parameter(torch.rand(3))

    def forward(self, x: Tensor) -> Any:
        maps = []
        for i, layer in enumerate(self.layers):
            x = layer(x) if i else self.norm(layer(x))
            maps.append(x)
        return [maps[i] for i in self.indices]


@component
class StagesEncoder(BackboneEncoder):
    """Downloads ``model`` into a list that the test looks at."""

    downloads = []  # noqa: RUF012

    def resolve(self) -> dict[str, Any]:
        config = self.config or {"strides": (2, 2, 1, 2)}
        return {
            "config": config,
            "image_mean": self.image_mean or (0.5,) * 3,
            "image_std": self.image_std or (0.25,) * 3,
        }

    @property
    def own_strides(self) -> tuple[int, ...]:
        strides: Any = self.config["strides"]
        return strides

    def stages(self) -> list[str]:
        return [f"stage{i}" for i in range(len(self.own_strides))]

    def multiples(self) -> list[Any]:
        return [self.own_strides[0]]

    def make_backbone(self, indices: Any, *, pretrained: Any) -> Stages:
        if pretrained:
            self.downloads.append(self.model)
        return Stages(self.own_strides, indices)

    def feature_maps(self, backbone: Any, image: Tensor) -> Any:
        return backbone(image)

    @property
    def _name(self) -> str:
        return "stages"


def pyramid() -> StagesEncoder:
    return StagesEncoder(config={"strides": (2, 2, 1, 2)})


def plain() -> StagesEncoder:
    return StagesEncoder(config={"strides": (14, 1, 1, 1, 1)}, frozen=True)


@parametrize_with_checks([pyramid, plain])
def test_conformance(factory: Any, check: Any) -> None:
    check(factory)


def test_the_last_stage_of_every_stride_is_taken() -> None:
    encoder = pyramid()
    assert (encoder.out_indices, encoder.spec.strides, encoder.spec.channels) == ((0, 2, 3), (2, 4, 8), (4, 6, 7))


@pytest.mark.parametrize(("layers", "expected"), [(12, (2, 5, 8, 11)), (5, (0, 1, 3, 4)), (2, (0, 0, 1, 1))])
def test_four_evenly_spaced_layers_of_a_plain_backbone_are_taken(layers: int, expected: tuple[int, ...]) -> None:
    encoder = StagesEncoder(config={"strides": (16, *[1] * (layers - 1))})
    assert (encoder.out_indices, encoder.spec.strides) == (expected, (4, 8, 16, 32))


@given(height=st.integers(1, 70), width=st.integers(1, 70), make=st.sampled_from([pyramid, plain]))
def test_maps_have_the_size_that_the_spec_says(height: int, width: int, make: Any) -> None:
    encoder = make().eval()
    found = encoder(torch.rand(1, 3, height, width)).maps
    spec = encoder.spec
    assert [tuple(m.shape[1:]) for m in found] == [
        (c, -(-height // s), -(-width // s)) for c, s in zip(spec.channels, spec.strides, strict=True)
    ]


def test_images_are_normalized() -> None:
    encoder = StagesEncoder(config={"strides": (2,)}, out_indices=(0,), image_mean=(0.1, 0.2, 0.3)).eval()
    image = torch.rand(1, 3, 8, 8)
    expected = encoder.backbone((image - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / 0.25)
    torch.testing.assert_close(encoder.pyramid(expected), list(encoder(image).maps))


def test_weights_are_fetched_only_once() -> None:
    StagesEncoder.downloads.clear()
    encoder = StagesEncoder(model="some/model")
    assert encoder.downloads == ["some/model"]
    assert encoder.pretrained is False
    attrs.evolve(encoder)
    assert encoder.downloads == ["some/model"]
    attrs.evolve(encoder, pretrained=True)
    assert encoder.downloads == ["some/model"] * 2


def test_parameters_without_gradients_are_not_trained() -> None:
    encoder = StagesEncoder(config={"strides": (2, 2, 2)}, out_indices=(0, 1))
    still = {name for name, parameter in encoder.named_parameters() if not parameter.requires_grad}
    assert still == {"backbone.never", "backbone.layers.2.weight", "backbone.layers.2.bias"}


def test_a_frozen_backbone_stays_in_evaluation_mode() -> None:
    encoder = plain().train()
    assert (encoder.pyramid.training, encoder.backbone.training) == (True, False)
    assert {name.partition(".")[0] for name, p in encoder.named_parameters() if p.requires_grad} == {"pyramid"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "expected a 'model'"),
        (
            {"model": "m", "out_indices": (0, 4)},
            r"\[4\] are out of range: stages has the stages 0 to 3, stage0, stage1",
        ),
        ({"model": "m", "out_indices": (3, 2)}, "from fine to coarse"),
        (
            {"model": "m", "out_indices": (1, 2)},
            r"strides of a pyramid must increase; .* \(1, 2\) of stages are \[4, 4\]",
        ),
        ({"model": "m", "out_indices": ()}, "out_indices"),
        ({"model": "m", "image_std": (1.0, 0.0, 1.0)}, "image_std"),
        ({"config": {"strides": (2, 7)}}, r"of 64 x 128, stage 1 gives \[1, 5, 4, 9\]; expected a map"),
    ],
)
def test_invalid_values_are_refused_with_the_valid_ones(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StagesEncoder(**fields)


def test_a_checkpoint_without_some_of_the_weights_is_refused_but_may_lack_normalization() -> None:
    made = Stages((2, 2), [0])
    check_loaded(made, ["norm.weight", "norm.bias", "norm.running_var"], "the file")
    with pytest.raises(ValueError, match=r"the file does not fit .* lacks 1 of \d+ tensors: layers.0.weight"):
        check_loaded(made, ["norm.weight", "layers.0.weight"], "the file")
