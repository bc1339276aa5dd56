"""What training does to the pipeline and the process that it is called in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from PIL import Image
from runs import RunConfig, assert_same, load_state, train

from hcl_sdk import Pipeline
from hcl_sdk.config import ConfigError
from hcl_sdk.training import Outcome, Trainer, load_run


def fit(pipeline: Pipeline, config: dict[str, Any], out: Path) -> Outcome:
    _, recipe = load_run(config, device="cpu")
    return Trainer(pipeline, recipe).fit(out, progress=False)


def drop_parts(config: dict[str, Any], *parts: str) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in parts}


def test_parameters_frozen_by_a_component_stay_unchanged(run_config: RunConfig, tmp_path: Path) -> None:
    pipeline, _ = load_run(run_config(), device="cpu")
    pipeline.detector.encoder.requires_grad_(False)
    before = {name: value.clone() for name, value in pipeline.detector.named_parameters()}
    fit(pipeline, run_config(), tmp_path)
    for name, value in pipeline.detector.named_parameters():
        is_frozen = name.startswith("encoder.")
        assert value.requires_grad is not is_frozen
        assert torch.equal(value, before[name]) is is_frozen


def test_a_part_that_one_run_leaves_alone_learns_in_the_next(run_config: RunConfig, tmp_path: Path) -> None:
    pipeline, _ = load_run(run_config(), device="cpu")
    before = {name: value.clone() for name, value in pipeline.detector.named_parameters()}
    fit(pipeline, drop_parts(run_config(), "detection"), tmp_path / "restoration")
    assert all(torch.equal(value, before[name]) for name, value in pipeline.detector.named_parameters())
    assert not any(module.training for module in (*pipeline.detector.modules(), *pipeline.restorer.modules()))
    fit(pipeline, drop_parts(run_config(), "restoration"), tmp_path / "detection")
    changed = [name for name, value in pipeline.detector.named_parameters() if not torch.equal(value, before[name])]
    assert len(changed) > len(before) / 2


def test_a_run_that_fails_leaves_the_flags_too(run_config: RunConfig, tmp_path: Path) -> None:
    pipeline, _ = load_run(run_config(), device="cpu")
    config = drop_parts(run_config("optimization.lr_factors={nothing.: 1.0}"), "detection")
    with pytest.raises(ConfigError, match="no trained parameter's name begins with nothing"):
        fit(pipeline, config, tmp_path)
    assert all(parameter.requires_grad for parameter in pipeline.detector.parameters())


@pytest.mark.parametrize(("part", "section"), [("detector", "detection"), ("restorer", "restoration")])
def test_a_wholly_frozen_part_cannot_be_trained(run_config: RunConfig, tmp_path: Path, part: str, section: str) -> None:
    pipeline, _ = load_run(run_config(), device="cpu")
    getattr(pipeline, part).requires_grad_(False)
    with pytest.raises(
        ConfigError, match=f"{section}: nothing in the {part} can learn: all of its parameters are frozen"
    ):
        fit(pipeline, run_config(), tmp_path)


def test_runs_of_two_precisions_in_one_process(run_config: RunConfig, tmp_path: Path) -> None:
    """In either order, and while somebody else's Accelerator has a third opinion."""
    for name, precision in (("a", "no"), ("b", "bf16"), ("c", "no")):
        train(run_config(f"precision={precision}"), tmp_path / name)
    AcceleratorState._reset_state(reset_partial_state=True)
    theirs = Accelerator(mixed_precision="bf16", cpu=True)
    try:
        train(run_config(), tmp_path / "d")
        assert theirs.mixed_precision == "bf16"
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
    a, b, c, d = (load_state(tmp_path / name)["trained"] for name in "abcd")
    assert_same(a, c)
    assert_same(a, d)
    assert any(not torch.equal(a[name], b[name]) for name in a)


INTERACTION = "pipeline.detector.interaction={use: residual-fpn, channels: [4, 4], attention: 0}"


