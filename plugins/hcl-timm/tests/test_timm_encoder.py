"""timm's models as encoders, compared with timm called directly."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path
from typing import Any, Never, cast

import pytest
import timm
import torch
from hcl_timm.encoder import TimmEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from timm.models import save_for_hf

from hcl_sdk import Detector, Encoder, Pipeline
from hcl_sdk.config import ConfigError, build, describe
from hcl_sdk.plugins import registry


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Never:
        raise AssertionError(f"the network was asked for {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def write(path: Path, name: str = "test_resnet", **options: Any) -> Any:
    """A file of weights of timm's, and the model whose they are."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=7, **options).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    if path.suffix == ".safetensors":
        save_file(model.state_dict(), path)
    else:
        torch.save({"state_dict": model.state_dict()}, path)
    return model


def compute_maps(encoder: Encoder, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
    with torch.no_grad():
        return encoder.eval()(image).maps


def normalize(image: torch.Tensor, encoder: TimmEncoder) -> torch.Tensor:
    cfg = cast(Any, timm.get_pretrained_cfg(str(encoder.model))).to_dict()
    return (image - torch.tensor(cfg["mean"]).view(3, 1, 1)) / torch.tensor(cfg["std"]).view(3, 1, 1)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet"])
def test_a_checkpoint_gives_the_maps_of_the_model_whose_weights_it_holds(
    tmp_path: Path, name: str, suffix: str
) -> None:
    model = write(tmp_path / f"weights.{suffix}", name)
    encoder = TimmEncoder(model=name, checkpoint=str(tmp_path / f"weights.{suffix}"))
    image = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        expected = model.forward_intermediates(normalize(image, encoder), intermediates_only=True)
    expected = {m.shape[-1]: m for m in expected}
    found = {m.shape[-1]: m for m in compute_maps(encoder, image)}
    assert len(found) == 5
    assert len(found.keys() & expected.keys()) >= 4
    for width in found.keys() & expected.keys():
        torch.testing.assert_close(found[width], expected[width])


def test_maps_of_a_plain_backbone_match_timm_at_its_own_stride(tmp_path: Path) -> None:
    model = write(tmp_path / "vit.pth", "test_vit", dynamic_img_size=True)
    encoder = TimmEncoder(model="test_vit", checkpoint=str(tmp_path / "vit.pth"), out_indices=(1, 3, 5))
    assert encoder.spec.strides == (4, 8, 16)
    image = torch.rand(1, 3, 48, 80)
    with torch.no_grad():
        (expected,) = model.forward_intermediates(normalize(image, encoder), indices=[5], intermediates_only=True)
    torch.testing.assert_close(compute_maps(encoder, image)[2], expected)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
@given(height=st.integers(1, 70), width=st.integers(1, 70))
@settings(max_examples=10, deadline=None)
def test_maps_have_the_size_that_the_spec_says(name: str, height: int, width: int) -> None:
    encoder = make_cached(name)
    found = compute_maps(encoder, torch.rand(1, 3, height, width))
    expected = [
        (1, c, -(-height // s), -(-width // s))
        for c, s in zip(encoder.spec.channels, encoder.spec.strides, strict=True)
    ]
    assert [tuple(m.shape) for m in found] == expected
    assert all(m.isfinite().all() for m in found)


def make_cached(name: str, cache: dict[str, Encoder] = {}) -> Encoder:  # noqa: B006
    if name not in cache:
        cache[name] = build({"use": "hcl-timm/timm", "model": name, "pretrained": False}, Encoder)
    return cache[name]


def test_maps_with_their_channels_last_are_turned() -> None:
    encoder = TimmEncoder(
        config={
            "architecture": "swin_tiny_patch4_window7_224",
            "embed_dim": 12,
            "depths": (1, 1, 1),
            "num_heads": (1, 2, 3),
        },
        out_indices=(0, 1, 2),
    )
    assert encoder.config["dynamic_img_size"] is True
    assert (encoder.spec.channels, encoder.spec.strides) == ((12, 24, 48), (4, 8, 16))
    image = torch.rand(1, 3, 40, 56)
    assert [tuple(m.shape[1:]) for m in compute_maps(encoder, image)] == [(12, 10, 14), (24, 5, 7), (48, 3, 4)]


def test_stages_can_be_chosen() -> None:
    encoder = TimmEncoder(model="test_resnet", pretrained=False, out_indices=(1, -1))
    assert (encoder.out_indices, encoder.spec.strides) == ((1, 4), (4, 32))
    assert TimmEncoder(model="test_vit", pretrained=False, out_indices=(-1, -1)).spec.strides == (4, 8)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "expected a 'model' to start from, or the 'config'"),
        ({"model": "resnt18"}, r"model: timm .* has no model 'resnt18'; did you mean 'resnet18'"),
        ({"model": "resnet18.a1_in1"}, "has no model 'resnet18.a1_in1'; did you mean 'resnet18.a1_in1k'"),
        ({"model": "test_resnet"}, "cannot get the weights of 'test_resnet': .* pass a file as 'checkpoint'"),
        ({"model": "hf-hub:organization/none"}, "cannot get the weights of 'hf-hub:organization/none'"),
        ({"model": "local-dir:no/folder"}, "cannot get the weights of 'local-dir:no/folder': FileNotFoundError"),
        ({"model": "test_resnet", "checkpoint": "no.pth"}, "checkpoint 'no.pth': no such file"),
        ({"config": {"architecture": "test_resnet"}, "checkpoint": __file__}, "needs the 'model' whose weights"),
        ({"model": "test_resnet", "checkpoint": __file__}, "cannot get the weights of 'test_resnet' in "),
        ({"config": {"zero_init_last": True}}, "config.architecture: timm .* has no model None"),
        ({"config": {"architecture": "hf-hub:a/b"}}, "config.architecture: timm .* has no model 'hf-hub:a/b'"),
        ({"config": {"architecture": "test_resnet", "checkpoint_path": "x"}}, "checkpoint_path are not arguments"),
        ({"config": {"architecture": "test_resnet", "blocks": 3}}, "timm cannot make test_resnet from it: .*blocks"),
        ({"model": "mixer_s16_224", "pretrained": False}, "cannot be an encoder, which takes images of any size"),
        ({"model": "inception_v3", "pretrained": False}, r"stage 0 gives \[1, 64, .*\]; expected a map"),
        ({"model": "test_resnet", "pretrained": False, "out_indices": (1, 5)}, r"\[5\] .* stages 0 to 4, act1, layer1"),
        ({"model": "test_resnet", "pretrained": False, "out_indices": (2, 1)}, "must go from fine to coarse"),
    ],
)
def test_invalid_values_are_refused_with_the_valid_ones(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TimmEncoder(**fields)


def test_problems_of_a_configuration_have_their_path() -> None:
    with pytest.raises(ConfigError, match=r"detector.encoder: model: timm .* has no model 'resnt18'"):
        Pipeline.from_config("detector: {encoder: {use: hcl-timm/timm, model: resnt18}}")


def test_a_file_of_another_model_or_of_part_of_one_is_refused(tmp_path: Path) -> None:
    state = write(tmp_path / "weights.safetensors").state_dict()
    part = {name: tensor for name, tensor in state.items() if not name.startswith("layer3")}
    save_file(part, tmp_path / "part.safetensors")
    message = r"part.safetensors' does not fit the backbone: it lacks \d+ of \d+ tensors: layer3"
    with pytest.raises(ValueError, match=message):
        TimmEncoder(model="test_resnet", checkpoint=str(tmp_path / "part.safetensors"))
    with pytest.raises(ValueError, match=r"cannot get the weights of 'test_efficientnet' in .*: RuntimeError"):
        TimmEncoder(model="test_efficientnet", checkpoint=str(tmp_path / "weights.safetensors"))


class Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("was_run", "w")


def test_code_in_a_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Code()}, "code.pth")
    with pytest.raises(ValueError, match=r"cannot get the weights of 'test_resnet' in 'code\.pth'"):
        TimmEncoder(model="test_resnet", checkpoint="code.pth")
    assert not (tmp_path / "was_run").exists()


