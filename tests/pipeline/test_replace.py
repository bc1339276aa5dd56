"""Parts of a pipeline's detector that are replaced, from Python and from a configuration that starts from weights."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from known_parts import FlatFromFeatures, draw_noise

from hcl_sdk import ConvNeXtEncoder, Detector, GatedUNet, Pipeline, ProjectionHead, ResidualFPN, SoftKMeans
from hcl_sdk.config import ConfigError, dump_yaml
from hcl_sdk.pipeline import UntrainedWarning
from hcl_sdk.training import load_run

NARROW = {"use": "convnext", "channels": [4, 6, 8], "depths": [1, 1, 1]}
COARSE = {"use": "convnext", "channels": [4, 6, 8, 10], "depths": [1, 1, 1, 1]}
RECIPE = {"data": {"dataset": {"use": "folder", "path": "."}}}


def list_weights(pipeline: Pipeline) -> list[torch.Tensor]:
    assert pipeline.detector is not None
    return list(pipeline.detector.clusterer.state_dict().values())


def test_a_clusterer_given_by_name_leaves_the_rest_as_it_is(tiny_pipeline: Pipeline) -> None:
    with pytest.warns(UntrainedWarning, match=r"^the clusterer Prototypes is newly created: its weights are random"):
        other = tiny_pipeline.replace(clusterer="prototypes", dilate=4)
    for part in ("encoder", "interaction", "head"):
        assert getattr(other.detector, part) is getattr(tiny_pipeline.detector, part)
    assert other.restorer is tiny_pipeline.restorer
    assert (other.dilate, other.texture) == (4, tiny_pipeline.texture)
    assert isinstance(tiny_pipeline.detector.clusterer, SoftKMeans)
    assert other(draw_noise(24, 31)).photo.size == (24, 31)


def test_parts_behind_a_new_encoder_are_created_anew_to_fit_it(tiny_pipeline: Pipeline) -> None:
    before = tiny_pipeline.detector
    assert before is not None
    state = {name: value.clone() for name, value in before.state_dict().items()}
    expected = "the encoder ConvNeXtEncoder, the interaction TopDownFusion, the head ProjectionHead are newly created"
    with pytest.warns(UntrainedWarning, match=expected):
        made = tiny_pipeline.replace(encoder=COARSE).detector
    assert made is not None
    assert made.encoder.spec.channels == (4, 6, 8, 10)
    assert repr(made.head) == repr(before.head)
    assert made.clusterer is before.clusterer  # embeddings have as many channels as before
    assert made(torch.rand(1, 3, 24, 31)).confidence.shape == (1, 1, 24, 31)
    assert all(torch.equal(value, state[name]) for name, value in before.state_dict().items())


def test_an_encoder_with_the_same_features_keeps_the_parts_behind_it(tiny_pipeline: Pipeline) -> None:
    own = ConvNeXtEncoder(channels=(6, 8, 10), depths=(2, 1, 1))
    other = tiny_pipeline.replace(encoder=own)  # warnings are errors: its weights may have been loaded
    assert other.detector.encoder is own
    assert all(getattr(other.detector, name) is getattr(tiny_pipeline.detector, name) for name in ("head", "clusterer"))
    assert not own.training


def test_heads_beside_the_way_follow_as_well(make_detector: Callable[..., Detector]) -> None:
    pipeline = Pipeline(make_detector(damage_head={"dim": 4}, verdict={"dim": 4, "queries": 1}), device="cpu")
    with pytest.warns(UntrainedWarning, match=r"the damage_head DamageHead, the verdict Verdict are newly created"):
        other = pipeline.replace(encoder=COARSE)
    assert other.detect(draw_noise(24, 31)).regions is not None
    with pytest.warns(UntrainedWarning, match=r"^the damage_head DamageHead is newly created"):
        wider = pipeline.replace(damage_head={"dim": 8})
    assert wider.detector.damage_head.dim == 8
    assert pipeline.replace(damage_head=None, verdict=None, settle=[1, 0.5, 0.5]).detector.settle == (1, 0.5, 0.5)


def test_the_default_weights_take_another_encoder_by_name() -> None:
    pipeline = Pipeline.from_pretrained("default", device="cpu")
    with pytest.warns(UntrainedWarning, match="the encoder ConvNeXtEncoder, the interaction ResidualFPN, the head"):
        other = pipeline.replace(encoder="convnext")
    assert isinstance(other.detector.encoder, ConvNeXtEncoder)
    assert other.restorer is pipeline.restorer
    assert other(draw_noise(40, 60)).photo.size == (40, 60)


def test_parts_that_do_not_fit_are_one_clear_error(tiny_pipeline: Pipeline) -> None:
    with pytest.raises(ValueError, match=r"the interaction does not fit .*; replace it, too: .*makes 2 scales"):
        tiny_pipeline.replace(interaction=ResidualFPN(channels=(4, 4), attention=0))
    pipeline = tiny_pipeline.replace(
        interaction=ResidualFPN(channels=(4, 4, 4), attention=0), head=ProjectionHead(dim=6)
    )
    with pytest.raises(ValueError, match=r"the interaction does not fit .*the pyramid has 4"):
        pipeline.replace(encoder=COARSE)
    bound = Pipeline(Detector(encoder=NARROW), device="cpu").detector.head  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"the head does not fit the part before it; .* already bound to"):
        tiny_pipeline.replace(head=bound)
    with pytest.raises(ValueError, match="settle needs one share for each of the 3 scales"):
        tiny_pipeline.replace(settle=(0.5, 0.5))
    with pytest.raises(ConfigError, match=r"encoder\.use: unknown encoder 'convnxt'; did you mean 'convnext'"):
        tiny_pipeline.replace(encoder="convnxt")
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'encodr'; did you mean 'encoder'\?"):
        tiny_pipeline.replace(encodr="convnext")
    with pytest.raises(TypeError, match="expected a detector or parts of it; got detector and head"):
        tiny_pipeline.replace(detector=tiny_pipeline.detector, head="projection")
    with pytest.raises(ValueError, match="there is no detector whose encoder could be replaced"):
        Pipeline(restorer=GatedUNet(dim=2)).replace(encoder="convnext")


def test_a_restorer_that_uses_features_does_not_follow_another_encoder(make_detector: Callable[..., Detector]) -> None:
    pipeline = Pipeline(make_detector(), FlatFromFeatures(), device="cpu")
    with pytest.raises(ValueError, match="FlatFromFeatures is already bound to"):
        pipeline.replace(encoder=NARROW)
    with pytest.warns(UntrainedWarning):
        assert pipeline.replace(encoder=NARROW, restorer=FlatFromFeatures()).restorer.is_bound


def test_a_configuration_that_starts_from_weights_means_the_same(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    tiny_pipeline.save_pretrained(tmp_path / "own")
    changes = {"detector": {"encoder": COARSE, "settle": 0.5}, "dilate": 4}
    config = {"weights": str(tmp_path / "own"), **changes}
    expected = "the encoder ConvNeXtEncoder, the interaction TopDownFusion, the head ProjectionHead are newly created"
    made = {}
    for name, make in {
        "python": lambda: Pipeline.from_pretrained(tmp_path / "own", device="cpu").replace(
            encoder=COARSE, settle=0.5, dilate=4
        ),
        "mapping": lambda: Pipeline.from_pretrained(tmp_path / "own", device="cpu").replace(**changes),
        "yaml": lambda: Pipeline.from_config(dump_yaml(config), device="cpu"),
        "training": lambda: load_run({"pipeline": config, **RECIPE}, device="cpu")[0],
    }.items():
        with pytest.warns(UntrainedWarning, match=expected):
            made[name] = make()
    configs = [pipeline.to_config() for pipeline in made.values()]
    assert all(config == configs[0] for config in configs)
    for pipeline in made.values():
        assert all(map(torch.equal, list_weights(pipeline), list_weights(tiny_pipeline)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settled = Pipeline.from_config({**config, "detector": {"settle": 0.5}}, device="cpu")
    photo = draw_noise(24, 31)
    np.testing.assert_array_equal(settled(photo).restored, tiny_pipeline.replace(settle=0.5, dilate=4)(photo).restored)
    assert Pipeline.from_config({**config, "detector": None}, device="cpu").detector is None


def test_all_problems_of_such_a_configuration_are_reported_together(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    tiny_pipeline.save_pretrained(tmp_path / "own")
    wrong = {"encodr": "convnext", "head": {"use": "projection", "dim": "6"}, "settle": 2.0}
    with pytest.raises(ConfigError) as caught:
        Pipeline.from_config({"weights": str(tmp_path / "own"), "detector": wrong, "dilat": 1})
    places = {path for path, _ in caught.value.problems}
    assert places == {"detector.encodr", "detector.head.dim", "detector.settle", "dilat"}
    fits_not = {"interaction": {"use": "residual-fpn", "channels": [4], "attention": 0}}
    with pytest.raises(ConfigError, match=re.escape("detector: the interaction does not fit")):
        Pipeline.from_config({"weights": str(tmp_path / "own"), "detector": fits_not}, device="cpu")
    with pytest.raises(ConfigError, match="detector: expected"):
        Pipeline.from_config({"weights": str(tmp_path / "own"), "detector": "convnext"}, device="cpu")
