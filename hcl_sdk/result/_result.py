"""The result of a pipeline for one photo."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from hcl_sdk.errors import suggest_keywords
from hcl_sdk.files import is_same_file
from hcl_sdk.functional.arrays import Window
from hcl_sdk.functional.compositing import feather_mask
from hcl_sdk.functional.resize import enlarge_part
from hcl_sdk.interfaces import Detection
from hcl_sdk.photos.photo import Photo
from hcl_sdk.photos.regions import Kinds, Region, find_regions, to_coco
from hcl_sdk.photos.write import find_format
from hcl_sdk.result._display import colorize, encode_image, fit_image, place_side_by_side, tabulate_regions, to_image
from hcl_sdk.result._save import save_result
from hcl_sdk.settings import DAMAGE


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """The most suspicious part of a photo that is not in its mask.

    Attributes:
        box: (x, y, width, height) in pixels, around the pixels with more than half the highest confidence.
        confidence: the highest probability of *corrupted* in it.
        sensitivity: the lowest, in steps of 0.01, at which part of it is in the mask.
        share: the share of the photo that is in the mask at that sensitivity, in [0, 1].
    """

    box: tuple[int, int, int, int]
    confidence: float
    sensitivity: float
    share: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values that JSON can represent."""
        return {
            "box": list(self.box),
            "confidence": self.confidence,
            "sensitivity": self.sensitivity,
            "share": self.share,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Fill:
    """A restorer's output for a part of a photo.

    Attributes:
        image: ``[1, 3, h, w]`` in [0, 1], at the size that the restorer processed.
        box: rows and columns of the part of the photo that it covers.
        own: rows and columns, within the part, of the regions that it was made for.
    """

    image: Tensor
    box: Window
    own: Window

    def crop(self, rows: slice, columns: slice) -> Tensor:
        """Crop rows and columns of the photo inside the part: ``[1, 3, rows, columns]``, at the photo's resolution."""
        top, left = self.box[0].start, self.box[1].start
        size = self.box[0].stop - top, self.box[1].stop - left
        part = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        return enlarge_part(self.image, size, part)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result:
    """The mask of a photo and the restored photo.

    A result owns its data, on the CPU. Per pixel of the photo, that is 1 byte for the mask, besides the original and
    the restored photo at their original depth (3 bytes each for 8-bit RGB); per pixel that the restorer processed, 12
    bytes; and per pixel of the detector's working image, up to 25 bytes (fewer if the finest scale of its encoder is
    coarser). ``confidence``, ``alpha`` and ``raw`` are computed when they are accessed.

    Attributes:
        photo: the photo as it was read.
        corruption_mask: ``[1, 1, H, W]`` bool at the photo's size, True = corrupted: as detected or passed in, before
            dilation.
        mask_path: the file that the mask was read from; None if it was not passed in as a file.
        detection: the output of the detector, at its working scale; None if a mask was passed in. Without pyramid and
            embeddings, which are large: for these, call ``pipeline.detector``.
        composited: ``restored`` before it is converted to the type of the input. None without restoration.
        border: by how many pixels the mask was dilated, and over how many it was feathered, before it was filled. None
            without restoration.
        fills: the restorer's output for each part of the photo; empty without restoration, or with nothing to fill.
        detected_confidence: ``[1, 1, h, w]`` float32, the confidence at the size that the detector processed. None if a
            mask was passed in.
        searched: rows and columns of the part of the photo that was searched; None for all of it.
    """

    photo: Photo
    corruption_mask: Tensor
    mask_path: Path | None = None
    detection: Detection | None = None
    composited: Photo | None = None
    border: tuple[float, float] | None = None
    fills: tuple[Fill, ...] = ()
    detected_confidence: Tensor | None = None
    searched: Window | None = None

    def __repr__(self) -> str:
        what = "detected" if self.composited is None else "restored"
        share = self.corrupted_share
        if share:
            found = f"{share:.1%} corrupted"
        elif self.detection is None and self.detected_confidence is None:
            found = "an empty mask"
        else:
            found = f"nothing found, {float(self.confidence.max()):.0%} sure at most"
        return f"<Result: {self.photo!r}, {found}, {what}>"

    def with_confidence(self, confidence: Tensor) -> Result:
        """Return the same result with the confidence of an earlier detection, for a mask that was edited since.

        Args:
            confidence: ``[1, 1, H, W]`` at the photo's size.

        Raises:
            ValueError: if it has another size.
        """
        if tuple(confidence.shape) != (1, 1, *self.photo.size):
            raise ValueError(f"expected a confidence {[1, 1, *self.photo.size]}; got {list(confidence.shape)}")
        return replace(self, detected_confidence=confidence, searched=None)

    @property
    def corrupted_share(self) -> float:
        """The share of the photo that is corrupted, in [0, 1]."""
        return int(self.corruption_mask.count_nonzero()) / self.corruption_mask.numel()

    @cached_property
    def confidence(self) -> Tensor:
        """``[1, 1, H, W]`` float32 at the photo's size: the probability of *corrupted*.

        Computed on first access, and cached.
        """
        if self.detected_confidence is None:
            return self.corruption_mask.float()
        height, width = self.photo.size
        rows, columns = inside = self.searched or (slice(0, height), slice(0, width))
        found = enlarge_part(self.detected_confidence, (height, width), inside)
        if self.searched is None:
            return found
        confidence = found.new_zeros(1, 1, height, width)
        confidence[..., rows, columns] = found
        return confidence

    @property
    def working_confidence(self) -> NDArray[np.float32]:
        """The confidence ``[h, w]`` at the size that the detector processed, from which ``confidence`` is computed."""
        assert self.detected_confidence is not None
        confidence = self.detected_confidence[0, 0].numpy()
        if self.searched is None:
            return confidence
        limited = np.zeros_like(confidence)
        (height, width), (rows, columns) = self.photo.size, self.searched
        part = (
            slice(-(-rows.start * len(confidence) // height), rows.stop * len(confidence) // height),
            slice(-(-columns.start * confidence.shape[1] // width), columns.stop * confidence.shape[1] // width),
        )
        limited[part] = confidence[part]
        return limited

    @cached_property
    def alpha(self) -> Tensor | None:
        """``[1, 1, H, W]`` float32, the weight of the restorer's output in each pixel of ``restored``.

        1 on the dilated mask, exactly 0 beyond its feathered border. None without restoration. Computed on first
        access, and cached.
        """
        return None if self.border is None else feather_mask(self.corruption_mask, *self.border)

    @property
    def raw(self) -> Tensor | None:
        """The restorer's output at the photo's size, before compositing: ``[1, 3, H, W]`` in [0, 1].

        If the restorer processed only part of the photo, the rest is the photo itself. None without restoration, or if
        there was nothing to fill. Recomputed at every access.
        """
        if not self.fills:
            return None
        raw = self.photo.rgb
        for box, fill in [(fill.box, fill) for fill in self.fills] + [(fill.own, fill) for fill in self.fills]:
            raw[..., box[0], box[1]] = fill.crop(*box)
        return raw

    @property
    def restored(self) -> Any:
        """The restored photo, with the type, size and mode of the input; bit-identical to it wherever ``alpha`` is 0.

        For a path it is a PIL image with the file's ICC profile, EXIF data and resolution; or, if the file has color or
        alpha with 16 bits per channel, which PIL cannot represent, a uint16 array ``[H, W, C]``. :meth:`save` writes
        either.

        Raises:
            ValueError: if only detection was requested.
        """
        return self._make_restored_photo().to_native()

    @property
    def verdict(self) -> float | None:
        """The probability that the photo is damaged at all, by which ``confidence`` was multiplied.

        None if the detector does not judge photos as a whole, or was not used.
        """
        if self.detection is None or self.detection.verdict_logits is None:
            return None
        return float(self.detection.verdict_logits.sigmoid())

    @cached_property
    def mask(self) -> Image.Image:
        """``corruption_mask`` as a grayscale PIL image: 255 = corrupted."""
        return Image.fromarray(self.corruption_mask[0, 0].numpy() * np.uint8(255))

    @cached_property
    def regions(self) -> list[Region]:
        """The connected corrupted regions, largest first: box, area, mean confidence, outline.

        With kinds of damage, if the detector predicts them and the mask was not passed in.
        """
        return find_regions(self.corruption_mask, self.confidence, list_kinds(self.detection))

    def to_coco(self) -> dict[str, Any]:
        """Return the regions in the COCO JSON format, with their kinds as categories, or ``corrupted`` if unknown."""
        height, width = self.photo.size
        return to_coco(self.regions, file_name=self._name("photo.png"), size=(height, width))

    @suggest_keywords
    def save(
        self, directory: str | Path, *, name: str | None = None, format: str | None = None, plot: bool = False
    ) -> dict[str, Path]:
        """Write ``NAME_mask.png`` (255 = corrupted) and, after restoration, ``NAME_restored.EXT`` into a directory.

        The restored photo is written in the format of the input file if that is lossless, otherwise as PNG (or TIFF if
        PNG cannot represent its mode), so that untouched pixels stay untouched. Files of an earlier result are
        overwritten.

        Args:
            directory: created if missing.
            name: ``NAME``; by default the photo's file name without suffix, or ``photo``.
            format: a file suffix such as ``"jpg"`` to use instead.
            plot: also write ``NAME_plot.png``, see :meth:`plot`.

        Returns:
            The path of each file under ``"mask"``, ``"restored"`` and ``"plot"``.

        Raises:
            FileExistsError: if the photo, or the file that the mask was read from, would be overwritten.
            ValueError: if ``name`` is not a file name, ``directory`` is named like a photo but is not a folder, or the
                format cannot represent the photo. In all of these cases nothing is written.
        """
        stem = Path(self._name("photo")).stem if name is None else name
        if not stem or Path(stem).name != stem:
            raise ValueError(f"name must be a file name without a folder; got {name!r}")

        directory = Path(directory)
        if find_format(directory) is not None and not directory.is_dir():
            raise ValueError(
                f"expected a folder, for all files of the result; {directory} is named like a photo. One photo is "
                f"written by result.composited.save(file), or result.mask.save(file)"
            )

        def check(file: Path) -> None:
            for what, source in (("photo itself", self.photo.path), ("mask that was passed in", self.mask_path)):
                if source is not None and is_same_file(source, file):
                    raise FileExistsError(f"{file} is the {what}; choose another directory or name for the result")

        return save_result(self, directory, stem, format=format, plot=plot, check=check)

    def plot(self, *, height: int = 384) -> Image.Image:
        """Show input, confidence, mask and restored photo side by side.

        Args:
            height: height of each panel, in pixels.
        """
        return place_side_by_side(self._make_panels(), height)

    def _repr_png_(self) -> bytes:
        """Return the :meth:`plot`, for notebooks that do not show HTML."""
        return encode_image(self.plot(height=256), "PNG")

    def _repr_html_(self) -> str:
        """Show the panels of :meth:`plot`, wrapped to the available width, and the numbers in a notebook."""
        height, width = self.photo.size
        regions = "region" if len(self.regions) == 1 else "regions"
        found = f"{len(self.regions)} {regions}, {self.corrupted_share:.1%} of the pixels"
        images = "".join(
            f'<figure style="margin: 0; max-width: 100%"><img alt="{what}" style="max-width: 100%; display: block" '
            f'src="data:image/{format.lower()};base64,{b64encode(encode_image(image, format)).decode()}"/>'
            f"<figcaption>{what}</figcaption></figure>"
            for what, image, format in (
                # JPEG keeps notebooks small; the mask has edges that JPEG would blur, and is smaller as PNG.
                (what, fit_image(image), "PNG" if what == "mask" else "JPEG")
                for what, image in self._make_panels().items()
            )
        )
        return (
            f'<div><div style="display: flex; flex-wrap: wrap; gap: 8px">{images}</div>'
            f"<p>{escape(self._name('photo'))}, {width} &times; {height}: {found}</p>"
            f"{tabulate_regions(self.regions, width * height)}</div>"
        )

    def _make_panels(self) -> dict[str, Image.Image]:
        seen = self.corruption_mask.float() if self.detected_confidence is None else self.detected_confidence
        confidence = Image.fromarray(colorize(seen[0, 0].numpy()))
        panels = {"input": to_image(self.photo), "confidence": confidence, "mask": self.mask}
        if self.composited is not None:
            panels["restored"] = to_image(self.composited)
        return panels

    def _make_restored_photo(self) -> Photo:
        if self.composited is None:
            raise ValueError(
                "this result comes from detection only and has no restored photo; call the pipeline itself, or "
                "pipeline.restore(photo, corruption_mask=result.corruption_mask)"
            )
        return self.composited

    def _name(self, default: str) -> str:
        return self.photo.path.name if self.photo.path is not None else default


def list_kinds(detection: Detection | None) -> Kinds | None:
    """Return the probability of each kind of damage in the single image of a detection; None if unknown."""
    if detection is None or detection.damage_logits is None:
        return None
    probabilities = detection.damage_logits[0].float().softmax(dim=0).cpu().numpy()
    return dict(zip(DAMAGE, probabilities, strict=True))
