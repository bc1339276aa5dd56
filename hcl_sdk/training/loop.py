"""The training loop: all steps from the first, or from where a run was interrupted, to the last."""

from __future__ import annotations

import errno
import hashlib
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from tqdm.auto import tqdm

from hcl_sdk.config import ConfigError
from hcl_sdk.errors import KeptTraceback, describe_error, escape
from hcl_sdk.evaluation.evaluation import evaluate
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.runtime import warn_of_crowding
from hcl_sdk.training.batches import Batch, ItemFailure, make_loader
from hcl_sdk.training.checkpoints import read_checkpoint
from hcl_sdk.training.errors import NotFiniteError, TrainingError
from hcl_sdk.training.learner import Learner
from hcl_sdk.training.panels import draw_panel
from hcl_sdk.training.processes import Stop, StopRequested
from hcl_sdk.training.random_states import get_random_states, set_random_states
from hcl_sdk.training.recipe import Recipe
from hcl_sdk.training.run_folder import RunFolder, describe_if_possible

TRIED_IMAGES = 4
"""The number of images that a dry run validates on."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The progress that training made.

    Attributes:
        step: the number of updates so far.
        finished: whether these are all; False if a signal stopped the run.
        losses: means of the losses since the last line of the log.
        pipeline: the pipeline with averaged weights.
    """

    step: int
    finished: bool
    losses: dict[str, float]
    pipeline: Pipeline


