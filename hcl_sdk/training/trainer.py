"""The trainer: one loop for both phases of the paper and for fine-tuning, on anything that Accelerate supports."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import psutil

from hcl_sdk.config import ConfigError
from hcl_sdk.errors import suggest
from hcl_sdk.interfaces import AdversarialLoss
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.runtime import count_processes
from hcl_sdk.training.loop import Outcome, Run
from hcl_sdk.training.objective import keep_learning_flags
from hcl_sdk.training.recipe import Recipe

BYTES_PER_PIXEL = 31
"""Bytes per pixel: an image, its clean version and its mask in 8 bits, and both images in float32."""


class Trainer:
    """Trains the parts of a pipeline according to a recipe.

    All random numbers depend on the recipe's seed and the number of the step alone, so a run that is stopped and
    resumed gives the same weights as an uninterrupted one; on a CPU, bit for bit.

    Args:
        pipeline: the pipeline to train; its weights change. It is trained on its own device.
        recipe: the recipe of the run.

    Raises:
        ConfigError: if the recipe requires something that the pipeline or the machine lacks.
    """

    def __init__(self, pipeline: Pipeline, recipe: Recipe) -> None:
        problems = list(_find_problems(pipeline, recipe))
        if problems:
            raise ConfigError(problems)
        self.pipeline, self.recipe = pipeline, recipe

    def fit(self, out: str | Path, *, progress: bool = True) -> Outcome:
        """Train until all steps are done, or a signal (Ctrl-C, SIGTERM) requests to stop after the current one.

        Args:
            out: folder of the run: ``training.yaml``, ``log.jsonl``, ``checkpoints/``, ``panels/`` and, at the end or
                when stopped, ``weights/`` with the averaged weights, for ``Pipeline.from_pretrained``. If it holds an
                unfinished run of the same configuration, that run is resumed.
            progress: show a progress bar.

        Raises:
            TrainingError: if a loss or gradient is NaN or infinite (earlier checkpoints are kept), an image cannot be
                prepared because a component fails, or ``out`` holds a run of another configuration.
            ValueError: if the data lack what the losses need.
            RegistryError: if a part of the pipeline is not registered, so that its weights could not be loaded again.
        """
        return self._run(Path(out), progress=progress)

    def dry_run(self) -> dict[str, float]:
        """Run one step, and one validation of a few images, then restore the weights; nothing is written.

        Returns:
            The losses of the step.

        Raises:
            ValueError, RegistryError: like :meth:`fit`.
        """
        kept = copy.deepcopy(self.pipeline.modules.state_dict())
        try:
            return self._run(None, progress=False).losses
        finally:
            self.pipeline.modules.load_state_dict(kept)

    def _run(self, out: Path | None, *, progress: bool) -> Outcome:
        """Train, and leave the pipeline ready for inference and for another run."""
        with keep_learning_flags(self.pipeline.modules):
            try:
                return Run(self.pipeline, self.recipe, out, progress=progress).run()
            finally:
                self.pipeline.modules.eval()


def _find_problems(pipeline: Pipeline, recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield what the recipe requires and the pipeline or the machine lacks."""
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

    if recipe.detection is None and recipe.restoration is None:
        yield "", "nothing is trained: expected detection, restoration or both"
    if recipe.detection is not None and pipeline.detector is None:
        yield "detection", "the pipeline has no detector to train"
    if recipe.detection is not None and pipeline.detector is not None:
        known = [name for name, _ in pipeline.detector.named_modules() if name]
        names = f"known: {', '.join(name for name, _ in pipeline.detector.named_children())}"
        for i, name in enumerate(recipe.detection.parts):
            if name not in known:
                yield f"detection.parts[{i}]", f"the detector has no {name!r}; {suggest(name, known, names)}"
    if recipe.restoration is not None and pipeline.restorer is None:
        yield "restoration", "the pipeline has no restorer to train"
    if recipe.restoration is not None and recipe.restoration.masks == "predicted" and pipeline.detector is None:
        yield "restoration.masks", "there is no detector to predict masks; expected true"
    processes = count_processes()
    size, images = max(recipe.list_turns(), key=lambda turn: turn[0] ** 2 * turn[1])
    needed = images / (recipe.accumulation * processes) * size**2 * BYTES_PER_PIXEL
    if needed > (available := psutil.virtual_memory().total):
        yield (
            "batch_size",
            f"the {images} images of {size} x {size} pixels alone need "
            f"{needed / 1e9:.3g} GB of this machine's {available / 1e9:.3g} GB at once; expected fewer, smaller ones, "
            f"or more accumulation",
        )
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
                yield f"restoration.intermediate_losses[{i}]", "an adversarial loss applies only to the last image"
