"""The checks of losses: of detection, of restoration, and adversarial ones."""

from __future__ import annotations

from unittest import SkipTest

import attrs
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from hcl_sdk.functional.resize import resize
from hcl_sdk.interfaces import DAMAGE, Detection, ScaleDetection
from hcl_sdk.testing._expect import require, require_close
from hcl_sdk.testing._inputs import SIZES, draw_images, draw_true_masks, list_tensors, make_damage_map, take_one
from hcl_sdk.testing._subjects import DIM, AdversarialLossSubject, DetectionLossSubject, LossSubject


def gives_one_number(subject: LossSubject) -> None:
    """For images of any size, with none, some or all pixels corrupted, the loss is a finite float32 number."""
    loss = subject.make()
    for size in SIZES:
        inputs = subject.make_inputs(*size, batch=3)
        where = f"for images of {size[0]} x {size[1]}"
        for path, value in list_tensors(subject.call(loss, inputs)):
            require(value.shape == (), f"{where}, expected a number, got {path} {list(value.shape)}")
            require(value.dtype == torch.float32, f"{where}, expected float32, got {value.dtype}")
            require(value.isfinite(), f"{where}, the loss is {value.item()}")


def batch_is_mean_of_images(subject: LossSubject) -> None:
    """The loss of a batch is the mean of the losses of its images."""
    loss, inputs = subject.make(), subject.make_inputs(17, 33, batch=3)
    with torch.no_grad():
        whole = subject.call(loss, inputs)
        alone = [subject.call(loss, take_one(inputs, b)) for b in range(3)]
    mean = pytree.tree_map(lambda *values: torch.stack(values).mean(), *alone)
    require_close(whole, mean, "of a batch, and the mean of its images'", "the loss")


def weight_is_left_to_the_trainer(subject: LossSubject) -> None:
    """The field ``weight`` does not change what ``forward`` returns; the trainer multiplies by it."""
    loss, inputs = subject.make(), subject.make_inputs(17, 33)
    with torch.random.fork_rng():
        heavier = attrs.evolve(subject.make(), weight=loss.weight + 3.0).eval()
    heavier.load_state_dict(loss.state_dict())
    with torch.no_grad():
        values = subject.call(loss, inputs), subject.call(heavier, inputs)
    require_close(*values, "with one weight, and with another", "the loss")


def gradients_reach_the_model(subject: LossSubject) -> None:
    """What is trained, a detector or restored images, gets a finite, nonzero gradient."""
    loss = subject.make().train()
    if isinstance(subject, DetectionLossSubject):
        detector, mask = subject.make_detector(), draw_true_masks(32, 48, 3, 0)
        value = subject.call(loss, (detector(draw_images(32, 48, 3), corruption_mask=mask), mask))
        leaves = list(detector.parameters())
    else:
        restored, *rest = subject.make_inputs(32, 48)
        leaves = [restored.requires_grad_()]
        value = loss(restored, *rest)
    lacking = "the loss carries no gradient: something in it is detached, or cannot be differentiated"
    require(value.requires_grad, lacking)
    value.backward()
    gradients = [leaf.grad for leaf in leaves if leaf.grad is not None]
    require(all(g.isfinite().all() for g in gradients), "a gradient is not finite")
    require(any(g.any() for g in gradients), "no gradient reaches what is trained")


def better_results_cost_less(subject: LossSubject) -> None:
    """The true image costs less than noise; a detection that agrees with the mask less than its opposite."""
    if isinstance(subject, AdversarialLossSubject):
        raise SkipTest("a discriminator that has learned nothing has no opinion")
    loss = subject.make()
    with torch.no_grad():
        if isinstance(subject, DetectionLossSubject):
            mask = torch.zeros(3, 1, 32, 48, dtype=torch.bool)
            for b in range(3):  # whole pixels of every scale, whose class is unambiguous
                mask[b, :, 8 * b : 8 * b + 16, 8 : 24 + 8 * b] = True
            good, bad = (
                float(subject.call(loss, (make_training_detection(mask, opposite), mask))) for opposite in (False, True)
            )
        else:
            _, target, mask = subject.make_inputs(32, 48)
            noise = torch.rand(target.shape, generator=torch.Generator().manual_seed(4))
            good, bad = (float(loss(image, target, mask)) for image in (target, noise))
    require(good < bad, f"the loss of a good result, {good:.4g}, is not below that of a bad one, {bad:.4g}")


def make_training_detection(corruption_mask: Tensor, opposite: bool) -> Detection:
    """Make a detection as in training that agrees with a mask at every scale, strides 2, 4 and 8; or with its opposite.

    If it agrees, embeddings of the two classes are opposite and kinds of damage are right; if not, embeddings are all
    the same and kinds are wrong.
    """
    scales, embeddings = [], []
    for s, stride in enumerate((2, 4, 8)):
        share = F.avg_pool2d(corruption_mask.float(), stride, ceil_mode=True)
        corrupted = share > 0.5
        confidence = (1 - share if opposite else share).clamp(0.01, 0.99)
        generator = torch.Generator().manual_seed(s)
        drawn = torch.randn(len(share), DIM, *share.shape[2:], generator=generator)
        valid = torch.eye(DIM)[0]
        directions = torch.stack([valid, -valid])
        told_apart = torch.where(corrupted, -1.0, 1.0) * valid.view(1, -1, 1, 1)
        ideal = valid.view(1, -1, 1, 1) if opposite else told_apart
        embeddings.append(F.normalize(ideal + 0.05 * drawn, dim=1))
        found = confidence > 0.5
        logits = torch.tensor([3.0, -3.0] if opposite else [-3.0, 3.0]).expand(len(share), 2)
        nothing = torch.zeros_like(corrupted)
        scales.append(
            ScaleDetection(
                candidates=~nothing,
                centers=directions.expand(len(share), 2, DIM),
                cluster_confidence=confidence,
                settles_valid=nothing,
                settles_corrupted=nothing,
                settled_valid=nothing,
                settled_corrupted=nothing,
                confidence=confidence,
                corruption_mask=found,
                logits=logits if stride == 8 else None,
            )
        )
    whole = resize(scales[0].confidence, corruption_mask.shape[-2:])
    kinds = make_damage_map(torch.ones_like(corruption_mask))[:, 0, ::2, ::2].long() - 1
    damage_logits = 5 * F.one_hot(kinds, len(DAMAGE)).movedim(3, 1).float()
    verdict_logits = torch.where(corruption_mask.flatten(1).any(dim=1), 5.0, -5.0)
    return Detection(
        confidence=whole,
        corruption_mask=whole > 0.5,
        masks=tuple(scale.corruption_mask for scale in scales),
        embeddings=tuple(embeddings),
        scales=tuple(scales),
        damage_logits=-damage_logits if opposite else damage_logits,
        verdict_logits=-verdict_logits if opposite else verdict_logits,
    )
