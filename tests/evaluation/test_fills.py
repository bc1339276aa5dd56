"""How fills are measured: as others measure them, against baselines, and on clean photos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluations import make_evaluation, process_singly
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from hcl_sdk import GatedUNet, Pipeline
from hcl_sdk.evaluation import evaluate


def test_restoration_is_measured_as_others_measure_it(tiny_pipeline: Pipeline, photos: Path) -> None:
    evaluation = make_evaluation(photos, true_masks=True)
    report = evaluate(tiny_pipeline, evaluation)
    psnr, ssim, raw, errors, raw_errors, true = [], [], [], [], [], []
    for item, result in process_singly(tiny_pipeline, evaluation):
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
    damaged = [(i, r) for i, r in process_singly(tiny_pipeline, mixed) if i.corruption_mask.any()]
    untouched = [(i, r) for i, r in process_singly(tiny_pipeline, mixed) if not i.corruption_mask.any()]
    assert damaged
    assert untouched
    before = [peak_signal_noise_ratio(i.clean, i.image, data_range=255) for i, _ in damaged]
    assert report.headline["damaged_psnr"] == pytest.approx(np.mean(before), abs=1e-3)
    errors = [r.composited.rgb[0].permute(1, 2, 0).numpy() * 255.0 - i.clean for i, r in untouched]
    assert report.headline["clean_rmse"] == pytest.approx(np.sqrt(np.square(errors).mean()), rel=1e-3)
    assert report.groups["area"]["clean"].measures["psnr"].value is None


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
