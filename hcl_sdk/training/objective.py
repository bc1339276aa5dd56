"""The objective: the losses of a batch, as one module that can be distributed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hcl_sdk.detector import Detector
from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import AdversarialLoss, Detection, DetectionLoss, Loss, Restorer
from hcl_sdk.plugins import registry
from hcl_sdk.runtime import Precision, autocast
from hcl_sdk.training.recipe import DetectionTask, RestorationTask


@dataclass(frozen=True, kw_only=True)
class Restored:
    """The input of discriminators: the restorer's image, the true one, and the mask that was filled."""

    image: Tensor
    target: Tensor
    corruption_mask: Tensor


class Objective(nn.Module):
    """A detector, a restorer and their losses; ``forward`` returns the losses of a batch.

    Parts that are not trained stay in evaluation mode and get no gradients. Discriminators are not part of it, because
    they are trained against it.
    """

    def __init__(
        self,
        detector: Detector | None,
        restorer: Restorer | None,
        detection: DetectionTask | None,
        restoration: RestorationTask | None,
        *,
        precision: Precision = "no",
    ) -> None:
        super().__init__()
        self.precision: Precision = precision
        self.detector, self.restorer = detector, restorer
        self.learns_detection = detection is not None
        self.masks = None if restoration is None else restoration.masks
        detecting = () if detection is None else detection.losses
        last = () if restoration is None else restoration.losses
        between = () if restoration is None else restoration.intermediate_losses
        self.detection_losses = _name_losses("detection", detecting)
        plain = [loss for loss in last if not isinstance(loss, AdversarialLoss)]
        self.restoration_losses = _name_losses("restoration", plain)
        self.intermediate_losses = _name_losses("restoration/intermediate", between)
        self.has_discriminators = len(plain) < len(last)
        parts = () if detection is None else detection.parts
        self._parts = [] if detector is None else [detector.get_submodule(name) for name in parts]
        left_alone = [None if self.learns_detection and not parts else detector, None if restoration else restorer]
        self._left_alone = [part for part in left_alone if part is not None]
        # Whatever components have frozen stays frozen in parts that learn.
        learning = [p for part in self._parts for p in part.parameters() if p.requires_grad]
        for part in self._left_alone:
            part.requires_grad_(False)
        for parameter in learning:
            parameter.requires_grad_(True)
        self.train()

    def train(self, mode: bool = True) -> Objective:
        """Set the mode like any module, except that parts that are not trained stay in evaluation mode."""
        super().train(mode)
        for part in self._left_alone:
            part.eval()
        for part in self._parts:
            part.train(mode)
        return self

    def forward(
        self,
        image: Tensor,
        clean: Tensor | None,
        corruption_mask: Tensor | None,
        damage_map: Tensor | None,
        seed: int,
    ) -> tuple[dict[str, Tensor], Restored | None]:
        """Compute the weighted losses of a batch by name, and the restored images if discriminators need them.

        Args:
            image: ``[B, 3, H, W]`` uint8, damaged.
            clean: ``[B, 3, H, W]`` uint8, undamaged; None if unknown.
            corruption_mask: ``[B, 1, H, W]`` bool, True = corrupted; None if unknown.
            damage_map: ``[B, 1, H, W]`` uint8, the kind of each corrupted pixel; None if unknown.
            seed: random seed of clusterers and losses.

        Raises:
            ValueError: if the data lack what the losses need.
        """
        with autocast(image.device, self.precision):
            return self._compute_losses(image, clean, corruption_mask, damage_map, seed)

    def _compute_losses(
        self,
        image: Tensor,
        clean: Tensor | None,
        corruption_mask: Tensor | None,
        damage_map: Tensor | None,
        seed: int,
    ) -> tuple[dict[str, Tensor], Restored | None]:
        x = image.float().contiguous(memory_format=torch.channels_last) / 255
        losses: dict[str, Tensor] = {}
        detection = self._detect(x, corruption_mask, seed)
        if corruption_mask is not None:
            for name, loss in self.detection_losses.items():
                assert detection is not None
                options: dict[str, Any] = {"seed": seed}
                if isinstance(loss, DetectionLoss) and loss.uses_damage_map:
                    if damage_map is None:
                        raise ValueError(
                            f"{type(loss).__name__} teaches kinds of damage, which the dataset does not provide"
                        )
                    options["damage_map"] = damage_map
                losses[name] = _weight_loss(loss, detection, corruption_mask, **options)
        if self.masks is None:
            if not losses:
                raise ValueError("the detector cannot learn from a dataset without masks, and nothing else is trained")
            return losses, None
        if clean is None:
            raise ValueError("the restorer cannot learn from a dataset that has no clean images")
        assert self.restorer is not None
        given = self._choose_detection(x, corruption_mask, detection)
        target = clean.float() / 255
        *between, last = self.restorer.outputs(x, given)
        for name, loss in self.restoration_losses.items():
            losses[name] = _weight_loss(loss, last, target, given.corruption_mask)
        for name, loss in self.intermediate_losses.items():
            for restored in between:
                value = _weight_loss(loss, restored, target, given.corruption_mask)
                losses[name] = losses.get(name, 0) + value
        if not self.has_discriminators:
            return losses, None
        return losses, Restored(image=last, target=target, corruption_mask=given.corruption_mask)

    def _detect(self, x: Tensor, corruption_mask: Tensor | None, seed: int) -> Detection | None:
        if self.detector is None or not (self.learns_detection or self.masks == "predicted"):
            return None
        with torch.set_grad_enabled(self.learns_detection and torch.is_grad_enabled()):
            return self.detector(x, corruption_mask=corruption_mask if self.learns_detection else None, seed=seed)

    def _choose_detection(self, x: Tensor, corruption_mask: Tensor | None, detection: Detection | None) -> Detection:
        """Choose the detection that the restorer is given."""
        if self.masks == "predicted":
            assert detection is not None
            return detection
        if corruption_mask is None:
            raise ValueError(
                "the dataset has no masks, so the restorer cannot be given the true ones: "
                "set restoration.masks to predicted"
            )
        assert self.restorer is not None
        if not self.restorer.uses_features:
            return Detection.from_mask(corruption_mask)
        assert self.detector is not None
        pyramid = None if detection is None else detection.pyramid
        if pyramid is None:
            with torch.no_grad():
                pyramid = self.detector.encode_mask(x, corruption_mask).pyramid
        assert pyramid is not None
        return Detection(
            confidence=corruption_mask.float(),
            corruption_mask=corruption_mask,
            masks=tuple(resize(corruption_mask, m.shape[-2:]) for m in pyramid.maps),  # nearest (paper, section 3.4)
            pyramid=pyramid,
        )


