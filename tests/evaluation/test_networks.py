"""What is measured by networks: LPIPS and the Fréchet distance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from evaluations import make_evaluation, process_singly
from torch import Tensor, nn

from hcl_sdk import Pipeline
from hcl_sdk.evaluation import Evaluation, Networks, evaluate
from hcl_sdk.evaluation.networks import frechet_distance


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
    for item, result in process_singly(tiny_pipeline, evaluation):
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


def test_missing_networks_do_not_stop_an_evaluation(tiny_pipeline: Pipeline, photos: Path, tmp_path: Path) -> None:
    report = evaluate(tiny_pipeline, make_evaluation(photos, lpips="alex", fid=str(tmp_path / "nowhere.pth")))
    assert str(report.others["lpips"]).startswith("not available: ")
    assert str(report.others["fid"]).startswith("not available: ")
    assert report.headline["psnr"] is not None
