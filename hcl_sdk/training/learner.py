"""The parts that learn, with all their state: weights, their average, optimizers, discriminators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from hcl_sdk.config import ConfigError
from hcl_sdk.detector import ConfidenceError
from hcl_sdk.interfaces import AdversarialLoss
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.plugins import registry
from hcl_sdk.training.batches import Batch
from hcl_sdk.training.errors import NotFiniteError
from hcl_sdk.training.objective import Critic, Objective, compute_adversarial_loss
from hcl_sdk.training.optimization import make_average, make_optimizer, make_schedule
from hcl_sdk.training.recipe import Recipe

if TYPE_CHECKING:
    from accelerate import Accelerator


class Learner:
    """The parts of a pipeline that are trained, and their optimizers.

    Half precision is implemented here: Accelerate's is fixed for the process, and a second run may want another.

    Args:
        pipeline: the pipeline whose parts are trained.
        recipe: the recipe of the run.
        accelerator: the accelerator of the processes that share the work.
        device: where to run.
    """

    def __init__(self, pipeline: Pipeline, recipe: Recipe, accelerator: Accelerator, device: torch.device) -> None:
        self._pipeline, self._recipe, self._accelerator, self._device = pipeline, recipe, accelerator, device
        objective = Objective(
            pipeline.detector, pipeline.restorer, recipe.detection, recipe.restoration, precision=recipe.precision
        )
        if accelerator.num_processes > 1 and device.type == "cuda":
            # Batch statistics are those of all processes together, as in a single process. Modules other than batch
            # normalization stay the same objects.
            nn.SyncBatchNorm.convert_sync_batchnorm(objective)
        objective.to(device)
        objective.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  # faster convolutions
        self._objective = objective
        self.trained = nn.ModuleDict()
        if recipe.detection is not None and pipeline.detector is not None:
            self.trained["detector"] = pipeline.detector
        if recipe.restoration is not None and pipeline.restorer is not None:
            self.trained["restorer"] = pipeline.restorer
        for path, part in (("detection", "detector"), ("restoration", "restorer")):
            if part in self.trained and not any(p.requires_grad for p in self.trained[part].parameters()):
                raise ConfigError([(path, f"nothing in the {part} can learn: all of its parameters are frozen")])
        last = () if recipe.restoration is None else recipe.restoration.losses
        self._adversaries = [loss.to(device) for loss in last if isinstance(loss, AdversarialLoss)]
        self._optimizer = make_optimizer(objective, recipe.optimization)
        self._critic_optimizers = [
            torch.optim.Adam(loss.discriminator.parameters(), lr=loss.lr) for loss in self._adversaries
        ]
        factor = make_schedule(recipe)
        self._schedules = [LambdaLR(optimizer, factor) for optimizer in self._optimizers]
        self._scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
        self._model: nn.Module = self._distribute(objective)
        self._critics = [self._distribute(Critic(loss)) for loss in self._adversaries]
        # After all processes were given the weights of the first. Statistics of batches are averaged as well: those
        # that batch normalization keeps follow the last ten batches or so, which are few images if batches are small.
        self._averaged = AveragedModel(self.trained, multi_avg_fn=make_average(recipe.ema), use_buffers=True)

    @property
    def _optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        return self._optimizer, *self._critic_optimizers

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return float(self._schedules[0].get_last_lr()[0])

    def learn(self, parts: Sequence[Batch], *, seed: int) -> dict[str, float]:
        """Make one step: compute the gradients of all parts of a batch, then update the weights.

        Args:
            parts: the parts of the batch, which are processed one after the other.
            seed: random seed of clusterers and losses.

        Returns:
            The weighted losses of this process, by name.

        Raises:
            NotFiniteError: in all processes, if a loss or gradient in one of them is NaN or infinite.
            ValueError: if the data lack what the losses need.
        """
        sums: dict[str, float] = {}
        for number, part in enumerate(parts, 1):
            is_last = number == len(parts)
            with self._synchronize(is_last):
                losses, shown = self._compute_losses(part.to(self._device), seed, len(parts), is_last)
                total = torch.stack([value.float() for value in losses.values()]).sum()
                self._backward(total, len(parts))
            for name, value in shown.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / len(parts)
            if is_last:
                self._scaler.unscale_(self._optimizer)
                clip = self._recipe.optimization.clip
                norm = nn.utils.clip_grad_norm_(self._model.parameters(), math.inf if clip is None else clip)
                self._check_finite(shown, norm)
        self._step(self._optimizer)
        self._scaler.update()
        for schedule in self._schedules:
            schedule.step()
        self._averaged.update_parameters(self.trained)
        return sums

    def check_weights(self) -> None:
        """Raise `NotFiniteError` if a weight is infinite or NaN."""
        if not all(parameter.isfinite().all() for parameter in self.trained.parameters()):
            raise NotFiniteError("weights are infinite or NaN")

    def make_averaged_pipeline(self) -> Pipeline:
        """Return the pipeline with averaged weights instead of the trained ones."""
        parts: dict[str, Any] = {"detector": self._pipeline.detector, "restorer": self._pipeline.restorer}
        parts |= dict(self._averaged.module.items())  # pyright: ignore[reportCallIssue]
        return self._pipeline.replace(**parts)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that :meth:`load_state_dict` needs to continue as if there had been no interruption."""
        return {
            "trained": self.trained.state_dict(),
            "losses": {name: parameter.detach() for name, parameter in self._list_loss_parameters().items()},
            "averaged": self._averaged.state_dict(),
            "discriminators": [loss.discriminator.state_dict() for loss in self._adversaries],
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "schedules": [_drop_functions(schedule.state_dict()) for schedule in self._schedules],
            "scaler": self._scaler.state_dict() if self._scaler.is_enabled() else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state that :meth:`state_dict` returned."""
        self.trained.load_state_dict(state["trained"])
        with torch.no_grad():
            for name, parameter in self._list_loss_parameters().items():
                parameter.copy_(state["losses"][name])
        self._averaged.load_state_dict(state["averaged"])
        for loss, saved in zip(self._adversaries, state["discriminators"], strict=True):
            loss.discriminator.load_state_dict(saved)
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        for schedule, saved in zip(self._schedules, state["schedules"], strict=True):
            schedule.load_state_dict(saved)
        if state["scaler"] is not None:
            self._scaler.load_state_dict(state["scaler"])

    def _compute_losses(
        self, batch: Batch, seed: int, parts: int, is_last: bool
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Compute the objective's loss and the losses to log, including those of the discriminators, which learn first.

        They learn here because the restorer is then compared with what they have just learned.
        """
        try:
            losses, restored = self._model(batch.image, batch.clean, batch.corruption_mask, batch.damage_map, seed)
        except ConfidenceError as error:
            raise NotFiniteError(f"the detector's confidence is NaN ({error})") from error
        losses = dict(losses)
        shown = dict(losses)
        for loss, critic, optimizer in zip(self._adversaries, self._critics, self._critic_optimizers, strict=True):
            assert restored is not None
            own = critic(restored.image.detach(), restored.target, restored.corruption_mask, seed)
            self._backward(own, parts)
            if is_last:
                self._step(optimizer)
            label = registry.label(type(loss))
            losses[f"restoration/{label}"] = compute_adversarial_loss(loss, restored)
            shown |= {f"restoration/{label}": losses[f"restoration/{label}"], f"discriminator/{label}": own}
        return losses, shown

    def _distribute(self, module: nn.Module) -> nn.Module:
        return self._accelerator.prepare(module) if self._accelerator.num_processes > 1 else module

    def _synchronize(self, is_last: bool) -> AbstractContextManager[object]:
        """Let processes sum their gradients in the last part only."""
        if is_last or self._accelerator.num_processes == 1:
            return nullcontext()
        stack = ExitStack()
        for module in (self._model, *self._critics):
            stack.enter_context(self._accelerator.no_sync(module))
        return stack

    def _backward(self, loss: Tensor, parts: int) -> None:
        self._scaler.scale(loss / parts).backward()

    def _step(self, optimizer: torch.optim.Optimizer) -> None:
        self._scaler.step(optimizer)
        optimizer.zero_grad()

    def _check_finite(self, losses: dict[str, Tensor], norm: Tensor) -> None:
        """Raise an error in all processes if a value in one of them is NaN or infinite.

        In half precision infinite gradients are common, and the scaler skips such a step.
        """
        values = torch.stack([value.detach().float() for value in losses.values()])
        is_bad = ~values.isfinite().all() | (~norm.isfinite() & (self._recipe.precision != "fp16"))
        if float(self._accelerator.reduce(is_bad.float(), reduction="sum")) > 0:  # pyright: ignore[reportArgumentType]
            named = [f"{name} is {value.item()}" for name, value in losses.items() if not value.isfinite()]
            raise NotFiniteError(", ".join(named) or "the gradients are infinite or NaN")

    def _list_loss_parameters(self) -> dict[str, nn.Parameter]:
        """List the parameters of the losses themselves, without the frozen networks that they use."""
        return {
            name: parameter
            for name, parameter in self._objective.named_parameters()
            if parameter.requires_grad and not name.startswith(("detector.", "restorer."))
        }


def _drop_functions(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != "lr_lambdas"} | {"lr_lambdas": [None]}
