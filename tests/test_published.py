from __future__ import annotations

import importlib.util
import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from hcl_sdk.config import build
from hcl_sdk.detector import Detector
from hcl_sdk.encoders.convnext import ConvNeXtEncoder
from hcl_sdk.heads.projection import ProjectionHead
from hcl_sdk.interfaces import Restorer
from hcl_sdk.published import ConversionError, convert, load_published, preset, presets, settings_to_config
from hcl_sdk.restorers.partial_swin import PartialSwinRestorer

DATA = Path(__file__).parent / "data" / "recorded"
_spec = importlib.util.spec_from_file_location("recorded_values", Path(__file__).parent / "recorded.py")
assert _spec is not None
assert _spec.loader is not None
recorded = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(recorded)


def settings(name: str = "legacy2") -> dict:
    return json.loads((DATA / f"{name}.json").read_text())


def checkpoint(name: str = "legacy2") -> dict:
    return torch.load(DATA / f"{name}.pt", weights_only=True)


def saved(content, tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint.pt"
    torch.save(content, path)
    return path


# Against what the published network gave


@pytest.mark.parametrize("name", ["legacy2", "nofuse_legacy3"])
def test_every_part_gives_the_recorded_values(name):
    differences = dict(recorded.compare_network(DATA / f"{name}.json"))
    kinds = {key.split(".")[0] for key in differences}
    assert kinds == {key.split(".")[0] for key in load_file(DATA / f"{name}.safetensors")} - {"image"}
    assert {key: d for key, d in differences.items() if not d <= 1e-4} == {}


@pytest.mark.parametrize("name", ["loss8", "loss16"])
def test_the_contrastive_loss_gives_the_recorded_values_and_gradients(name):
    differences = dict(recorded.compare_loss(DATA / f"{name}.safetensors"))
    assert "loss" in differences
    assert "gradient.1" in differences
    assert {key: d for key, d in differences.items() if not d <= 1e-4} == {}


def one_set(tmp_path: Path, change=None) -> Path:
    for file in DATA.glob("legacy2.*"):
        shutil.copy(file, tmp_path)
    if change is not None:
        values = load_file(tmp_path / "legacy2.safetensors")
        change(values)
        save_file(values, tmp_path / "legacy2.safetensors")
    return tmp_path


def spoil(values, key):
    values[key][0, 0, 0, 0] += 3e-4


def flip(values, key):
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
def test_the_script_sees_a_value_that_differs(key, change, tmp_path, monkeypatch, capsys):
    directory = one_set(tmp_path, lambda values: change(values, key))
    monkeypatch.setattr("sys.argv", ["recorded.py", str(directory)])
    assert recorded.main() == 1
    wrong = [line for line in capsys.readouterr().out.splitlines() if "TOO LARGE" in line]
    assert any(line.split()[1] == key for line in wrong)


def test_the_script_is_content_with_a_good_set(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["recorded.py", str(one_set(tmp_path))])
    assert recorded.main() == 0
    assert "refined" in capsys.readouterr().out


def test_the_script_fails_without_a_set(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["recorded.py", str(tmp_path)])
    assert recorded.main() == 1
    assert "no recorded values" in capsys.readouterr().err
    one_set(tmp_path)
    (tmp_path / "legacy2.pt").unlink()
    assert recorded.main() == 1
    assert "legacy2.pt" in capsys.readouterr().err


def test_the_script_draws_nothing_for_an_image_without_candidates():
    starts = recorded.RecordedStarts(torch.tensor([7, 8, 9]))
    candidates = torch.ones(3, 1, 4, 4, dtype=torch.bool)
    candidates[1] = False
    assert starts(candidates, 0)[[0, 2], 0].tolist() == [7, 8]
    assert starts.left == [9]


def test_a_mask_may_differ_only_where_rounding_decides():
    confidence = torch.linspace(0.1, 0.9, 100).view(1, 1, 10, 10)
    assert not recorded.undecided_settling(confidence, 0.95).any()
    confidence[0, 0, 0, 9] = 0.5 + 1e-6
    near = recorded.undecided_settling(confidence, 1.0)
    assert near.nonzero()[:, 2:].tolist() == [[0, 8], [0, 9], [1, 8], [1, 9]]
    tied = torch.linspace(0.6, 0.9, 100).view(1, 1, 10, 10)
    tied[0, 0, 0, 4:6] = tied[0, 0, 0, 4]  # the last one settled and the first one not
    assert recorded.undecided_settling(tied, 0.95)[0, 0, 0].tolist() == [x in range(3, 7) for x in range(10)]


# What a checkpoint must hold


def test_what_belongs_to_training_is_named_as_left_out(tmp_path):
    content = checkpoint()
    content["optimizer_inpaintnet"] = {"state": {}, "param_groups": []}
    conversion = convert(saved(content, tmp_path), settings_to_config(settings()))
    assert conversion.left_out == ("pdisc", "step", "optimizer_inpaintnet")


def test_a_file_without_the_parts_for_training_gives_the_same_weights(tmp_path):
    config = settings_to_config(settings())
    whole = convert(DATA / "legacy2.pt", config).pipeline
    bare = {k: v for k, v in checkpoint().items() if k in ("inpaintnet", "refinenet", "classifier")}
    conversion = convert(saved(bare, tmp_path), config)
    assert conversion.left_out == ()
    for part in ("detector", "restorer"):
        a, b = getattr(whole, part).state_dict(), getattr(conversion.pipeline, part).state_dict()
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_every_weight_of_the_file_is_used_and_every_parameter_set():
    content = checkpoint("nofuse_legacy3")
    pipeline = convert(DATA / "nofuse_legacy3.pt", settings_to_config(settings("nofuse_legacy3"))).pipeline
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


def test_missing_unexpected_and_misshapen_weights_are_all_listed_at_once(tmp_path):
    content = checkpoint()
    encoder, decoder = content["inpaintnet"]["encoder"], content["inpaintnet"]["decoder"]
    del encoder["first_conv.conv.bias"]
    del content["refinenet"]["refine_decoder.1.0.shortcut.weight"]
    encoder["down_blocks.1.1.conv.conv.bias"] = torch.zeros(3)
    content["ema"] = {"weight": torch.zeros(1)}
    decoder["last_conv.conv.weight"] = torch.zeros(4, 16, 1, 1)
    content["classifier"]["cls.0.bias"] = torch.zeros(8, dtype=torch.long)
    with pytest.raises(ConversionError) as error:
        convert(saved(content, tmp_path), settings_to_config(settings()))
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


def test_nothing_is_loaded_from_a_file_that_does_not_fit(tmp_path):
    config = settings_to_config(settings())
    detector, restorer = build(config["detector"], Detector), build(config["restorer"], "restorer")
    assert isinstance(restorer, Restorer)
    restorer.bind(detector.encoder.spec)
    before = {k: v.clone() for k, v in detector.state_dict().items()}
    content = checkpoint()
    del content["refinenet"]["refine_last.conv.bias"]
    with pytest.raises(ConversionError):
        load_published(saved(content, tmp_path), detector, restorer)
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
def test_buffers_that_are_computed_must_agree(name, change, tmp_path):
    content = checkpoint()
    content["inpaintnet"]["encoder"][name] = change(content["inpaintnet"]["encoder"][name])
    with pytest.raises(
        ConversionError, match=rf"with other values than computed \(1\):\n  inpaintnet\.encoder\.{name}"
    ):
        convert(saved(content, tmp_path), settings_to_config(settings()))


def test_another_window_is_named(tmp_path):
    wrong = settings()
    wrong["network"]["window_size"] = 8
    with pytest.raises(ConversionError, match=r"expected \(225, 1\), got \(49, 1\) \(a window of 4\)"):
        convert(DATA / "legacy2.pt", settings_to_config(wrong))


def test_another_version_is_seen_by_its_names():
    wrong = settings("nofuse_legacy3")
    wrong["legacy"] = 4
    with pytest.raises(
        ConversionError, match=r"(?s)missing.*conv_down_blocks\.0\.0\.bias.*unexpected.*blocks\.0\.1\.bias"
    ):
        convert(DATA / "nofuse_legacy3.pt", settings_to_config(wrong))


class Harmful:
    def __reduce__(self):
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
def test_files_that_are_no_checkpoints_are_refused_and_run_no_code(write, message, tmp_path, capsys):
    path = tmp_path / "checkpoint.pt"
    write(path)
    with pytest.raises(ConversionError, match=message) as caught:
        convert(path, settings_to_config(settings()))
    assert "weights_only" not in str(caught.value)  # PyTorch advises to turn it off
    assert capsys.readouterr().out == ""


def test_a_file_that_is_not_there():
    with pytest.raises(FileNotFoundError):
        convert("nowhere.pt", settings_to_config(settings()))


def test_components_that_checkpoints_do_not_hold_are_named():
    detector = Detector(encoder=ConvNeXtEncoder(), head=ProjectionHead(dim=8))
    with pytest.raises(ConversionError, match="nothing for ConvNeXtEncoder"):
        load_published(DATA / "legacy2.pt", detector, PartialSwinRestorer())
    config = settings_to_config(settings())
    with pytest.raises(ConversionError, match="lacks one"):
        convert(DATA / "legacy2.pt", {"detector": config["detector"]})


# Configurations


def test_presets_are_the_published_settings():
    assert presets() == ("ffhq256", "imagenet256", "places256", "places512")
    common = {
        "dim_mults": [1, 2, 4],
        "proj_dim": 64,
        "encoder_depths": [6, 4, 2],
        "decoder_depths": [2, 2, 2],
        "window_size": 8,
        "bottleneck_window_size": 8,
        "bottleneck_depth": 2,
        "conf_threshs": [1.0, 0.95, 0.95],
        "kmeans_n_iters": 3,
        "fuse": True,
    }
    for name, size, dim, conv, repeat in (
        ("ffhq256", 256, 32, 0, 3),
        ("imagenet256", 256, 64, 0, 1),
        ("places256", 256, 64, 0, 1),
        ("places512", 512, 64, 1, 1),
    ):
        network = {**common, "dim": dim, "n_conv_stages": conv, "kmeans_repeat": repeat}
        refinement = {"dim": 64, "dim_mults": [1, 2, 4, 8, 8]}
        for version in (2, 3, 4):
            same = {"image_size": size, "legacy": version, "network": network, "refinement": refinement}
            assert preset(name, version) == settings_to_config(same)


@pytest.mark.parametrize("name", presets())
def test_presets_compose(name):
    config = preset(name)
    with torch.device("meta"):
        detector = build(config["detector"], Detector)
        restorer = build(config["restorer"], "restorer")
        assert isinstance(restorer, PartialSwinRestorer)
        restorer.bind(detector.encoder.spec)
    assert detector.encoder.spec.strides == ((2, 4, 8) if name == "places512" else (1, 2, 4))
    assert not detector.clusterer.finds_one_class


def test_unknown_names_and_versions_say_what_there_is():
    with pytest.raises(ValueError, match=r"'places'; there are ffhq256, imagenet256, places256, places512"):
        preset("places")
    with pytest.raises(ValueError, match=r"versions 2, 3, 4 .* got 5"):
        preset("places256", version=5)


def test_windows_shrink_to_the_maps_of_the_image_size():
    small = settings()
    small["image_size"] = 12
    small["network"] |= {"window_size": 8, "bottleneck_window_size": 8, "n_conv_stages": 0}
    config = settings_to_config(small)
    assert config["detector"]["encoder"]["window_sizes"] == config["restorer"]["window_sizes"] == [8, 6]
    assert config["restorer"]["bottleneck_window_size"] == 6


def test_settings_that_are_missing_or_unknown_are_all_named():
    wrong = settings()
    del wrong["image_size"], wrong["network"]["fuse"]
    wrong["network"]["fused"] = True
    wrong["refinement"] = {"dim": 8}
    expected = (
        "settings: missing image_size; network: missing fuse; network: unknown fused; refinement: missing dim_mults"
    )
    with pytest.raises(ValueError, match=expected):
        settings_to_config(wrong)
