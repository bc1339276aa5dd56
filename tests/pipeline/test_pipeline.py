"""The parts of a pipeline, where and how they run, and that a seed says all."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from known_parts import Flat, FlatFromFeatures, draw_noise, draw_stained_photo, make_known_pipeline

import hcl_sdk
from hcl_sdk import ConvNeXtEncoder, Detector, GatedUNet, Identity, PartialSwinRestorer, Pipeline, ProjectionHead
from hcl_sdk.config import ConfigError


def test_parts_that_are_missing_are_missed_with_a_hint(tiny_pipeline: Pipeline) -> None:
    photo, mask = draw_stained_photo()
    with pytest.raises(ValueError, match="needs a detector, a restorer or both"):
        Pipeline()
    only_restorer = Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), device="cpu")
    for call in (only_restorer, only_restorer.detect):
        with pytest.raises(ValueError, match=r"no detector; use pipeline\.restore"):
            call(photo)
    assert only_restorer.restore(photo, corruption_mask=mask).restored.shape == photo.shape
    only_detector = Pipeline(tiny_pipeline.detector, device="cpu")
    assert only_detector.detect(photo).corruption_mask.shape == (1, 1, 24, 32)
    with pytest.raises(ValueError, match=r"no restorer; use pipeline\.detect"):
        only_detector(photo)
    with pytest.raises(ValueError, match="no restorer"):
        only_detector.restore(photo, corruption_mask=mask)
    with pytest.raises(ValueError, match="there is no detector"):
        Pipeline(restorer=PartialSwinRestorer())


def test_parts_in_each_others_place_are_refused(tiny_detector: Detector) -> None:
    with pytest.raises(TypeError, match="detector must be a Detector or None; got a GatedUNet"):
        Pipeline(GatedUNet(dim=2))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="restorer must be a Restorer or None; got a Detector"):
        Pipeline(restorer=tiny_detector)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["detector", "restorer", "device"])
def test_parts_are_replaced_and_not_assigned(name: str) -> None:
    pipeline = make_known_pipeline()
    before = getattr(pipeline, name)
    how = "to" if name == "device" else f"replace({name}="
    with pytest.raises(AttributeError, match=re.escape(f"Pipeline.{name} is read-only; pipeline.{how}")):
        setattr(pipeline, name, None)
    assert getattr(pipeline, name) is before


def test_parts_may_be_given_by_name() -> None:
    with pytest.warns(UserWarning, match=r"the restorer GatedUNet is newly created: its weights are random until"):
        pipeline = make_known_pipeline(dilate=3).replace(restorer="gated-unet")
    assert isinstance(pipeline.restorer, GatedUNet)
    assert pipeline.dilate == 3
    with pytest.warns(UserWarning, match="random"):
        other = pipeline.replace(restorer={"use": "gated-unet", "dim": 4, "multipliers": [1, 2]})
    assert repr(other.restorer) == repr(GatedUNet(dim=4, multipliers=(1, 2)))
    made = Detector(
        encoder={"use": "convnext", "channels": [6, 8], "depths": [1, 1]},
        interaction="identity",
        head={"use": "projection", "dim": 6},
        clusterer="soft-kmeans",
    )
    assert isinstance(made.encoder, ConvNeXtEncoder)
    assert Pipeline(made, device="cpu").detect(draw_noise(20, 24)).photo.size == (20, 24)
    with pytest.raises(ConfigError, match=r"restorer\.use: unknown restorer 'gated-unit'; did you mean 'gated-unet'\?"):
        pipeline.replace(restorer="gated-unit")
    with pytest.raises(ConfigError, match=r"encoder\.use: unknown encoder 'convnxt'"):
        Detector(encoder="convnxt")


def test_a_restorer_that_does_not_fit_the_encoder_is_refused() -> None:
    encoder = ConvNeXtEncoder(channels=(4, 4), depths=(1, 1))
    detector = Detector(encoder=encoder, interaction=Identity(), head=ProjectionHead(dim=4))
    with pytest.raises(ValueError, match="2 scales"):
        Pipeline(detector, PartialSwinRestorer())


def test_a_given_restorer_is_used_without_a_warning() -> None:
    restorer = GatedUNet(dim=2)  # its weights may have been loaded
    assert make_known_pipeline().replace(restorer=restorer, dilate=1).restorer is restorer  # warnings are errors


def test_replace_changes_nothing_else() -> None:
    pipeline = make_known_pipeline(dilate=2, detection_size=64, precision="bf16")
    other = pipeline.replace(restorer=FlatFromFeatures(), feather=1)
    assert other.detector is pipeline.detector
    assert isinstance(other.restorer, FlatFromFeatures)
    assert other.restorer.is_bound
    kept = ("dilate", "detection_size", "precision", "device", "threshold")
    assert [getattr(other, name) for name in kept] == [getattr(pipeline, name) for name in kept]
    assert (pipeline.feather, other.feather) == (0, 1)


def test_another_restorer_comes_without_texture_unless_it_is_asked_for(tmp_path: Path) -> None:
    pipeline = Pipeline(restorer=Flat(), texture=0.7, seamless=True, dilate=2)
    other = pipeline.replace(restorer=hcl_sdk.ResidualUNet())
    assert (other.texture, other.seamless, other.dilate) == (0, True, 2)
    assert pipeline.replace(restorer=hcl_sdk.ResidualUNet(), texture=0.4).texture == 0.4
    assert pipeline.replace(restorer=pipeline.restorer, dilate=3).texture == 0.7
    Pipeline(restorer="residual-unet", texture=0.7).save_pretrained(tmp_path / "own")
    named = {"weights": str(tmp_path / "own"), "restorer": {"use": "gated-unet"}}
    with pytest.warns(UserWarning, match="the restorer GatedUNet is newly created"):
        assert Pipeline.from_config(named).texture == 0
    with pytest.warns(UserWarning, match="the restorer GatedUNet is newly created"):
        assert Pipeline.from_config(named | {"texture": 0.5}).texture == 0.5
    assert Pipeline.from_config({"weights": str(tmp_path / "own"), "dilate": 1}).texture == 0.7


def test_models_are_put_in_evaluation_mode(make_detector: Callable[..., Detector]) -> None:
    detector = make_detector().train()
    Pipeline(detector, device="cpu")
    assert not any(module.training for module in detector.modules())


def test_a_pipeline_moves_to_another_device(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = make_known_pipeline(GatedUNet(dim=4, multipliers=(1, 2)))
    with pytest.raises(ValueError, match="nowhere"):
        pipeline.to("nowhere")
    monkeypatch.setattr("hcl_sdk.pipeline._pipeline.pick_device", torch.device)  # which knows of no meta device
    assert pipeline.to("meta") is pipeline
    assert pipeline.device == torch.device("meta")
    assert {parameter.device.type for parameter in pipeline.restorer.parameters()} == {"meta"}


def test_two_precisions_live_in_one_process(make_detector: Callable[..., Detector]) -> None:
    dtypes: list[torch.dtype] = []
    full = Pipeline(make_detector(), GatedUNet(dim=4, multipliers=(1, 2)), device="cpu")
    low = Pipeline(full.detector, full.restorer, device="cpu", precision="bf16")
    assert full.detector is not None
    full.detector.encoder.register_forward_hook(lambda *args: dtypes.append(args[-1].maps[-1].dtype))
    photo = draw_noise(24, 31)
    a, b, c = full.detect(photo), low.detect(photo), full.detect(photo)
    assert dtypes == [torch.float32, torch.bfloat16, torch.float32]
    assert torch.equal(a.confidence, c.confidence)
    assert b.confidence.dtype == torch.float32
    result = low.restore(photo, corruption_mask=np.ones((24, 31), bool))
    assert result.raw is not None
    assert result.raw.dtype == torch.float32
    other = full.restore(photo, corruption_mask=np.ones((24, 31), bool))
    assert np.abs(result.restored.astype(int) - other.restored.astype(int)).max() < 12


def test_an_unknown_precision_or_device_is_refused(tiny_detector: Detector) -> None:
    with pytest.raises(ValueError, match="precision"):
        Pipeline(tiny_detector, precision="fp8")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="device"):
        Pipeline(tiny_detector, device="tpu-ish")


def test_compiling_reaches_both_parts() -> None:
    pipeline = make_known_pipeline(GatedUNet(dim=2, multipliers=(1,)))
    compiled: list[str] = []

    def backend(graph: Any, inputs: Any) -> Any:
        compiled.append(graph.__class__.__name__)
        return graph.forward

    photo, _ = draw_stained_photo()
    before = pipeline(photo)
    assert pipeline.compile(backend=backend) is pipeline
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the compiler
        after = pipeline(photo)
    assert compiled
    assert torch.allclose(before.confidence, after.confidence, atol=1e-5)
    assert np.abs(before.restored.astype(int) - after.restored.astype(int)).max() <= 1


def test_a_seed_says_all_and_the_global_random_state_is_left_alone(tiny_pipeline: Pipeline) -> None:
    photo, before = draw_noise(24, 31), torch.get_rng_state()
    first = tiny_pipeline(photo, seed=7)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(55)
    second = tiny_pipeline(photo, seed=7)
    assert torch.equal(first.confidence, second.confidence)
    assert np.array_equal(first.restored, second.restored)
    others = [tiny_pipeline.detect(photo, seed=seed).confidence for seed in range(6)]
    assert any(not torch.allclose(first.confidence, other, atol=1e-3) for other in others)


def test_results_may_be_used_in_further_computation_with_gradients(tiny_pipeline: Pipeline) -> None:
    confidence = tiny_pipeline.detect(draw_noise(9, 9)).confidence
    weight = torch.ones(1, requires_grad=True)
    (confidence * weight).sum().backward()
    assert weight.grad is not None


def test_results_and_detections_print_in_a_line(tiny_pipeline: Pipeline) -> None:
    result = tiny_pipeline(np.zeros((24, 31, 3), np.uint8))
    assert repr(result).startswith("<Result: <Photo from array: 31 x 24, RGB, uint8>, ")
    assert "confidence=<float32 [1, 1, 24, 31]>" in repr(result.detection)
    assert "tensor(" not in repr(result) + repr(result.detection)
