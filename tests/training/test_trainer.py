"""Training: what is learned, what is written, and what is refused."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
import yaml
from accelerate import Accelerator
from runs import RunConfig, assert_same, load_gradients, load_state, read_log, train
from torch import Tensor, nn

import hcl_sdk
from hcl_sdk import Pipeline, SampleError
from hcl_sdk.config import ConfigError, load_yaml
from hcl_sdk.training import Trainer, TrainingError, describe_run, load_run
from hcl_sdk.training.checkpoints import list_checkpoints, read_checkpoint


def test_a_run_writes_the_documented_files(run_config: RunConfig, photos: Path, tmp_path: Path) -> None:
    config = run_config("validation.dataset.use=folder", f"validation.dataset.path={photos}", "validation.size=16")
    config["validation"]["limit"] = 2
    outcome = train(config | {"validate_every": 2, "keep": 3}, tmp_path / "run")
    assert outcome.finished
    assert outcome.step == 4
    out = tmp_path / "run"
    assert [path.name for path in list_checkpoints(out / "checkpoints")] == [f"step-{i:08d}.pt" for i in (2, 3, 4)]
    assert sorted(path.name for path in (out / "panels").iterdir()) == ["step-00000002.jpg", "step-00000004.jpg"]
    logged = read_log(out)
    assert [line["step"] for line in logged if "lr" in line] == [1, 2, 3, 4]
    assert {"loss/detection/hierarchical", "loss/detection/classifier", "loss/restoration/l1"} < set(logged[0])
    assert [line["step"] for line in logged if "validation/f1" in line] == [2, 4]
    loaded = Pipeline.from_pretrained(out / "weights", device="cpu")
    for name, value in outcome.pipeline.modules.state_dict().items():
        assert torch.equal(loaded.modules.state_dict()[name], value.half().float())
    assert load_yaml(out / "training.yaml")["steps"] == 4


def test_a_configuration_is_described_and_made_again(run_config: RunConfig) -> None:
    pipeline, recipe = load_run(run_config("restoration.losses=[{use: hinge, channels: [2, 2]}, l1]"), device="cpu")
    described = describe_run(pipeline, recipe)
    assert described["restoration"]["losses"][0]["channels"] == [2, 2]
    assert describe_run(*load_run(described, device="cpu")) == described


def test_both_parts_learn(run_config: RunConfig, tmp_path: Path) -> None:
    outcome = train(run_config("steps=60", "log_every=10", "save_every=60", "optimization.lr=0.01"), tmp_path)
    logged = read_log(tmp_path)
    for name in ("loss/detection/hierarchical", "loss/restoration/l1"):
        assert logged[-1][name] < 0.9 * logged[0][name]
    assert outcome.finished


@pytest.mark.parametrize("part", ["detection", "restoration"])
def test_untrained_parts_stay_unchanged(run_config: RunConfig, tmp_path: Path, part: str) -> None:
    config = run_config()
    del config[part]
    pipeline, recipe = load_run(config, device="cpu")
    before = {name: value.clone() for name, value in pipeline.modules.state_dict().items()}
    outcome = Trainer(pipeline, recipe).fit(tmp_path, progress=False)
    frozen, trained = ("detector", "restorer") if part == "detection" else ("restorer", "detector")
    after = outcome.pipeline.modules.state_dict()
    assert all(torch.equal(before[n], after[n]) for n in before if n.startswith(frozen))
    assert any(not torch.equal(before[n], after[n]) for n in before if n.startswith(trained))


def test_the_same_seed_gives_the_same_weights_and_another_does_not(run_config: RunConfig, tmp_path: Path) -> None:
    train(run_config(), tmp_path / "a")
    train(run_config(), tmp_path / "b")
    train(run_config("seed=1"), tmp_path / "c")
    assert_same(load_state(tmp_path / "a")["trained"], load_state(tmp_path / "b")["trained"])
    a, c = (load_state(tmp_path / x)["trained"] for x in "ac")
    assert any(not torch.equal(a[name], c[name]) for name in a)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(run_config: RunConfig, tmp_path: Path, workers: int) -> None:
    train(run_config(), tmp_path / "none")
    train(run_config(f"data.workers={workers}"), tmp_path / "some")
    assert_same(load_state(tmp_path / "none")["trained"], load_state(tmp_path / "some")["trained"])


def test_accumulated_parts_are_one_batch(run_config: RunConfig, tmp_path: Path) -> None:
    train(run_config("steps=1"), tmp_path / "whole")
    train(run_config("steps=1", "accumulation=2"), tmp_path / "parts")
    whole, parts = load_gradients(tmp_path / "whole"), load_gradients(tmp_path / "parts")
    assert whole.keys() == parts.keys()
    for key in whole:
        torch.testing.assert_close(whole[key], parts[key], atol=1e-6, rtol=1e-4)


def test_the_average_follows_the_weights_and_the_statistics_of_batches(run_config: RunConfig, tmp_path: Path) -> None:
    """Against the formula, step by step."""
    averages, seen = {}, []
    encoder = "pipeline.detector.encoder={use: resnet, channels: [4, 8], depths: [1, 1]}"
    pipeline, recipe = load_run(run_config("keep=4", "ema=0.5", encoder), device="cpu")
    start = {k: v.clone() for k, v in pipeline.modules.state_dict().items()}
    Trainer(pipeline, recipe).fit(tmp_path, progress=False)
    for path in list_checkpoints(tmp_path / "checkpoints"):
        state = read_checkpoint(path)
        seen.append(state["trained"])
        for name, value in state["trained"].items():
            count = len(seen) - 1
            decay = min(0.5, (1 + count) / (10 + count))
            averages[name] = value if count == 0 else decay * averages[name] + (1 - decay) * value
            if value.is_floating_point():
                torch.testing.assert_close(state["averaged"][f"module.{name}"], averages[name])
    changed = {name for name in start if not torch.equal(start[name], seen[0][name])}
    assert any(name.endswith("running_var") for name in changed)
    assert any(name.endswith("weight") for name in changed)


@pytest.mark.parametrize("loss", ["wasserstein", "hinge"])
def test_discriminators_are_trained_against_the_restorer(run_config: RunConfig, tmp_path: Path, loss: str) -> None:
    losses = f"restoration.losses=[l1, {{use: {loss}, weight: 0.1, channels: [4, 4], lr: 0.01}}]"
    train(run_config(losses, "keep=4"), tmp_path)
    first, last = (read_checkpoint(list_checkpoints(tmp_path / "checkpoints")[i]) for i in (0, -1))
    changed = [not torch.equal(v, last["discriminators"][0][k]) for k, v in first["discriminators"][0].items()]
    assert any(changed)
    assert {f"loss/restoration/{loss}", f"loss/discriminator/{loss}"} < set(read_log(tmp_path)[0])
    assert not any("discriminator" in name for name in last["trained"])


def test_phase_two_gives_the_restorer_the_predicted_masks(run_config: RunConfig, tmp_path: Path) -> None:
    given = []
    pipeline, recipe = load_run(run_config("restoration.masks=predicted", "detection=null"), device="cpu")
    pipeline.restorer.register_forward_pre_hook(lambda _, args: given.append(args[1]))
    Trainer(pipeline, recipe).fit(tmp_path, progress=False)
    assert all(len(detection.scales) == 2 for detection in given)


def test_phase_one_gives_the_restorer_the_true_masks(run_config: RunConfig, tmp_path: Path) -> None:
    given = []
    pipeline, recipe = load_run(run_config(), device="cpu")
    pipeline.restorer.register_forward_pre_hook(lambda _, args: given.append(args[1]))
    Trainer(pipeline, recipe).fit(tmp_path, progress=False)
    assert all(not detection.scales for detection in given)


def test_the_published_restorer_learns_from_all_its_images(run_config: RunConfig, tmp_path: Path) -> None:
    restorer = {
        "use": "partial-swin",
        "depths": [1, 1],
        "window_sizes": [2, 2],
        "heads": [1, 1],
        "bottleneck_depth": 1,
        "bottleneck_window_size": 2,
        "refinement_dim": 2,
        "refinement_multipliers": [1, 1],
    }
    config = run_config("restoration.intermediate_losses=[{use: l1, weight: 0.5}]")
    config["pipeline"]["restorer"] = restorer
    pipeline, recipe = load_run(config, device="cpu")
    before = {name: value.clone() for name, value in pipeline.restorer.named_parameters()}
    Trainer(pipeline, recipe).fit(tmp_path, progress=False)
    assert "loss/restoration/intermediate/l1" in read_log(tmp_path)[0]
    unchanged = [n for n, v in pipeline.restorer.named_parameters() if torch.equal(v.detach(), before[n])]
    assert not unchanged


def test_learning_rates_by_name(run_config: RunConfig, tmp_path: Path) -> None:
    config = run_config("optimization.lr_factors={restorer.: 0.0, restorer.body.: 1.0}", "optimization.warmup=0")
    pipeline, recipe = load_run(config, device="cpu")
    before = {name: value.clone() for name, value in pipeline.modules.named_parameters()}
    Trainer(pipeline, recipe).fit(tmp_path, progress=False)
    for name, value in pipeline.modules.named_parameters():
        assert torch.equal(value.detach(), before[name]) == (
            name.startswith("restorer.") and not name.startswith("restorer.body.")
        )
    with pytest.raises(ConfigError, match=r"no trained parameter's name begins with restorer\.tail"):
        train(run_config("optimization.lr_factors={restorer.tail: 0.5}"), tmp_path / "b")


def test_the_learning_rate_warms_up_and_decays(run_config: RunConfig, tmp_path: Path) -> None:
    train(run_config("optimization.warmup=2", "optimization.decay=cosine", "steps=6"), tmp_path)
    rates = [line["lr"] for line in read_log(tmp_path)]  # after each step, so of the next one
    warm = [min(1, (s + 1) / 2) for s in range(1, 7)]
    cosine = [0.5 + 0.5 * np.cos(np.pi * s / 6) for s in range(1, 7)]
    np.testing.assert_allclose(rates, 0.01 * np.array(warm) * cosine, atol=1e-9)


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_precisions_of_a_cpu(run_config: RunConfig, tmp_path: Path, precision: str) -> None:
    train(run_config(f"precision={precision}", "steps=2"), tmp_path)
    assert all(value.dtype != torch.bfloat16 for value in load_state(tmp_path)["trained"].values())


def test_a_dry_run_writes_nothing_and_changes_nothing(
    run_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pipeline, recipe = load_run(run_config(), device="cpu")
    before = {name: value.clone() for name, value in pipeline.modules.state_dict().items()}
    losses = Trainer(pipeline, recipe).dry_run()
    assert set(losses) == {"detection/hierarchical", "detection/classifier", "restoration/l1"}
    assert all(torch.equal(value, before[name]) for name, value in pipeline.modules.state_dict().items())
    assert not list(tmp_path.iterdir())


@hcl_sdk.component
class Explosive(hcl_sdk.RestorationLoss):
    """Becomes infinite, or its gradient NaN, at a step."""

    weight: float = 1.0
    at: int = 2
    gradient: bool = False

    def build(self) -> None:
        self.calls = 0

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
        self.calls += 1
        loss = (restored - target).abs().mean()
        if self.calls <= self.at:
            return loss
        return loss + 0 * (loss * 0).sqrt() if self.gradient else loss / 0


@pytest.mark.parametrize(
    ("gradient", "message"), [(False, "restoration/Explosive is inf"), (True, "the gradients are")]
)
def test_a_nan_loss_stops_the_run_and_keeps_the_checkpoint(
    run_config: RunConfig, tmp_path: Path, gradient: bool, message: str
) -> None:
    pipeline, recipe = load_run(run_config(), device="cpu")
    task = attrs.evolve(recipe.restoration, losses=(Explosive(gradient=gradient),))
    trainer = Trainer(pipeline, attrs.evolve(recipe, restoration=task))
    with pytest.raises(TrainingError, match=rf"step 3: {message}.*last checkpoint is .*step-00000002\.pt"):
        trainer.fit(tmp_path, progress=False)
    state = load_state(tmp_path)
    assert state["step"] == 2
    assert all(value.isfinite().all() for value in state["trained"].values())


def test_weights_that_went_out_of_range_stop_the_run(run_config: RunConfig, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"step 2: .*; the last checkpoint is .*step-00000001\.pt"):
        train(run_config("optimization.lr=1e30", "optimization.warmup=0", "restoration=null"), tmp_path)


def test_nan_weights_are_not_saved(run_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ruin(self: Any, parts: object, *, seed: int) -> dict[str, float]:
        next(self.trained.parameters()).data.fill_(float("nan"))
        return {}

    monkeypatch.setattr("hcl_sdk.training.learner.Learner.learn", ruin)
    with pytest.raises(TrainingError, match="weights are infinite or NaN; no checkpoint was written yet"):
        train(run_config(), tmp_path)
    assert not list_checkpoints(tmp_path / "checkpoints")


def test_another_dataset_cannot_resume_a_run(run_config: RunConfig, photos: Path, tmp_path: Path) -> None:
    own = tmp_path / "photos"
    shutil.copytree(photos, own)
    config = run_config(f"data.dataset.path={own}", "steps=2")
    train(config, tmp_path / "run")
    (own / "3.png").rename(own / "other.png")
    with pytest.raises(TrainingError, match="its samples have other names"):
        train(config | {"steps": 3}, tmp_path / "run")
    (own / "other.png").unlink()
    with pytest.raises(TrainingError, match="it had 12 samples and has 11"):
        train(config | {"steps": 3}, tmp_path / "run")


def test_fewer_steps_than_were_made_are_refused(run_config: RunConfig, tmp_path: Path) -> None:
    train(run_config("steps=3"), tmp_path)
    with pytest.raises(TrainingError, match="has made 3 steps; expected more, got 2"):
        train(run_config("steps=2"), tmp_path)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_folder_without_a_readable_photo_is_an_error(run_config: RunConfig, tmp_path: Path, workers: int) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    for i in range(3):
        (folder / f"{i}.png").write_bytes(b"not a photo")
    config = run_config(f"data.dataset.path={folder}", f"data.workers={workers}")
    with pytest.raises(SampleError, match=r"^none of 3 photos can be read; the first is .*png"):
        train(config, tmp_path / "run")


def test_a_signal_at_any_time_stops_the_run(
    run_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that comes while the processes agree on whether the step was sound."""
    agree, calls = Accelerator.reduce, []

    def reduce(*arguments: Any, **options: Any) -> Any:
        found = agree(*arguments, **options)
        calls.append(1)
        if len(calls) == 3:  # a line of the log each step is reduced as well
            signal.raise_signal(signal.SIGINT)
        return found

    monkeypatch.setattr(Accelerator, "reduce", reduce)
    outcome = train(run_config("steps=30"), tmp_path)
    assert not outcome.finished
    assert outcome.step == 2
    assert load_state(tmp_path)["step"] == 2