@contextmanager
def keep_learning_flags(module: nn.Module) -> Iterator[None]:
    """Restore afterwards which parameters are frozen: another run may train what this one leaves alone."""
    flags = [(parameter, parameter.requires_grad) for parameter in module.parameters()]
    try:
        yield
    finally:
        for parameter, learns in flags:
            parameter.requires_grad_(learns)


class Critic(nn.Module):
    """The discriminator of an adversarial loss, in a module whose ``forward`` is the discriminator's loss."""

    def __init__(self, loss: AdversarialLoss) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, restored: Tensor, target: Tensor, corruption_mask: Tensor, seed: int) -> Tensor:
        """Compute the discriminator's own loss."""
        with torch.autocast(restored.device.type, enabled=False):
            return self.loss.discriminator_loss(restored.detach().float(), target, corruption_mask, seed=seed)


def compute_adversarial_loss(loss: AdversarialLoss, restored: Restored) -> Tensor:
    """Compute the restorer's loss, weighted; the discriminator gets no gradients."""
    return _weight_loss(loss, restored.image, restored.target, restored.corruption_mask)


def _weight_loss(loss: nn.Module, first: Detection | Tensor, *rest: Tensor, **options: Any) -> Tensor:
    assert isinstance(loss, Loss)
    device = rest[0].device.type
    with torch.autocast(device, enabled=False):
        return loss.weight * loss(first.float() if isinstance(first, Tensor) else first, *rest, **options)


def _name_losses(group: str, losses: Iterable[Loss]) -> nn.ModuleDict:
    """Give losses unique names."""
    listed = list(losses)
    return nn.ModuleDict(
        {f"{group}/{label}": loss for label, loss in zip(registry.label_all(listed), listed, strict=True)}
    )
