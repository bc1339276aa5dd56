"""Configurations of whole pipelines."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from known_parts import draw_noise

import hcl_sdk
from hcl_sdk import ConvNeXtEncoder, Detector, GatedUNet, PartialSwinRestorer, Pipeline, Prototypes, SoftKMeans
from hcl_sdk.config import ConfigError, dump_yaml, load_yaml

COMPOSITIONS: dict[str, Callable[[], Pipeline]] = {
    "light": lambda: Pipeline(
        Detector(
            encoder=ConvNeXtEncoder(channels=(4, 8), depths=(1, 1)),
            interaction=hcl_sdk.BidirectionalFusion(dim=8),
            head=hcl_sdk.DeepProjectionHead(dim=8),
            clusterer=Prototypes(temperature=0.2),
            settle=(1.0, 0.5),
            upsampling="bilinear",
        ),
        GatedUNet(dim=4, multipliers=(1, 2)),
        detection_size=256,
        restoration_size=512,
        threshold=0.25,
        peak_threshold=0.75,
        sensitivity=0.625,
        dilate=1.5,
        feather=3,
        device="cpu",
    ),
    "published": lambda: Pipeline(
        Detector(encoder=hcl_sdk.SwinEncoder(dim=8, depths=(1, 1, 1))),
        PartialSwinRestorer(depths=(1, 1, 1), refinement_dim=4, refinement_multipliers=(1,)),
        device="cpu",
    ),
    "restorer": lambda: Pipeline(restorer=GatedUNet(dim=4), device="cpu"),
    "detector": lambda: Pipeline(
        Detector(
            encoder=ConvNeXtEncoder(channels=(4,), depths=(1,)),
            clusterer=SoftKMeans(repeats=2, classifier=False, one_class=False),
        ),
        device="cpu",
    ),
}


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_a_configuration_makes_the_same_composition(name: str, tmp_path: Path) -> None:
    pipeline = COMPOSITIONS[name]()
    config = pipeline.to_config()
    assert config["format"] == 1
    text = dump_yaml(config)
    (tmp_path / "pipeline.yaml").write_text(text)
    for source in (config, text, tmp_path / "pipeline.yaml", load_yaml(text)):
        made = Pipeline.from_config(source, device="cpu")
        assert made.to_config() == config
        assert repr(made) == repr(pipeline)


def test_a_pipeline_prints_as_the_code_that_makes_it() -> None:
    pipeline = COMPOSITIONS["light"]()
    assert eval(repr(pipeline), vars(hcl_sdk) | {n: getattr(hcl_sdk, n) for n in dir(hcl_sdk)}).to_config() == (
        pipeline.to_config()
    )


def test_a_short_configuration_is_enough() -> None:
    made = Pipeline.from_config("detector:\n  encoder: {use: convnext, depths: [1, 1, 1, 1]}\nrestorer: gated-unet\n")
    assert made.detector is not None
    assert made.detector.encoder.spec.channels == (32, 64, 128, 192)
    assert isinstance(made.restorer, GatedUNet)


def test_a_configuration_may_start_from_weights(tmp_path: Path, make_detector: Callable[..., Detector]) -> None:
    own = Pipeline(make_detector(), GatedUNet(dim=4, multipliers=(1, 2)), threshold=0.3, dilate=2, device="cpu")
    own.save_pretrained(tmp_path / "own")
    photo = draw_noise(24, 31)
    start = f"weights: {tmp_path / 'own'}\n"
    same = Pipeline.from_config(start, device="cpu")
    np.testing.assert_array_equal(same(photo).restored, own(photo).restored)
    with pytest.warns(UserWarning, match="the restorer GatedUNet is newly created"):
        changed = Pipeline.from_config(
            start + "restorer: {use: gated-unet, dim: 4, multipliers: [1]}\ndilate: 5", device="cpu"
        )
    assert torch.equal(changed.detect(photo).confidence, own.detect(photo).confidence)
    assert isinstance(changed.restorer, GatedUNet)
    assert (changed.restorer.multipliers, changed.dilate, changed.threshold) == ((1,), 5, 0.3)
    assert Pipeline.from_config(start + "restorer: null", device="cpu").restorer is None
    with pytest.raises(ConfigError, match=r"(?s)dilat: unknown key; did you mean 'dilate'.*threshold: "):
        Pipeline.from_config(start + "dilat: 5\nthreshold: 7")
    with pytest.raises(hcl_sdk.WeightsError):
        Pipeline.from_config("{weights: ./nowhere, dilate: 1}")


def test_weights_do_not_start_from_other_weights(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    tiny_pipeline.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"weights": "default"}))
    with pytest.raises(ConfigError, match="weights: unknown key"):
        Pipeline.from_pretrained(tmp_path)


def test_all_that_is_wrong_with_a_configuration_is_listed() -> None:
    text = """
        detector:
          encoder: {use: convnext, kernel_size: 4}
          clusterer: {use: soft-kmeans, iteration: 3}
        restorer: {use: gated-unets}
        threshold: 2
    """
    with pytest.raises(ConfigError) as caught:
        Pipeline.from_config(text)
    for part in ("detector.encoder.kernel_size", "detector.clusterer.iteration", "restorer.use", "threshold"):
        assert part in str(caught.value)


def test_parts_of_a_configuration_that_do_not_fit_are_its_problems() -> None:
    convnext = {"encoder": {"use": "convnext", "channels": [4, 4], "depths": [1, 1]}}
    for config, path, message in (
        ({"detector": convnext, "restorer": "partial-swin"}, "restorer", "2 scales"),
        ({"restorer": "partial-swin"}, "restorer", "there is no detector"),
        ({}, "", "a pipeline needs a detector, a restorer or both"),
        ({"detector": None, "restorer": None, "threshold": 0.2}, "", "got neither"),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            Pipeline.from_config(config, device="cpu")
        assert [where for where, _ in caught.value.problems] == [path]


def test_a_device_is_not_a_problem_of_the_configuration() -> None:
    wrong: list[dict[str, Any]] = [{"device": "tpu-ish"}, {"device": "cpu", "precision": "fp8"}]
    for options in wrong:
        with pytest.raises(ValueError, match="expected") as caught:
            Pipeline.from_config("restorer: gated-unet", **options)
        assert not isinstance(caught.value, ConfigError)


def test_a_detector_of_another_class_cannot_be_saved_as_a_detector(tmp_path: Path) -> None:
    @hcl_sdk.component
    class Careful(Detector):
        patience: int = 3

    pipeline = Pipeline(Careful(encoder=ConvNeXtEncoder(channels=(4,), depths=(1,))), device="cpu")
    with pytest.raises(TypeError, match="must be a Detector itself, not of a subclass; got a Careful"):
        pipeline.save_pretrained(tmp_path / "weights")
    assert not (tmp_path / "weights").exists()


def test_a_configuration_from_before_there_was_texture_has_none() -> None:
    config = Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), texture=0.5, device="cpu").to_config()
    assert Pipeline.from_config(config, device="cpu").texture == 0.5
    del config["texture"]
    assert Pipeline.from_config(config, device="cpu").texture == 0
