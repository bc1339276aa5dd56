"""The trainer: one loop for both phases of the paper and for fine-tuning, on whatever Accelerate runs on."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Sampler
from tqdm import tqdm

from hcl_sdk.config import ConfigError, dump_yaml, load_yaml
from hcl_sdk.data.items import Item, Items
from hcl_sdk.detector import ConfidenceError
from hcl_sdk.evaluation.evaluation import evaluate
from hcl_sdk.interfaces import AdversarialLoss
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.plugins import registry
from hcl_sdk.registry import RegistryError
from hcl_sdk.training.checkpoints import (
    checkpoints,
    clean_up,
    random_states,
    read_checkpoint,
    set_random_states,
    write_checkpoint,
)
from hcl_sdk.training.objective import Batch, Critic, Objective, adversarial_loss, collate
from hcl_sdk.training.panels import panel
from hcl_sdk.training.recipe import FREE_KEYS, Optimization, Recipe, describe_run, load_run

CONFIG, LOG, WEIGHTS, CHECKPOINTS, PANELS = "training.yaml", "log.jsonl", "weights", "checkpoints", "panels"


GRACE = 20.0
"""Seconds that a worker goes on after it was asked to end, so that the trainer can finish a step."""


class TrainingError(RuntimeError):
    """Training that cannot go on: the losses are no numbers any more, or the run's folder holds another run."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How far training came.

    Attributes:
        step: updates made so far.
        finished: whether these are all; False if a signal stopped it.
        losses: means of the losses since the last line of the log.
        pipeline: with the averaged weights.
    """

    step: int
    finished: bool
    losses: dict[str, float]
    pipeline: Pipeline


class Trainer:
    """Trains the parts of a pipeline by a recipe.

    Everything that is drawn is drawn for the recipe's seed and the number of the step, so that a run that is stopped
    and resumed gives the same weights as one that was not: on a CPU, bit by bit.

    Args:
        pipeline: what is trained; its weights change. Its device is the one that is trained on.
        recipe: how.

    Raises:
        ConfigError: if the recipe asks for what the pipeline or the machine does not have.
    """

    def __init__(self, pipeline: Pipeline, recipe: Recipe) -> None:
        problems = list(_problems(pipeline, recipe))
        if problems:
            raise ConfigError(problems)
        self.pipeline, self.recipe = pipeline, recipe

    def fit(self, out: str | Path, *, progress: bool = True) -> Outcome:
        """Train until all steps are done, or a signal (Ctrl-C, SIGTERM) asks to stop after the present one.

        Args:
            out: folder of the run: ``training.yaml``, ``log.jsonl``, ``checkpoints/``, ``panels/`` and, in the end or
                when stopped, ``weights/`` with the averaged weights, for ``Pipeline.from_pretrained``. If it holds an
                unfinished run of the same configuration, that is resumed.
            progress: show a progress bar.

        Raises:
            TrainingError: if a loss or gradient is NaN or infinite (the checkpoints written before stay), or ``out``
                holds a run of another configuration.
            ValueError: if the data lack what is to be learned from.
            RegistryError: if a part of the pipeline is not registered, so that its weights could not be loaded again.
        """
        return _Run(self.pipeline, self.recipe, Path(out), progress=progress).run()

    def dry_run(self) -> dict[str, float]:
        """Run one step, and one validation of a few images, then put the weights back; nothing is written.

        Returns:
            The losses of the step.

        Raises:
            As :meth:`fit`.
        """
        kept = copy.deepcopy(self.pipeline._modules.state_dict())
        try:
            return _Run(self.pipeline, self.recipe, None, progress=False).run().losses
        finally:
            self.pipeline._modules.load_state_dict(kept)


def _problems(pipeline: Pipeline, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """What the recipe asks for and the pipeline or the machine does not have."""
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

    if recipe.detection is None and recipe.restoration is None:
        yield "", "nothing is trained: expected detection, restoration or both"
    if recipe.detection is not None and pipeline.detector is None:
        yield "detection", "the pipeline has no detector to train"
    if recipe.restoration is not None and pipeline.restorer is None:
        yield "restoration", "the pipeline has no restorer to train"
    if recipe.restoration is not None and recipe.restoration.masks == "predicted" and pipeline.detector is None:
        yield "restoration.masks", "there is no detector to predict masks; expected true"
    if recipe.precision == "fp16" and pipeline.device.type == "cpu":
        yield "precision", "fp16 needs an accelerator; a CPU trains in bf16 or no (float32)"
    for i, name in enumerate(recipe.trackers):
        if name not in LOGGER_TYPE_TO_CLASS:
            yield (
                f"trackers[{i}]",
                f"unknown tracker {name!r}; Accelerate has {', '.join(sorted(LOGGER_TYPE_TO_CLASS))}",
            )
        elif name not in {tracker.value for tracker in get_available_trackers()}:
            yield f"trackers[{i}]", f"the package of the tracker {name!r} is not installed"
    if recipe.restoration is not None:
        for i, loss in enumerate(recipe.restoration.intermediate_losses):
            if isinstance(loss, AdversarialLoss):
                yield f"restoration.intermediate_losses[{i}]", "an adversarial loss looks at the last image only"


class _Steps(Sampler[list[int]]):
    """The numbers of the items of each part of a batch that this process works on, from a step on without end."""

    def __init__(self, recipe: Recipe, start: int, process: int, processes: int) -> None:
        self.recipe, self.start, self.process, self.processes = recipe, start, process, processes

    def __iter__(self) -> Iterator[list[int]]:
        recipe = self.recipe
        size = recipe.batch_size // (recipe.accumulation * self.processes)
        for step in range(self.start, recipe.steps):
            for part in range(recipe.accumulation):
                first = step * recipe.batch_size + (part * self.processes + self.process) * size
                yield list(range(first, first + size))


class _Run:
    """One call of ``fit``: all that exists only while training goes on."""

    def __init__(self, pipeline: Pipeline, recipe: Recipe, out: Path | None, *, progress: bool) -> None:
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs, GradientAccumulationPlugin

        self.pipeline, self.recipe, self.out, self.progress = pipeline, recipe, out, progress
        self.description = _description(pipeline, recipe)
        self.accelerator = Accelerator(
            cpu=pipeline.device.type == "cpu",
            mixed_precision=recipe.precision,
            gradient_accumulation_plugin=GradientAccumulationPlugin(
                num_steps=recipe.accumulation, sync_with_dataloader=False
            ),
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
            log_with=list(recipe.trackers) if out is not None and recipe.trackers else None,
            project_dir=out,
        )
        self.is_main = self.accelerator.is_main_process
        share = recipe.accumulation * self.accelerator.num_processes
        if recipe.batch_size % share:
            raise ConfigError(
                [
                    (
                        "batch_size",
                        f"must be divisible by processes x accumulation, {self.accelerator.num_processes} x "
                        f"{recipe.accumulation}; got {recipe.batch_size}",
                    )
                ]
            )
        objective = Objective(pipeline.detector, pipeline.restorer, recipe.detection, recipe.restoration)
        if self.accelerator.num_processes > 1 and self.accelerator.device.type == "cuda":
            # Batch statistics over all processes, as one process would see them. What is not a batch normalization
            # stays the object that it was.
            nn.SyncBatchNorm.convert_sync_batchnorm(objective)
        objective.to(self.accelerator.device)
        objective.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # faster convolutions
        self.objective = objective
        last = () if recipe.restoration is None else recipe.restoration.losses
        self.adversaries = [loss.to(self.accelerator.device) for loss in last if isinstance(loss, AdversarialLoss)]
        self.optimizer = _optimizer(self.objective, recipe.optimization)
        self.critic_optimizers = [
            torch.optim.Adam(loss.discriminator.parameters(), lr=loss.lr) for loss in self.adversaries
        ]
        self.schedules = [
            LambdaLR(optimizer, _schedule(recipe)) for optimizer in (self.optimizer, *self.critic_optimizers)
        ]
        self.model, self.stepper = self.accelerator.prepare(self.objective, self.optimizer)
        self.critics = [self.accelerator.prepare(Critic(loss)) for loss in self.adversaries]
        self.critic_steppers = [self.accelerator.prepare(optimizer) for optimizer in self.critic_optimizers]
        self.trained = nn.ModuleDict()
        if recipe.detection is not None and pipeline.detector is not None:
            self.trained["detector"] = pipeline.detector
        if recipe.restoration is not None and pipeline.restorer is not None:
            self.trained["restorer"] = pipeline.restorer
        # After prepare, which gives all processes the weights of the first.
        self.averaged = AveragedModel(self.trained, multi_avg_fn=_warm_average(recipe.ema))
        self.step = 0
        self.unreadable: dict[str, str] = {}
        self.stop_requested = False
        self.sums: dict[str, float] = defaultdict(float)
        self.summed = 0

    # The loop

    def run(self) -> Outcome:
        self._begin()
        recipe = self.recipe
        steps = self.step + 1 if self.out is None else recipe.steps
        loader = self._loader()
        batches = iter(loader)
        bar = tqdm(
            total=recipe.steps,
            initial=self.step,
            unit="step",
            disable=not (self.progress and self.is_main),
            dynamic_ncols=True,
        )
        losses: dict[str, float] = {}
        began, since = time.perf_counter(), self.step
        with bar, _signals(self._stop), self._trackers():
            while self.step < steps:
                parts = self._fetch(batches)
                if parts is None:
                    self._save()
                    break
                self._update(parts)
                bar.update()
                if self.step % recipe.log_every == 0 or self.step == steps:
                    seconds, began = time.perf_counter() - began, time.perf_counter()
                    rate = (self.step - since) * recipe.batch_size / seconds
                    since = self.step
                    losses = self._log(rate)
                    bar.set_postfix_str(_postfix(losses, rate))
                if self.step == steps or self.step % recipe.save_every == 0:
                    self._save()
                if recipe.validation is not None and (self.step == steps or self.step % recipe.validate_every == 0):
                    self._validate(bar)
                    began, since = time.perf_counter(), self.step
        pipeline = self._averaged_pipeline()
        if self.out is not None:
            if self.is_main:
                pipeline.save_pretrained(self.out / WEIGHTS, half=True)
            self.accelerator.wait_for_everyone()
        return Outcome(step=self.step, finished=self.step >= recipe.steps, losses=losses, pipeline=pipeline)

    def _loader(self) -> DataLoader[Any]:
        data, recipe = self.recipe.data, self.recipe
        items = Items(
            data.dataset,
            data.size,
            corruption=data.corruption,
            seed=recipe.seed,
            augment=True,
            min_scale=data.min_scale,
            soften_over=data.soften_over * recipe.batch_size,
        )
        workers = 0 if self.out is None else data.workers
        return DataLoader(
            _Handed(items),  # pyright: ignore[reportArgumentType]
            batch_sampler=_Steps(recipe, self.step, self.accelerator.process_index, self.accelerator.num_processes),
            num_workers=workers,
            collate_fn=_collate,
            pin_memory=self.accelerator.device.type == "cuda",
            generator=torch.Generator(),  # otherwise the global one would be drawn from
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers > 0 else None,
            worker_init_fn=_end_with_parent if workers > 0 else None,
        )

    def _fetch(self, batches: Iterator[Batch | PhotoError]) -> list[Batch] | None:
        """The parts of the next batch; None if a process was asked to stop, so that all of them do."""
        parts: list[Batch | PhotoError] | None = None
        if not self.stop_requested:
            try:
                parts = [next(batches) for _ in range(self.recipe.accumulation)]
            except (RuntimeError, OSError):
                if not self.stop_requested:  # else the signal reached the workers as well
                    raise
        stop = torch.tensor(float(parts is None), device=self.accelerator.device)
        if self.accelerator.num_processes > 1:
            stop = self.accelerator.reduce(stop, reduction="sum")
        if parts is None or float(stop) > 0:  # pyright: ignore[reportArgumentType]
            return None
        for part in parts:
            if isinstance(part, PhotoError):
                raise part
        return parts  # pyright: ignore[reportReturnType]

    def _update(self, parts: Sequence[Batch]) -> None:
        """One step: gradients of all parts of a batch, then new weights."""
        accelerator, recipe = self.accelerator, self.recipe
        for part in parts:
            batch = part.to(accelerator.device)
            self._report_unreadable(batch)
            with accelerator.accumulate(self.model, *self.critics):
                try:
                    losses, restored = self.model(batch.image, batch.clean, batch.corruption_mask, self._step_seed())
                except ConfidenceError as error:
                    raise self._failure(f"the detector's confidence is no number ({error})") from error
                losses = dict(losses)
                shown = dict(losses)
                for loss, critic, stepper in zip(self.adversaries, self.critics, self.critic_steppers, strict=True):
                    assert restored is not None
                    own = critic(restored.image.detach(), restored.target, restored.corruption_mask, self._step_seed())
                    accelerator.backward(own)
                    stepper.step()
                    stepper.zero_grad()
                    name = f"restoration/{registry.label(type(loss))}"
                    losses[name] = adversarial_loss(loss, restored)
                    shown[name], shown[f"discriminator/{registry.label(type(loss))}"] = losses[name], own
                total = torch.stack([value.float() for value in losses.values()]).sum()
                accelerator.backward(total)
                for name, value in shown.items():
                    self.sums[name] += float(value.detach()) / recipe.accumulation
                if accelerator.sync_gradients:
                    clip = recipe.optimization.clip
                    norm = accelerator.clip_grad_norm_(self.model.parameters(), math.inf if clip is None else clip)
                    self._agree(shown, norm)
                self.stepper.step()
                self.stepper.zero_grad()
        for schedule in self.schedules:
            schedule.step()
        self.averaged.update_parameters(self.trained)
        self.step += 1
        self.summed += 1

    def _step_seed(self) -> int:
        return (self.recipe.seed * 1_000_003 + self.step) % 2**31

    def _agree(self, losses: dict[str, Tensor], norm: Tensor | float | None) -> None:
        """Refuse in all processes to go on with what is no number in one of them.

        In half precision infinite gradients are usual, and the scaler leaves such a step out.
        """
        values = torch.stack([value.detach().float() for value in losses.values()])
        length = torch.as_tensor(0.0 if norm is None else norm, device=values.device).float()
        is_bad = ~values.isfinite().all() | (~length.isfinite() & (self.recipe.precision != "fp16"))
        if float(self.accelerator.reduce(is_bad.float(), reduction="sum")) > 0:  # pyright: ignore[reportArgumentType]
            named = [f"{name} is {value.item()}" for name, value in losses.items() if not value.isfinite()]
            raise self._failure(", ".join(named) or "the gradients are infinite or NaN")

    def _failure(self, what: str) -> TrainingError:
        saved = checkpoints(self.out / CHECKPOINTS) if self.out is not None else []
        rest = f"the last checkpoint is {saved[-1]}" if saved else "no checkpoint was written yet"
        return TrainingError(
            f"step {self.step + 1}: {what}; {rest}. A lower learning rate, a warm-up or clipping may help"
        )

    # Beginning, resuming

    def _begin(self) -> None:
        """Prepare the folder of the run; resume the run in it if there is one."""
        if self.out is None:
            return
        out = self.out
        config, folder = out / CONFIG, out / CHECKPOINTS
        found = checkpoints(folder)
        if self.is_main:
            out.mkdir(parents=True, exist_ok=True)
            clean_up(folder)
        if self.description is not None and config.is_file() and found:
            stored = load_yaml(config)
            differing = _differences(stored, self.description) and _differences(_complete(stored), self.description)
            if differing:
                raise TrainingError(
                    f"{out} holds a run of another configuration; go on with the same one, or give another folder. "
                    f"It differs in:\n  " + "\n  ".join(differing)
                )
        self.accelerator.wait_for_everyone()
        if self.is_main and self.description is not None:
            partial = config.with_suffix(".partial")
            partial.write_text(dump_yaml(self.description), encoding="utf-8")
            partial.replace(config)
        if found:
            self._load(found[-1])
        if self.is_main:
            _cut_log(out / LOG, self.step)

    @contextmanager
    def _trackers(self) -> Iterator[None]:
        """Start the trackers, and end them whatever happens, so that nothing logged is lost."""
        if self.out is None or not self.recipe.trackers:
            yield
            return
        self.accelerator.init_trackers(self.out.name)
        try:
            yield
        finally:
            for tracker in self.accelerator.trackers:
                tracker.finish()

    def _load(self, path: Path) -> None:
        state = read_checkpoint(path)
        self.trained.load_state_dict(state["trained"])
        self._loss_parameters(state["losses"])
        self.averaged.load_state_dict(state["averaged"])
        for loss, saved in zip(self.adversaries, state["discriminators"], strict=True):
            loss.discriminator.load_state_dict(saved)
        for stepper, saved in zip((self.stepper, *self.critic_steppers), state["optimizers"], strict=True):
            stepper.load_state_dict(saved)
        for schedule, saved in zip(self.schedules, state["schedules"], strict=True):
            schedule.load_state_dict(saved)
        if self.accelerator.scaler is not None and state["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        if state["dataset"] != self._dataset:
            then, now = state["dataset"]["samples"], self._dataset["samples"]
            differing = f"it had {then} samples and has {now}" if then != now else "its samples have other names"
            raise TrainingError(
                f"the data set is not the one that {path} was trained on: {differing}; bring it back, or start from "
                f"the run's weights in another folder"
            )
        if state["step"] > self.recipe.steps:
            raise TrainingError(
                f"the run in {self.out} has made {state['step']} steps; expected more, got {self.recipe.steps}"
            )
        self.step = state["step"]
        self.sums, self.summed = defaultdict(float, state["sums"]), state["summed"]
        self.unreadable = dict(state["unreadable"])
        if self.accelerator.process_index < len(state["random"]):
            set_random_states(state["random"][self.accelerator.process_index])

    @cached_property
    def _dataset(self) -> dict[str, Any]:
        """What tells one data set from another: which photo an item is made of follows from both."""
        dataset, digest = self.recipe.data.dataset, hashlib.sha256()
        for i in range(len(dataset)):
            digest.update(dataset.name(i).encode() + b"\n")
        return {"samples": len(dataset), "names": digest.hexdigest()}

    def _save(self) -> None:
        from accelerate.utils import gather_object

        if self.out is None:
            return
        if not all(parameter.isfinite().all() for parameter in self.trained.parameters()):
            raise self._failure("weights are infinite or NaN")
        states = gather_object([random_states()])
        if self.is_main:
            state = {
                "step": self.step,
                "trained": self.trained.state_dict(),
                "losses": self._loss_parameters(),
                "averaged": self.averaged.state_dict(),
                "discriminators": [loss.discriminator.state_dict() for loss in self.adversaries],
                "optimizers": [stepper.state_dict() for stepper in (self.stepper, *self.critic_steppers)],
                "schedules": [_without_functions(schedule.state_dict()) for schedule in self.schedules],
                "scaler": None if self.accelerator.scaler is None else self.accelerator.scaler.state_dict(),
                "random": states,
                "dataset": self._dataset,
                "sums": dict(self.sums),
                "summed": self.summed,
                "unreadable": self.unreadable,
            }
            write_checkpoint(self.out / CHECKPOINTS, self.step, state, keep=self.recipe.keep)
        self.accelerator.wait_for_everyone()

    def _loss_parameters(self, values: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """What losses themselves learn, without frozen networks that they look through; set to ``values`` if given."""
        own = {
            name: parameter
            for name, parameter in self.objective.named_parameters()
            if parameter.requires_grad and not name.startswith(("detector.", "restorer."))
        }
        if values is not None:
            with torch.no_grad():
                for name, parameter in own.items():
                    parameter.copy_(values[name])
        return {name: parameter.detach() for name, parameter in own.items()}

    # Telling

    def _log(self, images_per_second: float) -> dict[str, float]:
        """A line of means over the steps since the last one, over all processes."""
        names = sorted(self.sums)
        sums = torch.tensor([self.sums[name] / max(1, self.summed) for name in names], dtype=torch.float64)
        means = self.accelerator.reduce(sums.float().to(self.accelerator.device), reduction="mean")
        losses = dict(zip(names, means.tolist(), strict=True))  # pyright: ignore[reportAttributeAccessIssue]
        self.sums.clear()
        self.summed = 0
        lr = self.schedules[0].get_last_lr()[0]
        self._write({"lr": lr, "images_per_second": images_per_second} | {f"loss/{k}": v for k, v in losses.items()})
        return losses

    def _write(self, values: dict[str, Any]) -> None:
        if self.out is None:
            return
        if self.is_main:
            with (self.out / LOG).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": self.step, **values}) + "\n")
        if self.recipe.trackers:
            self.accelerator.log({k: v for k, v in values.items() if isinstance(v, int | float)}, step=self.step)

    def _report_unreadable(self, batch: Batch) -> None:
        for name, why in batch.unreadable:
            if name not in self.unreadable:
                self.unreadable[name] = why
                tqdm.write(f"left out: {name}: {why}", file=sys.stderr)
                self._write({"unreadable": name, "why": why})

    def _validate(self, bar: tqdm[Any]) -> None:
        """Measure the averaged weights, and draw a panel of what they do."""
        validation = self.recipe.validation
        assert validation is not None
        pipeline = self._averaged_pipeline()
        report = evaluate(pipeline, validation, out=None)
        values = {f"validation/{name}": value for name, value in report.headline.items()}
        self._write(values)
        if self.is_main and self.out is not None:
            picture = panel(pipeline, validation)
            folder = self.out / PANELS
            folder.mkdir(exist_ok=True)
            picture.save(folder / f"step-{self.step:08d}.jpg", quality=90)
            for tracker in self.accelerator.trackers:
                if hasattr(tracker, "log_images"):
                    order = {"dataformats": "NHWC"} if tracker.name == "tensorboard" else {}
                    tracker.log_images({"validation": np.asarray(picture)[None]}, step=self.step, **order)
            shown = ", ".join(f"{k} {v:.3g}" for k, v in report.headline.items() if v is not None)
            if self.progress:
                bar.write(f"step {self.step}: {shown}", file=sys.stderr)

    def _averaged_pipeline(self) -> Pipeline:
        """The pipeline with the averaged weights in place of those that were trained."""
        parts: dict[str, Any] = {"detector": self.pipeline.detector, "restorer": self.pipeline.restorer}
        parts |= dict(self.averaged.module.items())  # pyright: ignore[reportCallIssue]
        return self.pipeline.replace(**parts)

    def _stop(self) -> None:
        self.stop_requested = True


class _Handed:
    """Items whose errors are handed over like items: a worker would wrap them in its own traceback."""

    def __init__(self, items: Items) -> None:
        self.items = items

    def __getitem__(self, number: int) -> Item | PhotoError:
        try:
            return self.items[number]
        except PhotoError as error:
            return error


def _collate(items: Sequence[Item | PhotoError]) -> Batch | PhotoError:
    made = [item for item in items if not isinstance(item, PhotoError)]
    return collate(made) if len(made) == len(items) else next(i for i in items if isinstance(i, PhotoError))


def _end_with_parent(_: int) -> None:
    """End a worker when its trainer was killed: it may wait forever to hand over an image.

    A terminal and a batch system signal the whole group of processes. The trainer still needs its workers then, to
    finish the step, and ends them itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _end_after(GRACE))
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])  # unlike getppid, also where a server forks the workers
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _end_after(seconds: float) -> None:
    timer = threading.Timer(seconds, os._exit, [1])
    timer.daemon = True
    timer.start()


