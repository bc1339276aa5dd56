"""What a pipeline gives back for one photo."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from hcl_sdk.files import is_same_file
from hcl_sdk.interfaces import Detection
from hcl_sdk.photos.photo import Photo
from hcl_sdk.photos.regions import Kinds, Region, find_regions, to_coco
from hcl_sdk.settings import DAMAGE


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """The most suspicious part of a photo that is not in its mask.

    Attributes:
        box: (x, y, width, height) in pixels, around the pixels that are more than half as sure as the surest.
        confidence: of the surest pixel: the probability of *corrupted*.
        sensitivity: the least, in steps of 0.01, at which something of it is in the mask.
    """

    box: tuple[int, int, int, int]
    confidence: float
    sensitivity: float

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"box": list(self.box), "confidence": self.confidence, "sensitivity": self.sensitivity}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Result:
    """The mask of a photo and the restored photo.

    What it holds is its own, on the CPU. For each pixel of the photo that is 5 bytes for confidence and mask, and 4 for
    ``alpha`` after restoration, besides the photo itself and the restored one in the depth that they came in (3 bytes
    each for RGB of 8 bits); for each pixel that the restorer looked at, 12 bytes; and up to 25 bytes for each pixel of
    the detector's working image (fewer the coarser the finest scale of its encoder is).

    Attributes:
        photo: the photo as it was read.
        confidence: ``[1, 1, H, W]`` float32 at the photo's size: the probability of *corrupted*.
        corruption_mask: ``[1, 1, H, W]`` bool at the photo's size, True = corrupted: what was found or handed in,
            before it was dilated for filling.
        mask_path: the file that the mask was read from; None where it was not handed in as one.
        detection: what the detector found, at its working scale; None where a mask was handed in. Without pyramid and
            embeddings, which are large: for these, call ``pipeline.detector``.
        alpha: ``[1, 1, H, W]`` float32, how much of the restorer's output each pixel of ``restored`` holds: 1 on the
            dilated mask, exactly 0 beyond its feathered border. None without restoration.
        composited: ``restored`` before it is turned into the type that came in. None without restoration.
    """

    photo: Photo
    confidence: Tensor
    corruption_mask: Tensor
    mask_path: Path | None = None
    detection: Detection | None = None
    alpha: Tensor | None = None
    composited: Photo | None = None
    _filled: tuple[Tensor, tuple[slice, slice]] | None = None  # what the restorer looked at, filled; its rows, columns

    def __repr__(self) -> str:
        what = "detected" if self.composited is None else "restored"
        share = float(self.corruption_mask.float().mean())
        found = f"{share:.1%} corrupted" if share else f"nothing found, {float(self.confidence.max()):.0%} sure at most"
        return f"<Result: {self.photo!r}, {found}, {what}>"

    @property
    def raw(self) -> Tensor | None:
        """The restorer's output at the photo's size, before compositing: ``[1, 3, H, W]`` in [0, 1].

        Where the restorer looked at a part of the photo only, the photo elsewhere. None without restoration, or with
        nothing to fill. Made anew at every access.
        """
        if self._filled is None:
            return None
        filled, box = self._filled
        raw = self.photo.rgb
        raw[..., *box] = filled
        return raw

    @property
    def restored(self) -> Any:
        """The restored photo: of the type, size and mode that came in, bit-identical to it wherever ``alpha`` is 0.

        A path comes back as a PIL image, with ICC profile, EXIF data and resolution of the file - but if the file has
        color or alpha of 16 bits a channel, which PIL cannot hold, as a uint16 array ``[H, W, C]``. :meth:`save` writes
        either.

        Raises:
            ValueError: if only detection was asked for.
        """
        return self._restored_photo().native()

    @property
    def verdict(self) -> float | None:
        """The probability that there is damage in the photo at all, by which ``confidence`` was multiplied.

        None where the detector does not judge photos as a whole, or was not asked.
        """
        if self.detection is None or self.detection.verdict_logits is None:
            return None
        return float(self.detection.verdict_logits.sigmoid())

    @cached_property
    def mask(self) -> Image.Image:
        """``corruption_mask`` as a grey picture: 255 = corrupted."""
        return Image.fromarray(self.corruption_mask[0, 0].cpu().numpy().astype(np.uint8) * 255)

    @cached_property
    def regions(self) -> list[Region]:
        """The connected corrupted regions, largest first: box, area, mean confidence, outline.

        Also what their damage is, if the detector knows and the mask was not handed in.
        """
        return find_regions(self.corruption_mask, self.confidence, list_kinds(self.detection))

    def to_coco(self) -> dict[str, Any]:
        """The regions in the COCO JSON format, their categories being their kinds, or ``corrupted`` if not known."""
        height, width = self.photo.size
        return to_coco(self.regions, file_name=self._name("photo.png"), size=(height, width))

    def save(
        self, directory: str | Path, *, name: str | None = None, format: str | None = None, plot: bool = False
    ) -> dict[str, Path]:
        """Write ``NAME_mask.png`` (255 = corrupted) and, after restoration, ``NAME_restored.EXT`` into a directory.

        The restored photo is written in the format of the photo's file if that is lossless, else as PNG (TIFF where PNG
        cannot hold its mode), so that untouched pixels stay untouched. Files of an earlier result are overwritten.

        Args:
            directory: made if it is not there.
            name: ``NAME``; without it the photo's file name up to the suffix, or ``photo``.
            format: a file suffix such as ``"jpg"`` to use instead.
            plot: also write ``NAME_plot.png``, as of :meth:`plot`.

        Returns:
            The path of each file under ``"mask"``, ``"restored"`` and ``"plot"``.

        Raises:
            FileExistsError: if the photo, or the file that the mask was read from, would be overwritten.
            ValueError: if ``name`` is not a file name, or the format cannot hold the photo. Nothing is written in any
                of these cases.
        """
        stem = Path(self._name("photo")).stem if name is None else name
        if not stem or Path(stem).name != stem:
            raise ValueError(f"name must be a file name without a folder; got {name!r}")

        def check(file: Path) -> None:
            for what, source in (("photo itself", self.photo.path), ("mask that was handed in", self.mask_path)):
                if source is not None and is_same_file(source, file):
                    raise FileExistsError(f"{file} is the {what}; choose another directory or name for the result")

        return save_result(self, Path(directory), stem, format=format, plot=plot, check=check)

    def plot(self, *, height: int = 384) -> Image.Image:
        """Input, confidence, mask and restored photo side by side.

        Args:
            height: of the pictures, in pixels.
        """
        return side_by_side(self._panels(), height)

    def _repr_png_(self) -> bytes:
        """As :meth:`plot`: what notebooks show that show no HTML."""
        return _encode(self.plot(height=256), "PNG")

    def _repr_html_(self) -> str:
        """What notebooks show: the pictures of :meth:`plot`, which wrap where there is no room, and the numbers."""
        height, width = self.photo.size
        share = float(self.corruption_mask.float().mean())
        found = f"{len(self.regions)} {'region' if len(self.regions) == 1 else 'regions'}, {share:.1%} of the pixels"
        pictures = "".join(
            f'<figure style="margin: 0; max-width: 100%"><img alt="{what}" style="max-width: 100%; display: block" '
            f'src="data:image/{format.lower()};base64,{b64encode(_encode(picture, format)).decode()}"/>'
            f"<figcaption>{what}</figcaption></figure>"
            for what, picture, format in (
                # JPEG, that notebooks stay small; the mask has edges that it would blur, and is smaller as PNG.
                (what, _fit(picture), "PNG" if what == "mask" else "JPEG")
                for what, picture in self._panels().items()
            )
        )
        return (
            f'<div><div style="display: flex; flex-wrap: wrap; gap: 8px">{pictures}</div>'
            f"<p>{escape(self._name('photo'))}, {width} &times; {height}: {found}</p>"
            f"{_tabulate(self.regions, width * height)}</div>"
        )

    def _panels(self) -> dict[str, Image.Image]:
        confidence = Image.fromarray(_heat(self.confidence[0, 0].cpu().numpy()))
        panels = {"input": _picture(self.photo), "confidence": confidence, "mask": self.mask.convert("RGB")}
        if self.composited is not None:
            panels["restored"] = _picture(self.composited)
        return panels

    def _restored_photo(self) -> Photo:
        if self.composited is None:
            raise ValueError(
                "this result is of a detection alone and has no restored photo; call the pipeline itself, or "
                "pipeline.restore(photo, corruption_mask=result.corruption_mask)"
            )
        return self.composited

    def _name(self, default: str) -> str:
        return self.photo.path.name if self.photo.path is not None else default


def list_kinds(detection: Detection | None) -> Kinds | None:
    """The probability of each kind of damage in the one image of a detection; None if it is not known."""
    if detection is None or detection.damage_logits is None:
        return None
    probabilities = detection.damage_logits[0].float().softmax(dim=0).cpu().numpy()
    return dict(zip(DAMAGE, probabilities, strict=True))


def name_file(directory: Path, name: str, what: str, suffix: str = ".png") -> Path:
    """The file that one of the results of a photo goes to: ``NAME_mask.png`` and the like."""
    return directory / f"{name}_{what}{suffix}"


def save_result(
    result: Result,
    directory: Path,
    name: str,
    *,
    format: str | None,
    plot: bool,
    check: Callable[[Path], None],
    kept: Collection[str] = (),
) -> dict[str, Path]:
    """Write the files of a result, all of them or, if one cannot be written so, none.

    Args:
        result: what is written.
        directory: made if it is not there.
        name: what the names of the files begin with.
        format: a file suffix for the restored photo; None for one that keeps every pixel.
        plot: also write the plot.
        check: raises if a file must not be written to.
        kept: what is not written, because its file is there and stays as it is.

    Returns:
        The path of each file, those that are kept included.
    """
    files = {"mask": name_file(directory, name, "mask")}
    if result.composited is not None:
        suffix = f".{format.lower().lstrip('.')}" if format else result.composited.lossless_suffix
        files["restored"] = name_file(directory, name, "restored", suffix)
    if plot:
        files["plot"] = name_file(directory, name, "plot")
    photos: dict[str, Photo] = {}
    for what in (what for what in files if what not in kept):
        check(files[what])
        if what == "restored" and result.composited is not None:
            photos[what] = result.composited
        else:
            photos[what] = Photo.open(result.mask if what == "mask" else result.plot())
        photos[what].check_format(files[what])
    directory.mkdir(parents=True, exist_ok=True)
    for what, photo in photos.items():
        photo.save(files[what])
    return files


def _picture(photo: Photo) -> Image.Image:
    return Image.fromarray((photo.rgb[0] * 255).round().byte().permute(1, 2, 0).numpy())


def _fit(picture: Image.Image, side: int = 320) -> Image.Image:
    """A picture for a page, whose longer side has at most so many pixels."""
    scale = min(1.0, side / max(picture.size))
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _encode(picture: Image.Image, format: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format)
    return stream.getvalue()


def _tabulate(regions: Sequence[Region], pixels: int, most: int = 8) -> str:
    """The largest regions as a table in HTML; nothing where there are none."""
    if not regions:
        return ""
    heads = "".join(f"<th>{head}</th>" for head in ("x", "y", "width", "height", "share", "confidence"))
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{value}</td>" for value in region.box)
        + f"<td>{region.area / pixels:.2%}</td>"
        + f"<td>{'' if region.confidence is None else f'{region.confidence:.2f}'}</td></tr>"
        for region in regions[:most]
    )
    more = f"<p>and {len(regions) - most} smaller ones</p>" if len(regions) > most else ""
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>{more}"


_COLORS = np.array([[13, 8, 45], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]], dtype=np.float32)


def _heat(values: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as colors, dark to bright."""
    stops = np.linspace(0, 1, len(_COLORS))
    return np.stack([np.interp(values, stops, _COLORS[:, c]) for c in range(3)], axis=-1).astype(np.uint8)


def side_by_side(panels: dict[str, Image.Image], height: int) -> Image.Image:
    """Pictures of one height in a row, each under its name."""
    margin, caption = max(4, height // 48), max(14, height // 16)
    font = ImageFont.load_default(size=caption * 0.7)
    shown = []
    for picture in panels.values():
        width = min(max(1, round(picture.width * height / picture.height)), 3 * height)
        shown.append(picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
    total = sum(p.width for p in shown) + margin * (len(shown) + 1)
    sheet = Image.new("RGB", (total, height + 2 * margin + caption), "white")
    x = margin
    for name, picture in zip(panels, shown, strict=True):
        ImageDraw.Draw(sheet).text((x, margin / 2), name, fill="black", font=font)
        sheet.paste(picture, (x, margin + caption))
        x += picture.width + margin
    return sheet
