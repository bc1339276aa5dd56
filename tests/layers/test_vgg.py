from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.layers import vgg
from hcl_sdk.layers.vgg import LAYERS, VGG19Features, load_vgg19

# Configuration E of the paper as torchvision numbers it: place of each convolution in `features`, channels in and out;
# "M" is a max-pooling.
CONFIGURATION_E: list[tuple[int, int, int] | str] = [
    *[(0, 3, 64), (2, 64, 64), "M"],
    *[(5, 64, 128), (7, 128, 128), "M"],
    *[(10, 128, 256), (12, 256, 256), (14, 256, 256), (16, 256, 256), "M"],
    *[(19, 256, 512), (21, 512, 512), (23, 512, 512), (25, 512, 512), "M"],
    *[(28, 512, 512), (30, 512, 512), (32, 512, 512), (34, 512, 512), "M"],
]


def make_published_state(deepest: int = 12, divisor: int = 1) -> dict[str, Tensor]:
    """Random tensors in torchvision's layout, up to a place; channels divided by ``divisor``."""
    generator = torch.Generator().manual_seed(5)
    state = {}
    for entry in CONFIGURATION_E:
        if not isinstance(entry, str) and entry[0] <= deepest:
            position, before, after = entry
            before, after = (before if before == 3 else before // divisor), after // divisor
            scale = (2 / (9 * before)) ** 0.5
            state[f"features.{position}.weight"] = torch.randn(after, before, 3, 3, generator=generator) * scale
            state[f"features.{position}.bias"] = torch.randn(after, generator=generator) * 0.1
    return state


def plain_features(image: Tensor, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The network as the paper and torchvision describe it, in float64."""
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64)
    deviation = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64)
    x = torch.stack([(image[:, c].double() - mean[c]) / deviation[c] for c in range(3)], dim=1)
    block, count, found = 1, 0, {}
    for entry in CONFIGURATION_E:
        if isinstance(entry, str):
            x = F.max_pool2d(x, kernel_size=2, stride=2)
            block, count = block + 1, 0
        elif f"features.{entry[0]}.weight" in state:
            weight, bias = (state[f"features.{entry[0]}.{leaf}"].double() for leaf in ("weight", "bias"))
            x = F.conv2d(x, weight, bias, padding=1).clamp(min=0)
            count += 1
            found[f"relu{block}_{count}"] = x
        else:
            break
    return found


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """VGG-19 of an eighth of its width."""
    monkeypatch.setattr(vgg, "CHANNELS", tuple(channels // 8 for channels in vgg.CHANNELS))


def save_state(state: object, folder: Path, name: str = "vgg19.pth") -> str:
    path = folder / name
    if name.endswith(".safetensors"):
        assert isinstance(state, dict)
        save_file(state, path)
    else:
        torch.save(state, path)
    return str(path)


def test_the_layout_matches_torchvision() -> None:
    with torch.device("meta"):
        shapes = {name: list(tensor.shape) for name, tensor in VGG19Features(["relu5_4"]).state_dict().items()}
    expected = {}
    for entry in CONFIGURATION_E:
        if not isinstance(entry, str):
            position, before, after = entry
            expected |= {f"features.{position}.weight": [after, before, 3, 3], f"features.{position}.bias": [after]}
    assert shapes == expected
    assert len(LAYERS) == 16


def test_features_match_the_plain_network(tmp_path: Path, narrow: None) -> None:
    state = make_published_state(deepest=34, divisor=8)
    network = load_vgg19(LAYERS, save_state(state, tmp_path))
    image = torch.rand(2, 3, 37, 50)
    expected = plain_features(image, state)
    assert list(expected) == list(LAYERS)
    for name, ours in zip(LAYERS, network(image), strict=True):
        assert ours.shape == expected[name].shape
        assert torch.allclose(ours.double(), expected[name], atol=1e-5)


@pytest.mark.parametrize("layers", [("relu2_2", "relu3_2"), ("relu3_2", "relu2_2"), ("relu1_1",)])
def test_features_come_in_the_order_asked_for_and_nothing_deeper_is_made(
    tmp_path: Path, layers: tuple[str, ...]
) -> None:
    state = make_published_state()
    network = load_vgg19(layers, save_state(state, tmp_path))
    image = torch.rand(1, 3, 16, 24)
    expected = plain_features(image, state)
    for name, ours in zip(layers, network(image), strict=True):
        assert torch.allclose(ours.double(), expected[name], atol=1e-4)
    assert max(int(name.split(".")[1]) for name in network.state_dict()) == (0 if layers == ("relu1_1",) else 12)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (5, 3), (17, 16)])
def test_any_size_works(tmp_path: Path, narrow: None, size: tuple[int, int]) -> None:
    network = load_vgg19(["relu5_2"], save_state(make_published_state(deepest=34, divisor=8), tmp_path))
    (found,) = network(torch.rand(1, 3, *size))
    assert found.shape[-2:] == tuple(max(1, extent // 16) for extent in size)
    assert found.isfinite().all()


@pytest.mark.parametrize("name", ["vgg19-dcbb9e9d.pth", "vgg19.safetensors", "old.pth"])
def test_files_of_each_format_are_read_with_or_without_a_classifier(tmp_path: Path, name: str) -> None:
    state = make_published_state() | {"classifier.0.weight": torch.rand(4, 5), "classifier.0.bias": torch.rand(4)}
    if name == "old.pth":  # torchvision's file is of the format that came before the present one
        path = tmp_path / name
        torch.save(state, path, _use_new_zipfile_serialization=False)
    else:
        path = Path(save_state(state, tmp_path, name))
    network = load_vgg19(["relu3_1"], str(path))
    assert torch.equal(network.state_dict()["features.10.weight"], state["features.10.weight"])


def test_half_precision_is_read_into_float32(tmp_path: Path) -> None:
    state = {name: tensor.half() for name, tensor in make_published_state().items()}
    network = load_vgg19(["relu1_2"], save_state(state, tmp_path))
    assert all(tensor.dtype == torch.float32 for tensor in network.state_dict().values())
    assert torch.equal(network.state_dict()["features.2.bias"], state["features.2.bias"].float())


def test_the_global_random_state_is_not_used(tmp_path: Path) -> None:
    path = save_state(make_published_state(), tmp_path)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    load_vgg19(["relu2_2"], path)
    assert torch.equal(torch.get_rng_state(), before)


def vgg16(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return state | {"features.17.weight": torch.zeros(512, 256, 3, 3), "features.17.bias": torch.zeros(512)}


def with_nan(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return state | {"features.2.bias": torch.full((64,), torch.nan)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: {k: v for k, v in state.items() if "12" not in k},
            r"missing: features.12.weight \(256, 256, 3, 3\)",
        ),
        (
            lambda state: {k: v[:8] for k, v in state.items()},
            r"features.0.weight: expected shape \(64, 3, 3, 3\), got \(8",
        ),
        (lambda state: {f"module.{k}": v for k, v in state.items()}, r"missing: features.0.weight"),
        (vgg16, r"unexpected: features.17.weight"),
        (with_nan, r"features.2.bias holds NaN or infinity"),
        (lambda state: state | {"epoch": 3}, "something other than named tensors"),
        (lambda state: list(state.values()), "something other than named tensors"),
    ],
    ids=["missing", "narrow", "prefix", "another network", "nan", "no tensor", "no names"],
)
def test_files_of_something_else_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_vgg19(["relu3_2"], save_state(change(make_published_state()), tmp_path))


class Code:
    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return pytest.fail, ("code of the file was run",)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="could run code"):
        load_vgg19(["relu1_1"], save_state({"features.0.weight": Code()}, tmp_path))


@pytest.mark.parametrize("name", ["vgg.pth", "vgg.safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", pickle.dumps("text")])
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged|something other than named tensors"):
        load_vgg19(["relu1_1"], str(tmp_path / name))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"or 'download'; there is no file .*vgg\.pth"):
        load_vgg19(["relu1_1"], str(tmp_path / "vgg.pth"))


def test_download_gets_torchvisions_file_and_checks_its_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    state = make_published_state()
    asked = {}

    def download(url: str, **options: object) -> dict[str, Tensor]:
        asked.update(options, url=url)
        return state

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    network = load_vgg19(["relu1_2"], "download")
    assert torch.equal(network.state_dict()["features.2.weight"], state["features.2.weight"])
    assert asked == {
        "url": "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        "map_location": "cpu",
        "check_hash": True,
        "weights_only": True,
    }


def test_a_downloaded_file_with_another_hash_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = save_state(make_published_state(deepest=0), tmp_path, "vgg19-dcbb9e9d.pth")
    monkeypatch.setattr(vgg, "ADDRESS", f"file://{source}")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    with pytest.raises(ValueError, match="cannot be downloaded: invalid hash value"):
        load_vgg19(["relu1_1"], "download")


def test_a_failed_download_gives_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vgg, "ADDRESS", f"file://{tmp_path}/vgg19-dcbb9e9d.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    with pytest.raises(ValueError, match="in another way, and pass the file"):
        load_vgg19(["relu1_1"], "download")
