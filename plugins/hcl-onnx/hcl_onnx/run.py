"""Exported pipelines on numpy, Pillow and ONNX Runtime alone: neither torch nor hcl_sdk is imported."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hcl_onnx import arrays
from hcl_onnx.manifest import DETECTOR, RESTORER, ModelError, read
from hcl_onnx.picture import Picture, PictureError
from hcl_onnx.session import Session

Source = str | os.PathLike[str] | np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The mask of a photo and the restored photo.

    Attributes:
        photo: as it was read.
        confidence: float32 ``[H, W]``, the probability of *corrupted*.
        corruption_mask: bool ``[H, W]``, True = corrupted.
        alpha: float32 ``[H, W]``, the share of the restorer's output in every pixel of ``restored``; None without
            restoration.
        picture: the restored photo, as a picture; None without restoration.
    """

    photo: Picture
    confidence: np.ndarray
    corruption_mask: np.ndarray
    alpha: np.ndarray | None = None
    picture: Picture | None = None

    @property
    def restored(self) -> np.ndarray:
        """The restored photo ``[H, W, C]``, of the type that came in, bit-identical to it wherever ``alpha`` is 0."""
        if self.picture is None:
            raise ValueError("there is no restored photo: only detection was asked for")
        return self.picture.native

    def save(self, directory: str | os.PathLike[str], *, name: str | None = None) -> dict[str, Path]:
        """Write ``NAME_mask.png`` (255 = corrupted) and, after restoration, ``NAME_restored.EXT``, without loss.

        Args:
            directory: made if it is not there.
            name: without it the photo's file name up to the suffix, or ``photo``.

        Returns:
            The path of each file under ``"mask"`` and ``"restored"``.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        stem = name or (self.photo.path.stem if self.photo.path else "photo")
        mask = Picture(pixels=self.corruption_mask[..., None].astype(np.uint8) * 255, metadata={})
        pictures = {"mask": (mask, ".png")}
        if self.picture is not None:
            pictures["restored"] = self.picture, self.picture.suffix
        paths = {what: directory / f"{stem}_{what}{suffix}" for what, (_, suffix) in pictures.items()}
        own = self.photo.path
        for path in paths.values():
            if own is not None and path.exists() and path.samefile(own):
                raise FileExistsError(f"{path} is the photo itself, which would be overwritten")
        for what, (picture, _) in pictures.items():
            picture.save(paths[what])
        return paths


class Runner:
    """A pipeline that ``hcl-onnx export`` wrote; photos go through it as through ``hcl_sdk.Pipeline``.

    Args:
        folder: what was written. Every file is compared with its hash.
        threads: as many as ONNX Runtime may use; None for all cores.

    Attributes:
        detection_size, restoration_size, threshold, peak_threshold, dilate, feather: the settings of the pipeline that
            was exported, as ``hcl_sdk.Pipeline`` documents them; they may be set.

    Raises:
        ModelError: if the folder or a model in it is missing, damaged or something else.
    """

    def __init__(self, folder: str | os.PathLike[str], *, threads: int | None = None) -> None:
        folder = Path(folder)
        self.manifest = read(folder)
        config = self.manifest.config
        self.detection_size: int | None = config["detection_size"]
        self.restoration_size: int | None = config["restoration_size"]
        self.threshold: float = config["threshold"]
        self.peak_threshold: float = config.get("peak_threshold", 0.0)  # older folders have none
        self.dilate: float = config["dilate"]
        self.feather: float = config["feather"]
        files = self.manifest.files
        self._detector = Session(folder / DETECTOR, "detector", threads=threads) if DETECTOR in files else None
        self._restorer = Session(folder / RESTORER, "restorer", threads=threads) if RESTORER in files else None
        for session in (self._detector, self._restorer):
            if session is not None:
                _ = session.about  # now, rather than with the first photo

    def __call__(self, photo: Source) -> Result:
        """Find what does not belong in the photo, and fill it.

        Args:
            photo: path, or array ``[H, W]`` or ``[H, W, C]`` (grey, grey with alpha, RGB, RGB with alpha), uint8,
                uint16, or floating-point in [0, 1].

        Raises:
            PictureError: for a photo that cannot be read.
            ModelError: if there is no detector or no restorer.
        """
        self._need_restorer()
        result, seen = self._detect(Picture.open(photo))
        return self._fill(result, seen)

    def detect(self, photo: Source) -> Result:
        """Find what does not belong in the photo, and fill nothing; arguments and errors as in calling the runner."""
        return self._detect(Picture.open(photo))[0]

    def restore(self, photo: Source, *, corruption_mask: Source) -> Result:
        """Fill a region of a photo that is known.

        Args:
            photo: as in calling the runner.
            corruption_mask: path, or array ``[H, W]`` of the photo's size; True, white or 255 = corrupted.
        """
        self._need_restorer()
        picture = Picture.open(photo)
        mask = _read_mask(corruption_mask, picture.size)
        result = Result(photo=picture, confidence=mask.astype(np.float32), corruption_mask=mask)
        return self._fill(result, None)

    def _need_restorer(self) -> None:
        if self._restorer is None:
            raise ModelError("no restorer was exported; use detect(photo)")

    def _detect(self, photo: Picture) -> tuple[Result, tuple[np.ndarray, dict[str, np.ndarray]]]:
        image = arrays.shrink(photo.rgb, arrays.working_size(photo.size, self.detection_size))
        found = self._run_detector(image)
        confidence = arrays.enlarge(found["confidence"], photo.size)[0, 0]
        mask = arrays.hysteresis_mask(confidence, self.threshold, self.peak_threshold)
        return Result(photo=photo, confidence=confidence, corruption_mask=mask), (image, found)

    def _run_detector(self, image: np.ndarray) -> dict[str, np.ndarray]:
        if self._detector is None:
            raise ModelError("no detector was exported; use restore(photo, corruption_mask=mask)")
        return dict(zip(self._detector.outputs, self._detector.run({"image": image}), strict=True))

    def _fill(self, result: Result, seen: tuple[np.ndarray, dict[str, np.ndarray]] | None) -> Result:
        photo = result.photo
        alpha = arrays.feathered_alpha(result.corruption_mask, self.dilate, self.feather)
        mask = alpha > 0
        box = arrays.around(mask)
        if box is None:
            return replace(result, alpha=alpha, picture=photo)
        assert self._restorer is not None
        fill = photo.rgb
        if self._restorer.about["uses_features"]:
            fill = self._restored_whole(result, mask, seen)
        else:
            part = fill[..., *box]
            size = arrays.working_size(part.shape[2:], self.restoration_size)
            inputs = {
                "image": arrays.shrink(part, size),
                "corruption_mask": arrays.shrink_mask(mask[None, None, *box], size),
            }
            fill[..., *box] = self._run_restorer(inputs, part.shape[2:])
        return replace(result, alpha=alpha, picture=photo.composite(fill, alpha))

    def _restored_whole(
        self, result: Result, mask: np.ndarray, seen: tuple[np.ndarray, dict[str, np.ndarray]] | None
    ) -> np.ndarray:
        """Restore at the scale of the detection, from its features."""
        photo = result.photo
        if seen is None:
            image = arrays.shrink(photo.rgb, arrays.working_size(photo.size, self.detection_size))
            found = self._run_detector(image)
        else:
            image, found = seen
        assert self._restorer is not None
        strides: list[int] = self._restorer.about["strides"]
        inputs = {"image": image} | {f"map_{s}": found[f"map_{s}"] for s in range(len(strides))}
        if seen is not None and np.array_equal(mask, result.confidence > 0.5):
            inputs["corruption_mask"] = found["confidence"] > 0.5
            inputs |= {f"mask_{s}": found[f"mask_{s}"] for s in range(len(strides))}
        else:
            small = arrays.shrink_mask(mask[None, None], image.shape[2:])
            inputs["corruption_mask"] = small
            inputs |= {f"mask_{s}": arrays.pool_mask(small, stride) for s, stride in enumerate(strides)}
        return self._run_restorer(inputs, photo.size)

    def _run_restorer(self, inputs: dict[str, np.ndarray], size: Any) -> np.ndarray:
        assert self._restorer is not None
        (restored,) = self._restorer.run(inputs, ["restored"])
        return arrays.enlarge(restored, size).clip(0, 1)


def _read_mask(source: Source, size: tuple[int, int]) -> np.ndarray:
    """What is white in a mask, ``[H, W]`` bool."""
    if isinstance(source, np.ndarray) and source.dtype == np.bool_:
        source = source.astype(np.uint8) * 255
    picture = Picture.open(source)
    if picture.size != size:
        raise PictureError(
            f"a mask of {picture.size[1]} x {picture.size[0]} pixels does not fit a photo of {size[1]} x {size[0]} "
            f"(width x height)"
        )
    pixels = picture.pixels
    if pixels.dtype.kind == "u" and pixels.max() <= 1:
        pixels = pixels * pixels.dtype.type(np.iinfo(pixels.dtype).max)
    return replace(picture, pixels=pixels).rgb[0].mean(axis=0) > 0.5
