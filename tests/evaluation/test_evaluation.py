"""Evaluation: every number against a plain computation of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import pytest
import rich.console
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from photo_files import draw_soft_photos
from PIL import Image
from processes import run_ranks
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor, nn
from torchmetrics.functional.classification import binary_average_precision, binary_calibration_error

from hcl_sdk import DamageHead, Detector, GatedUNet, Pipeline, Region, ResNetEncoder, Result, SoftKMeans
from hcl_sdk.cli import _tables, main
from hcl_sdk.config import ConfigError, build, dump_yaml
from hcl_sdk.corruptions import AnotherPhoto, Blobs, Corruption, Noise, RandomColor, Rectangles, Rule
from hcl_sdk.data import AnnotatedDataset, FolderDataset, PairsDataset
from hcl_sdk.evaluation import Evaluation, Networks, evaluate
from hcl_sdk.evaluation.bootstrap import Estimate
from hcl_sdk.evaluation.measures import average_precision
from hcl_sdk.evaluation.networks import frechet_distance
from hcl_sdk.evaluation.report import name_area_group, summarize
from hcl_sdk.evaluation.restoration import compare_features, sum_high_pass, sum_seam_gradients
from hcl_sdk.evaluation.rows import CALIBRATION_BINS, LEVELS, SENSITIVITIES, Counts, DetectionRow, RestorationRow, Row
from hcl_sdk.evaluation.sheets import choose_cases
from hcl_sdk.interfaces import DAMAGE
from hcl_sdk.losses import PerceptualLoss


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_soft_photos(tmp_path_factory.mktemp("photos"), 7)


def make_evaluation(photos: Path, **fields: Any) -> Evaluation:
    rules = (Rule(shapes=(Blobs(count=(1, 3)),), contents=(Noise(), RandomColor())),)
    corruption = Corruption(rules=rules, clean=0.3)
    values = {"corruption": corruption, "size": 32, "resamples": 50, "batch_size": 3} | fields
    return Evaluation(dataset=FolderDataset(path=str(photos)), **values)


@pytest.fixture
def evaluation(photos: Path) -> Evaluation:
    return make_evaluation(photos)


class Drawn(NamedTuple):
    """An item of which everything is known."""

    image: np.ndarray
    clean: np.ndarray
    corruption_mask: np.ndarray


def plain(pipeline: Pipeline, evaluation: Evaluation) -> list[tuple[Drawn, Result]]:
    """Items and results, one image after the other."""
    items, cases = evaluation.make_items(), []
    for i in evaluation.list_numbers():
        item = items[i]
        assert item.clean is not None
        assert item.corruption_mask is not None
        cases.append((Drawn(item.image, item.clean, item.corruption_mask), pipeline(item.image)))
    return cases


def test_detection_is_counted_over_all_pixels(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    report = evaluate(tiny_pipeline, evaluation)
    cases = plain(tiny_pipeline, evaluation)
    found = np.stack([r.corruption_mask[0, 0].numpy() for _, r in cases])
    truth = np.stack([i.corruption_mask for i, _ in cases])
    hits, wrong, missed = (found & truth).sum(), (found & ~truth).sum(), (~found & truth).sum()
    assert report.headline["f1"] == pytest.approx(2 * hits / (2 * hits + wrong + missed))
    assert report.headline["iou"] == pytest.approx(hits / (hits + wrong + missed))
    damaged = [k for k in range(len(cases)) if truth[k].any()]
    each = [
        2 * (found[k] & truth[k]).sum() / ((found[k] & truth[k]).sum() * 2 + (found[k] ^ truth[k]).sum())
        for k in damaged
    ]
    assert report.headline["mean_f1"] == pytest.approx(np.mean(each))
    clean = [k for k in range(len(cases)) if not truth[k].any()]
    assert clean
    assert report.headline["false_positive_area"] == pytest.approx(np.mean([found[k].mean() for k in clean]))
    assert report.headline["untouched"] == pytest.approx(np.mean([not found[k].any() for k in clean]))
    confidence = torch.stack([r.confidence for _, r in cases])
    levels = ((confidence * LEVELS).floor().clamp(max=LEVELS - 1) + 0.5) / LEVELS
    expected = binary_average_precision(levels.flatten(), torch.from_numpy(truth).flatten().int())
    assert report.headline["average_precision"] == pytest.approx(expected.item(), abs=1e-5)


def test_the_published_measures_of_every_scale(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    report = evaluate(tiny_pipeline, evaluation)
    cases = plain(tiny_pipeline, evaluation)
    assert len(report.scales) == 3
    for s, scale in enumerate(report.scales):
        entropies, right, total, hits, union = [], 0, 0, 0, 0
        for item, result in cases:
            confidence = result.detection.scales[s].confidence[0, 0].numpy()
            y, x = (np.arange(32) * extent // 32 for extent in confidence.shape)  # nearest
            p = 1 - confidence[y][:, x].astype(np.float64)  # of valid
            valid = ~item.corruption_mask
            entropies.append(-(np.where(valid, np.log(np.maximum(p, 1e-44)), np.log(np.maximum(1 - p, 1e-44)))).mean())
            right += ((p >= 0.5) == valid).sum()
            total += valid.size
            hits += ((p >= 0.5) & valid).sum()
            union += ((p >= 0.5) | valid).sum()
        assert scale["bce"].value == pytest.approx(np.mean(entropies), rel=1e-4)
        assert scale["accuracy"].value == pytest.approx(right / total)
        assert scale["iou"].value == pytest.approx(hits / union)
        assert scale["f1"].value == pytest.approx(2 * hits / (union + hits))


def test_restoration_is_measured_as_others_measure_it(tiny_pipeline: Pipeline, photos: Path) -> None:
    evaluation = make_evaluation(photos, true_masks=True)
    report = evaluate(tiny_pipeline, evaluation)
    psnr, ssim, raw, errors, raw_errors, true = [], [], [], [], [], []
    for item, result in plain(tiny_pipeline, evaluation):
        if not item.corruption_mask.any():
            continue
        clean = item.clean / 255
        composited = result.composited.rgb[0].permute(1, 2, 0).numpy().astype(np.float64)
        psnr.append(peak_signal_noise_ratio(clean, composited, data_range=1))
        # The map, not its mean: that leaves out the border.
        options: dict[str, Any] = {"gaussian_weights": True, "use_sample_covariance": False, "sigma": 1.5}
        ssim_map = structural_similarity(clean, composited, data_range=1, channel_axis=2, full=True, **options)[1]
        ssim.append(ssim_map.mean())
        own = result.raw[0].permute(1, 2, 0).numpy().astype(np.float64)
        raw.append(peak_signal_noise_ratio(clean, own, data_range=1))
        raw_errors.append(((own - clean) * 255)[item.corruption_mask] ** 2)
        errors.append(((composited - clean) * 255)[item.corruption_mask] ** 2)
        with_truth = tiny_pipeline.restore(item.image, corruption_mask=item.corruption_mask).composited.rgb
        own = peak_signal_noise_ratio(clean, with_truth[0].permute(1, 2, 0).numpy(), data_range=1)
        true.append(own)
    assert report.headline["psnr"] == pytest.approx(np.mean(psnr), abs=1e-3)
    assert report.headline["ssim"] == pytest.approx(np.mean(ssim), abs=2e-3)
    assert report.headline["raw_psnr"] == pytest.approx(np.mean(raw), abs=1e-3)
    assert report.headline["rmse"] == pytest.approx(np.sqrt(np.concatenate(errors).mean()), rel=1e-4)
    assert report.headline["raw_rmse"] == pytest.approx(np.sqrt(np.concatenate(raw_errors).mean()), rel=1e-4)
    assert report.headline["true_mask_psnr"] == pytest.approx(np.mean(true), abs=1e-3)


def test_harm_to_clean_photos_is_not_rewarded(tiny_pipeline: Pipeline, photos: Path) -> None:
    """Altering clean photos changes no average over damaged ones, and shows where it belongs."""
    mixed = make_evaluation(photos)
    report = evaluate(tiny_pipeline, mixed)
    damaged = [(i, r) for i, r in plain(tiny_pipeline, mixed) if i.corruption_mask.any()]
    untouched = [(i, r) for i, r in plain(tiny_pipeline, mixed) if not i.corruption_mask.any()]
    assert damaged
    assert untouched
    before = [peak_signal_noise_ratio(i.clean, i.image, data_range=255) for i, _ in damaged]
    assert report.headline["damaged_psnr"] == pytest.approx(np.mean(before), abs=1e-3)
    errors = [r.composited.rgb[0].permute(1, 2, 0).numpy() * 255.0 - i.clean for i, r in untouched]
    assert report.headline["clean_rmse"] == pytest.approx(np.sqrt(np.square(errors).mean()), rel=1e-3)
    assert report.groups["area"]["clean"].measures["psnr"].value is None


def test_scales_are_measured_by_area_too(tiny_pipeline: Pipeline, evaluation: Evaluation, tmp_path: Path) -> None:
    report = evaluate(tiny_pipeline, evaluation, tmp_path)
    groups = report.groups["area"]
    correct = [(g.scales[0]["accuracy"].value, g.images) for g in groups.values()]
    assert sum(share * images for share, images in correct if share is not None) / report.images == pytest.approx(
        report.scales[0]["accuracy"].value
    )
    saved = json.loads((tmp_path / "metrics.json").read_text())
    assert saved["groups"]["area"]["clean"]["scales"][2]["bce"].keys() == {"value", "low", "high"}


@pytest.mark.parametrize(
    ("area", "group"),
    [
        (0.0, "clean"),
        (0.001, "0 to 1 %"),
        (0.01, "1 to 10 %"),
        (0.0999, "1 to 10 %"),
        (0.1, "10 to 20 %"),
        (0.599, "50 to 60 %"),
        (0.6, "60 % and more"),
        (1.0, "60 % and more"),
    ],
)
def test_groups_by_area(area: float, group: str) -> None:
    assert name_area_group(area) == group


def test_groups_hold_all_images(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    report = evaluate(tiny_pipeline, evaluation)
    assert sum(group.images for group in report.groups["area"].values()) == 7
    assert set(report.groups["content"]) <= {"noise", "color"}
    assert list(report.groups["shape"]) == ["blobs"]
    pooled = report.groups["shape"]["blobs"]
    assert pooled.images == sum(group.images for group in report.groups["content"].values())


def test_average_precision_by_hand() -> None:
    positives, negatives = np.zeros(LEVELS), np.zeros(LEVELS)
    positives[[LEVELS - 1, 5]] = 1
    negatives[10] = 2
    assert average_precision(positives, negatives) == pytest.approx((1 / 1 + 2 / 4) / 2)
    assert np.isnan(average_precision(np.zeros(LEVELS), negatives))


def row(number: int, counts: Sequence[int], area: float = 0.2, source: str | None = None) -> Row:
    nothing = [0.0] * CALIBRATION_BINS
    detection = DetectionRow(
        counts=Counts(*counts),
        f1=None,
        levels=([0] * LEVELS, [0] * LEVELS),
        calibration=(nothing, nothing, nothing),
        sensitivities=(Counts(*counts),) * len(SENSITIVITIES),
        scales=(),
    )
    name = str(number)
    return Row(number=number, name=name, source=source or name, shape="", content="", area=area, detection=detection)


def get_bounds(estimate: Estimate) -> tuple[float, float, float]:
    """The lower bound, the value and the upper bound of what is defined."""
    assert estimate.low is not None
    assert estimate.value is not None
    assert estimate.high is not None
    return estimate.low, estimate.value, estimate.high


def test_confidence_intervals_hold_the_value_and_shrink_with_more_images() -> None:
    rng = np.random.default_rng(0)

    def interval(count: int) -> Estimate:
        rows = [row(i, [int(rng.integers(20, 80)), int(rng.integers(0, 40)), 50, 30]) for i in range(count)]
        return summarize(rows, {}, {}, resamples=400, seed=1).overall["f1"]

    widths = {}
    for count in (10, 1000):
        low, value, high = get_bounds(interval(count))
        assert low < value < high
        widths[count] = high - low
    assert widths[1000] < 0.3 * widths[10]
    assert interval(10) != interval(10)  # other rows
    rows = [row(i, [i, 3, 5, 2]) for i in range(9)]
    again = [summarize(rows, {}, {}, resamples=50, seed=3).overall["f1"] for _ in range(2)]
    assert again[0] == again[1]


def test_intervals_cover_the_true_mean() -> None:
    """About 95 of 100 intervals hold the mean of what the images are drawn from."""
    rng, inside = np.random.default_rng(2), 0
    for _ in range(100):
        flagged = rng.integers(0, 100, size=60)
        rows = [row(i, [0, int(f), 100 - int(f), 0], area=0.0) for i, f in enumerate(flagged)]
        estimate = summarize(rows, {}, {}, resamples=200, seed=4).overall["false_positive_area"]
        low, _, high = get_bounds(estimate)
        inside += low <= 0.495 <= high
    assert 87 <= inside <= 100


def test_copies_of_one_photo_are_not_independent() -> None:
    """Ten copies of each row tell no more than the rows themselves."""
    rng = np.random.default_rng(5)
    counts = [[int(rng.integers(20, 80)), int(rng.integers(0, 40)), 50, 30] for _ in range(30)]
    once = [row(i, own) for i, own in enumerate(counts)]
    copies = [row(10 * i + k, own, source=str(i)) for i, own in enumerate(counts) for k in range(10)]
    first, second = (summarize(rows, {}, {}, resamples=200, seed=1).overall["f1"] for rows in (once, copies))
    assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high))


def test_calibration_error_is_that_of_all_pixels(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    report = evaluate(tiny_pipeline, evaluation)
    confidences, truths = [], []
    for item, result in plain(tiny_pipeline, evaluation):
        confidences.append(result.confidence.flatten())
        truths.append(torch.from_numpy(item.corruption_mask).flatten().int())
    confidence, truth = torch.cat(confidences), torch.cat(truths)
    expected = binary_calibration_error(confidence, truth, n_bins=CALIBRATION_BINS, norm="l1")
    assert report.headline["calibration_error"] == pytest.approx(float(expected), abs=1e-4)
    assert sum(r["pixels"] for r in report.calibration) == len(truth)
    assert all(0 <= r["confidence"] <= 1 and 0 <= r["corrupted"] <= 1 for r in report.calibration)


@pytest.mark.parametrize("peak_threshold", [0.0, 0.75])
def test_the_curve_is_what_other_sensitivities_find(
    tiny_pipeline: Pipeline, photos: Path, peak_threshold: float
) -> None:
    pipeline = tiny_pipeline.replace(threshold=0.45, peak_threshold=peak_threshold)
    evaluation = make_evaluation(photos, corruption=Corruption(clean=0.4))
    curve = evaluate(pipeline, evaluation).sensitivities
    assert [point["sensitivity"] for point in curve] == pytest.approx(np.arange(0.05, 0.99, 0.05))
    for point in curve[::4]:
        report = evaluate(pipeline.replace(sensitivity=point["sensitivity"]), evaluation)
        for name in ("f1", "false_positive_area", "untouched"):
            assert point[name] == pytest.approx(report.headline[name])
        hits, wrong, _, missed = np.sum([row.detection.counts for row in report.rows], axis=0)
        assert point["precision"] == (pytest.approx(hits / (hits + wrong)) if hits + wrong else None)
        assert point["recall"] == pytest.approx(hits / (hits + missed))
    recalls = [recall for point in curve if (recall := point["recall"]) is not None]
    assert len(recalls) == len(curve)
    assert recalls == sorted(recalls)
    assert len(set(recalls)) > 2


def test_baselines_are_given_the_same_masks(tiny_pipeline: Pipeline, photos: Path) -> None:
    twice = GatedUNet(dim=4, multipliers=(1, 2))
    report = evaluate(
        tiny_pipeline, make_evaluation(photos, baselines=(tiny_pipeline.restorer, twice), true_masks=True)
    )
    same, other = report.baselines["gated-unet"], report.baselines["gated-unet-2"]
    for name in ("psnr", "ssim", "rmse", "true_mask_psnr", "true_mask_rmse"):
        assert same[name] == report.overall[name]
    assert same["gain"].value == same["true_mask_gain"].value == 0
    theirs, ours = other["rmse"].value, report.headline["rmse"]
    assert theirs is not None
    assert ours is not None
    assert other["gain"].value == pytest.approx(20 * np.log10(theirs / ours))
    assert "| gated-unet-2 |" in report.to_markdown()


def test_baselines_need_a_restorer_to_compare_with(tiny_pipeline: Pipeline, photos: Path, tmp_path: Path) -> None:
    detecting = tiny_pipeline.replace(restorer=None)
    with pytest.raises(ValueError, match="the pipeline has no restorer"):
        evaluate(detecting, make_evaluation(photos, baselines=(tiny_pipeline.restorer,)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_not_defined_is_none(tiny_pipeline: Pipeline, photos: Path, tmp_path: Path) -> None:
    nothing = Corruption(rules=make_evaluation(photos).corruption.rules, clean=1.0)
    report = evaluate(tiny_pipeline, make_evaluation(photos, corruption=nothing), tmp_path)
    assert report.headline["f1"] is None
    assert report.headline["average_precision"] is None
    assert report.headline["rmse"] is None
    assert report.headline["false_positive_area"] is not None
    assert "NaN" not in (tmp_path / "metrics.json").read_text()
    assert json.loads((tmp_path / "metrics.json").read_text())["overall"]["f1"]["value"] is None
    assert "| F1 of corrupted pixels | - | - |" in report.to_markdown()
    everything = Corruption(rules=nothing.rules, full=1.0)
    report = evaluate(tiny_pipeline, make_evaluation(photos, corruption=everything))
    assert "untouched" not in report.headline
    assert report.headline["f1"] is not None


@pytest.mark.parametrize("part", ["detector", "restorer"])
def test_half_a_pipeline_is_measured_by_half(tiny_pipeline: Pipeline, evaluation: Evaluation, part: str) -> None:
    half = Pipeline(**{part: getattr(tiny_pipeline, part)}, device="cpu")
    report = evaluate(half, evaluation)
    assert ("f1" in report.headline) == (part == "detector")
    assert ("psnr" in report.headline) == (part == "restorer")
    if part == "restorer":  # the true masks are filled
        assert report.headline["psnr"] > report.headline["damaged_psnr"] - 10


def test_files_and_sheets_are_written(tiny_pipeline: Pipeline, evaluation: Evaluation, tmp_path: Path) -> None:
    report = evaluate(tiny_pipeline, evaluation, tmp_path / "out")
    written = {path.name for path in (tmp_path / "out").iterdir()}
    sheets = {f"{which}_{what}.jpg" for which in ("best", "worst") for what in ("detection", "restoration")}
    if report.headline["untouched"] < 1:
        sheets.add("worst_clean.jpg")
    assert written == {"metrics.json", "table.md", "items.jsonl"} | sheets
    rows = [json.loads(line) for line in (tmp_path / "out" / "items.jsonl").read_text().splitlines()]
    assert [r["name"] for r in rows] == [f"{i}.png" for i in range(7)]
    assert rows == [json.loads(json.dumps(row.to_json())) for row in report.rows]
    with Image.open(tmp_path / "out" / "worst_detection.jpg") as sheet:
        assert sheet.width > 500
    assert json.loads((tmp_path / "out" / "metrics.json").read_text()) == report.to_json()


def test_sheets_do_not_overwrite_a_photo(
    tiny_pipeline: Pipeline, evaluation: Evaluation, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    own = tmp_path / "out" / "worst_restoration.jpg"
    own.write_bytes(before := (photos / "0.png").read_bytes())
    with pytest.raises(FileExistsError, match=r"worst_restoration.jpg would be overwritten; choose another"):
        evaluate(tiny_pipeline, evaluation, tmp_path / "out")
    assert own.read_bytes() == before
    own.unlink()
    for _ in range(2):  # its own are overwritten
        evaluate(tiny_pipeline, evaluation, tmp_path / "out")


def test_photos_that_cannot_be_read_are_left_out_and_listed(
    tiny_pipeline: Pipeline, photos: Path, tmp_path: Path
) -> None:
    for path in photos.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "broken.png").write_bytes(b"not a photo")
    evaluation = make_evaluation(tmp_path)
    report = evaluate(tiny_pipeline, evaluation)
    assert report.images == 7
    assert list(report.unreadable) == ["broken.png"]
    assert "1 photos left out" in report.to_markdown()
    for path in photos.iterdir():
        (tmp_path / path.name).write_bytes(b"")
    with pytest.raises(ValueError, match="no photo of the dataset could be read"):
        evaluate(tiny_pipeline, evaluation)


def test_a_limit_is_spread_over_the_data_set(photos: Path) -> None:
    assert make_evaluation(photos, limit=3).list_numbers() == [0, 2, 4]
    assert make_evaluation(photos, limit=100).list_numbers() == list(range(7))


def test_the_batch_size_changes_nothing(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    one, many = (evaluate(tiny_pipeline, attrs.evolve(evaluation, batch_size=n)).headline for n in (1, 7))
    for name, value in one.items():
        assert many[name] == pytest.approx(value, rel=1e-4)


def test_pairs_without_masks_are_measured_by_restoration(tiny_pipeline: Pipeline, photos: Path) -> None:
    pairs = PairsDataset(damaged=str(photos), clean=str(photos))
    report = evaluate(tiny_pipeline, make_evaluation(photos).__class__(dataset=pairs, corruption=None, size=32))
    assert "f1" not in report.headline
    assert report.headline["damaged_psnr"] is None  # none is damaged
    assert report.headline["psnr"] is None
    restorer = Pipeline(restorer=tiny_pipeline.restorer, device="cpu")
    with pytest.raises(ValueError, match="a pipeline without a detector needs masks"):
        evaluate(restorer, Evaluation(dataset=pairs, corruption=None, size=32))


# Photos that were really damaged


@pytest.fixture
def real(tmp_path: Path, tiny_pipeline: Pipeline) -> Evaluation:
    """A set of larger photos of several sizes, of which half is left out of the score of one."""
    rng = np.random.default_rng(3)
    for i, (height, width) in enumerate(((40, 56), (48, 33), (40, 56))):
        clean = rng.integers(256, size=(height, width, 3), dtype=np.uint8)
        mask = np.zeros((height, width), dtype=np.uint8)
        mask[5:25, 8:20] = 255
        damaged = np.where(mask[..., None] > 0, np.uint8(200), clean)
        ignore = np.zeros_like(mask)
        ignore[:, : width // 4] = 255
        images = {"input": damaged, "mask": mask, "clean": clean} | ({"ignore": ignore} if i == 1 else {})
        for folder, pixels in images.items():
            (tmp_path / "real" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "real" / folder / f"{i}.png")
    return Evaluation(dataset=AnnotatedDataset(path=str(tmp_path / "real")), corruption=None, size=None, resamples=20)


def test_real_damage_is_measured_on_whole_photos(tiny_pipeline: Pipeline, real: Evaluation, tmp_path: Path) -> None:
    report = evaluate(tiny_pipeline, real, tmp_path / "out")
    f1, flagged = [], []
    for i in range(3):
        folder = tmp_path / "real"
        truth = np.array(Image.open(folder / "mask" / f"{i}.png")) > 0
        counted = np.ones_like(truth)
        if i == 1:
            counted = np.array(Image.open(folder / "ignore" / "1.png")) == 0
        found = tiny_pipeline.detect(folder / "input" / f"{i}.png").corruption_mask[0, 0].numpy()[counted]
        truth = truth[counted]
        f1.append(2 * (found & truth).sum() / (found.sum() + truth.sum()))
        flagged.append(tiny_pipeline.detect(folder / "clean" / f"{i}.png").corruption_mask.float().mean().item())
    assert report.headline["mean_f1"] == pytest.approx(np.mean(f1))
    assert report.headline["false_positive_area"] == pytest.approx(np.mean(flagged))
    assert report.headline["untouched"] == pytest.approx(np.mean([share == 0 for share in flagged]))
    assert report.rows[1].detection.counts.pixels == 48 * 33 - 48 * (33 // 4)
    assert report.rows[1].area == pytest.approx(20 * 12 / (48 * 25))
    assert report.groups["area"]["clean"].images == 3


def test_what_is_wholly_left_out_is_not_scored(tiny_pipeline: Pipeline, real: Evaluation, tmp_path: Path) -> None:
    Image.new("L", (33, 48), 255).save(tmp_path / "real" / "ignore" / "1.png")
    again = AnnotatedDataset(path=str(tmp_path / "real"))  # which has not looked at the folder yet
    report = evaluate(tiny_pipeline, attrs.evolve(real, dataset=again))
    assert report.rows[1].detection is None
    assert report.rows[1].area is None
    assert report.headline["mean_f1"] is not None


def test_fills_are_compared_by_features_sharpness_and_seam(
    tiny_pipeline: Pipeline, real: Evaluation, tmp_path: Path
) -> None:
    network = PerceptualLoss(encoder=ResNetEncoder(channels=(4, 6), depths=(1, 1)), weights="own")
    baseline = GatedUNet(dim=4, multipliers=(1, 2))
    measured = attrs.evolve(real, perceptual=network, true_masks=True, baselines=(baseline,))
    report = evaluate(tiny_pipeline, measured, tmp_path / "out")
    distances, energies, true_energies, across, along = [], 0.0, 0.0, 0.0, 0.0
    for i in range(3):
        paths = {name: tmp_path / "real" / name / f"{i}.png" for name in ("input", "clean", "mask", "ignore")}
        clean = torch.from_numpy(np.array(Image.open(paths["clean"]))).permute(2, 0, 1)[None] / 255
        mask = torch.from_numpy(np.array(Image.open(paths["mask"])) > 0)[None, None]
        result = tiny_pipeline.restore(paths["input"], corruption_mask=mask)
        if i == 1:
            mask = mask & torch.from_numpy(np.array(Image.open(paths["ignore"])) == 0)
            result = tiny_pipeline.restore(paths["input"], corruption_mask=mask)
        filled = result.composited.rgb
        distances.append(compare_features(network, filled, clean, mask))
        energies += sum_high_pass(filled, mask)
        true_energies += sum_high_pass(clean, mask)
        own_across, own_along = sum_seam_gradients(filled, result.alpha > 0.5)
        across, along = across + own_across, along + own_along
    assert report.headline["true_mask_feature_distance"] == pytest.approx(np.mean(distances), rel=1e-4)
    assert report.headline["true_mask_sharpness"] == pytest.approx(energies / true_energies, rel=1e-4)
    assert report.headline["true_mask_seam"] == pytest.approx(across / along, rel=1e-4)
    own = report.baselines["gated-unet"]
    for name in ("feature_distance", "sharpness", "seam", "true_mask_seam"):
        assert own[name].value > 0
    assert "| feature_distance | sharpness | seam |" in report.to_markdown()
    rows = [json.loads(line) for line in (tmp_path / "out" / "items.jsonl").read_text().splitlines()]
    assert "feature_distance" in rows[0]["restoration_true_mask"]
    assert "lpips" not in rows[0]["restoration"]


def test_the_cases_that_are_shown() -> None:
    def case(number: int, f1: float | None = None, wrong: int = 0, area: float = 0.2, psnr: float | None = None) -> Row:
        made = row(number, [1, wrong, 9, 1], area=area)
        assert made.detection is not None
        restoration = RestorationRow(
            psnr=psnr,
            ssim=None,
            raw_psnr=None,
            raw_ssim=None,
            damaged_psnr=None,
            image_squared_error=0.0,
            image_values=1,
        )
        return replace(made, detection=replace(made.detection, f1=f1), restoration=restoration)

    rows = [
        case(0, f1=0.5, psnr=20.0),
        case(1, f1=0.1, psnr=30.0),
        case(2, f1=0.9, psnr=10.0),
        case(3, area=0.0, wrong=2),
        case(4, area=0.0, wrong=5),
        case(5, area=0.0),
    ]
    chosen = choose_cases(rows, 2)
    assert {name: [number for _, number in cases] for name, (_, cases) in chosen.items()} == {
        "worst_detection": [1, 0],
        "best_detection": [2, 0],
        "worst_restoration": [2, 0],
        "best_restoration": [1, 0],
        "worst_clean": [4, 3],
    }
    seen = []
    for number, own in enumerate(rows[:3]):
        assert own.restoration is not None
        seen.append(replace(own, restoration=replace(own.restoration, feature_distance=float(number))))
    score, cases = choose_cases(seen, 2)["worst_restoration"]
    assert score == "feature distance"
    assert [number for _, number in cases] == [2, 1]


# Networks


class Pixels(nn.Module):
    """Stands for a network: means of a few patches."""

    def forward(self, image: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(image.float() / 255, 2).flatten(1)


class Distance(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return (a - b).abs().mean()


def test_lpips_and_fid_of_networks_that_are_given(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    report = evaluate(tiny_pipeline, evaluation, networks=Networks(Distance(), Pixels()))
    distances, raw_distances, ours, raw, true = [], [], [], [], []
    for item, result in plain(tiny_pipeline, evaluation):
        composited = result.composited.rgb
        distances.append(np.abs(composited[0].permute(1, 2, 0).numpy() - item.clean / 255).mean())
        raw_distances.append(np.abs(result.raw[0].permute(1, 2, 0).numpy() - item.clean / 255).mean())
        raw.append(Pixels()((result.raw * 255).round().byte())[0].double())
        ours.append(Pixels()((composited * 255).round().byte())[0].double())
        true.append(Pixels()(torch.from_numpy(item.clean).permute(2, 0, 1)[None])[0].double())
    assert report.headline["lpips"] == pytest.approx(np.mean(distances), rel=1e-4)
    expected = frechet_distance(torch.stack(ours), torch.stack(true))
    assert report.others["fid"] == pytest.approx(expected, abs=1e-6)
    assert report.headline["raw_lpips"] == pytest.approx(np.mean(raw_distances), rel=1e-4)
    expected = frechet_distance(torch.stack(raw), torch.stack(true))
    assert report.others["raw_fid"] == pytest.approx(expected, abs=1e-6)


def test_the_frechet_distance_of_known_gaussians() -> None:
    g = torch.Generator().manual_seed(0)
    a = torch.randn(40_000, 3, generator=g, dtype=torch.float64)
    b = 2 * torch.randn(40_000, 3, generator=g, dtype=torch.float64) + torch.tensor([1.0, 0.0, 2.0])
    assert frechet_distance(a, b) == pytest.approx(5 + 3, rel=0.03)  # |mean|^2 + tr(1 + 4 - 2 * 2)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a[:1], b) is None


def test_networks_that_cannot_be_had_are_no_reason_to_stop(
    tiny_pipeline: Pipeline, photos: Path, tmp_path: Path
) -> None:
    report = evaluate(tiny_pipeline, make_evaluation(photos, lpips="alex", fid=str(tmp_path / "nowhere.pth")))
    assert str(report.others["lpips"]).startswith("not available: ")
    assert str(report.others["fid"]).startswith("not available: ")
    assert report.headline["psnr"] is not None


# The command


def test_the_command_writes_tables(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = f"dataset.path={photos}"
    result = CliRunner().invoke(
        main, ["evaluate", "dataset.use=folder", folder, "size=32", "limit=2", "--device", "cpu"]
    )
    assert result.exit_code == 0, result.output
    assert "F1 of corrupted pixels" in result.stdout
    assert "|" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 120
    assert "| raw_ssim |" in (tmp_path / "hcl_evaluation" / "table.md").read_text(encoding="utf-8")
    assert (tmp_path / "hcl_evaluation" / "metrics.json").is_file()
    as_json = CliRunner().invoke(main, ["evaluate", "dataset.use=folder", folder, "size=32", "limit=2", "--json", "-q"])
    assert json.loads(as_json.stdout) == json.loads((tmp_path / "hcl_evaluation" / "metrics.json").read_text())


def test_the_tables_fit_a_terminal_without_breaking_words(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(_tables, "is_terminal", lambda: True)
    monkeypatch.setattr(rich.console, "Console", partial(rich.console.Console, file=screen, width=80))
    arguments = ["dataset.use=folder", f"dataset.path={photos}", "size=32", "limit=3", "--device", "cpu"]
    result = CliRunner().invoke(main, ["evaluate", *arguments, "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    words = screen.getvalue().split()
    for word in ("average", "precision", "ssim", "threshold", "corrupted", "images", "PSNR"):
        assert word in words
    assert max(map(len, screen.getvalue().splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["size=32"], "  dataset: missing; expected a dataset"),
        (["dataset.use=folder", "dataset.path=/nowhere"], "there is no folder '/nowhere'"),
        (["dataset.use=folder", "dataset.path=.", "sise=3"], "sise: unknown key; did you mean 'size'?"),
        (["nowhere.yaml"], "there is no file 'nowhere.yaml'"),
        (["dataset.use=folder", "limit"], "expected key=value"),
        (["dataset.use=folder", "dataset.path=.", "--weights", "no-such"], "no-such"),
    ],
)
def test_what_the_command_refuses(
    arguments: list[str], message: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos)
    result = CliRunner().invoke(main, ["evaluate", *arguments])
    assert result.exit_code == 1
    assert message in result.output


def test_a_configuration_is_checked_and_described(photos: Path) -> None:
    with pytest.raises(ConfigError, match="lpips: expected one of 'alex', 'vgg', 'squeeze' or None, got 'resnet'"):
        build({"dataset": {"use": "folder", "path": str(photos)}, "lpips": "resnet"}, Evaluation)


def test_two_processes_give_the_numbers_of_one(photos: Path, tmp_path: Path, tiny_pipeline: Pipeline) -> None:
    tiny_pipeline.save_pretrained(tmp_path / "weights")
    config = {"dataset": {"use": "folder", "path": str(photos)}, "size": 32, "batch_size": 2, "resamples": 50}
    (tmp_path / "evaluation.yaml").write_text(dump_yaml(config))
    arguments = ["evaluate", str(tmp_path / "evaluation.yaml"), "--weights", str(tmp_path / "weights"), "-q"]
    one = CliRunner().invoke(main, [*arguments, "--device", "cpu", "-o", str(tmp_path / "one")])
    assert one.exit_code == 0, one.output
    for rank in run_ranks([*arguments, "--device", "cpu", "-o", str(tmp_path / "two")], tmp_path / "logs"):
        assert rank.wait() == 0, rank.stderr
    metrics = [(tmp_path / name / "metrics.json").read_text() for name in ("one", "two")]
    assert metrics[0] == metrics[1]


def test_what_damage_is_called(photos: Path, tmp_path: Path, make_detector: Callable[..., Detector]) -> None:
    detector = make_detector(clusterer=SoftKMeans(one_class=False), damage_head=DamageHead(dim=4, finest=0))
    rules = (Rule(shapes=(Blobs(),), contents=(Noise(),)), Rule(shapes=(Rectangles(),), contents=(AnotherPhoto(),)))
    evaluation = make_evaluation(photos, corruption=Corruption(rules=rules, layers=(2, 2), clean=0.1))
    pipeline = Pipeline(detector, device="cpu")
    report = evaluate(pipeline, evaluation, tmp_path)
    shares: dict[str, list[NDArray[np.float64]]] = {}
    for i in evaluation.list_numbers():
        item, result = evaluation.make_items()[i], pipeline.detect(evaluation.make_items()[i].image)
        called = np.zeros((32, 32), int)
        for region in result.regions:
            called[label_of(result, region)] = DAMAGE.index(region.kind) + 1
        for number, kind in enumerate(DAMAGE, start=1):
            own = called[(item.damage_map == number) & (called > 0)]
            if own.size:
                shares.setdefault(kind, []).append(np.bincount(own, minlength=7)[1:] / own.size)
    assert set(shares) == {"fill", "patch"}
    assert [own.kind for own in report.kinds] == [kind for kind in DAMAGE if kind in shares]
    for own in report.kinds:
        assert own.images == len(shares[own.kind])
        assert [own.shares[kind] for kind in DAMAGE] == pytest.approx(np.mean(shares[own.kind], axis=0).tolist())
    assert "| what was found is called | images | text |" in (tmp_path / "table.md").read_text()
    assert json.loads((tmp_path / "metrics.json").read_text())["kinds"] == [
        {"kind": own.kind, "images": own.images, **own.shares} for own in report.kinds
    ]


def label_of(result: Result, region: Region) -> NDArray[np.bool_]:
    """The pixels of a region."""
    regions, _ = ndimage.label(result.corruption_mask[0, 0].numpy(), np.ones((3, 3)))  # type: ignore[misc]
    x, y, width, height = region.box
    own = regions[y : y + height, x : x + width]
    numbers = [n for n in np.unique(own[own > 0]) if (regions == n).sum() == (own == n).sum() == region.area]
    return np.isin(regions, numbers[:1])


def test_detectors_that_know_no_kinds_are_not_asked(tiny_pipeline: Pipeline, evaluation: Evaluation) -> None:
    report = evaluate(tiny_pipeline, evaluation)
    assert report.kinds == []
    assert "is called" not in report.to_markdown()
    assert all("kinds" not in row.to_json()["detection"] for row in report.rows)