def test_a_folder_of_timm_gives_architecture_normalization_and_weights(tmp_path: Path) -> None:
    model = cast(Any, timm.create_model("test_resnet", avg_down=True, num_classes=3))
    model.pretrained_cfg = {**model.pretrained_cfg, "mean": (0.1, 0.2, 0.3)}
    save_for_hf(model, str(tmp_path / "folder"), model_args={"avg_down": True, "num_classes": 3})

    encoder = TimmEncoder(model=f"local-dir:{tmp_path / 'folder'}")
    assert encoder.config == {"architecture": "test_resnet", "avg_down": True}
    assert encoder.image_mean == (0.1, 0.2, 0.3)
    weights = encoder.backbone.state_dict()
    assert torch.equal(weights["layer1.0.conv1.weight"], model.state_dict()["layer1.0.conv1.weight"])


def test_a_saved_pipeline_needs_neither_the_checkpoint_nor_the_network(tmp_path: Path, no_network: None) -> None:
    write(tmp_path / "weights.safetensors")
    text = f"""
detector:
  encoder:
    use: hcl-timm/timm
    model: test_resnet
    checkpoint: {json.dumps(str(tmp_path / "weights.safetensors"))}
    out_indices: [1, 2]
    frozen: true
  head: {{use: projection, dim: 8}}
"""
    pipeline = Pipeline.from_config(text, device="cpu")
    assert pipeline.detector is not None
    image = torch.rand(1, 3, 40, 50)
    expected = compute_maps(pipeline.detector.encoder, image)
    pipeline.save_pretrained(tmp_path / "saved")
    (tmp_path / "weights.safetensors").rename(tmp_path / "elsewhere")
    shutil.move(tmp_path / "saved", tmp_path / "moved")

    saved = json.loads((tmp_path / "moved" / "config.json").read_text())["detector"]["encoder"]
    assert saved["config"] == {"architecture": "test_resnet"}
    assert (saved["model"], saved["pretrained"], saved["frozen"]) == ("test_resnet", False, True)
    assert saved["image_mean"] == list(cast(Any, timm.get_pretrained_cfg("test_resnet")).mean)
    loaded = Pipeline.from_pretrained(tmp_path / "moved", device="cpu")
    assert loaded.detector is not None
    for ours, theirs in zip(compute_maps(loaded.detector.encoder, image), expected, strict=True):
        assert torch.equal(ours, theirs)
    assert loaded.to_config() == pipeline.to_config()


