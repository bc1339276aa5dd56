"""The path of a photo through a pipeline, from the detector to the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from hcl_sdk.detector import Detector
from hcl_sdk.functional.arrays import Box, find_surroundings, slice_box, working_size
from hcl_sdk.functional.compositing import close_seam, feathered_alpha
from hcl_sdk.functional.hysteresis import hysteresis_mask
from hcl_sdk.functional.masks import shrink_mask
from hcl_sdk.functional.patch_fields import synthesize
from hcl_sdk.functional.resize import resize, shrink
from hcl_sdk.functional.sensitivity import threshold_at
from hcl_sdk.functional.veils import remove_veils
from hcl_sdk.interfaces import Detection, Restorer
from hcl_sdk.photos.photo import Photo
from hcl_sdk.photos.regions import select_kinds
from hcl_sdk.result import Result, list_kinds
from hcl_sdk.runtime import Precision, autocast
from hcl_sdk.settings import Settings

T = TypeVar("T")

EPSILON = 1e-4
"""Probabilities closer to 0 or 1 count as this close where logits are averaged."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _WorkingDetection:
    """The detector's output for one photo, with its features and input image; on the pipeline's device."""

    image: Tensor
    detection: Detection


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow:
    """Processes photos for one call of a pipeline.

    Attributes:
        detector, restorer: bound to each other; None if the call does not need them.
        settings: the settings for this call.
        device, precision: where and how the parts run.
        region: (x, y, width, height) in pixels, beyond which nothing is corrupted; None for the whole photo.
    """

    detector: Detector | None
    restorer: Restorer | None
    settings: Settings
    device: torch.device
    precision: Precision
    region: Box | None = None

    def detect(self, photos: Sequence[Photo], *, seed: int) -> list[Result]:
        """Detect corrupted regions in photos of the same working size."""
        return [result for result, _ in self._detect_batch(photos, seed)]

    def restore(self, photos: Sequence[Photo], *, seed: int) -> list[Result]:
        """Detect and fill corrupted regions in photos of the same working size."""
        return [self._fill(result, working) for result, working in self._detect_batch(photos, seed)]

    def fill(self, result: Result) -> Result:
        """Fill the mask of a result whose photo the detector has not seen."""
        return self._fill(result, None)

    def make_mask(self, confidence: Tensor, detection: Detection | None = None) -> Tensor:
        """The mask that a confidence makes, both ``[B, 1, H, W]``.

        Kinds of damage are those of ``detection``, if it is given; then ``B`` is 1.
        """
        own = self.settings
        limits = (threshold_at(own.sensitivity, limit) for limit in (own.threshold, own.peak_threshold))
        mask = hysteresis_mask(confidence, *limits, min_area=own.min_area)
        kinds = list_kinds(detection)
        if kinds is None or not (own.only or own.skip):
            return mask
        return select_kinds(mask, kinds, only=own.only, skip=own.skip)

    # From photos to masks

    @torch.no_grad()  # not inference_mode: its tensors could not be edited and fed back
    def _detect_batch(self, photos: Sequence[Photo], seed: int) -> list[tuple[Result, _WorkingDetection]]:
        """Run the detector on photos of the same working size. Results own copies of their data, on the CPU."""
        assert self.detector is not None
        size = working_size(photos[0].size, self.settings.detection_size)
        images = torch.cat([shrink(photo.rgb, size) for photo in photos]).to(self.device)
        with autocast(self.device, self.precision):
            found = self.detector(images, seed=seed)
        working = self._weigh(found, self._detect_in_context(photos, size, seed))
        results = []
        for k, photo in enumerate(photos):
            own = _select_image(found, k)
            # Bilinear, so that its edges do not show the working scale.
            confidence = _copy(resize(working[k : k + 1], photo.size, "bilinear"))
            if self.region is not None:
                inside = slice_box(self.region, photo.size)
                limited = torch.zeros_like(confidence)
                limited[..., *inside] = confidence[..., *inside]
                confidence = limited
            result = Result(
                photo=photo,
                confidence=confidence,
                corruption_mask=self.make_mask(confidence, own),
                detection=_copy(replace(own, pyramid=None, embeddings=())),
            )
            results.append((result, _WorkingDetection(image=images[k : k + 1], detection=own)))
        return results

    def _detect_in_context(self, photos: Sequence[Photo], size: tuple[int, int], seed: int) -> Tensor | None:
        """The confidence of the photos at a smaller size than they are detected at; None if there is none."""
        assert self.detector is not None
        smaller = working_size(size, self.settings.context_size)
        if smaller == size:
            return None
        images = torch.cat([shrink(photo.rgb, smaller) for photo in photos]).to(self.device)
        with autocast(self.device, self.precision):
            return self.detector(images, seed=seed).confidence

    def _weigh(self, found: Detection, in_context: Tensor | None) -> Tensor:
        """The confidence of both sizes together, times the probability that the image is damaged at all."""
        confidence = found.confidence
        if in_context is not None:
            in_context = resize(in_context, confidence.shape[-2:], "bilinear")
            logits = torch.logit(confidence, EPSILON) + torch.logit(in_context, EPSILON)
            confidence = (logits / 2).sigmoid()
        if found.verdict_logits is not None:
            confidence = confidence * found.verdict_logits.sigmoid()[:, None, None, None]
        return confidence

    # From masks to restored photos

    @torch.no_grad()
    def _fill(self, result: Result, working: _WorkingDetection | None) -> Result:
        """Fill the mask of a result; without a working detection, the detector has not seen the photo."""
        assert self.restorer is not None
        photo = result.photo
        alpha = feathered_alpha(result.corruption_mask, self.settings.dilate, self.settings.feather)
        if not result.corruption_mask.any():
            return replace(result, alpha=alpha, composited=photo)
        mask = self._grow(result.corruption_mask)
        near = find_surroundings(mask[0, 0].cpu().numpy())
        fill = photo.rgb
        part, hole = fill[..., *near].clone(), mask[..., *near]
        if self.restorer.uses_features:
            box = slice(None), slice(None)
            fill = filled = self._restore_whole(result, mask, working)
            changed = filled[..., *near]
        else:
            box = near
            filled = changed = self._restore_part(part, hole)
        if self.settings.unveil:
            part, rest = remove_veils(part, result.corruption_mask[..., *near], changed)
            hole = self._grow(rest)
        changed.copy_(torch.where(hole | (alpha[..., *near] == 0), changed, part))
        if self.settings.seamless or self.settings.texture > 0:
            changed.copy_(torch.where(hole, close_seam(part, hole, changed).clamp(0, 1), changed))
        if self.settings.texture > 0:
            changed.copy_(self._add_texture(part, hole, changed))
        fill[..., *box] = filled
        return replace(result, alpha=alpha, composited=photo.composite(fill, alpha), _filled=(filled, box))

    def _grow(self, mask: Tensor) -> Tensor:
        """What is filled for a mask: its feathered border, too, since a fill that stops short of it would not fade into
        the photo; but for what little would else be known of the photo.
        """
        grown = feathered_alpha(mask, self.settings.dilate, self.settings.feather) > 0
        return mask if grown.all() else grown

    def _restore_whole(self, result: Result, mask: Tensor, working: _WorkingDetection | None) -> Tensor:
        """Restore at the scale of the detection, from its features."""
        size = working_size(result.photo.size, self.settings.detection_size)
        small = shrink_mask(mask, size).to(self.device)
        if working is None:
            working = self._encode(shrink(result.photo.rgb, size).to(self.device), small)
        elif self.region is not None or not torch.equal(mask, _found_mask(working.detection, result.photo.size)):
            # Of another mask than the detector's own.
            detection = Detection.from_mask(small, working.detection.pyramid)
            working = replace(working, detection=detection)
        return self._run_restorer(working.image, working.detection, result.photo.size)

    def _encode(self, image: Tensor, corruption_mask: Tensor) -> _WorkingDetection:
        """Create the detection that a detector finding this mask in the image would pass to the restorer."""
        assert self.detector is not None
        with autocast(self.device, self.precision):
            detection = self.detector.encode_mask(image, corruption_mask)
        return _WorkingDetection(image=image, detection=detection)

    def _restore_part(self, rgb: Tensor, mask: Tensor) -> Tensor:
        """Restore the part of a photo around the mask, so that a small region of a large photo keeps its detail."""
        size = working_size(rgb.shape[-2:], self.settings.restoration_size)
        detection = Detection.from_mask(shrink_mask(mask, size).to(self.device))
        return self._run_restorer(shrink(rgb, size).to(self.device), detection, rgb.shape[-2:])

    def _add_texture(self, rgb: Tensor, mask: Tensor, filled: Tensor) -> Tensor:
        """Add texture to the filled part of a photo, at the photo's resolution, whatever the restorer's was."""
        textured = synthesize(rgb.to(self.device), mask.to(self.device), filled.to(self.device)).cpu()
        return torch.where(mask, torch.lerp(filled, textured, self.settings.texture), filled)

    def _run_restorer(self, image: Tensor, detection: Detection, size: Sequence[int]) -> Tensor:
        assert self.restorer is not None
        with autocast(self.device, self.precision):
            restored = self.restorer(image, detection)
        if not isinstance(restored, Tensor) or restored.shape != image.shape or not restored.is_floating_point():
            what = (
                f"{restored.dtype} {list(restored.shape)}" if isinstance(restored, Tensor) else type(restored).__name__
            )
            raise ValueError(
                f"{type(self.restorer).__name__}.forward must return a floating-point image {list(image.shape)}; "
                f"got {what}"
            )
        return resize(restored.float(), size, "bilinear").clamp(0, 1).cpu()


def _found_mask(detection: Detection, size: Sequence[int]) -> Tensor:
    """The mask that the detector alone found, at the size of the photo, on the CPU."""
    return _copy(resize(detection.confidence, size, "bilinear")) > 0.5


def _select_image(batch: Detection, k: int) -> Detection:
    return pytree.tree_map_only(Tensor, lambda tensor: tensor[k : k + 1], batch)


def _copy(value: T) -> T:
    """Copy a tensor, or a value made of tensors, to the CPU."""
    return pytree.tree_map_only(Tensor, lambda tensor: tensor.to("cpu", copy=True), value)
