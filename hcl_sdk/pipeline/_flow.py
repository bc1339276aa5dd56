"""The path of a photo through a pipeline, from the detector to the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from hcl_sdk.detector import Detector
from hcl_sdk.functional.arrays import (
    BAND,
    CERTAIN,
    FILLED_AROUND,
    REFINED_APART,
    REFINED_AROUND,
    REFINED_AT_ONCE,
    SEEN_AT_ONCE,
    Box,
    Window,
    bound_mask,
    calibrate_verdict,
    choose_working_size,
    cut_box,
    feather_tiles,
    fill_enclosed,
    follow_image,
    grow_mask,
    intersect,
    leave_unknown,
    measure_softness,
    shift,
    shrink_size,
    slice_box,
    split_mask,
    surround,
)
from hcl_sdk.functional.compositing import close_seam, feather_mask
from hcl_sdk.functional.hysteresis import apply_hysteresis_threshold, threshold_enlarged
from hcl_sdk.functional.masks import shrink_mask
from hcl_sdk.functional.resize import BandShrinker, ByteShrinker, resize
from hcl_sdk.functional.sensitivity import adjust_threshold
from hcl_sdk.functional.texture import BLEND_REACH, blend_texture, synthesize
from hcl_sdk.functional.veils import remove_veils
from hcl_sdk.interfaces import Detection, Restorer
from hcl_sdk.photos.photo import Compositor, Photo
from hcl_sdk.photos.regions import select_kinds
from hcl_sdk.result import Fill, Result, list_kinds
from hcl_sdk.runtime import Precision, autocast, release_memory
from hcl_sdk.settings import Settings

T = TypeVar("T")

_SMALL = BAND // 32  # pixels up to which giving memory back takes longer than it is worth


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
        """Convert a confidence to a mask, both ``[B, 1, H, W]``.

        Kinds of damage are taken from ``detection``, if it is given; ``B`` must then be 1.
        """
        confidence, area = self._fill_enclosed(confidence), self.settings.min_area
        return self._choose(apply_hysteresis_threshold(confidence, *self._get_thresholds(), min_area=area), detection)

    def make_own_mask(self, result: Result) -> Tensor:
        """Compute the mask of a result's detection, ``[1, 1, H, W]``."""
        assert result.detection is not None
        assert result.detected_confidence is not None
        return self._enlarge(result.detected_confidence, result.detection, result.photo, result.searched)

    def _enlarge(self, confidence: Tensor, detection: Detection, photo: Photo, inside: Window | None) -> Tensor:
        # Enlarged bilinearly, so that its edges do not show the working scale.
        confidence, area = self._fill_enclosed(confidence), self.settings.min_area
        mask = threshold_enlarged(confidence, photo.size, *self._get_thresholds(), inside=inside, min_area=area)
        return self._choose(mask, detection)

    def _fill_enclosed(self, confidence: Tensor) -> Tensor:
        """Count what regions enclose as corrupted, if that is asked for; ``[B, 1, h, w]``."""
        if not self.settings.fill_enclosed:
            return confidence
        threshold = self._get_thresholds()[0]
        filled = [fill_enclosed(each, threshold) for each in confidence[:, 0].cpu().numpy()]
        return torch.from_numpy(np.stack(filled))[:, None].to(confidence.device)

    def _choose(self, mask: Tensor, detection: Detection | None) -> Tensor:
        """Keep the regions of a mask whose kinds of damage are asked for."""
        kinds = list_kinds(detection)
        if kinds is None or not (self.settings.only or self.settings.skip):
            return mask
        return select_kinds(mask, kinds, only=self.settings.only, skip=self.settings.skip)

    def _get_thresholds(self) -> tuple[float, float]:
        """Return the two thresholds, adapted to the sensitivity."""
        at = partial(adjust_threshold, self.settings.sensitivity)
        return at(self.settings.threshold), at(self.settings.peak_threshold)

    # From photos to masks

    @torch.no_grad()  # not inference_mode: its tensors could not be edited and fed back
    def _detect_batch(self, photos: Sequence[Photo], seed: int) -> list[tuple[Result, _WorkingDetection]]:
        """Run the detector on photos of the same working size. Results own copies of their data, on the CPU."""
        size = self._find_working_size(photos[0])
        images, found = self._run_detector(photos, size, seed)
        working = _average_logits(found.confidence, self._detect_in_context(photos, size, seed))
        results = []
        for k, photo in enumerate(photos):
            own = _select_image(found, k)
            seen = (images[k : k + 1], working[k : k + 1], own.verdict_logits)
            image, confidence, verdict = self._fuse_details(photo, *seen, seed)
            confidence, verdict = _copy((confidence.float(), verdict))
            if verdict is not None:
                verdict = self._calibrate(verdict, confidence)
                confidence = confidence * verdict.sigmoid()
            if self.settings.follow_colors:
                confidence = _follow_colors(confidence, image, self.settings.threshold)
            confidence = _limit(confidence, photo.size)
            kept = _copy(replace(own, pyramid=None, embeddings=(), verdict_logits=verdict))
            inside = None if self.region is None else slice_box(self.region, photo.size)
            mask = self._enlarge(confidence, kept, photo, inside)
            result = Result(
                photo=photo, corruption_mask=mask, detection=kept, detected_confidence=confidence, searched=inside
            )
            results.append((result, _WorkingDetection(image=images[k : k + 1], detection=own)))
        return results

    def _find_working_size(self, photo: Photo) -> tuple[int, int]:
        """Return the height and width at which a photo is analyzed."""
        return choose_working_size(photo.size, self.settings.detection_size, self.settings.context_size)

    def _detect_in_context(self, photos: Sequence[Photo], size: tuple[int, int], seed: int) -> Tensor | None:
        """Detect in the photos at a smaller size as well; return that confidence, or None without a smaller size."""
        smaller = shrink_size(size, self.settings.context_size)
        if smaller == size:
            return None
        return self._run_detector(photos, smaller, seed, confidence_only=True)[1].confidence

    def _run_detector(
        self, photos: Sequence[Photo], size: tuple[int, int], seed: int, confidence_only: bool = False
    ) -> tuple[Tensor, Detection]:
        """Resize photos and run the detector; return the images and the detection."""
        assert self.detector is not None
        images = torch.cat([_resize_photo(photo, _get_window(photo), size) for photo in photos])
        images = images.to(self.device, memory_format=torch.channels_last)  # convolutions are a fifth faster on a CPU
        with autocast(self.device, self.precision):
            return images, self.detector(images, seed=seed, confidence_only=confidence_only)

    def _fuse_details(
        self, photo: Photo, image: Tensor, confidence: Tensor, verdict_logits: Tensor | None, seed: int
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Fuse the confidence in a photo, and its verdict, with what is found in tiles of its own pixels.

        Returns:
            The image that was analyzed last, the confidence and the logits of the verdict.
        """
        assert self.detector is not None
        fusion, large = self.detector.detail_fusion, self.settings.detail_size
        size = photo.size if large is None else shrink_size(photo.size, large)
        if large is None or fusion is None or max(size) <= max(confidence.shape[-2:]):
            return image, confidence, verdict_logits
        image = _resize(photo, _get_window(photo), ByteShrinker(photo.size, size))
        with autocast(self.device, self.precision):
            fine = self.detector.detect_in_tiles(image, seed=seed)
        logits, verdict_logits = fusion(torch.logit(confidence, CERTAIN), fine.to(self.device), verdict_logits)
        return image, logits.sigmoid(), verdict_logits

    def _calibrate(self, verdict_logits: Tensor, confidence: Tensor) -> Tensor:
        """Calibrate the verdict on one photo, ``[1]``, by the confidence in its pixels; both are on the CPU."""
        assert self.detector is not None
        if self.detector.verdict is None:
            return verdict_logits
        logit = calibrate_verdict(float(verdict_logits), confidence.numpy(), self.detector.verdict.calibration)
        return torch.full_like(verdict_logits, logit)

    # From masks to restored photos

    @torch.no_grad()
    def _fill(self, result: Result, working: _WorkingDetection | None) -> Result:
        """Fill the mask of a result; without a working detection, the detector has not seen the photo."""
        assert self.restorer is not None
        photo, found = result.photo, result.corruption_mask[0, 0].numpy()
        border = (self.measure_growth(result), self.settings.feather)
        if not found.any():
            return replace(result, border=border, composited=photo)
        mask, has_border = _grow(result.corruption_mask, border)
        result = replace(result, border=border)
        fills = self._find_fills(result, mask, working)
        del mask
        compositor = Compositor(photo)
        for tile, alpha in feather_tiles(found, *border):
            for fill in fills:
                part = intersect(tile, fill.own)
                if part is not None:
                    weight = alpha[shift(part, tile)]
                    compositor.lay(part, fill.crop(*part)[0], weight if has_border else weight * found[part])
        if photo.size[0] * photo.size[1] > _SMALL:  # or photo after photo would leave more of it unused
            release_memory()
        return replace(result, composited=compositor.photo, fills=fills)

    def measure_growth(self, result: Result) -> float:
        """Measure by how many pixels the mask of a result grows before it is filled."""
        dilate = self.settings.dilate
        if self.settings.soft_edges and result.detected_confidence is not None:
            confidence = self._fill_enclosed(result.detected_confidence)
            confidence, mask = (x[0, 0].numpy() for x in (confidence, result.corruption_mask))
            dilate = max(dilate, measure_softness(confidence, mask, self._get_thresholds()[0]))
        return dilate

    def _find_fills(self, result: Result, mask: Tensor, working: _WorkingDetection | None) -> tuple[Fill, ...]:
        """Fill each group of regions of a result's mask, which includes its border."""
        assert self.restorer is not None
        photo, settings = result.photo, self.settings
        refined = settings.unveil or settings.seamless or settings.texture > 0
        whole = None
        if self.restorer.uses_features:
            everywhere = _get_window(photo)
            whole = Fill(image=self._restore_whole(result, mask, working), box=everywhere, own=everywhere)
            if not refined:
                return (whole,)
        fills, holes = [], mask[0, 0].numpy()
        for own in split_mask(holes, settings.restoration_size or SEEN_AT_ONCE):
            near = surround(own, photo.size)
            fill = whole or Fill(image=self._restore_part(photo, near, mask, working), box=near, own=own)
            _release_memory(fill.image)
            if not refined:
                fills.append(fill)
                continue
            parts: list[Fill] = []
            for group in split_mask(holes, SEEN_AT_ONCE, REFINED_APART, box=own, around=REFINED_AROUND):
                for box in cut_box(holes, group, REFINED_AT_ONCE):
                    parts.append(self._refine(result, box, mask, fill, parts))
                    _release_memory(parts[-1].image)
            fills += parts
        return tuple(fills)

    def _refine(self, result: Result, own: Window, mask: Tensor, fill: Fill, before: Sequence[Fill]) -> Fill:
        """Refine a part of a fill at the photo's own resolution, continuing the parts before it."""
        settings, photo = self.settings, result.photo
        near = surround(own, photo.size, most=REFINED_AROUND)
        unknown = mask[0, 0, *near].numpy().copy()
        wide, near = near, leave_unknown(near, own, unknown, FILLED_AROUND)
        for other in before:
            common = intersect(wide, other.own)
            if common is not None:
                unknown[shift(common, wide)] = False
        near = leave_unknown(near, own, unknown[shift(near, wide)])
        part, changed = photo.crop_rgb(*near), fill.crop(*near)
        hole, found = (x[..., near[0], near[1]].clone() for x in (mask, result.corruption_mask))
        for other in before:
            common = intersect(near, other.own)
            if common is not None:
                rows, columns = shift(common, near)
                known = hole[..., rows, columns]
                part[..., rows, columns] = torch.where(known, other.crop(*common), part[..., rows, columns])
                known.zero_()
                found[..., rows, columns] = False
        assert result.border is not None
        alpha = feather_mask(found, *result.border)
        if settings.unveil:
            part, rest = remove_veils(part, found, changed)
            hole, _ = _grow(rest, result.border)
        changed = torch.where(hole | (alpha == 0), changed, part)
        del alpha
        if (settings.seamless or settings.texture > 0) and hole.any():
            rows, columns = surround(bound_mask(hole[0, 0].numpy()), hole.shape[-2:], most=1)  # the border is in it
            inside = hole[..., rows, columns]
            guess = changed[..., rows, columns]
            closed = close_seam(part[..., rows, columns], inside, guess).clamp_(0, 1)
            changed[..., rows, columns] = torch.where(inside, closed, guess)
        inner = shift(own, near)
        if settings.texture == 0:
            return Fill(image=changed[..., *inner].clone(), box=own, own=own)
        around = surround(inner, hole.shape[-2:], most=BLEND_REACH)
        smooth = changed[..., *around].clone()
        part = torch.where(hole, changed, part)
        del changed
        _release_memory(part)
        textured = self._add_texture(part, hole)[..., *around]
        blended = blend_texture(smooth, torch.where(hole[..., *around], textured, smooth), settings.texture)
        return Fill(image=blended[..., *shift(inner, around)].clone(), box=own, own=own)

    def _restore_whole(self, result: Result, mask: Tensor, working: _WorkingDetection | None) -> Tensor:
        """Restore at the scale of the detection, from its features."""
        photo = result.photo
        size = self._find_working_size(photo)
        small = shrink_mask(mask, size).to(self.device)
        if working is None:
            working = self._encode(_resize_photo(photo, _get_window(photo), size).to(self.device), small)
        elif self.region is not None or not torch.equal(mask, _compute_found_mask(working.detection, photo.size)):
            # For a mask other than the detector's own.
            detection = Detection.from_mask(small, working.detection.pyramid)
            working = replace(working, detection=detection)
        return _limit(self._run_restorer(working.image, working.detection), photo.size)

    def _encode(self, image: Tensor, corruption_mask: Tensor) -> _WorkingDetection:
        """Create the detection that a detector finding this mask in the image would pass to the restorer."""
        assert self.detector is not None
        with autocast(self.device, self.precision):
            detection = self.detector.encode_mask(image, corruption_mask)
        return _WorkingDetection(image=image, detection=detection)

    def _restore_part(self, photo: Photo, box: Window, mask: Tensor, working: _WorkingDetection | None) -> Tensor:
        """Restore the part of a photo around the mask, so that a small region of a large photo keeps its detail."""
        size = shrink_size((box[0].stop - box[0].start, box[1].stop - box[1].start), self.settings.restoration_size)
        detection = Detection.from_mask(shrink_mask(mask[..., box[0], box[1]], size).to(self.device))
        if working is not None and box == _get_window(photo) and tuple(working.image.shape[-2:]) == size:
            return self._run_restorer(working.image, detection)  # the size that the photo would be shrunk to again
        return self._run_restorer(_resize_photo(photo, box, size).to(self.device), detection)

    def _add_texture(self, filled: Tensor, mask: Tensor) -> Tensor:
        """Add texture to a filled part of a photo, at the photo's resolution, whatever the restorer's was."""
        filled, mask = filled.to(self.device), mask.to(self.device)
        return synthesize(filled, mask, filled).cpu()

    def _run_restorer(self, image: Tensor, detection: Detection) -> Tensor:
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
        return restored.float().clamp(0, 1).cpu()


def _average_logits(confidence: Tensor, in_context: Tensor | None) -> Tensor:
    """Average the logits of the confidences at both sizes, if there are two."""
    if in_context is None:
        return confidence
    in_context = resize(in_context, confidence.shape[-2:], "bilinear")
    return ((torch.logit(confidence, CERTAIN) + torch.logit(in_context, CERTAIN)) / 2).sigmoid()


def _get_window(photo: Photo) -> Window:
    """Return the window of a whole photo: all rows, all columns."""
    height, width = photo.size
    return slice(0, height), slice(0, width)


def _release_memory(done: Tensor) -> None:
    """Release the memory that a large image took; after a small one, it is not worth the time."""
    if done.numel() > BAND // 2:
        release_memory()


def _grow(mask: Tensor, border: tuple[float, float]) -> tuple[Tensor, bool]:
    """Grow a mask by its feathered border: a fill that ended before it could not fade into the photo.

    Returns:
        The grown mask and True; or, if nothing of the photo would be known beyond it, the mask as it is and False.
    """
    grown = grow_mask(mask[0, 0].numpy(), *border)
    return (mask, False) if grown.all() else (torch.from_numpy(grown)[None, None], True)


def _resize_photo(photo: Photo, box: Window, size: Sequence[int]) -> Tensor:
    """Resize a part of a photo to a working size, ``[1, 3, *size]``."""
    extent = box[0].stop - box[0].start, box[1].stop - box[1].start
    image = _resize(photo, box, BandShrinker(extent, size))
    # To 8 bits, as training images: without any quantization, an enlarged photo looks processed.
    return image if size[0] <= extent[0] else image.mul_(255).round_().div_(255)


def _resize(photo: Photo, box: Window, shrinker: BandShrinker) -> Tensor:
    rows, columns = box
    for band in shrinker.bands:
        shrinker.add(band, photo.crop_undithered(slice(rows.start + band.start, rows.start + band.stop), columns))
    return shrinker.finish()


def _compute_found_mask(detection: Detection, size: Sequence[int]) -> Tensor:
    """Return the detector's own mask, regardless of the settings, at the size of the photo, on the CPU."""
    return threshold_enlarged(_limit(_copy(detection.confidence.float()), size), size, 0.5, 0.0)


def _follow_colors(confidence: Tensor, image: Tensor, threshold: float) -> Tensor:
    """Let what was found in an image follow its colors; see :func:`~hcl_sdk.functional.arrays.follow_image`.

    Args:
        confidence: ``[1, 1, h, w]`` on the CPU.
        image: ``[1, 3, H, W]``, at least as large; uint8, or floating-point in [0, 1].
        threshold: of the confidence, above which regions are found.

    Returns:
        ``[1, 1, h, w]`` on the CPU.
    """
    if not bool((confidence > threshold).any()):
        return confidence
    height, width = confidence.shape[-2:]
    colors = image.float() if image.is_floating_point() else image / 255
    small = F.adaptive_avg_pool2d(colors, (height, width))[0].cpu().numpy()
    return torch.from_numpy(follow_image(confidence[0, 0].numpy(), small, threshold))[None, None]


def _limit(x: Tensor, size: Sequence[int]) -> Tensor:
    """Shrink ``[B, C, h, w]`` to at most ``size``: what was computed from an enlarged photo."""
    if x.shape[-2] <= size[0] and x.shape[-1] <= size[1]:
        return x
    return F.interpolate(x, tuple(size), mode="bilinear", antialias=True)


def _select_image(batch: Detection, k: int) -> Detection:
    return pytree.tree_map_only(Tensor, lambda tensor: tensor[k : k + 1], batch)


def _copy(value: T) -> T:
    """Copy a tensor, or a value made of tensors, to the CPU."""
    return pytree.tree_map_only(Tensor, lambda tensor: tensor.to("cpu", copy=True), value)
