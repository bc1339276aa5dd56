"""What the scripts in benchmarks/ train and measure is what this version understands."""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest
import torch
import yaml
from PIL import Image, ImageFont
from torch import nn

from hcl_sdk import AnchoredKMeans, Detection, Detector, Pipeline, Prototypes, ResidualUNet, SideBySideEncoder
from hcl_sdk.config import build, describe, load_yaml, override
from hcl_sdk.data import FolderDataset, Manifest, ManifestDataset
from hcl_sdk.evaluation import Benchmark, Evaluation, run_benchmark
from hcl_sdk.evaluation.rows import Row
from hcl_sdk.training import load_run
from hcl_sdk.training.optimization import make_optimizer

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"


def load_script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for their module there
    spec.loader.exec_module(module)
    return module


train = load_script(BENCHMARKS / "default_weights/train.py")
join = load_script(BENCHMARKS / "default_weights/join.py")
adapt = load_script(BENCHMARKS / "default_weights/adapt.py")
discovery = load_script(BENCHMARKS / "discovery.py")
generalization = load_script(BENCHMARKS / "generalization/run.py")
compared = yaml.safe_load((BENCHMARKS / "generalization/recipe.yaml").read_text(encoding="utf-8"))  # has merge keys


@pytest.fixture
def photos(tmp_path: Path) -> str:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(2):
        noise = np.random.default_rng(i).integers(256, size=(40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{i}.png")
    return str(folder)


def make_folders(photos: str, folder: Path) -> dict[str, str]:
    """The folders that recipes name: one with a font, and the photos in place of all others."""
    own = ImageFont.load_default(12)
    assert isinstance(own, ImageFont.FreeTypeFont)
    (folder / "letters.ttf").write_bytes(cast(io.BytesIO, own.path).getvalue())
    return {"FONTS": str(folder), "FILM": photos, "LOGOS": photos}


STAGES = (*train.STAGES, *train.LATER_STAGES, train.MARKS, train.EVERYTHING)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_the_stages_of_the_default_weights_can_be_trained(stage: Any, photos: str, tmp_path: Path) -> None:
    folders = make_folders(photos, tmp_path)
    fields = [f"data.dataset.path={photos}", f"validation.dataset.path={photos}", *stage.fields]
    if stage.after:
        between = ["damage_head/run", "detail", "half"]
        assert stage.after in [*between, *(other.name for other in STAGES[: STAGES.index(stage)])]
        fields.append("pipeline=default")
    mapping = override(load_yaml(train.read_recipe(stage.recipe, folders)), [*fields, f"steps={stage.steps}"])
    _, recipe = load_run(mapping, device="cpu")
    assert recipe.steps == stage.steps
    assert (recipe.detection is None) == stage.name.startswith("restorer")


def test_the_damage_head_of_the_default_weights_can_be_trained(
    photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS / "default_weights"))
    damage_head = load_script(BENCHMARKS / "default_weights/damage_head.py")
    damage_head.add_head("default", tmp_path / "start")
    folders = make_folders(photos, tmp_path)
    start = f"pipeline={tmp_path / 'start'}"
    recipe = load_yaml(train.read_recipe("damage_head.yaml", folders))
    pipeline, run = load_run(override(recipe, [f"data.dataset.path={photos}", start]), device="cpu")
    assert run.detection is not None
    assert run.detection.parts == ("damage_head",)
    before, after = (p.detector for p in (Pipeline.from_pretrained("default", device="cpu"), pipeline))
    assert before is not None
    assert after is not None
    for name, tensor in before.state_dict().items():
        assert name.startswith("damage_head.") or torch.equal(after.state_dict()[name], tensor)
    measured = override(load_yaml(train.read_recipe("kinds.yaml", folders)), [f"dataset.path={photos}"])
    assert build(measured, Evaluation).corruption is not None


def test_the_fusion_of_the_default_weights_can_be_taught(
    photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of eight photos, in few steps; what it is taught on stays in a folder, and the detector is as it was."""
    monkeypatch.syspath_prepend(str(BENCHMARKS / "default_weights"))
    detail = load_script(BENCHMARKS / "default_weights/detail.py")
    for name, value in {"SIZE": 64, "SMALLER": (32,), "STEPS": 3, "CROP": 16, "EPOCHS": 2, "BATCH": 4}.items():
        monkeypatch.setattr(detail, name, value)
    (tmp_path / "aside.txt").write_text("")
    drawn = [f"--{name.lower()}={folder}" for name, folder in make_folders(photos, tmp_path).items()]
    out = tmp_path / "out"
    arguments = ["default", photos, str(tmp_path / "aside.txt"), "-o", str(out), *drawn, "--count", "8"]
    monkeypatch.setattr("sys.argv", ["detail.py", *arguments, "--detail-size", "900"])
    detail.main()
    drawing = detail.make_drawing(photos, str(tmp_path / "aside.txt"), make_folders(photos, tmp_path))
    seen = [detail.Seen(**row) for row in torch.load(out / "seen.pt")]
    assert len(seen) == 8
    for number, one in enumerate(seen):
        image, mask, smaller = drawing.draw(number)
        assert image.shape == (64, 64, 3)
        assert one.coarse.shape == (1, 1, smaller, smaller)
        assert one.fine.shape == one.truth.shape == (1, 1, 32, 32)
        assert one.truth.float().mean().item() == pytest.approx(mask.mean(), abs=1e-3)
    before, after = (Pipeline.from_pretrained(name, device="cpu") for name in ("default", out / "weights"))
    assert after.detail_size == 900
    assert before.detector is not None
    assert after.detector is not None
    assert after.detector.detail_fusion is not None
    assert after.detector.detail_fusion.leave.weight.any()  # it has learned, from zero
    for name, tensor in before.detector.state_dict().items():
        assert name.startswith("detail_fusion.") or torch.equal(after.detector.state_dict()[name], tensor)


def test_the_research_weights_can_be_trained(photos: str) -> None:
    recipe = load_yaml(ROOT / "plugins/hcl-weights/training/recipe.yaml")
    load_run(override(recipe, [f"data.dataset.path={photos}", f"validation.dataset.path={photos}"]), device="cpu")


@pytest.mark.parametrize("way", [name for name, way in compared["ways"].items() if "trained_as" not in way])
def test_the_ways_of_the_comparison_can_be_trained(way: Any, photos: str) -> None:
    for run in generalization.list_runs([way]):
        _, recipe = load_run(configure(run, photos), device="cpu")
        assert recipe.data.corruption.rules


def configure(run: Any, photos: str) -> dict[str, Any]:
    """The configuration of a run; an encoder whose weights no extra installs starts from random ones."""
    made = generalization.make_configuration(compared, run, 10)
    for stream in made["pipeline"]["detector"]["encoder"].get("encoders", ()):
        if stream.get("variant") == "lite2":
            stream["pretrained"] = False
    return override(made, [f"data.dataset.path={photos}"])


def test_a_pretrained_encoder_is_fine_tuned_at_a_tenth_of_the_rate(photos: str) -> None:
    pipeline, recipe = load_run(configure(generalization.Run("fine-tuned", "all", 0), photos), device="cpu")
    assert pipeline.detector is not None
    assert isinstance(pipeline.detector.encoder, SideBySideEncoder)
    groups = make_optimizer(torch.nn.ModuleDict({"detector": pipeline.detector}), recipe.optimization).param_groups
    slow = {id(p) for group in groups for p in group["params"] if group["lr"] == pytest.approx(1.5e-4)}
    fast = {id(p) for group in groups for p in group["params"] if group["lr"] == pytest.approx(1.5e-3)}
    pretrained = {id(p) for p in pipeline.detector.encoder.encoders[1].parameters() if p.requires_grad}
    assert slow == pretrained
    assert fast == {id(p) for p in pipeline.detector.parameters() if p.requires_grad} - pretrained


def test_parts_of_other_photos_alone_match_the_benchmark(photos: str) -> None:
    dataset = FolderDataset(path=photos)
    alone = build({**load_yaml(BENCHMARKS / "default_weights/photo.yaml"), "dataset": describe(dataset)}, Benchmark)
    whole = [c for c in Benchmark(dataset=dataset).contaminations if c.content_name == "photo"]
    assert [describe(c) for c in alone.contaminations] == [describe(c) for c in whole]


def test_detectors_are_averaged_weight_by_weight(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    folders = [str(tmp_path / name) for name in ("a", "b", "c")]
    for i, folder in enumerate(folders):
        with torch.no_grad():
            for parameter in tiny_pipeline.detector.parameters():
                parameter.add_(i + 1)
        tiny_pipeline.save_pretrained(folder)
    states = [Pipeline.from_pretrained(folder, device="cpu").detector.state_dict() for folder in folders]
    made = join.average_detectors(folders).state_dict()
    assert made.keys() == states[0].keys()
    for name, tensor in made.items():
        torch.testing.assert_close(tensor.double(), sum(state[name].double() for state in states) / 3)
    shares = (0.5, 0.125, 0.375)
    for name, tensor in join.average_detectors(folders, shares).state_dict().items():
        if tensor.is_floating_point():
            expected = sum(share * state[name].double() for share, state in zip(shares, states, strict=True))
            torch.testing.assert_close(tensor.double(), expected)
    for wrong in ((0.5, 0.5), (0.5, 0.25, 0.375)):
        with pytest.raises(SystemExit, match="a share for each of 3 detectors, 1 in all"):
            join.average_detectors(folders, wrong)


def test_statistics_are_those_of_all_batches_and_frozen_layers_keep_theirs(
    photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS / "default_weights"))
    script = load_script(BENCHMARKS / "default_weights/batch_statistics.py")
    monkeypatch.setattr(script, "BATCHES", ((64, 2), (32, 4)))
    means: dict[nn.BatchNorm2d, list[torch.Tensor]] = {}
    normalize = nn.BatchNorm2d.forward

    def observe(self: nn.BatchNorm2d, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            means.setdefault(self, []).append(x.mean((0, 2, 3)))
        return normalize(self, x)

    monkeypatch.setattr(nn.BatchNorm2d, "forward", observe)
    (tmp_path / "aside.txt").write_text("")
    drawn = [f"--{name.lower()}={folder}" for name, folder in make_folders(photos, tmp_path).items()]
    arguments = ["default", photos, str(tmp_path / "aside.txt"), "-o", str(tmp_path), *drawn, "--count", "12"]
    monkeypatch.setattr("sys.argv", ["batch_statistics.py", *arguments])
    script.main()
    before, after = (
        Pipeline.from_pretrained(weights, device="cpu").detector for weights in ("default", tmp_path / "weights")
    )
    assert before is not None
    assert after is not None
    learning = [m for m in after.modules() if isinstance(m, nn.BatchNorm2d) and m.weight.requires_grad]
    assert len(learning) == len(means) > 0
    for norm, seen in means.items():
        assert len(seen) == 4
        torch.testing.assert_close(norm.running_mean, torch.stack(seen).mean(0))
    changed = {
        name for name, tensor in before.state_dict().items() if not torch.equal(tensor, after.state_dict()[name])
    }
    assert {name.rsplit(".", 1)[1] for name in changed} == {"running_mean", "running_var", "num_batches_tracked"}
    assert not any(name.startswith("encoder.streams.1") for name in changed)


def test_a_verdict_is_calibrated_and_nothing_else_changes() -> None:
    detector = Pipeline.from_pretrained("default", device="cpu").detector
    assert detector is not None
    calibrated = join.calibrate_verdict(detector, (2.0, 1.0, -3.0))
    assert calibrated.verdict is not None
    assert calibrated.verdict.calibration == (2.0, 1.0, -3.0)
    before, after = detector.state_dict(), calibrated.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_each_step_between_network_and_mask_is_measured_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS / "default_weights"))
    finding = load_script(BENCHMARKS / "default_weights/finding.py")
    default = Pipeline.from_pretrained("default", device="cpu")
    calibrated = finding.calibrate_verdict(default.detector, (2.0, 1.0, -3.0))
    ways = finding.make_ways(default.replace(detector=calibrated, follow_colors=True))
    assert list(ways) == ["as in the weights", "follow_colors=False", "verdict not calibrated", "neither"]
    assert [way.follow_colors for way in ways.values()] == [True, False, True, False]
    calibrations = [way.detector.verdict.calibration for way in ways.values()]
    assert calibrations == [(2.0, 1.0, -3.0)] * 2 + [(1.0, 0.0, 0.0)] * 2
    assert list(finding.make_ways(ways["neither"])) == ["as in the weights"]

    for i in range(2):
        scene = np.random.default_rng(i).integers(256, size=(5, 6, 3), dtype=np.uint8)
        Image.fromarray(scene).resize((150, 120), Image.Resampling.BICUBIC).save(tmp_path / f"{i}.png")
    arguments = [str(tmp_path), "--side", "120", "--most", "2", "--clean", "2"]
    monkeypatch.setattr("sys.argv", ["finding.py", *arguments])
    monkeypatch.setattr(finding, "DAMAGES", finding.DAMAGES[:2])
    finding.main()
    rows = capsys.readouterr().out.splitlines()[4:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in finding.make_ways(default)]
    for row in rows:
        _, halves, nearly, score, _, flagged, _ = row.split(" | ")
        assert int(nearly.removesuffix(" of 4")) <= int(halves.removesuffix(" of 4")) <= 4
        assert 0 <= float(score) <= 1
        assert flagged.endswith(" of 2")


def test_findings_are_tallied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS / "default_weights"))
    finding = load_script(BENCHMARKS / "default_weights/finding.py")
    truth = np.zeros((40, 50), np.bool_)
    truth[:10] = True
    half = np.zeros_like(truth)
    half[:5] = half[30:32] = True
    tally = finding.Tally(clean=[0.0, 0.1])
    tally.add(half, truth)
    tally.add(truth, truth)
    f1 = (2 * 5 / (7 + 10) + 1) / 2
    assert tally.describe() == f"2 of 2 | 1 of 2 | {f1:.3f} | {100 * 2 / 40 / 2:.2f} % | 1 of 2 | 5.00 %"


def test_sizes_are_compared_with_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = load_script(BENCHMARKS / "sizes.py")
    for i in range(2):
        scene = np.random.default_rng(i).integers(256, size=(5, 6, 3), dtype=np.uint8)
        Image.fromarray(scene).resize((72, 60), Image.Resampling.BICUBIC).save(tmp_path / f"{i}.png")
    monkeypatch.setattr("sys.argv", ["sizes.py", str(tmp_path), "--each", "1", "--sizes", "48x48", "32x80"])
    sizes.main()
    *_, first, second, _, last = capsys.readouterr().out.splitlines()
    assert first.split(" | ")[0::2] == ["| 48 x 48", "+0.000 (+0.00 to +0.00)", first.split(" | ")[-1]]
    own, other = (float(row.split(" | ")[1]) for row in (first, second))
    difference = float(second.split(" | ")[2].split()[0])
    assert difference == pytest.approx(other - own, abs=1.1e-3)
    assert last == f"the largest difference is {difference:+.3f}, at {'32 x 80' if difference else '48 x 48'}"
    monkeypatch.setattr("sys.argv", ["sizes.py", str(tmp_path), "--sizes", "48x0"])
    with pytest.raises(SystemExit):
        sizes.main()
    assert "invalid parse_size value: '48x0'" in capsys.readouterr().err


def test_a_detector_is_widened_without_changing_what_it_detects() -> None:
    detector = Pipeline.from_pretrained("default", device="cpu").detector
    assert detector is not None
    wider = adapt.widen(detector).eval()
    assert wider.interaction.spec.channels == adapt.CHANNELS
    image = torch.rand(1, 3, 70, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = detector.eval()(image), wider(image)
    torch.testing.assert_close(after.confidence, before.confidence)
    torch.testing.assert_close(after.verdict_logits, before.verdict_logits)
    torch.testing.assert_close(after.damage_logits, before.damage_logits)
    learning = {name for name, parameter in wider.encoder.named_parameters() if parameter.requires_grad}
    assert learning > {name for name, parameter in detector.encoder.named_parameters() if parameter.requires_grad}
    wider.train()(image).confidence.sum().backward()
    own = detector.interaction.spec.channels[0]
    assert wider.interaction.refine[0].conv1[0].weight.grad[:own, own:].any()  # new channels can take part


def test_a_detector_is_deepened_without_changing_what_it_detects() -> None:
    detector = Pipeline.from_pretrained("default", device="cpu").detector
    assert detector is not None
    deeper = adapt.deepen(detector).eval()
    assert deeper.interaction.depths == adapt.DEPTHS
    image = torch.rand(1, 3, 70, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = detector.eval()(image), deeper(image)
    torch.testing.assert_close(after.confidence, before.confidence)
    torch.testing.assert_close(after.damage_logits, before.damage_logits)
    deeper.train()(image).confidence.sum().backward()
    assert all(blocks[-1].conv2[1].weight.grad.any() for blocks in deeper.interaction.deepen if len(blocks))
    with pytest.raises(SystemExit, match="with 5 scales and a block for each; got ResidualFPN"):
        adapt.deepen(deeper)


def test_a_restorer_is_widened_without_changing_what_it_fills() -> None:
    torch.manual_seed(0)
    restorer = ResidualUNet(channels=(32, 48, 64, 96, 128), depths=(1, 1, 2, 1, 1)).bind(None).eval()
    torch.nn.init.normal_(restorer.last.weight, std=0.01)
    wider = adapt.widen_restorer(restorer).eval()
    assert wider.channels == adapt.RESTORER_CHANNELS
    image = torch.rand(1, 3, 70, 96)
    mask = torch.zeros(1, 1, 70, 96, dtype=torch.bool)
    mask[..., 20:50, 30:60] = True
    detection = Detection(confidence=mask.float(), corruption_mask=mask, masks=())
    with torch.no_grad():
        before, after = restorer(image, detection), wider(image, detection)
    torch.testing.assert_close(after, before)
    wider.train()(image, detection).sum().backward()
    assert wider.encode[3][1].conv2[1].weight.grad.any()
    with pytest.raises(SystemExit, match="expected a residual-unet with at most"):
        adapt.widen_restorer(ResidualUNet(channels=(64, 64, 64, 96, 128)).bind(None))


def test_anchored_clusters_start_from_the_prototypes(make_detector: Callable[..., Detector]) -> None:
    detector = make_detector(clusterer=Prototypes())
    anchored = adapt.anchor(detector)
    assert isinstance(anchored.clusterer, AnchoredKMeans)
    before, after = detector.state_dict(), anchored.state_dict()
    assert after.keys() - before.keys() == {"clusterer.log_strength"}
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    with pytest.raises(SystemExit, match="expected a detector with the clusterer prototypes; got SoftKMeans"):
        adapt.anchor(make_detector())


class Measured:
    """A comparison in which one run is measured, of an untrained pipeline on few small photos."""

    def __init__(self, pipeline: Pipeline, photos: str, out: Path) -> None:
        self.out = out
        self.folder = out / "measured" / "one_all_0"
        dataset = FolderDataset(path=photos)
        benchmark = Benchmark(dataset=dataset, areas=(0.05, 0.6), each=1, seeds=(0,), size=32, resamples=5)
        self.report = run_benchmark(pipeline.replace(restorer=None), benchmark, self.folder)
        samples = ManifestDataset(photos=dataset, manifest=str(self.folder / "manifest.json"))
        self.samples = [samples[i] for i in range(len(samples))]

    def shares(self, **group: str) -> list[float]:
        chosen = [s for s in self.samples if all(getattr(s, key) == name for key, name in group.items())]
        return [float(s.corruption_mask.mean()) for s in chosen]


@pytest.fixture
def measured(tiny_pipeline: Pipeline, photos: str, tmp_path: Path) -> Measured:
    return Measured(tiny_pipeline, photos, tmp_path / "compared")


def test_average_precision_within_an_image_is_the_mean_over_damaged_images(measured: Measured) -> None:
    def compute_f1(row: Row) -> float:
        assert row.detection is not None
        positives, negatives = row.detection.levels
        found = wrong = area = 0
        for positive, negative in zip(positives[::-1], negatives[::-1], strict=True):
            found, wrong = found + positive, wrong + negative
            area += positive * found / (found + wrong) if found else 0
        return area / sum(positives)

    summary = generalization.summarize(measured.folder)
    damaged = [row for row in measured.report.rows if row.area]
    assert len(damaged) < len(measured.report.rows)
    assert summary["overall"]["within"] == [pytest.approx(mean(compute_f1(row) for row in damaged))]
    for group, name in (("content", "noise"), ("shape", "logos")):
        own = [row for row in damaged if getattr(row, group) == name]
        assert summary[group][name]["within"] == [pytest.approx(mean(compute_f1(row) for row in own))]
        estimate = measured.report.groups[group][name].measures["f1"]
        assert summary[group][name]["f1"] == [estimate.value, estimate.low, estimate.high]


def test_without_looking_one_finds_the_corrupted_share(measured: Measured) -> None:
    blind = generalization.measure_blind(measured.out)
    for group in ({"content": "watermark"}, {"shape": "text"}, {}):
        kind, name = next(iter(group.items()), ("overall", ""))
        shares = measured.shares(**group)
        assert blind("average_precision", kind, name) == f"{mean(shares):.3f}"
        assert blind("f1", kind, name) == f"{2 * mean(shares) / (1 + mean(shares)):.3f}"
        assert blind("within", kind, name) == f"{mean(share for share in shares if share):.3f}"


def test_tables_show_spreads_over_seeds_and_shares_found_with_the_content(measured: Measured) -> None:
    summary = generalization.summarize(measured.folder)

    def write_summary(name: str, f1: float) -> None:
        summary["content"]["noise"]["f1"] = [f1, f1 - 0.1, f1 + 0.1]
        (measured.out / "summaries" / f"{name}.json").write_text(json.dumps(summary))

    (measured.out / "summaries").mkdir()
    for seed, f1 in enumerate((0.5, 0.2, 0.8)):
        write_summary(f"one_all_{seed}", f1)
    write_summary("one_no-noise_0", 0.4)
    write_summary("two_no-noise_0", 0.3)
    lines = "\n".join(generalization.make_tables(measured.out, ["one", "two"])).splitlines()
    share = mean(measured.shares(content="noise"))
    assert f"| noise | 0.500 (0.200 to 0.800) | - | {2 * share / (1 + share):.3f} |" in lines
    assert "| noise | 0.400 [0.30, 0.50], 0.80 | - |" in lines
    assert "| photo | - | - |" in lines


def test_a_run_without_a_content_is_measured_on_that_content_alone(
    measured: Measured, tiny_pipeline: Pipeline, photos: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hcl(command: str, *arguments: str) -> None:
        if command == "benchmark":
            at = {name: Path(value) for name, value in pairwise(arguments)}
            benchmark = Benchmark(dataset=FolderDataset(path=photos), areas=(0.05, 0.6), resamples=5)
            run_benchmark(tiny_pipeline.replace(restorer=None), benchmark, at["-o"], manifest=at["--manifest"])

    monkeypatch.setattr(generalization, "_run_hcl", hcl)
    shared = measured.out / "manifest.json"
    shared.write_bytes((measured.folder / "manifest.json").read_bytes())
    paths = {"photos": Path(photos), "held_out": Path(photos), "exclude": None, "out": measured.out}
    whole, without = (generalization.Run("bce", contents, 0) for contents in ("all", "no-logo"))
    for run in (whole, without):
        generalization.train_and_measure(run, compared, argparse.Namespace(**paths, steps=10))
    found = [json.loads((measured.out / f"summaries/{run.name}.json").read_text()) for run in (whole, without)]
    assert list(found[0]["content"]) == generalization.CONTENTS
    assert list(found[1]["content"]) == ["opaque logo", "watermark"]
    for content, values in found[1]["content"].items():  # the same weights on the same images
        assert values["f1"][0] == pytest.approx(found[0]["content"][content]["f1"][0])
        assert values["average_precision"][0] == pytest.approx(found[0]["content"][content]["average_precision"][0])
    manifest = Manifest.load(measured.out / "measured" / without.name / "manifest.json")
    names = [entry.contamination.partition("/")[0] for entry in Manifest.load(shared).entries]
    assert len(manifest.entries) == names.count("opaque logo") + names.count("watermark")
    lines = "\n".join(generalization.make_tables(measured.out, ["bce"])).splitlines()
    assert any(line.startswith("| watermark |") and line.endswith(", 1.00 |") for line in lines)


def test_a_comparison_is_not_mixed_of_different_ones(
    measured: Measured, photos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse_arguments(**values: object) -> argparse.Namespace:
        paths = {"photos": Path(photos), "held_out": Path(photos), "exclude": None, "out": measured.out}
        return argparse.Namespace(**(paths | {"steps": 10} | values))

    def hcl(command: str, *arguments: str) -> None:
        ran.append(command)
        if command == "benchmark":
            folder = Path(arguments[arguments.index("-o") + 1])
            folder.parent.mkdir(parents=True, exist_ok=True)
            measured.folder.rename(folder)

    ran: list[str] = []
    monkeypatch.setattr(generalization, "_run_hcl", hcl)
    run = generalization.Run("bce", "all", 0)
    for _ in range(2):
        generalization.train_and_measure(run, compared, parse_arguments())
    assert ran == ["train", "benchmark"]
    manifest = measured.out / "manifest.json"
    for values in ({"steps": 20}, {"photos": tmp_path / "others"}, {"exclude": tmp_path / "names.txt"}):
        with pytest.raises(SystemExit, match=r"bce_all_0\.json is of another recipe, other steps or other photos"):
            generalization.train_and_measure(run, compared, parse_arguments(**values))
    (Path(photos) / "broken.png").write_bytes(b"no photo")  # was left out of the manifest, too
    generalization.check_manifest(manifest, Path(photos))
    (Path(photos) / "1.png").unlink()
    with pytest.raises(SystemExit, match=r"is of 2 photos, and .* holds 1, 1 of them"):
        generalization.check_manifest(manifest, Path(photos))
    drawn = Manifest.load(manifest)
    Manifest(size=16, photos=drawn.photos, contaminations={}, entries=drawn.entries[:2]).save(manifest)
    with pytest.raises(SystemExit, match="is of another recipe"):
        generalization.train_and_measure(run, compared, parse_arguments())


def test_discovery_is_measured_with_the_packages_that_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = discovery.find_entry_points()
    discovery.install_packages(tmp_path, 6, 2)
    monkeypatch.syspath_prepend(tmp_path)
    found = discovery.find_entry_points()
    assert {point.distribution for point in found} - {point.distribution for point in before} == {
        "package-0000",
        "package-0001",
    }
    assert discovery.measure(lambda: sum(range(100_000))) > 0