def test_a_frozen_backbone_stays_as_it_is_in_training() -> None:
    image = torch.rand(4, 3, 32, 32)
    for frozen in (True, False):
        encoder = TimmEncoder(model="test_resnet", pretrained=False, frozen=frozen).train()
        before = {name: tensor.clone() for name, tensor in encoder.backbone.state_dict().items()}
        encoder(image)
        after = encoder.backbone.state_dict()
        assert any(not torch.equal(before[name], after[name]) for name in before) != frozen
        assert all(parameter.requires_grad != frozen for parameter in encoder.parameters())


def test_a_detector_of_it_is_trained_and_described() -> None:
    detector = Detector(encoder=TimmEncoder(model="test_vit", pretrained=False))
    detection = detector(torch.rand(1, 3, 40, 30))
    torch.stack([e.square().sum() for e in detection.embeddings]).sum().backward()
    assert all((p.grad is not None) == p.requires_grad for p in detector.encoder.parameters())
    assert describe(detector)["encoder"]["use"] == "hcl-timm/timm"


def test_the_plugin_is_found_and_gives_its_name() -> None:
    (report,) = [r for r in registry.plugins if r.distribution == "hcl-timm"]
    assert (report.status, report.error, report.names) == ("ok", "", ("hcl-timm/timm",))
    assert registry.get("encoder", "timm") is TimmEncoder
