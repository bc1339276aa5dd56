"""Running exported pipelines with NumPy, Pillow, ONNX Runtime and the part of hcl_sdk that needs no torch."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hcl_onnx.manifest import DETECTOR, RESTORER, ModelError, read, read_calibration
from hcl_onnx.session import Session

try:
    from hcl_onnx import arrays
    from hcl_sdk import Photo
    from hcl_sdk.files import ProtectedFiles
    from hcl_sdk.functional.arrays import (
        REFINED_AROUND,
        SEEN_AT_ONCE,
        Window,
        calibrate_verdict,
        choose_working_size,
        close_seam,
        feather_mask,
        fill_enclosed,
        follow_image,
        measure_softness,
        select_regions,
        shift,
        shrink_mask,
        shrink_size,
        split_mask,
        surround,
    )
    from hcl_sdk.photos.color import from_pil
    from hcl_sdk.photos.formats import list_lossless_suffixes
    from hcl_sdk.photos.masks import load_mask_array
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"hcl-onnx reads and writes photos with hcl_sdk, without its dependencies: pip install --no-deps hcl_sdk "
        f"({error})",
        name=error.name,
    ) from error

Source = str | os.PathLike[str] | Image.Image | np.ndarray | Photo

_LEAST = 1e-7  # verdicts are kept at least this far from 0 and 1, which float32 would round them to


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The mask of a photo and the restored photo.

    Attributes:
        photo: as it was read.
        confidence: float32 ``[H, W]``, the probability of *corrupted*.
        corruption_mask: bool ``[H, W]``, True = corrupted.
        alpha: float32 ``[H, W]``, the share of the restorer's output in every pixel of ``restored``; None without
            restoration.
        composited: the restored photo; None without restoration.
        mask_path: the file that the mask was read from, if it was read from one.
    """

    photo: Photo
    confidence: np.ndarray
    corruption_mask: np.ndarray
    alpha: np.ndarray | None = None
    composited: Photo | None = None
    mask_path: Path | None = None

    @property
    def restored(self) -> np.ndarray:
        """The restored photo as an array, bit-identical to the photo wherever ``alpha`` is 0.

        It has the dtype of the photo, and its dimensions; ``[H, W, C]`` for a file.
        """
        if self.composited is None:
            raise ValueError("there is no restored photo: only detection was requested")
        native = self.composited.to_native()
        return from_pil(native) if isinstance(native, Image.Image) else np.asarray(native)

    def save(
        self,
        directory: str | os.PathLike[str],
        *,
        name: str | None = None,
        protected: ProtectedFiles | None = None,
    ) -> dict[str, Path]:
        """Write ``NAME_mask.png`` (255 = corrupted) and, after restoration, ``NAME_restored.EXT``, without loss.

        Args:
            directory: created if it does not exist.
            name: by default the photo's file name without its suffix, or ``photo``.
            protected: more files that must not be overwritten, as `check_outputs` returns them.

        Returns:
            The path of each file under ``"mask"`` and ``"restored"``.

        Raises:
            FileExistsError: if the photo, the file that the mask was read from, or a protected file would be
                overwritten. Then nothing is written.
            PhotoError: if a file cannot be written.
        """
        directory = Path(directory)
        stem = name or (self.photo.path.stem if self.photo.path else "photo")
        photos = {"mask": Photo.open(self.corruption_mask)}
        if self.composited is not None:
            photos["restored"] = self.composited
        paths = {what: directory / f"{stem}_{what}{photo.lossless_suffix}" for what, photo in photos.items()}
        own = ProtectedFiles(file for file in (self.photo.path, self.mask_path) if file is not None)
        for path in paths.values():
            for files in (own, protected or own):
                files.check(path)
        directory.mkdir(parents=True, exist_ok=True)
        for what, photo in photos.items():
            photo.save(paths[what])
        return paths


def check_outputs(
    photos: Sequence[Path], output: Path, *, restoring: bool = True, corruption_mask: Path | None = None
) -> ProtectedFiles:
    """Check before any work that no result would overwrite an input or another result.

    A restored photo is checked with its most common suffix; which one it has is known once it is decoded, so pass what
    is returned to `Result.save`.

    Args:
        photos: the files.
        output: the folder that will be passed to `Result.save`.
        restoring: whether photos will be restored, not only masks written.
        corruption_mask: the file of a mask to be filled.

    Returns:
        The inputs, for `Result.save`.

    Raises:
        ValueError: naming all photos whose results would have the same name.
        FileExistsError: naming the first input that would be overwritten.
    """
    by_name: dict[str, list[Path]] = {}
    for photo in {os.path.abspath(photo): photo for photo in photos}.values():
        by_name.setdefault(photo.stem.casefold(), []).append(photo)
    for same in by_name.values():
        if len(same) > 1:
            names = " and ".join(map(str, same))
            raise ValueError(
                f"the results of {names} would all be called {output / same[0].stem}_...; run them separately, each "
                f"with its own output folder (-o)"
            )
    protected = ProtectedFiles([*photos, *([] if corruption_mask is None else [corruption_mask])])
    for photo in photos:
        restored = f"{photo.stem}_restored{list_lossless_suffixes(photo.suffix)[0]}"
        for name in (f"{photo.stem}_mask.png", *([restored] if restoring else [])):
            protected.check(output / name)
    return protected


