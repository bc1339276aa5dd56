"""Updating the weights: the optimizer, its schedule, and the moving average."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from hcl_sdk.config import ConfigError
from hcl_sdk.training.recipe import Optimization, Recipe


def make_optimizer(module: nn.Module, settings: Optimization) -> torch.optim.Optimizer:
    """Make Adam or AdamW for the parameters that learn, with a group for each learning rate.

    Raises:
        ConfigError: if no such parameter's name begins with a key of ``lr_factors``.
    """
    groups: dict[float, list[nn.Parameter]] = defaultdict(list)
    unused = set(settings.lr_factors)
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            keys = [key for key in settings.lr_factors if name.startswith(key)]
            unused.difference_update(keys)
            groups[settings.lr_factors[max(keys, key=len)] if keys else 1.0].append(parameter)
    if unused:
        names = ", ".join(sorted(unused))
        raise ConfigError([("optimization.lr_factors", f"no trained parameter's name begins with {names}")])
    algorithm = torch.optim.AdamW if settings.algorithm == "adamw" else torch.optim.Adam
    return algorithm(
        [{"params": parameters, "lr": settings.lr * factor} for factor, parameters in groups.items()],
        lr=settings.lr,
        betas=settings.betas,
        weight_decay=settings.weight_decay,
    )


def make_schedule(recipe: Recipe) -> Callable[[int], float]:
    """Make the function from a step to its factor of the learning rate: warm-up, then constant or a cosine to 0."""
    settings, steps = recipe.optimization, recipe.steps

    def compute_factor(step: int) -> float:
        warm = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
        return warm * (0.5 + 0.5 * math.cos(math.pi * step / steps) if settings.decay == "cosine" else 1.0)

    return compute_factor


def make_average(decay: float) -> Callable[..., None]:
    """Make an exponential moving average that begins with a low decay, so that it soon forgets the first weights.

    Integers, such as numbers of batches, are not averaged but copied.
    """

    @torch.no_grad()
    def average(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        keep = min(decay, (1 + int(count)) / (10 + int(count)))
        for own, new in zip(averaged, current, strict=True):
            if own.is_floating_point():
                own.lerp_(new, 1 - keep)
            else:
                own.copy_(new)

    return average
