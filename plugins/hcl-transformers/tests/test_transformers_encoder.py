"""Backbones of transformers as encoders, compared with transformers called directly."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any, Never

import numpy as np
import pytest
import torch
from hcl_transformers.encoder import TransformersEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import (
    AutoBackbone,
    BertConfig,
    ConvNextConfig,
    ConvNextForImageClassification,
    ConvNextImageProcessor,
    Dinov2Config,
    Dinov2Model,
    PreTrainedModel,
    ResNetConfig,
    ResNetForImageClassification,
    ViTImageProcessor,
)

from hcl_sdk import Detector, Encoder, Pipeline
from hcl_sdk.config import ConfigError, build, describe
from hcl_sdk.plugins import registry

CONVNEXT = {"model_type": "convnext", "hidden_sizes": (8, 16, 24, 32), "depths": (1, 1, 1, 1)}
DINOV2 = {"model_type": "dinov2", "hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 2, "image_size": 28}
RESNET = {"model_type": "resnet", "embedding_size": 8, "hidden_sizes": (8, 16, 24), "depths": (1, 1, 1)}
MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)


def write(folder: Path, model: PreTrainedModel, processor: Any = None) -> str:
    """A checkpoint as it lies on the Hub: a classifier's or another model's, with its image processor."""
    model.save_pretrained(folder)
    if processor is not None:
        processor.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def convnext(tmp_path: Path) -> str:
    config = ConvNextConfig(hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], layer_scale_init_value=1.0)
    config.num_labels = 5
    torch.manual_seed(0)
    processor = ConvNextImageProcessor(image_mean=MEAN, image_std=STD)
    return write(tmp_path / "convnext", ConvNextForImageClassification(config), processor)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Never:
        raise AssertionError(f"the network was asked for {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def compute_maps(encoder: Encoder, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
    with torch.no_grad():
        return encoder.eval()(image).maps


def test_a_checkpoint_gives_the_maps_that_transformers_gives_for_the_image_of_its_own_processor(convnext: str) -> None:
    encoder = TransformersEncoder(model=convnext)
    photo = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)

    processor = ConvNextImageProcessor.from_pretrained(convnext)
    prepared = processor(photo, do_resize=False, return_tensors="pt")["pixel_values"]
    classifier = ConvNextForImageClassification.from_pretrained(convnext).eval()
    with torch.no_grad():
        hidden = classifier(prepared, output_hidden_states=True).hidden_states[1:]
    backbone: Any = encoder.backbone
    norms = backbone.hidden_states_norms.values()
    expected = [norm(states) for norm, states in zip(norms, hidden, strict=True)]

    found = compute_maps(encoder, torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255)
    assert len(found) == 4
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_maps_of_a_plain_backbone_match_transformers_at_its_own_stride(tmp_path: Path) -> None:
    model = Dinov2Model(Dinov2Config(hidden_size=24, num_hidden_layers=4, num_attention_heads=2, image_size=28))
    folder = write(tmp_path / "dinov2", model, ViTImageProcessor(image_mean=MEAN, image_std=STD))
    encoder = TransformersEncoder(model=folder)
    assert encoder.spec.strides == (7, 14, 28, 56)
    image = torch.rand(1, 3, 56, 112)
    normalized = (image - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    backbone = AutoBackbone.from_config(Dinov2Config.from_pretrained(folder, out_indices=[2])).eval()
    backbone.load_state_dict(encoder.backbone.state_dict())
    with torch.no_grad():
        (expected,) = backbone(normalized).feature_maps
    torch.testing.assert_close(compute_maps(encoder, image)[1], expected)


@pytest.mark.parametrize("config", [CONVNEXT, DINOV2, RESNET], ids=lambda config: config["model_type"])
@given(height=st.integers(1, 70), width=st.integers(1, 70))
@settings(max_examples=10, deadline=None)
def test_maps_have_the_size_that_the_spec_says(config: dict[str, Any], height: int, width: int) -> None:
    encoder = make_cached(json.dumps(config))
    found = compute_maps(encoder, torch.rand(1, 3, height, width))
    expected = [
        (1, c, -(-height // s), -(-width // s))
        for c, s in zip(encoder.spec.channels, encoder.spec.strides, strict=True)
    ]
    assert [tuple(m.shape) for m in found] == expected
    assert all(m.isfinite().all() for m in found)


def make_cached(text: str, cache: dict[str, Encoder] = {}) -> Encoder:  # noqa: B006
    if text not in cache:
        cache[text] = build({"use": "hcl-transformers/transformers", "config": json.loads(text)}, Encoder)
    return cache[text]


def test_stages_can_be_chosen() -> None:
    encoder = TransformersEncoder(config=CONVNEXT, out_indices=(2, -1))
    assert (encoder.spec.strides, encoder.out_indices) == ((8, 32), (2, 4))
    assert TransformersEncoder(config=CONVNEXT, out_indices=(0, 2)).spec.channels == (8, 16)  # 0 is the stem
    assert TransformersEncoder(config={**DINOV2, "num_hidden_layers": 12}).out_indices == (3, 6, 9, 12)
    assert TransformersEncoder(config={**DINOV2, "patch_size": 16}, out_indices=(4,) * 3).spec.strides == (4, 8, 16)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "expected a 'model' to start from, or the 'config'"),
        ({"model": " "}, "'model' is empty"),
        ({"config": {"hidden_sizes": (8,)}}, "config.model_type: expected a type .* one of .*convnext.*; got None"),
        ({"config": {"model_type": "bert"}}, "config.model_type: .*; got 'bert'"),
        ({"config": {"model_type": "timm_backbone"}}, "config.model_type: .*; got 'timm_backbone'"),
        ({"config": {**CONVNEXT, "hiden_sizes": (8,)}}, "config.hiden_sizes: .*; did you mean 'hidden_sizes'"),
        ({"config": {**CONVNEXT, "auto_map": "x--y.Z"}}, "config.auto_map: not a field of the model_type 'convnext'"),
        ({"config": {**CONVNEXT, "_attn_implementation": "org/kernel"}}, "config._attn_implementation: not a field"),
        ({"config": {**CONVNEXT, "hidden_act": 3}}, "config: .*hidden_act"),
        ({"config": CONVNEXT, "out_indices": (1, 5)}, r"\[5\] are out of range: the convnext .* stages 0 to 4, stem"),
        ({"config": CONVNEXT, "out_indices": (2, 1)}, "must go from fine to coarse"),
        ({"config": CONVNEXT, "out_indices": (2, 2)}, r"strides .* increase; .* \[8, 8\]"),
        ({"config": CONVNEXT, "out_indices": (0, 1)}, r"strides .* increase; those of the stages \(0, 1\) .* \[4, 4\]"),
        ({"config": {"model_type": "vitpose_backbone"}}, "cannot be an encoder, which takes images of any size: .*256"),
        ({"config": CONVNEXT, "image_std": (0.1, 0.0, 0.1)}, "image_std"),
        ({"model": "no-organization/no-such-model"}, "cannot get 'no-organization/no-such-model' from the .* Hub"),
        ({"model": "./no-such-folder"}, "cannot get './no-such-folder' from the .* it is not a folder here"),
    ],
)
def test_invalid_values_are_refused_with_the_valid_ones(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransformersEncoder(**fields)


def test_problems_of_a_configuration_have_their_path() -> None:
    with pytest.raises(ConfigError, match=r"detector.encoder: config.model_type: expected a type"):
        Pipeline.from_config("detector: {encoder: {use: hcl-transformers/transformers, config: {model_type: bert}}}")


def test_a_folder_that_does_not_fit_is_refused(convnext: str, tmp_path: Path) -> None:
    state = load_file(f"{convnext}/model.safetensors")
    kept = {name: tensor for name, tensor in state.items() if "stages.3" not in name}
    save_file(kept, f"{convnext}/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"does not fit the backbone: it lacks \d+ of \d+ tensors: encoder"):
        TransformersEncoder(model=convnext)
    (tmp_path / "convnext" / "model.safetensors").unlink()
    with pytest.raises(
        ValueError, match=r"the folder .* cannot be used: .* expected config.json and model.safetensors"
    ):
        TransformersEncoder(model=convnext)
    BertConfig().save_pretrained(tmp_path / "bert")
    with pytest.raises(ValueError, match="got 'bert'"):
        TransformersEncoder(model=str(tmp_path / "bert"), image_mean=MEAN, image_std=STD)


def test_code_in_a_checkpoint_is_not_run(convnext: str, tmp_path: Path) -> None:
    path = tmp_path / "convnext" / "config.json"
    config = json.loads(path.read_text())
    (tmp_path / "convnext" / "code.py").write_text(f"open({str(tmp_path / 'was_run')!r}, 'w').close()\n")
    path.write_text(json.dumps({**config, "auto_map": {"AutoConfig": "code.C", "AutoBackbone": "code.B"}}))
    assert "auto_map" not in TransformersEncoder(model=convnext).config
    path.write_text(json.dumps({**config, "model_type": "other", "auto_map": {"AutoConfig": "code.C"}}))
    with pytest.raises(ValueError, match="cannot be used"):
        TransformersEncoder(model=convnext)
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize(
    ("changes", "mean", "std"),
    [
        ({}, MEAN, STD),
        ({"do_normalize": False}, (0, 0, 0), (1, 1, 1)),
        ({"rescale_factor": 1 / 127.5}, (0.05, 0.1, 0.15), (0.2, 0.25, 0.3)),
        ({"do_rescale": False}, tuple(m / 255 for m in MEAN), tuple(s / 255 for s in STD)),
    ],
)
def test_normalization_matches_the_image_processor(
    convnext: str, changes: dict[str, Any], mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    ConvNextImageProcessor(image_mean=MEAN, image_std=STD, **changes).save_pretrained(convnext)
    encoder = TransformersEncoder(model=convnext, pretrained=False)
    assert encoder.image_mean == pytest.approx(mean)
    assert encoder.image_std == pytest.approx(std)


def test_normalization_can_be_given_and_must_be_where_the_checkpoint_has_none(convnext: str, tmp_path: Path) -> None:
    path = tmp_path / "convnext" / "preprocessor_config.json"
    assert TransformersEncoder(model=convnext, image_mean=(0.5, 0.5, 0.5)).image_mean == (0.5, 0.5, 0.5)
    path.write_text(json.dumps({**json.loads(path.read_text()), "do_flip_channel_order": True}))
    with pytest.raises(ValueError, match="BGR"):
        TransformersEncoder(model=convnext)
    path.unlink()
    with pytest.raises(ValueError, match="is not known; set image_mean and image_std"):
        TransformersEncoder(model=convnext)
    assert TransformersEncoder(model=convnext, image_mean=MEAN, image_std=STD).image_mean == MEAN


def test_a_saved_pipeline_needs_neither_the_checkpoint_nor_the_network(
    convnext: str, tmp_path: Path, no_network: None
) -> None:
    text = f"""