def _optimizer(objective: Objective, settings: Optimization) -> torch.optim.Optimizer:
    groups: dict[float, list[nn.Parameter]] = defaultdict(list)
    unused = set(settings.lr_factors)
    for name, parameter in objective.named_parameters():
        if parameter.requires_grad:
            keys = [key for key in settings.lr_factors if name.startswith(key)]
            unused.difference_update(keys)
            groups[settings.lr_factors[max(keys, key=len)] if keys else 1.0].append(parameter)
    if unused:
        names = ", ".join(sorted(unused))
        raise ConfigError([("optimization.lr_factors", f"no trained parameter's name begins with {names}")])
    made = torch.optim.AdamW if settings.algorithm == "adamw" else torch.optim.Adam
    return made(
        [{"params": parameters, "lr": settings.lr * factor} for factor, parameters in groups.items()],
        lr=settings.lr,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
    )


def _schedule(recipe: Recipe) -> Callable[[int], float]:
    settings, steps = recipe.optimization, recipe.steps

    def factor(step: int) -> float:
        warm = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
        return warm * (0.5 + 0.5 * math.cos(math.pi * step / steps) if settings.decay == "cosine" else 1.0)

    return factor


def _warm_average(decay: float) -> Callable[..., None]:
    """An exponential moving average that begins with a low decay, so that it forgets the first weights soon."""

    @torch.no_grad()
    def average(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        keep = min(decay, (1 + int(count)) / (10 + int(count)))
        for own, new in zip(averaged, current, strict=True):
            own.lerp_(new, 1 - keep)

    return average


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` for the first SIGINT or SIGTERM; a second one ends the program as it would have before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        stop()
        tqdm.write("stopping after this step; once more to stop at once", file=sys.stderr)
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _description(pipeline: Pipeline, recipe: Recipe) -> dict[str, Any] | None:
    """The run as a mapping; None if data or losses were made in code and have no names."""
    pipeline.to_config()  # an unregistered part is an error now, not after hours
    try:
        return describe_run(pipeline, recipe)
    except (RegistryError, TypeError, ValueError):
        return None


def _complete(stored: dict[str, Any]) -> dict[str, Any]:
    """The description of a run with the fields, at their defaults, that another version of the package lacked."""
    try:
        return describe_run(*load_run(stored, device="cpu"))
    except (ConfigError, RegistryError):
        return stored


def _differences(before: dict[str, Any], now: dict[str, Any], path: str = "") -> list[str]:
    found = []
    for key in dict.fromkeys((*before, *now)):
        where = f"{path}{key}"
        old, new = before.get(key), now.get(key)
        if old == new or (not path and key in FREE_KEYS) or where == "data.workers":
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differences(old, new, f"{where}.")
        else:
            found.append(f"{where}: was {old!r}, is {new!r}")
    return found


def _cut_log(path: Path, step: int) -> None:
    """Drop the lines of steps that a killed process logged and did not save."""
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (json.JSONDecodeError, KeyError):
            continue  # half a line, written when the process was killed
    partial = path.with_suffix(".partial")
    partial.write_text("".join(kept), encoding="utf-8")
    partial.replace(path)


def _without_functions(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "lr_lambdas"} | {"lr_lambdas": [None]}


def _postfix(losses: dict[str, float], rate: float) -> str:
    shown = [f"{name.removeprefix('restoration/').removeprefix('detection/')} {v:.3g}" for name, v in losses.items()]
    return ", ".join([*shown, f"{rate:.3g} images/s"])
