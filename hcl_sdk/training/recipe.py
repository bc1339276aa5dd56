"""The configuration of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
from attrs.validators import and_, deep_iterable, deep_mapping, ge, gt, in_, instance_of, le, lt, min_len, optional

from hcl_sdk.config import ConfigError, build, describe, list_plugins_used
from hcl_sdk.corruptions.corruption import Corruption
from hcl_sdk.errors import describe_value
from hcl_sdk.evaluation.evaluation import MAX_SIZE, Evaluation
from hcl_sdk.interfaces import Configurable, Dataset, DetectionLoss, RestorationLoss, component
from hcl_sdk.pipeline import Pipeline

MAX_FLOAT = 1e30
"""Larger numbers overflow in float32 as soon as they are multiplied."""


def _check_sizes(data: TrainingData, field: attrs.Attribute[Any], sizes: int | tuple[int, ...]) -> None:
    if isinstance(sizes, tuple):
        min_len(1)(data, field, sizes)
    for size in [sizes] if isinstance(sizes, int) else sizes:
        and_(ge(1), le(MAX_SIZE))(data, field, size)


@component
class TrainingData(Configurable):
    """The source of training images.

    Attributes:
        dataset: photos, which are corrupted, or pairs of damaged and clean photos, which are not.
        corruption: how photos are damaged; has no effect on pairs.
        size: side length of the square crops in pixels. Updates use several sizes in turn, each with as many images as
            have about the same number of pixels as ``batch_size`` images of the first size.
        min_scale: the smallest share of a photo's shorter side that a crop may show, in (0, 1]; a crop is never smaller
            than its size unless the photo is.
        on_side: share of the crops that are turned by a quarter, in [0, 1]: photos that lie on their side.
        enlarge: whether photos smaller than a crop are enlarged; otherwise others take their place. Enlarged photos are
            soft.
        soften_over: number of steps over which the blur of the corruption's edges grows from none to full.
        workers: number of processes that prepare images for each training process; 0 for none.
    """

    dataset: Dataset
    corruption: Corruption = attrs.field(factory=lambda: Corruption(clean=0.1, full=0.02))
    size: int | tuple[int, ...] = attrs.field(default=256, validator=_check_sizes)
    min_scale: float = attrs.field(default=0.35, validator=and_(gt(0), le(1)))
    on_side: float = attrs.field(default=0.0, validator=and_(ge(0), le(1)))
    enlarge: bool = True
    soften_over: int = attrs.field(default=0, validator=ge(0))
    workers: int = attrs.field(default=2, validator=and_(ge(0), le(256)))


@component
class Optimization(Configurable):
    """Settings of the optimizer.

    Attributes:
        algorithm: Adam, or AdamW (decoupled weight decay).
        lr: learning rate after the warm-up.
        lr_factors: factors of ``lr`` for parameters whose names begin with a key; the longest matching key counts.
            Names begin with ``detector.`` or ``restorer.``.
        betas: decay of the averages of the gradient and of its square.
        weight_decay: pull of all weights towards 0.
        warmup: number of steps over which the learning rate grows from 0.
        decay: the learning rate after the warm-up: constant, or down to 0 by a cosine.
        clip: maximum norm of the gradient of all parameters; larger gradients are scaled down. None for no limit.
    """

    algorithm: Literal["adam", "adamw"] = "adam"
    lr: float = attrs.field(default=5e-4, validator=and_(gt(0), le(MAX_FLOAT)))
    lr_factors: dict[str, float] = attrs.field(
        factory=dict, validator=deep_mapping(instance_of(str), and_(ge(0.0), le(1e6)))
    )
    betas: tuple[float, float] = attrs.field(default=(0.9, 0.999), validator=deep_iterable(and_(ge(0), lt(1))))
    weight_decay: float = attrs.field(default=0.0, validator=and_(ge(0), le(MAX_FLOAT)))
    warmup: int = attrs.field(default=0, validator=ge(0))
    decay: Literal["constant", "cosine"] = "constant"
    clip: float | None = attrs.field(default=None, validator=optional(gt(0)))


@component
class DetectionTask(Configurable):
    """Training of the detector.

    Attributes:
        losses: their weighted sum is minimized.
        parts: the detector's parts to train, such as ``head`` or, within a part, ``interaction.deepen``; the others
            are frozen and stay in evaluation mode. Empty for all.
    """

    losses: tuple[DetectionLoss, ...] = attrs.field(validator=min_len(1))
    parts: tuple[str, ...] = ()


@component
class RestorationTask(Configurable):
    """Training of the restorer.

    Attributes:
        losses: losses of the restorer's image; their weighted sum is minimized.
        intermediate_losses: losses of each intermediate image of the restorer.
        masks: the masks that the restorer is given: the true ones (phase 1 of the paper), or those that the detector
            predicts (phase 2).
    """

    losses: tuple[RestorationLoss, ...] = attrs.field(validator=min_len(1))
    intermediate_losses: tuple[RestorationLoss, ...] = ()
    masks: Literal["true", "predicted"] = "true"


@component
class Recipe(Configurable):
    """A training run: everything but the pipeline that is trained (paper, section 3.4, for the published settings).

    Attributes:
        data: the source of training images.
        detection: training of the detector; None leaves it unchanged.
        restoration: training of the restorer; None leaves it unchanged.
        validation: an evaluation during training; None for none. It neither changes the weights nor selects them.
        optimization: how weights are updated.
        steps: number of updates of the weights.
        batch_size: images per update, over all processes and accumulated parts together, so that a run means the same
            wherever it runs.
        accumulation: number of parts of a batch that a process handles one after the other, which saves memory.
        precision: ``"no"`` for float32, ``"bf16"`` or ``"fp16"`` for autocast.
        ema: decay per step of the moving average of the weights, which is saved at the end. It begins lower, so that
            short runs forget their start.
        seed: random seed of the order of the photos, their corruption, losses and clusterers.
        log_every: steps between lines in the log; a line holds means over them.
        validate_every: steps between validations.
        save_every: steps between checkpoints.
        keep: number of checkpoints to keep, the latest ones.
        trackers: where curves and images are sent as well, by Accelerate's names: ``tensorboard``, ``wandb`` ...
    """

    data: TrainingData
    detection: DetectionTask | None = None
    restoration: RestorationTask | None = None
    validation: Evaluation | None = None
    optimization: Optimization = attrs.field(factory=Optimization)
    steps: int = attrs.field(default=50_000, validator=ge(1))
    batch_size: int = attrs.field(default=12, validator=and_(ge(1), le(2**20)))
    accumulation: int = attrs.field(default=1, validator=ge(1))
    precision: Literal["no", "fp16", "bf16"] = attrs.field(default="no", validator=in_(["no", "fp16", "bf16"]))
    ema: float = attrs.field(default=0.999, validator=and_(ge(0), lt(1)))
    seed: int = attrs.field(default=3407, validator=ge(0))
    log_every: int = attrs.field(default=50, validator=ge(1))
    validate_every: int = attrs.field(default=1000, validator=ge(1))
    save_every: int = attrs.field(default=500, validator=ge(1))
    keep: int = attrs.field(default=2, validator=ge(1))
    trackers: tuple[str, ...] = ()

    def list_turns(self) -> list[tuple[int, int]]:
        """List the sizes that updates take in turn: (side length in pixels, images in an update)."""
        sizes = self.data.size
        if isinstance(sizes, int):
            return [(sizes, self.batch_size)]
        pixels = self.batch_size * sizes[0] ** 2
        return [(size, max(1, round(pixels / size**2))) for size in sizes]

    def count_images(self, steps: int) -> int:
        """Count the images in the first ``steps`` updates."""
        turns = self.list_turns()
        rounds, rest = divmod(steps, len(turns))
        return rounds * sum(images for _, images in turns) + sum(images for _, images in turns[:rest])


FREE_KEYS = ("steps", "log_every", "validate_every", "save_every", "keep", "trackers", "validation")
"""Fields of a recipe that may change when a run is resumed; ``data.workers`` may as well."""


def load_run(mapping: Mapping[str, Any], *, device: str | None = None) -> tuple[Pipeline, Recipe]:
    """Build the pipeline and the recipe that a training configuration describes.

    Args:
        mapping: the fields of a :class:`Recipe`, and ``pipeline``: a pipeline's configuration, or the name of weights
            to start from (a folder, registered weights, ``hub:org/name``).
        device: as for :class:`~hcl_sdk.Pipeline`.

    Raises:
        ConfigError: with all problems in both.
        WeightsError: if the weights to start from cannot be loaded.
    """
    rest = {key: value for key, value in mapping.items() if key not in ("pipeline", "plugins")}
    start = mapping.get("pipeline")
    problems: list[tuple[str, str]] = []
    recipe = pipeline = None
    try:
        recipe = build(rest, Recipe)
    except ConfigError as error:
        problems += [(path.removeprefix("recipe."), message) for path, message in error.problems]
    if isinstance(start, Mapping):
        try:
            pipeline = Pipeline.from_config(start, device=device)
        except ConfigError as error:
            problems += [(f"pipeline.{path}".rstrip("."), message) for path, message in error.problems]
    elif not isinstance(start, str):
        got = f"; got {describe_value(start)}" if "pipeline" in mapping else ""
        problems.append(("pipeline", f"expected a pipeline's configuration or the name of weights to start from{got}"))
    if problems:
        raise ConfigError(problems)
    assert recipe is not None
    return pipeline or Pipeline.from_pretrained(str(start), device=device), recipe


def describe_run(pipeline: Pipeline, recipe: Recipe) -> dict[str, Any]:
    """Describe a run as a mapping, defaults included, from which :func:`load_run` builds an equal one.

    Raises:
        RegistryError: if a component's class is not registered.
    """
    described = describe(recipe)
    return {"pipeline": pipeline.to_config(), **described, "plugins": list_plugins_used(described)}