def test_only_the_parts_that_are_named_learn(run_config: RunConfig, tmp_path: Path) -> None:
    knowing = ("pipeline.detector.damage_head={dim: 4}", "detection.losses=[damage]", "detection.parts=[damage_head]")
    pipeline, _ = load_run(run_config(), device="cpu")
    assert pipeline.detector.damage_head is None
    config = drop_parts(run_config(*knowing), "restoration")
    pipeline, _ = load_run(config, device="cpu")
    before = {name: value.clone() for name, value in pipeline.detector.state_dict().items()}
    outcome = fit(pipeline, config, tmp_path)
    assert outcome.losses["detection/damage"] > 0
    for trained in (pipeline, outcome.pipeline):
        for name, value in trained.detector.state_dict().items():
            assert torch.equal(value, before[name]) is not name.startswith("damage_head.")
    assert all(parameter.requires_grad for parameter in pipeline.detector.parameters())


def test_a_part_of_a_part_learns_alone(run_config: RunConfig, tmp_path: Path) -> None:
    config = drop_parts(
        run_config("detection.parts=[interaction.refine.1]", "detection.losses=[hierarchical]", INTERACTION),
        "restoration",
    )
    pipeline, _ = load_run(config, device="cpu")
    before = {name: value.clone() for name, value in pipeline.detector.state_dict().items()}
    assert any(name.endswith("running_mean") for name in before)
    fit(pipeline, config, tmp_path)
    changed = {name for name, value in pipeline.detector.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("interaction.refine.1.") for name in changed)  # batch statistics of the others stay, too


def test_batch_statistics_of_frozen_parts_stay(run_config: RunConfig, tmp_path: Path) -> None:
    encoders = "{use: efficientnet-lite, variant: lite0}"
    config = drop_parts(
        run_config(
            f"pipeline.detector.encoder={encoders}",
            "pipeline.detector.damage_head={dim: 4}",
            "detection.losses=[damage]",
            "detection.parts=[damage_head]",
            "data.size=32",
        ),
        "restoration",
    )
    pipeline, _ = load_run(config, device="cpu")
    before = {name: value.clone() for name, value in pipeline.detector.encoder.state_dict().items()}
    assert any(name.endswith("running_mean") for name in before)
    fit(pipeline, config, tmp_path)
    assert all(torch.equal(value, before[name]) for name, value in pipeline.detector.encoder.state_dict().items())


def test_a_damage_head_learns_beside_the_rest(run_config: RunConfig, tmp_path: Path) -> None:
    config = drop_parts(
        run_config("pipeline.detector.damage_head={dim: 4}", "detection.losses=[hierarchical, classifier, damage]"),
        "restoration",
    )
    pipeline, _ = load_run(config, device="cpu")
    before = {name: value.clone() for name, value in pipeline.detector.named_parameters()}
    fit(pipeline, config, tmp_path)
    changed = {name for name, value in pipeline.detector.named_parameters() if not torch.equal(value, before[name])}
    assert {name.partition(".")[0] for name in changed} == {
        "encoder",
        "interaction",
        "head",
        "clusterer",
        "damage_head",
    }


def test_a_part_that_the_detector_does_not_have_cannot_learn(run_config: RunConfig, tmp_path: Path) -> None:
    pipeline, _ = load_run(run_config(), device="cpu")
    with pytest.raises(ConfigError, match=r"detection.parts\[1\]: the detector has no 'damage_head'; known: .*, head"):
        fit(pipeline, run_config("detection.parts=[head, damage_head]"), tmp_path)
    with pytest.raises(ConfigError, match=r"no 'interaction.down'; did you mean '"):
        fit(pipeline, run_config("detection.parts=[interaction.down]"), tmp_path)


def test_kinds_are_not_learned_from_data_that_do_not_know_them(
    run_config: RunConfig, photos: Path, tmp_path: Path
) -> None:
    for folder in ("input", "mask"):
        (tmp_path / folder).mkdir()
    for i, file in enumerate(sorted(photos.iterdir())[:2]):
        (tmp_path / "input" / f"{i}.png").write_bytes(file.read_bytes())
        Image.new("L", (50, 40), 255 * i).save(tmp_path / "mask" / f"{i}.png")
    config = drop_parts(
        run_config(
            "pipeline.detector.damage_head={dim: 4}",
            "detection.losses=[damage]",
            f"data.dataset={{use: annotated, path: {tmp_path}}}",
        ),
        "restoration",
    )
    pipeline, _ = load_run(config, device="cpu")
    with pytest.raises(ValueError, match="DamageLoss teaches kinds of damage, which the dataset does not provide"):
        fit(pipeline, config, tmp_path / "run")