def test_another_configuration_cannot_resume_a_run(run_config: RunConfig, tmp_path: Path) -> None:
    train(run_config("steps=2"), tmp_path)
    with pytest.raises(TrainingError, match=r"another configuration(.|\n)*optimization\.lr: was 0\.01, is 0\.02"):
        train(run_config("optimization.lr=0.02"), tmp_path)
    outcome = train(run_config("steps=3", "log_every=3", "keep=9", "data.workers=1"), tmp_path)  # these may change
    assert outcome.step == 3
    assert train(run_config("steps=3"), tmp_path).finished  # nothing left to do


def test_a_run_from_before_a_field_existed_resumes(run_config: RunConfig, tmp_path: Path) -> None:
    train(run_config("steps=2"), tmp_path)
    config = tmp_path / "training.yaml"
    stored = yaml.safe_load(config.read_text())
    assert stored["data"]["corruption"].pop("layers") == [1, 1]
    stored["pipeline"].pop("peak_threshold", None)
    config.write_text(yaml.safe_dump(stored))
    assert train(run_config("steps=3"), tmp_path).step == 3
    assert yaml.safe_load(config.read_text())["data"]["corruption"]["layers"] == [1, 1]


def test_unreadable_photos_are_reported_once(run_config: RunConfig, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for path in list(photos.iterdir())[:3]:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "broken.png").write_bytes(b"not a photo")
    train(run_config(f"data.dataset.path={folder}", "steps=6"), tmp_path / "run")
    told = [line for line in read_log(tmp_path / "run") if "unreadable" in line]
    assert [line["unreadable"] for line in told] == ["broken.png"]
    assert "not a photo" in told[0]["why"]


