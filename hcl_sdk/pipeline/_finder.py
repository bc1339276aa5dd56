"""From photos to masks: the detector at its working size, in context and in tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from hcl_sdk.detector import Detector
from hcl_sdk.functional.arrays import CERTAIN, Box, shrink_size, slice_box
from hcl_sdk.interfaces import Detection
from hcl_sdk.photos.photo import Photo
from hcl_sdk.pipeline._confidence import average_logits, calibrate, follow_colors
from hcl_sdk.pipeline._masks import make_enlarged_mask
from hcl_sdk.pipeline._resizing import find_working_size, get_window, limit_size, resize_photo, shrink_to_bytes
from hcl_sdk.result import Result
from hcl_sdk.runtime import Precision, autocast
from hcl_sdk.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class WorkingDetection:
    """The detector's output for one photo, with its features and input image; on the pipeline's device."""

    image: Tensor
    detection: Detection


@dataclass(frozen=True, kw_only=True, eq=False)
class Finder:
    """Finds the corrupted regions of photos, for one call of a pipeline.

    Attributes:
        detector: finds them.
        settings: the settings for this call.
        device, precision: where and how the detector runs.
        region: (x, y, width, height) in pixels, beyond which nothing is corrupted; None for the whole photo.
    """

    detector: Detector
    settings: Settings
    device: torch.device
    precision: Precision
    region: Box | None = None

    @torch.no_grad()  # not inference_mode: its tensors could not be edited and fed back
    def find(self, photos: Sequence[Photo], *, seed: int) -> list[tuple[Result, WorkingDetection]]:
        """Find corrupted regions in photos of the same working size. Results own copies of their data, on the CPU."""
        size = find_working_size(photos[0], self.settings)
        images, found = self._run_detector(photos, size, seed)
        working = average_logits(found.confidence, self._detect_in_context(photos, size, seed))
        results = []
        for k, photo in enumerate(photos):
            own = _select_image(found, k)
            seen = (images[k : k + 1], working[k : k + 1], own.verdict_logits)
            image, confidence, verdict = self._fuse_details(photo, *seen, seed)
            confidence, verdict = _copy((confidence.float(), verdict))
            if verdict is not None:
                verdict = calibrate(verdict, confidence, self.detector.verdict)
                confidence = confidence * verdict.sigmoid()
            if self.settings.follow_colors:
                confidence = follow_colors(confidence, image, self.settings.threshold)
            confidence = limit_size(confidence, photo.size)
            kept = _copy(replace(own, pyramid=None, embeddings=(), verdict_logits=verdict))
            inside = None if self.region is None else slice_box(self.region, photo.size)
            mask = make_enlarged_mask(confidence, photo.size, self.settings, kept, inside)
            result = Result(
                photo=photo, corruption_mask=mask, detection=kept, detected_confidence=confidence, searched=inside
            )
            results.append((result, WorkingDetection(image=images[k : k + 1], detection=own)))
        return results

    def _run_detector(
        self, photos: Sequence[Photo], size: tuple[int, int], seed: int, confidence_only: bool = False
    ) -> tuple[Tensor, Detection]:
        """Resize photos and run the detector; return the images and the detection."""
        images = torch.cat([resize_photo(photo, get_window(photo), size) for photo in photos])
        images = images.to(self.device, memory_format=torch.channels_last)  # convolutions are a fifth faster on a CPU
        with autocast(self.device, self.precision):
            return images, self.detector(images, seed=seed, confidence_only=confidence_only)

    def _detect_in_context(self, photos: Sequence[Photo], size: tuple[int, int], seed: int) -> Tensor | None:
        """Detect in the photos at a smaller size as well; return that confidence, or None without a smaller size."""
        smaller = shrink_size(size, self.settings.context_size)
        if smaller == size:
            return None
        return self._run_detector(photos, smaller, seed, confidence_only=True)[1].confidence

    def _fuse_details(
        self, photo: Photo, image: Tensor, confidence: Tensor, verdict_logits: Tensor | None, seed: int
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Fuse the confidence in a photo, and its verdict, with what is found in tiles of its own pixels.

        Returns:
            The image that was analyzed last, the confidence and the logits of the verdict.
        """
        fusion, large = self.detector.detail_fusion, self.settings.detail_size
        size = photo.size if large is None else shrink_size(photo.size, large)
        if large is None or fusion is None or max(size) <= max(confidence.shape[-2:]):
            return image, confidence, verdict_logits
        image = shrink_to_bytes(photo, size)
        with autocast(self.device, self.precision):
            fine = self.detector.detect_in_tiles(image, seed=seed)
        logits, verdict_logits = fusion(torch.logit(confidence, CERTAIN), fine.to(self.device), verdict_logits)
        return image, logits.sigmoid(), verdict_logits


def _select_image(batch: Detection, k: int) -> Detection:
    return pytree.tree_map_only(Tensor, lambda tensor: tensor[k : k + 1], batch)


def _copy(value: T) -> T:
    """Copy a tensor, or a value made of tensors, to the CPU."""
    return pytree.tree_map_only(Tensor, lambda tensor: tensor.to("cpu", copy=True), value)
