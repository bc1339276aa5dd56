"""Which items are measured, and with what: limits, batches, processes, pipelines that lack a part."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner
from evaluations import make_evaluation
from processes import run_ranks

from hcl_sdk import Pipeline
from hcl_sdk.cli import main
from hcl_sdk.config import ConfigError, build, dump_yaml
from hcl_sdk.data import PairsDataset
from hcl_sdk.evaluation import Evaluation, evaluate


@pytest.mark.parametrize("part", ["detector", "restorer"])
def test_half_a_pipeline_is_measured_by_half(tiny_pipeline: Pipeline, evaluation: Evaluation, part: str) -> None:
    half = Pipeline(**{part: getattr(tiny_pipeline, part)}, device="cpu")
    report = evaluate(half, evaluation)
    assert ("f1" in report.headline) == (part == "detector")
    assert ("psnr" in report.headline) == (part == "restorer")
    if part == "restorer":  # the true masks are filled
        assert report.headline["psnr"] > report.headline["damaged_psnr"] - 10


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
    assert "1 photo left out" in report.to_markdown()
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