@dataclass(frozen=True, eq=False)
class _Detection:
    """The detector's result for a photo.

    Attributes:
        image: float32 ``[1, 3, H, W]``, the photo at the working size.
        outputs: the outputs of the model, by name.
        confidence: float32 ``[1, 1, H, W]`` at the working size: that of the model, averaged with the one in context,
            times the verdict, following the image, and with enclosed areas filled.
    """

    image: np.ndarray
    outputs: dict[str, np.ndarray]
    confidence: np.ndarray


class Runner:
    """Runs a pipeline that ``hcl-onnx export`` wrote, as ``hcl_sdk.Pipeline`` would.

    Args:
        folder: the exported folder. Every file is verified by its hash.
        threads: the number of threads that ONNX Runtime may use; None for all cores.

    Attributes:
        detection_size, context_size, restoration_size, threshold, peak_threshold, min_area, dilate, feather, seamless:
            the settings of the pipeline that was exported, as ``hcl_sdk.Pipeline`` documents them; they may be set.
            ``texture`` and ``unveil`` are not exported.
        follow_colors, fill_enclosed, soft_edges: likewise.

    Raises:
        ModelError: if the folder or a model in it is missing, damaged or of another kind.
    """

    def __init__(self, folder: str | os.PathLike[str], *, threads: int | None = None) -> None:
        folder = Path(folder)
        self.manifest = read(folder)
        config = self.manifest.config
        self.detection_size: int | None = config["detection_size"]
        self.context_size: int | None = config.get("context_size")  # older folders have none
        self.restoration_size: int | None = config["restoration_size"]
        self.threshold: float = config["threshold"]
        self.peak_threshold: float = config.get("peak_threshold", 0.0)  # older folders have none
        self.min_area: float = config.get("min_area", 0.0)
        self.follow_colors: bool = config.get("follow_colors", False)
        self.fill_enclosed: bool = config.get("fill_enclosed", False)
        self.dilate: float = config["dilate"]
        self.feather: float = config["feather"]
        self.soft_edges: bool = config.get("soft_edges", False)
        self.seamless: bool = config.get("seamless", False)
        self._calibration = read_calibration(config)
        files = self.manifest.files
        self._detector = Session(folder / DETECTOR, "detector", threads=threads) if DETECTOR in files else None
        self._restorer = Session(folder / RESTORER, "restorer", threads=threads) if RESTORER in files else None
        for session in (self._detector, self._restorer):
            if session is not None:
                _ = session.about  # fail now rather than on the first photo

    def __call__(self, photo: Source) -> Result:
        """Find what does not belong in the photo, and fill it.

        Args:
            photo: path, `hcl_sdk.Photo`, PIL image, or array ``[H, W]`` or ``[H, W, C]`` (gray, gray with alpha, RGB,
                RGB with alpha), uint8, uint16, bool, or floating-point in [0, 1].

        Raises:
            PhotoError: for a photo that cannot be read.
            ModelError: if there is no detector or no restorer.
        """
        self._need_restorer()
        return self._fill(*self._detect(Photo.open(photo)))

    def detect(self, photo: Source) -> Result:
        """Find what does not belong without filling it; arguments and errors as in `__call__`."""
        return self._detect(Photo.open(photo))[0]

    def restore(self, photo: Source, *, corruption_mask: Source) -> Result:
        """Fill a given region of a photo.

        Args:
            photo: as in `__call__`.
            corruption_mask: path, or array ``[H, W]`` of the photo's size; True, white or 255 = corrupted.
        """
        self._need_restorer()
        opened = Photo.open(photo)
        mask = load_mask_array(corruption_mask, opened.size, swapped=opened.swapped)
        path = Path(corruption_mask) if isinstance(corruption_mask, str | os.PathLike) else None
        result = Result(photo=opened, confidence=mask.astype(np.float32), corruption_mask=mask, mask_path=path)
        return self._fill(result, None)

    def _need_restorer(self) -> None:
        if self._restorer is None:
            raise ModelError("no restorer was exported; use detect(photo)")

    def _detect(self, photo: Photo) -> tuple[Result, _Detection]:
        seen = photo.undithered_array
        image = self._resize(seen)
        outputs = self._run_detector(image)
        working = outputs["confidence"]
        smaller = shrink_size(image.shape[2:], self.context_size)
        if smaller != image.shape[2:]:
            in_context = self._run_detector(arrays.shrink(seen, smaller))["confidence"]
            working = arrays.average_logits(working, arrays.enlarge(in_context, image.shape[2:]))
        if (verdict := outputs.get("verdict")) is not None:
            working = working * self._calibrate(float(verdict[0]), working)
        if self.follow_colors:
            working = follow_image(working[0, 0], image[0], self.threshold)[None, None]
        if min(working.shape[2:]) > min(photo.size):  # the photo was enlarged
            working = arrays.enlarge(working, photo.size)
        confidence = sure = arrays.enlarge(working, photo.size)[0, 0]
        if self.fill_enclosed:
            working = fill_enclosed(working[0, 0], self.threshold)[None, None]
            sure = arrays.enlarge(working, photo.size)[0, 0]
        mask = select_regions(sure > self.threshold, sure > self.peak_threshold, self.min_area)
        result = Result(photo=photo, confidence=confidence, corruption_mask=mask)
        return result, _Detection(image, outputs, working)

    def _resize(self, image: np.ndarray) -> np.ndarray:
        """Resize a photo to the size at which it is analyzed, to 8 bits where that enlarges it."""
        working = choose_working_size(image.shape[2:], self.detection_size, self.context_size)
        resized = arrays.shrink(image, working)
        return resized if working[0] <= image.shape[2] else np.round(resized * np.float32(255)) / np.float32(255)

    def _calibrate(self, verdict: float, confidence: np.ndarray) -> float:
        """Calibrate the probability that there is any damage by the confidence in the pixels."""
        verdict = min(max(verdict, _LEAST), 1 - _LEAST)
        logit = calibrate_verdict(math.log(verdict / (1 - verdict)), confidence, self._calibration)
        return 1 / (1 + math.exp(-logit))

    def _run_detector(self, image: np.ndarray) -> dict[str, np.ndarray]:
        if self._detector is None:
            raise ModelError("no detector was exported; use restore(photo, corruption_mask=mask)")
        return dict(zip(self._detector.outputs, self._detector.run({"image": image}), strict=True))

    def _fill(self, result: Result, detection: _Detection | None) -> Result:
        photo = result.photo
        dilate = self.dilate
        if self.soft_edges and detection is not None:
            softness = measure_softness(detection.confidence[0, 0], result.corruption_mask, self.threshold)
            dilate = max(dilate, softness)
        alpha = feather_mask(result.corruption_mask, dilate, self.feather)
        mask = alpha > 0
        if mask.all():  # the restorer needs what little is known of the photo
            mask = result.corruption_mask
            alpha = alpha * mask
        if not mask.any():
            return replace(result, alpha=alpha, composited=photo)
        assert self._restorer is not None
        original = photo.rgb_array
        fill = original.copy()
        whole = self._restore_whole(result, mask, detection) if self._restorer.about["uses_features"] else None
        for own in split_mask(mask, self.restoration_size or SEEN_AT_ONCE):
            near = surround(own, photo.size)
            restored = self._restore_part(photo, near, mask) if whole is None else whole[..., *near]
            if self.seamless:
                refined = surround(own, photo.size, most=REFINED_AROUND)
                restored, hole = restored[..., *shift(refined, near)], mask[refined]
                part, near = original[..., *refined], refined
                kept = np.where(hole | (alpha[refined] == 0), restored, part)
                restored = close_seam(part[0], hole, kept[0]).clip(0, 1)[None]
            fill[..., *own] = restored[..., *shift(own, near)]
        return replace(result, alpha=alpha, composited=photo.composite(fill, alpha[None, None]))

    def _restore_part(self, photo: Photo, box: Window, mask: np.ndarray) -> np.ndarray:
        """Restore a part of a photo around the mask."""
        part = photo.crop_undithered_array(*box)
        size = shrink_size(part.shape[2:], self.restoration_size)
        inputs = {
            "image": arrays.shrink(part, size),
            "corruption_mask": shrink_mask(mask[box], size)[None, None],
        }
        return self._run_restorer(inputs, part.shape[2:])

    def _restore_whole(self, result: Result, mask: np.ndarray, detection: _Detection | None) -> np.ndarray:
        """Restore the whole photo at the working size of the detection, from its features."""
        photo = result.photo
        if detection is None:
            image = self._resize(photo.undithered_array)
            found = self._run_detector(image)
        else:
            image, found = detection.image, detection.outputs
        assert self._restorer is not None
        strides: list[int] = self._restorer.about["strides"]
        inputs = {"image": image} | {f"map_{s}": found[f"map_{s}"] for s in range(len(strides))}
        if detection is not None and np.array_equal(mask, arrays.enlarge(found["confidence"], photo.size)[0, 0] > 0.5):
            inputs["corruption_mask"] = found["confidence"] > 0.5
            inputs |= {f"mask_{s}": found[f"mask_{s}"] for s in range(len(strides))}
        else:
            small = shrink_mask(mask, image.shape[2:])[None, None]
            inputs["corruption_mask"] = small
            inputs |= {f"mask_{s}": arrays.pool_mask(small, stride) for s, stride in enumerate(strides)}
        return self._run_restorer(inputs, photo.size)

    def _run_restorer(self, inputs: dict[str, np.ndarray], size: Any) -> np.ndarray:
        assert self._restorer is not None
        (restored,) = self._restorer.run(inputs, ["restored"])
        return arrays.enlarge(restored, size).clip(0, 1)