def test_pairs_without_masks_train_the_restorer_only(run_config: RunConfig, photos: Path, tmp_path: Path) -> None:
    for part in ("damaged", "clean"):
        (tmp_path / part).mkdir()
        for path in photos.iterdir():
            (tmp_path / part / path.name).write_bytes(path.read_bytes())
    pairs = f"data.dataset={{use: pairs, damaged: {tmp_path / 'damaged'}, clean: {tmp_path / 'clean'}}}"
    train(run_config(pairs, "restoration.masks=predicted"), tmp_path / "run")
    assert set(read_log(tmp_path / "run")[0]) == {"step", "lr", "images_per_second", "loss/restoration/l1"}
    with pytest.raises(ValueError, match=r"has no masks, .* set restoration.masks to predicted"):
        train(run_config(pairs), tmp_path / "b")
    with pytest.raises(ValueError, match="cannot learn from a dataset without masks"):
        train(run_config(pairs, "restoration=null"), tmp_path / "c")


@pytest.mark.parametrize(
    ("assignments", "path", "message"),
    [
        (["detection=null", "restoration=null"], "", "nothing is trained"),
        (["pipeline.restorer=null"], "restoration", "no restorer to train"),
        (["pipeline.detector=null"], "detection", "no detector to train"),
        (["precision=fp16"], "precision", "fp16 needs an accelerator"),
        (["batch_size=5", "accumulation=2"], "batch_size", r"divisible by processes x accumulation, 1 x 2; got 5"),
        (["restoration.intermediate_losses=[hinge]"], "restoration.intermediate_losses[0]", "adversarial"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(
    run_config: RunConfig, tmp_path: Path, assignments: list[str], path: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        train(run_config(*assignments), tmp_path)
    assert path in [where for where, _ in raised.value.problems]


def test_all_that_is_wrong_is_reported_together(run_config: RunConfig, tmp_path: Path) -> None:
    config = run_config(
        "stepps=3", "data.dataset.path=/nowhere", "detection.losses=[l1, hierarchial]", "pipeline.detector.setle=1"
    )
    with pytest.raises(ConfigError) as raised:
        load_run(config)
    text = str(raised.value)
    for part in (
        "stepps: unknown key; did you mean 'steps'?",
        "detection.losses[0].use: expected a DetectionLoss, but 'l1' is a L1Loss",
        "detection.losses[1].use: unknown loss 'hierarchial'; did you mean 'hierarchical'?",
        "pipeline.detector.setle: unknown key; did you mean 'settle'?",
    ):
        assert part in text
    with pytest.raises(
        ConfigError, match=r"data\.dataset: expected a folder with photos; there is no folder '/nowhere'"
    ):
        load_run(run_config("data.dataset.path=/nowhere"))
    with pytest.raises(ConfigError, match="pipeline: expected a pipeline's configuration or the name of weights"):
        load_run({k: v for k, v in run_config().items() if k != "pipeline"})


def test_training_starts_from_weights(run_config: RunConfig, tmp_path: Path) -> None:
    train(run_config("steps=1"), tmp_path / "first")
    start = tmp_path / "first" / "weights"
    pipeline, recipe = load_run(run_config() | {"pipeline": str(start)}, device="cpu")
    loaded = Pipeline.from_pretrained(start, device="cpu").modules.state_dict()
    assert_same(dict(pipeline.modules.state_dict()), dict(loaded))
    assert Trainer(pipeline, recipe).fit(tmp_path / "second", progress=False).finished


def test_curves_and_panels_go_to_tensorboard(run_config: RunConfig, photos: Path, tmp_path: Path) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    config = run_config("trackers=[tensorboard]", "validate_every=4", "validation.size=16", "validation.limit=1")
    config["validation"]["dataset"] = {"use": "folder", "path": str(photos)}
    train(config, tmp_path / "run")
    (events,) = (tmp_path / "run").rglob("events.out.tfevents.*")
    found = event_accumulator.EventAccumulator(str(events))
    found.Reload()
    assert [e.step for e in found.Scalars("loss/restoration/l1")] == [1, 2, 3, 4]
    assert found.Tags()["images"] == ["validation"]


def test_losses_that_learn_are_saved(run_config: RunConfig, tmp_path: Path) -> None:
    @hcl_sdk.component
    class Scaled(hcl_sdk.RestorationLoss):
        weight: float = 1.0

        def build(self) -> None:
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor) -> Tensor:
            return (restored * self.scale - target).abs().mean()

    pipeline, recipe = load_run(run_config(), device="cpu")
    task = attrs.evolve(recipe.restoration, losses=(Scaled(),))
    Trainer(pipeline, attrs.evolve(recipe, restoration=task)).fit(tmp_path, progress=False)
    (name,) = load_state(tmp_path)["losses"]
    assert name.endswith("scale")
    assert load_state(tmp_path)["losses"][name] != 1