detector:
  encoder: {{use: hcl-transformers/transformers, model: {json.dumps(convnext)}, out_indices: [1, 2], frozen: true}}
  head: {{use: projection, dim: 8}}
"""
    pipeline = Pipeline.from_config(text, device="cpu")
    assert pipeline.detector is not None
    image = torch.rand(1, 3, 40, 50)
    expected = compute_maps(pipeline.detector.encoder, image)
    pipeline.save_pretrained(tmp_path / "saved")
    shutil.rmtree(convnext)

    loaded = Pipeline.from_pretrained(tmp_path / "saved", device="cpu")
    assert loaded.detector is not None
    for ours, theirs in zip(compute_maps(loaded.detector.encoder, image), expected, strict=True):
        assert torch.equal(ours, theirs)
    saved = json.loads((tmp_path / "saved" / "config.json").read_text())["detector"]["encoder"]
    assert saved == {
        "use": "hcl-transformers/transformers",
        "model": convnext,
        "pretrained": False,
        "config": {
            "model_type": "convnext",
            "num_channels": 3,
            "patch_size": 4,
            "num_stages": 4,
            "hidden_sizes": [8, 16, 24, 32],
            "depths": [1, 1, 1, 1],
            "hidden_act": "gelu",
            "initializer_range": 0.02,
            "layer_norm_eps": 1e-12,
            "layer_scale_init_value": 1.0,
            "drop_path_rate": 0.0,
            "image_size": 224,
        },
        "out_indices": [1, 2],
        "image_mean": list(MEAN),
        "image_std": list(STD),
        "frozen": True,
        "revision": None,
    }
    assert loaded.to_config() == pipeline.to_config()


def test_weights_can_be_asked_for_again_in_an_architecture_that_is_given(convnext: str) -> None:
    encoder = TransformersEncoder(model=convnext)
    assert (encoder.pretrained, encoder.config["model_type"]) == (False, "convnext")
    described = describe(encoder)
    state = encoder.backbone.state_dict()

    drawn = build(described, TransformersEncoder).backbone.state_dict()
    assert not torch.equal(drawn["embeddings.patch_embeddings.weight"], state["embeddings.patch_embeddings.weight"])
    config = {**described["config"], "drop_path_rate": 0.2}
    again = build({**described, "pretrained": True, "config": config}, TransformersEncoder)
    assert again.config["drop_path_rate"] == 0.2
    for name, tensor in again.backbone.state_dict().items():
        assert torch.equal(tensor, state[name])


def test_a_frozen_backbone_stays_as_it_is_in_training(tmp_path: Path) -> None:
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    folder = write(tmp_path / "resnet", ResNetForImageClassification(config), ViTImageProcessor())
    frozen = TransformersEncoder(model=folder, frozen=True).train()
    trained = TransformersEncoder(model=folder).train()
    image = torch.rand(4, 3, 32, 32)
    for encoder, changes in ((frozen, False), (trained, True)):
        before = {name: tensor.clone() for name, tensor in encoder.backbone.state_dict().items()}
        encoder(image)
        after = encoder.backbone.state_dict()
        assert any(not torch.equal(before[name], after[name]) for name in before) == changes
        assert all(parameter.requires_grad != encoder.frozen for parameter in encoder.parameters())
    torch.testing.assert_close(frozen(image).maps[0][:1], frozen(image[:1]).maps[0])
    assert not frozen.eval().train().backbone.training
    assert trained.backbone.training


def test_the_pyramid_above_a_frozen_plain_backbone_is_trained() -> None:
    encoder = TransformersEncoder(config=DINOV2, frozen=True)
    learning = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    assert learning
    assert all(name.startswith("pyramid.") for name in learning)


def test_layers_behind_the_last_map_do_not_wait_for_gradients() -> None:
    encoder = TransformersEncoder(config=CONVNEXT, out_indices=(1, 2))
    torch.stack([m.square().sum() for m in encoder(torch.rand(2, 3, 32, 32)).maps]).sum().backward()
    learning = dict(encoder.named_parameters())
    assert all((parameter.grad is not None) == parameter.requires_grad for parameter in learning.values())
    assert not learning["backbone.encoder.stages.3.layers.0.dwconv.weight"].requires_grad


def test_a_detector_of_a_plain_backbone_finds_gradients_for_its_head() -> None:
    detector = Detector(encoder=TransformersEncoder(config=DINOV2))
    assert detector(torch.rand(1, 3, 40, 30)).corruption_mask.shape == (1, 1, 40, 30)


def test_the_plugin_is_found_and_gives_its_name() -> None:
    (report,) = [r for r in registry.plugins if r.distribution == "hcl-transformers"]
    assert (report.status, report.error, report.names) == ("ok", "", ("hcl-transformers/transformers",))
    assert registry.get("encoder", "transformers") is TransformersEncoder