class Run:
    """One call of ``fit``: everything that exists only while training runs.

    Args:
        pipeline: the pipeline to train.
        recipe: the recipe of the run.
        out: the folder of the run; None makes a single step and writes nothing.
        progress: show a progress bar.
    """

    def __init__(self, pipeline: Pipeline, recipe: Recipe, out: Path | None, *, progress: bool) -> None:
        from accelerate import Accelerator
        from accelerate.state import is_initialized
        from accelerate.utils import DistributedDataParallelKwargs

        self.pipeline, self.progress = pipeline, progress
        self.description = describe_if_possible(pipeline, recipe)
        self.folder = None if out is None else RunFolder(out)
        if out is None and recipe.validation is not None:
            few = min(TRIED_IMAGES, recipe.validation.limit or TRIED_IMAGES)
            recipe = attrs.evolve(recipe, validation=attrs.evolve(recipe.validation, limit=few))
        self.recipe = recipe
        # Its precision and device belong to the whole process, so nothing is requested that another run, or an
        # Accelerator created elsewhere, could contradict.
        self.accelerator = Accelerator(
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
            log_with=list(recipe.trackers) if out is not None and recipe.trackers else None,
            project_dir=out,
            cpu=pipeline.device.type == "cpu" and not is_initialized(),
        )
        self.is_main = self.accelerator.is_main_process
        processes = self.accelerator.num_processes
        self.device = pipeline.device if processes == 1 else self.accelerator.device
        warn_of_crowding(self.device)
        for size, images in recipe.list_turns():
            if images % (recipe.accumulation * processes):
                at = "" if images == recipe.batch_size else f" at {size} px"
                message = (
                    f"must be divisible by processes x accumulation, {processes} x {recipe.accumulation}; "
                    f"got {images}{at}"
                )
                raise ConfigError([("batch_size", message)])
        self.learner = Learner(pipeline, recipe, self.accelerator, self.device)
        self.step = 0
        self.unreadable: dict[str, str] = {}
        self.stop = Stop()
        self.sums: dict[str, float] = defaultdict(float)
        self.summed = 0

    def run(self) -> Outcome:
        """Train to the last step, or until a signal requests to stop."""
        self._begin()
        recipe = self.recipe
        steps = self.step + 1 if self.folder is None else recipe.steps
        bar = tqdm(
            total=recipe.steps,
            initial=self.step,
            unit="step",
            disable=not (self.progress and self.is_main),
            dynamic_ncols=True,
        )
        losses: dict[str, float] = {}
        with bar, self.stop.listen(), self._run_trackers():
            if self._is_due(recipe.validate_every) and self._lacks_validation():
                self._validate(bar)
            batches = self._start_loading()
            began, since = time.perf_counter(), self.step
            while self.step < steps:
                parts = self._fetch(batches)
                if parts is None:
                    self._save()
                    break
                self._update(parts)
                bar.update()
                if self._is_due(recipe.log_every):
                    seconds, began = time.perf_counter() - began, time.perf_counter()
                    rate = (recipe.count_images(self.step) - recipe.count_images(since)) / seconds
                    since = self.step
                    losses = self._log(rate)
                    bar.set_postfix_str(_format_postfix(losses, rate))
                if self._is_due(recipe.save_every):
                    self._save()
                if recipe.validation is not None and self._is_due(recipe.validate_every):
                    self._validate(bar)
                    began, since = time.perf_counter(), self.step
        pipeline = self.learner.make_averaged_pipeline()
        if self.folder is not None:
            if self.is_main:
                pipeline.save_pretrained(self.folder.weights, half=True)
            self.accelerator.wait_for_everyone()
        return Outcome(step=self.step, finished=self.step >= recipe.steps, losses=losses, pipeline=pipeline)

    def _is_due(self, every: int) -> bool:
        """Whether something is done after this step; after the last one, the only one of a dry run, everything is."""
        return self.step % every == 0 or self.step == self.recipe.steps or self.folder is None

    # Batches

    def _start_loading(self) -> Iterator[Batch | PhotoError | ItemFailure]:
        loader = make_loader(
            self.recipe,
            start=self.step,
            process=self.accelerator.process_index,
            processes=self.accelerator.num_processes,
            workers=0 if self.folder is None else self.recipe.data.workers,
            pin_memory=self.device.type == "cuda",
        )
        try:
            return iter(loader)
        except OSError as error:
            is_full = error.errno == errno.ENOSPC
            why = "is full; make room there, or" if is_full else f"cannot be used ({error.strerror or error});"
            raise TrainingError(
                f"processes that prepare images cannot be started: /dev/shm, where they keep their locks, {why} set "
                f"data.workers to 0"
            ) from error

    def _fetch(self, batches: Iterator[Batch | PhotoError | ItemFailure]) -> list[Batch] | None:
        """Fetch the parts of the next batch; None in all processes if one of them was asked to stop."""
        parts: list[Batch | PhotoError | ItemFailure] | None = None
        if not self.stop.requested:
            try:
                with self.stop.interrupt_waiting():
                    parts = [next(batches) for _ in range(self.recipe.accumulation)]
            except StopRequested:
                parts = None
            except (RuntimeError, OSError) as error:
                if not self.stop.requested:  # otherwise the signal would reach the workers as well
                    if str(error).startswith("DataLoader worker"):
                        raise TrainingError(
                            f"a process that prepares images ended: {' '.join(str(error).split())} Memory may be "
                            "short; set data.workers lower, or to 0"
                        ) from error
                    raise
        stop = torch.tensor(float(parts is None), device=self.device)
        if self.accelerator.num_processes > 1:
            stop = self.accelerator.reduce(stop, reduction="sum")
        if parts is None or float(stop) > 0:  # pyright: ignore[reportArgumentType]
            return None
        for part in parts:
            if isinstance(part, PhotoError):
                raise part
            if isinstance(part, ItemFailure):
                raise TrainingError(f"step {self.step + 1}: {part.reason}") from KeptTraceback(part.traceback)
        return parts  # pyright: ignore[reportReturnType]

    def _update(self, parts: list[Batch]) -> None:
        for part in parts:
            self._report_unreadable(part)
        try:
            losses = self.learner.learn(parts, seed=(self.recipe.seed * 1_000_003 + self.step) % 2**31)
        except NotFiniteError as error:
            raise self._make_error(str(error)) from error
        for name, value in losses.items():
            self.sums[name] += value
        self.summed += 1
        self.step += 1

    def _make_error(self, what: str) -> TrainingError:
        rest = "no checkpoint was written yet" if self.folder is None else self.folder.name_last_checkpoint()
        return TrainingError(
            f"step {self.step + 1}: {what}; {rest}. A lower learning rate, a warm-up or clipping may help"
        )

    # Beginning, resuming, saving

    def _begin(self) -> None:
        """Prepare the folder of the run; resume the run in it if there is one."""
        from accelerate.utils import broadcast_object_list

        if self.folder is None:
            _ = self._dataset  # so that a name that cannot be saved is found now
            return
        if self.is_main:
            self.folder.make()
        if self.description is not None:
            self.folder.check_same_run(self.description)
        self.accelerator.wait_for_everyone()
        newest: list[Path | None] = [None]
        if self.is_main:
            if self.description is not None:
                self.folder.write_config(self.description)
            newest = [self.folder.find_intact()]
        if self.accelerator.num_processes > 1:
            broadcast_object_list(newest)
        if newest[0] is not None:
            try:
                self._load(newest[0])
            except TrainingError:
                raise
            except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
                message = f"{newest[0]} does not hold the state of this run: {describe_error(error)}"
                raise TrainingError(message) from error
        if self.is_main:
            self.folder.cut_log(self.step)

    def _load(self, path: Path) -> None:
        state = read_checkpoint(path)
        self.learner.load_state_dict(state)
        if state["dataset"] != self._dataset:
            then, now = state["dataset"]["samples"], self._dataset["samples"]
            differing = f"it had {then} samples and has {now}" if then != now else "its samples have other names"
            raise TrainingError(
                f"the dataset is not the one that {path} was trained on: {differing}; restore it, or start from "
                f"the run's weights in another folder"
            )
        if state["step"] > self.recipe.steps:
            raise TrainingError(
                f"the run in {path.parents[1]} has made {state['step']} steps; expected more, got {self.recipe.steps}"
            )
        self.step = state["step"]
        self.sums, self.summed = defaultdict(float, state["sums"]), state["summed"]
        self.unreadable = dict(state["unreadable"])
        if self.accelerator.process_index < len(state["random"]):
            set_random_states(state["random"][self.accelerator.process_index])

    def _save(self) -> None:
        from accelerate.utils import gather_object

        if self.folder is None:
            return
        try:
            self.learner.check_weights()
        except NotFiniteError as error:
            raise self._make_error(str(error)) from error
        random_states = gather_object([get_random_states()])
        if self.is_main:
            state = {
                "step": self.step,
                **self.learner.state_dict(),
                "random": random_states,
                "dataset": self._dataset,
                "sums": dict(self.sums),
                "summed": self.summed,
                "unreadable": self.unreadable,
            }
            self.folder.save(self.step, state, keep=self.recipe.keep)
        self.accelerator.wait_for_everyone()

    @cached_property
    def _dataset(self) -> dict[str, Any]:
        """Identify the dataset by its length and names, which determine the photo that an item is made from."""
        dataset, digest = self.recipe.data.dataset, hashlib.sha256()
        for i in range(len(dataset)):
            digest.update(dataset.name(i).encode("utf-8", "surrogateescape") + b"\n")  # names of files may be any bytes
        return {"samples": len(dataset), "names": digest.hexdigest()}

    # Reporting

    @contextmanager
    def _run_trackers(self) -> Iterator[None]:
        """Start the trackers, and end them whatever happens, so that nothing logged is lost."""
        if self.folder is None or not self.recipe.trackers:
            yield
            return
        self.accelerator.init_trackers(self.folder.path.name)
        try:
            yield
        finally:
            for tracker in self.accelerator.trackers:
                tracker.finish()

    def _log(self, images_per_second: float) -> dict[str, float]:
        """Log the means over the steps since the last line, over all processes; return them."""
        names = sorted(self.sums)
        sums = torch.tensor([self.sums[name] / max(1, self.summed) for name in names], dtype=torch.float64)
        means = self.accelerator.reduce(sums.float().to(self.device), reduction="mean")
        losses = dict(zip(names, means.tolist(), strict=True))  # pyright: ignore[reportAttributeAccessIssue]
        self.sums.clear()
        self.summed = 0
        line = {"lr": self.learner.lr, "images_per_second": images_per_second}
        self._write(line | {f"loss/{name}": value for name, value in losses.items()})
        return losses

    def _write(self, values: dict[str, Any]) -> None:
        if self.folder is None:
            return
        if self.is_main:
            self.folder.append_log({"step": self.step, **values})
        if self.recipe.trackers:
            self.accelerator.log({k: v for k, v in values.items() if isinstance(v, int | float)}, step=self.step)

    def _report_unreadable(self, batch: Batch) -> None:
        for name, why in batch.unreadable:
            if name not in self.unreadable:
                self.unreadable[name] = why
                tqdm.write(escape(f"left out: {name}: {why}"), file=sys.stderr)
                self._write({"unreadable": name, "why": why})

    def _lacks_validation(self) -> bool:
        """Whether a resumed run was killed after the checkpoint of this step and before its validation."""
        from accelerate.utils import broadcast_object_list

        if self.recipe.validation is None or self.folder is None or self.step == 0:
            return False
        lacks = [self.is_main and not self.folder.is_validated(self.step)]
        if self.accelerator.num_processes > 1:
            broadcast_object_list(lacks)
        return lacks[0]

    def _validate(self, bar: tqdm[Any]) -> None:
        """Measure the averaged weights, and draw a panel of their results.

        The line of the log is written last: if it is there, nothing is missing.
        """
        validation = self.recipe.validation
        assert validation is not None
        pipeline = self.learner.make_averaged_pipeline()
        report = evaluate(pipeline, validation, out=None)
        if self.is_main and self.folder is not None:
            panel = draw_panel(pipeline, validation)
            self.folder.save_panel(self.step, panel)
            for tracker in self.accelerator.trackers:
                if hasattr(tracker, "log_images"):
                    order = {"dataformats": "NHWC"} if tracker.name == "tensorboard" else {}
                    tracker.log_images({"validation": np.asarray(panel)[None]}, step=self.step, **order)
            shown = ", ".join(f"{k} {v:.3g}" for k, v in report.headline.items() if v is not None)
            if self.progress:
                bar.write(f"step {self.step}: {shown}", file=sys.stderr)
        self._write({f"validation/{name}": value for name, value in report.headline.items()})


def _format_postfix(losses: dict[str, float], rate: float) -> str:
    shown = [f"{name.removeprefix('restoration/').removeprefix('detection/')} {v:.3g}" for name, v in losses.items()]
    return ", ".join([*shown, f"{rate:.3g} images/s"])
