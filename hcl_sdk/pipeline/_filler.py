"""From masks to restored photos: what the restorer fills, and how it is put into the photo."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hcl_sdk.detector import Detector
from hcl_sdk.functional.arrays import (
    BAND,
    SEEN_AT_ONCE,
    Window,
    feather_tiles,
    intersect,
    shift,
    shrink_size,
    split_mask,
    surround,
)
from hcl_sdk.functional.hysteresis import threshold_enlarged
from hcl_sdk.functional.masks import shrink_mask
from hcl_sdk.interfaces import Detection, Restorer
from hcl_sdk.photos.photo import Compositor, Photo
from hcl_sdk.pipeline._finder import WorkingDetection
from hcl_sdk.pipeline._masks import measure_growth
from hcl_sdk.pipeline._refinement import grow_by_border, is_refined, refine_fill, release_after
from hcl_sdk.pipeline._resizing import find_working_size, get_window, limit_size, resize_photo
from hcl_sdk.result import Fill, Result
from hcl_sdk.runtime import Precision, autocast, release_memory
from hcl_sdk.settings import Settings

_SMALL = BAND // 32  # pixels up to which giving memory back takes longer than it is worth


@dataclass(frozen=True, kw_only=True, eq=False)
class Filler:
    """Fills the masks of photos, for one call of a pipeline.

    Attributes:
        restorer: fills them.
        detector: whose features the restorer needs; None if it uses none.
        settings: the settings for this call.
        device, precision: where and how the parts run.
    """

    restorer: Restorer
    detector: Detector | None
    settings: Settings
    device: torch.device
    precision: Precision

    @torch.no_grad()
    def fill(self, result: Result, working: WorkingDetection | None = None) -> Result:
        """Fill the mask of a result; without a working detection, the detector has not seen the photo."""
        photo, found = result.photo, result.corruption_mask[0, 0].numpy()
        border = (measure_growth(result, self.settings), self.settings.feather)
        if not found.any():
            return replace(result, border=border, composited=photo)
        mask, has_border = grow_by_border(result.corruption_mask, border)
        result = replace(result, border=border)
        fills = self._make_fills(result, mask, working)
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

    def _make_fills(self, result: Result, mask: Tensor, working: WorkingDetection | None) -> tuple[Fill, ...]:
        """Fill each group of regions of a result's mask, which includes its border."""
        photo, refined = result.photo, is_refined(self.settings)
        whole = None
        if self.restorer.uses_features:
            everywhere = get_window(photo)
            whole = Fill(image=self._restore_whole(result, mask, working), box=everywhere, own=everywhere)
            if not refined:
                return (whole,)
        fills = []
        for own in split_mask(mask[0, 0].numpy(), self.settings.restoration_size or SEEN_AT_ONCE):
            near = surround(own, photo.size)
            fill = whole or Fill(image=self._restore_part(photo, near, mask, working), box=near, own=own)
            release_after(fill.image)
            fills += refine_fill(fill, own, result, mask, self.settings, self.device) if refined else [fill]
        return tuple(fills)

    def _restore_whole(self, result: Result, mask: Tensor, working: WorkingDetection | None) -> Tensor:
        """Restore at the scale of the detection, from its features."""
        photo = result.photo
        size = find_working_size(photo, self.settings)
        small = shrink_mask(mask, size).to(self.device)
        if working is None:
            working = self._encode(resize_photo(photo, get_window(photo), size).to(self.device), small)
        elif result.searched is not None or not torch.equal(mask, _compute_found_mask(working.detection, photo)):
            # For a mask other than the detector's own.
            detection = Detection.from_mask(small, working.detection.pyramid)
            working = replace(working, detection=detection)
        return limit_size(self._run_restorer(working.image, working.detection), photo.size)

    def _encode(self, image: Tensor, corruption_mask: Tensor) -> WorkingDetection:
        """Create the detection that a detector finding this mask in the image would pass to the restorer."""
        assert self.detector is not None
        with autocast(self.device, self.precision):
            detection = self.detector.encode_mask(image, corruption_mask)
        return WorkingDetection(image=image, detection=detection)

    def _restore_part(self, photo: Photo, box: Window, mask: Tensor, working: WorkingDetection | None) -> Tensor:
        """Restore the part of a photo around the mask, so that a small region of a large photo keeps its detail."""
        size = shrink_size((box[0].stop - box[0].start, box[1].stop - box[1].start), self.settings.restoration_size)
        detection = Detection.from_mask(shrink_mask(mask[..., box[0], box[1]], size).to(self.device))
        if working is not None and box == get_window(photo) and tuple(working.image.shape[-2:]) == size:
            return self._run_restorer(working.image, detection)  # the size that the photo would be shrunk to again
        return self._run_restorer(resize_photo(photo, box, size).to(self.device), detection)

    def _run_restorer(self, image: Tensor, detection: Detection) -> Tensor:
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


def _compute_found_mask(detection: Detection, photo: Photo) -> Tensor:
    """Return the detector's own mask, regardless of the settings, at the size of the photo, on the CPU."""
    return threshold_enlarged(limit_size(detection.confidence.float().cpu(), photo.size), photo.size, 0.5, 0.0)
