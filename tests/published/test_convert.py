"""Published checkpoints, against what the published network gave."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import recorded
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from hcl_sdk.config import build
from hcl_sdk.detector import Detector
from hcl_sdk.encoders.convnext import ConvNeXtEncoder
from hcl_sdk.heads.projection import ProjectionHead
from hcl_sdk.interfaces import Restorer
from hcl_sdk.published import ConversionError, convert, convert_settings, load_published
from hcl_sdk.restorers.partial_swin import PartialSwinRestorer

DATA = Path(__file__).parents[1] / "data" / "recorded"


def settings(name: str = "legacy2") -> dict:
    return json.loads((DATA / f"{name}.json").read_text())


def checkpoint(name: str = "legacy2") -> dict:
    return torch.load(DATA / f"{name}.pt", weights_only=True)


def save_content(content: Any, tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint.pt"
    torch.save(content, path)
    return path


# Against what the published network gave


@pytest.mark.parametrize("name", ["legacy2", "nofuse_legacy3"])
def test_every_part_gives_the_recorded_values(name: str) -> None:
    differences = dict(recorded.compare_network(DATA / f"{name}.json"))
    kinds = {key.split(".")[0] for key in differences}
    assert kinds == {key.split(".")[0] for key in load_file(DATA / f"{name}.safetensors")} - {"image"}
    assert {key: d for key, d in differences.items() if not d <= 1e-4} == {}


@pytest.mark.parametrize("name", ["loss8", "loss16"])
def test_the_contrastive_loss_gives_the_recorded_values_and_gradients(name: str) -> None:
    differences = dict(recorded.compare_loss(DATA / f"{name}.safetensors"))
    assert "loss" in differences
    assert "gradient.1" in differences
    assert {key: d for key, d in differences.items() if not d <= 1e-4} == {}


def one_set(tmp_path: Path, change: Any = None) -> Path:
    for file in DATA.glob("legacy2.*"):
        shutil.copy(file, tmp_path)
    if change is not None:
        values = load_file(tmp_path / "legacy2.safetensors")
        change(values)
        save_file(values, tmp_path / "legacy2.safetensors")
    return tmp_path


def spoil(values: Any, key: Tensor) -> None:
    values[key][0, 0, 0, 0] += 3e-4


def flip(values: Any, key: Tensor) -> None:
    undecided = (values["confs.1"] - 0.5).abs() < 0.1
    at = (~undecided).nonzero()[0].tolist()
    values[key][tuple(at)] = 1 - values[key][tuple(at)]


@pytest.mark.parametrize(
    ("key", "change"),
    [
        *(
            (key, spoil)
            for key in ("feature.1", "embedding.0", "confs.0", "acc_confs.0", "bottleneck", "decoder", "refined")
        ),
        *((key, flip) for key in ("valid_masks.1", "invalid_masks.1", "acc_valid_masks.1", "pred_masks.1")),
    ],
)
def test_the_script_sees_a_value_that_differs(
    key: Any, change: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = one_set(tmp_path, lambda values: change(values, key))
    monkeypatch.setattr("sys.argv", ["recorded.py", str(directory)])
    assert recorded.main() == 1
    wrong = [line for line in capsys.readouterr().out.splitlines() if "TOO LARGE" in line]
    assert any(line.split()[1] == key for line in wrong)


def test_the_script_is_content_with_a_good_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["recorded.py", str(one_set(tmp_path))])
    assert recorded.main() == 0
    assert "refined" in capsys.readouterr().out


def test_the_script_fails_without_a_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["recorded.py", str(tmp_path)])
    assert recorded.main() == 1
    assert "no recorded values" in capsys.readouterr().err
    one_set(tmp_path)
    (tmp_path / "legacy2.pt").unlink()
    assert recorded.main() == 1
    assert "legacy2.pt" in capsys.readouterr().err


def test_the_script_draws_nothing_for_an_image_without_candidates() -> None:
    starts = recorded.RecordedStarts(torch.tensor([7, 8, 9]))
    candidates = torch.ones(3, 1, 4, 4, dtype=torch.bool)
    candidates[1] = False
    assert starts(candidates, 0)[[0, 2], 0].tolist() == [7, 8]
    assert starts.left == [9]


def test_a_mask_may_differ_only_where_rounding_decides() -> None:
    confidence = torch.linspace(0.1, 0.9, 100).view(1, 1, 10, 10)
    assert not recorded.find_undecided(confidence, 0.95).any()
    confidence[0, 0, 0, 9] = 0.5 + 1e-6
    near = recorded.find_undecided(confidence, 1.0)
    assert near.nonzero()[:, 2:].tolist() == [[0, 8], [0, 9], [1, 8], [1, 9]]
    tied = torch.linspace(0.6, 0.9, 100).view(1, 1, 10, 10)
    tied[0, 0, 0, 4:6] = tied[0, 0, 0, 4]  # the last one settled and the first one not
    assert recorded.find_undecided(tied, 0.95)[0, 0, 0].tolist() == [x in range(3, 7) for x in range(10)]


# What a checkpoint must hold


def test_training_state_is_reported_as_left_out(tmp_path: Path) -> None:
    content = checkpoint()
    content["optimizer_inpaintnet"] = {"state": {}, "param_groups": []}
    conversion = convert(save_content(content, tmp_path), convert_settings(settings()))
    assert conversion.left_out == ("pdisc", "step", "optimizer_inpaintnet")


def test_a_file_without_the_parts_for_training_gives_the_same_weights(tmp_path: Path) -> None:
    config = convert_settings(settings())
    whole = convert(DATA / "legacy2.pt", config).pipeline
    bare = {k: v for k, v in checkpoint().items() if k in ("inpaintnet", "refinenet", "classifier")}
    conversion = convert(save_content(bare, tmp_path), config)
    assert conversion.left_out == ()
    for part in ("detector", "restorer"):
        a, b = getattr(whole, part).state_dict(), getattr(conversion.pipeline, part).state_dict()
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_every_weight_of_the_file_is_used_and_every_parameter_set() -> None:
    content = checkpoint("nofuse_legacy3")
    pipeline = convert(DATA / "nofuse_legacy3.pt", convert_settings(settings("nofuse_legacy3"))).pipeline
    assert pipeline.detector is not None
    assert pipeline.restorer is not None
    inpaintnet = content["inpaintnet"].values()
    theirs = [
        t
        for part in (*inpaintnet, content["refinenet"], content["classifier"])
        for n, t in part.items()
        if not n.endswith(("attn_mask", "relative_position_index"))
    ]
    ours = [*pipeline.detector.parameters(), *pipeline.restorer.parameters()]
    assert sum(t.numel() for t in theirs) == sum(t.numel() for t in ours)
    assert sorted(t.double().sum().item() for t in theirs) == pytest.approx(
        sorted(t.double().sum().item() for t in ours)
    )


def test_missing_unexpected_and_misshapen_weights_are_all_listed_at_once(tmp_path: Path) -> None:
    content = checkpoint()
    encoder, decoder = content["inpaintnet"]["encoder"], content["inpaintnet"]["decoder"]
    del encoder["first_conv.conv.bias"]
    del content["refinenet"]["refine_decoder.1.0.shortcut.weight"]
    encoder["down_blocks.1.1.conv.conv.bias"] = torch.zeros(3)
    content["ema"] = {"weight": torch.zeros(1)}
    decoder["last_conv.conv.weight"] = torch.zeros(4, 16, 1, 1)
    content["classifier"]["cls.0.bias"] = torch.zeros(8, dtype=torch.long)
    with pytest.raises(ConversionError) as error:
        convert(save_content(content, tmp_path), convert_settings(settings()))
    message = str(error.value)
    missing, rest = message.split("unexpected (2):")
    unexpected, misfits = rest.split("of another shape or type (2):")
    assert "missing (2):" in missing
    assert "inpaintnet.encoder.first_conv.conv.bias" in missing
    assert "refinenet.refine_decoder.1.0.shortcut.weight" in missing
    assert "inpaintnet.encoder.down_blocks.1.1.conv.conv.bias" in unexpected
    assert "ema.weight" in unexpected
    assert "inpaintnet.decoder.last_conv.conv.weight: expected (3, 16, 1, 1), got (4, 16, 1, 1)" in misfits
    assert "classifier.cls.0.bias: expected floating-point values, got torch.int64" in misfits


def test_nothing_is_loaded_from_a_file_that_does_not_fit(tmp_path: Path) -> None:
    config = convert_settings(settings())
    detector, restorer = build(config["detector"], Detector), build(config["restorer"], "restorer")
    assert isinstance(restorer, Restorer)
    restorer.bind(detector.encoder.spec)
    before = {k: v.clone() for k, v in detector.state_dict().items()}
    content = checkpoint()
    del content["refinenet"]["refine_last.conv.bias"]
    with pytest.raises(ConversionError):
        load_published(save_content(content, tmp_path), detector, restorer)
    assert all(torch.equal(v, before[k]) for k, v in detector.state_dict().items())


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("down_blocks.0.0.blocks.0.attn.relative_position_index", lambda t: t.T.contiguous()),
        ("down_blocks.0.0.blocks.0.attn.relative_position_index", lambda t: t[:4, :4]),
        ("down_blocks.1.0.blocks.1.attn_mask", lambda t: t / 2),
        ("down_blocks.1.0.blocks.1.attn_mask", lambda t: t.flip(0)),
        ("down_blocks.1.0.blocks.1.attn_mask", lambda t: t[:, :9, :9]),
        ("down_blocks.1.0.blocks.1.attn_mask", lambda t: t[0]),
    ],
)
def test_buffers_that_are_computed_must_agree(name: str, change: Callable[..., Any], tmp_path: Path) -> None:
    content = checkpoint()
    content["inpaintnet"]["encoder"][name] = change(content["inpaintnet"]["encoder"][name])
    with pytest.raises(
        ConversionError, match=rf"with other values than computed \(1\):\n  inpaintnet\.encoder\.{name}"
    ):
        convert(save_content(content, tmp_path), convert_settings(settings()))


def test_another_window_is_named(tmp_path: Path) -> None:
    wrong = settings()
    wrong["network"]["window_size"] = 8
    with pytest.raises(ConversionError, match=r"expected \(225, 1\), got \(49, 1\) \(a window of 4\)"):
        convert(DATA / "legacy2.pt", convert_settings(wrong))


def test_another_version_is_seen_by_its_names() -> None:
    wrong = settings("nofuse_legacy3")
    wrong["legacy"] = 4
    with pytest.raises(
        ConversionError, match=r"(?s)missing.*conv_down_blocks\.0\.0\.bias.*unexpected.*blocks\.0\.1\.bias"
    ):
        convert(DATA / "nofuse_legacy3.pt", convert_settings(wrong))


class Harmful:
    def __reduce__(self) -> Any:
        return print, ("code from a checkpoint was run",)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda path: torch.save({"inpaintnet": Harmful()}, path),
            "not a checkpoint written by torch.save, or holds more than tensors",
        ),
        (
            lambda path: path.write_bytes(b"not a checkpoint"),
            "not a checkpoint written by torch.save, or holds more than tensors",
        ),
        (lambda path: path.write_bytes(b""), "not a checkpoint written by torch.save, or holds more than tensors"),
        (
            lambda path: path.write_bytes(pickle.dumps(Harmful(), protocol=2)),
            "not a checkpoint written by torch.save, or holds more than tensors",
        ),
        (
            lambda path: path.write_bytes(b"ReadMe, at length" * 9),
            "not a checkpoint written by torch.save, or holds more than tensors",
        ),
        (lambda path: path.write_bytes(b"he"), "not a checkpoint written by torch.save"),
        (lambda path: torch.save([1, 2], path), "holds a list"),
        (lambda path: torch.save({"inpaintnet": {"encoder": 3}}, path), r"not tensors: inpaintnet\.encoder"),
        (lambda path: torch.save({}, path), r"missing \(\d+\)"),
    ],
)
def test_files_other_than_checkpoints_are_refused_and_run_no_code(
    write: Callable[..., Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "checkpoint.pt"
    write(path)
    with pytest.raises(ConversionError, match=message) as caught:
        convert(path, convert_settings(settings()))
    assert "weights_only" not in str(caught.value)  # PyTorch advises to turn it off
    assert capsys.readouterr().out == ""


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        convert("nowhere.pt", convert_settings(settings()))


def test_components_that_checkpoints_do_not_hold_are_named() -> None:
    detector = Detector(encoder=ConvNeXtEncoder(), head=ProjectionHead(dim=8))
    with pytest.raises(ConversionError, match="no weights for ConvNeXtEncoder"):
        load_published(DATA / "legacy2.pt", detector, PartialSwinRestorer())
    config = convert_settings(settings())
    with pytest.raises(ConversionError, match="lacks one"):
        convert(DATA / "legacy2.pt", {"detector": config["detector"]})


# Files from strangers


class Sly:
    """Is pickled as an ordered dictionary whose methods are shadowed by attributes."""

    def __init__(self, content: Any, **attributes: Any) -> None:
        self.content, self.attributes = content, attributes

    def __reduce__(self) -> Any:
        return OrderedDict, (), self.attributes, None, iter(self.content.items())


def nine_shared_nine_times(levels: int = 9) -> Any:
    tree = {"x": torch.zeros(1)}
    for _ in range(levels):
        tree = {str(i): tree for i in range(9)}
    return tree


def itself() -> dict[Any, Any]:
    content = {}
    content["inpaintnet"] = content
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (itself, r"dictionaries in 8 levels or in themselves: inpaintnet\.inpaintnet\."),
        (lambda: nine_shared_nine_times(7), "holds more than 100,000 entries"),
        (lambda: nine_shared_nine_times(30), "dictionaries in 8 levels or in themselves"),
        (lambda: Sly({"inpaintnet": torch.zeros(1)}, items=3, keys=3), r"unexpected \(1\):\n  inpaintnet"),
        (lambda: {"inpaintnet": torch.eye(3).to_sparse()}, r"inpaintnet \(a tensor of the layout torch.sparse_coo\)"),
        (lambda: {"inpaintnet": torch.zeros(3, device="meta")}, r"inpaintnet \(a tensor without values\)"),
        (lambda: {"inpaintnet": {"a": 3, 4: None}}, r"inpaintnet\.4 \(NoneType\), inpaintnet\.a \(int\)"),
        (lambda: {str(i): i for i in range(99)}, r"0 \(int\), 1 \(int\), .* and 89 more"),
    ],
)
def test_unexpected_contents_give_one_error(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=message):
        convert(save_content(content(), tmp_path), convert_settings(settings()))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_weights_that_are_not_finite_are_named(value: float, tmp_path: Path) -> None:
    content = checkpoint()
    bias = content["classifier"]["cls.0.bias"].double()
    bias[1] = value
    content["classifier"]["cls.0.bias"] = bias
    with pytest.raises(ConversionError, match=r"NaN, infinity or too large a value \(1\):\n  classifier\.cls\.0\.bias"):
        convert(save_content(content, tmp_path), convert_settings(settings()))


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    for make in (Path.mkdir, os.mkfifo):
        path = tmp_path / make.__name__
        make(path)
        with pytest.raises(ConversionError, match="is not a regular file"):
            convert(path, convert_settings(settings()))
