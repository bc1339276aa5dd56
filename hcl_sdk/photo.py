"""One picture of whatever origin: decoded for the models, restored in part, given back as what it was."""

from __future__ import annotations

import contextlib
import os
import secrets
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

from hcl_sdk import sixteen_bit

LOSSLESS_SUFFIXES = (".tif", ".tiff", ".bmp", ".ppm", ".png")
"""Of what files `Photo.lossless_suffix` chooses from."""

Source: TypeAlias = str | os.PathLike[str] | Image.Image | np.ndarray | Tensor


class PhotoError(ValueError):
    """A picture that cannot be read, or cannot be written as asked; the message names it and says why."""


@dataclass(frozen=True)
class _Origin:
    """What a photo came as, so that it can be given back as the same."""

    kind: Literal["image", "array", "tensor"]
    dimensions: int = 3
    dtype: torch.dtype | None = None
    device: torch.device | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Photo:
    """One decoded picture, upright, with everything needed to give it back as it was.

    Made by `Photo.open`. ``native`` and ``save`` give it back; ``composite`` lays a restored picture over a part of it.

    Attributes:
        pixels: the native values ``[H, W, C]``, EXIF orientation applied; not to be written to.
        mode: what the channels are: Pillow's name for the mode, with ``L`` for grey of every depth.
        path: the file it came from.
        icc_profile: the ICC color profile as stored in files.
        exif: the EXIF data as stored in files, its orientation reset; without the thumbnail, which shows the picture
            before restoration, and without what describes the file rather than the picture.
        dpi: dots per inch, horizontal and vertical.
    """

    pixels: np.ndarray
    mode: str
    path: Path | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    _origin: _Origin

    @classmethod
    def open(cls, source: Source) -> Photo:
        """Decode a picture.

        Args:
            source: one of

                - the path of a picture file, of one picture (of the JPEGs of phones that hold several, the first);
                - a PIL image (of an animation, the frame it stands at);
                - a numpy array ``[H, W]`` or ``[H, W, C]`` with C = 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB,
                  alpha); uint8, uint16, bool, or floating-point in [0, 1];
                - a tensor ``[C, H, W]`` or ``[1, C, H, W]``, C as above; uint8, bool, or floating-point in [0, 1].

        Returns:
            The photo, upright. 1-bit pictures become grey and palettes RGB, with alpha where an entry or a color is
            transparent; 16 bits a channel stay 16 bits. Grey of 32-bit integers ("I") counts from 0 to 65535, of
            floats ("F") from 0 to 1.

        Raises:
            TypeError: if the source is none of these.
            PhotoError: if it cannot be read, has no pixels, or has values out of range.
        """
        if isinstance(source, str | os.PathLike):
            return _open_file(Path(source))
        if isinstance(source, Image.Image):
            with reading("the PIL image"):
                return _from_image(source)
        if isinstance(source, np.ndarray):
            with reading("the array"):
                return _from_array(source)
        if isinstance(source, Tensor):
            with reading("the tensor"):
                return _from_tensor(source)
        raise TypeError(
            f"a photo is a path, a PIL image, a numpy array [H, W] or [H, W, C] or a tensor [C, H, W] or [1, C, H, W]; "
            f"got {type(source).__name__}"
        )

    def __repr__(self) -> str:
        height, width = self.size
        return (
            f"<Photo {self.path or f'from {self._origin.kind}'}: {width} x {height}, {self.mode}, {self.pixels.dtype}>"
        )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels, upright."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def rgb(self) -> Tensor:
        """The colors as models take them: float32 ``[1, 3, H, W]`` in [0, 1], RGB, on the CPU; alpha left out.

        Made anew at every access, as it takes four times the space of a photo with 8 bits a channel.
        """
        return torch.from_numpy(np.array(_to_rgb(self.pixels, self.mode).transpose(2, 0, 1), order="C"))[None]

    def composite(self, fill: Tensor, alpha: Tensor) -> Photo:
        """Lay a picture over this one.

        Args:
            fill: ``[1, 3, H, W]`` floating-point RGB in [0, 1]; what lies beyond is clipped.
            alpha: ``[1, 1, H, W]`` floating-point in [0, 1], the share of ``fill`` in every pixel.

        Returns:
            The photo with ``alpha * fill + (1 - alpha) * rgb``, rounded to the native depth and converted to the native
            mode (grey is the ITU-R 601 luma). Where alpha is 0, every native value of every channel is bit-identical to
            this photo's; a photo's own alpha channel is the same everywhere.

        Raises:
            ValueError: if a shape is not the photo's, alpha leaves [0, 1], or ``fill`` is not finite where it is used.
        """
        height, width = self.size
        for name, value, channels in (("fill", fill, 3), ("alpha", alpha, 1)):
            if tuple(value.shape) != (1, channels, height, width) or not value.is_floating_point():
                raise ValueError(
                    f"{name} must be floating-point [1, {channels}, {height}, {width}]; "
                    f"got {value.dtype} {list(value.shape)}"
                )
        weights = alpha.detach().to("cpu", torch.float32)[0, 0].numpy()
        if not ((weights >= 0) & (weights <= 1)).all():
            raise ValueError(f"alpha must lie in [0, 1]; got {float(alpha.min())} to {float(alpha.max())}")
        rows, columns = np.flatnonzero(weights.any(axis=1)), np.flatnonzero(weights.any(axis=0))
        if rows.size == 0:
            return self

        box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
        weight = weights[box][..., None]
        touched = weight > 0
        new = fill.detach()[0][:, *box].to("cpu", torch.float32).permute(1, 2, 0).numpy()
        if not np.isfinite(new).all(where=touched):
            raise ValueError("fill must be finite; got NaN or infinity where alpha is above 0")
        new = np.where(touched, new, 0).clip(0, 1)
        old = self.pixels[box]
        blended = weight * new + (1 - weight) * _to_rgb(old, self.mode)
        pixels = self.pixels.copy()
        pixels[box] = np.where(touched, _from_rgb(blended, old, self.mode), old)
        return replace(self, pixels=pixels)

    def native(self) -> Image.Image | np.ndarray | Tensor:
        """Give the picture back as the kind of thing it came as.

        Returns:
            For a path or a PIL image, a new PIL image with ICC profile, EXIF and dpi in its ``info`` - but a uint16
            array ``[H, W, C]`` for color or alpha of 16 bits a channel, which PIL cannot hold. For an array, an array
            of the same dtype and number of dimensions. For a tensor, a tensor of the same dtype, number of dimensions
            and device.
        """
        if self._origin.kind == "tensor":
            tensor = torch.from_numpy(np.ascontiguousarray(self.pixels.transpose(2, 0, 1)))
            tensor = tensor.to(self._origin.device, self._origin.dtype, copy=True)
            return tensor[None] if self._origin.dimensions == 4 else tensor
        if self._origin.kind == "array":
            return self.pixels[..., 0].copy() if self._origin.dimensions == 2 else self.pixels.copy()
        if self.pixels.dtype == np.uint16 and self.pixels.shape[2] > 1:
            return self.pixels.copy()
        image = _to_image(self.pixels, self.mode)
        info = {"icc_profile": self.icc_profile, "exif": self.exif, "dpi": self.dpi}
        image.info.update({key: value for key, value in info.items() if value is not None})
        return image

    @property
    def lossless_suffix(self) -> str:
        """The suffix of the photo's own file if such files keep every pixel of it (TIFF, and BMP and PPM of 8 bits
        without alpha); else ``.png``, or ``.tiff`` for what PNG cannot hold (CMYK, YCbCr, LAB, float grey).
        """
        own = "" if self.path is None else self.path.suffix.lower()
        plain = self.mode in ("L", "RGB") and self.pixels.dtype == np.uint8
        if own in (".tif", ".tiff") or (own in (".bmp", ".ppm") and plain):
            return own
        return ".png" if _kind(*self._for_file()) in _FORMATS[".png"].kinds else ".tiff"

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the picture to a file, with its ICC profile, EXIF and resolution where the format has a place for them.

        The file appears whole or not at all: it is written under another name beside ``path`` and then renamed.
        Floating-point arrays and tensors are written with 8 bits, HSV as RGB, premultiplied alpha as straight alpha.

        Args:
            path: its suffix names the format.
            options: Pillow's options for the format, such as ``quality=80``. Without them JPEG is written with quality
                95 and full chroma resolution, AVIF with quality 90, WebP and everything else lossless.

        Raises:
            PhotoError: if the format cannot hold the picture (the message says which can), or writing fails.
        """
        self.check_format(path)
        target = Path(os.path.realpath(path))
        values, mode = self._for_file()
        file_format = _FORMATS[target.suffix.lower()]
        if not target.parent.is_dir():
            raise PhotoError(f"{path}: there is no folder {target.parent}")

        partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            with open(partial, "xb") as file:
                self._encode(file, values, mode, file_format, options)
            os.replace(partial, target)
        except PhotoError:
            raise
        except Exception as error:
            raise PhotoError(f"{path}: cannot be written: {error}") from error
        finally:
            partial.unlink(missing_ok=True)

    def check_format(self, path: str | os.PathLike[str]) -> None:
        """Find out whether files with the suffix of ``path`` can hold the picture, before working on it.

        Raises:
            PhotoError: if they cannot; the message says which can.
        """
        kind = _kind(*self._for_file())
        target = Path(os.path.realpath(path))
        file_format = _FORMATS.get(target.suffix.lower())
        if file_format is None or kind not in file_format.kinds:
            able = ", ".join(suffix for suffix, other in _FORMATS.items() if kind in other.kinds)
            what = f"a picture file named {target.name!r}" if file_format is None else f"{kind} as {file_format.name}"
            raise PhotoError(f"{path}: cannot write {what}; {kind} can be written as {able}")

    def _for_file(self) -> tuple[np.ndarray, str]:
        """The pixels and mode as a file can have them."""
        pixels, mode = self.pixels, self.mode
        if mode in _FILE_MODES:
            mode = _FILE_MODES[mode]
            return _as_pixels(_to_image(pixels, self.mode).convert(mode)), mode
        if pixels.dtype == bool or (pixels.dtype.kind == "f" and self._origin.kind != "image"):
            pixels = _quantize(pixels.astype(np.float32), np.dtype(np.uint8))
        return pixels, mode

    def _encode(self, file: Any, values: np.ndarray, mode: str, file_format: _Format, options: dict[str, Any]) -> None:
        kind, metadata = _kind(values, mode), {"icc_profile": self.icc_profile, "exif": self.exif, "dpi": self.dpi}
        if kind in _DEEP:
            if options:
                raise PhotoError(f"16-bit color is written without options; got {', '.join(options)}")
            metadata["exif"] = self.exif and self.exif.removeprefix(b"Exif\0\0")
            write = sixteen_bit.write_png if file_format.name == "PNG" else sixteen_bit.write_tiff
            write(file, values, **metadata)  # pyright: ignore[reportArgumentType]
            return
        if kind == "I" and file_format.name == "PNG":
            values = values.astype(np.uint16)
        image = _to_image(values, mode)
        if file_format.name in ("WEBP", "AVIF"):
            if mode in ("L", "LA"):  # only color there: the profile of a grey picture would be wrong
                image, metadata["icc_profile"] = image.convert({"L": "RGB", "LA": "RGBA"}[mode]), None
            metadata["exif"] = _with_resolution(self.exif, self.dpi)
        metadata = {key: value for key, value in metadata.items() if value is not None}
        image.save(file, file_format.name, **{**file_format.defaults, **metadata, **options})


def load_mask(source: Source, size: tuple[int, int]) -> Tensor:
    """Read a mask that a user made for a photo.

    Args:
        source: what `Photo.open` takes; also a tensor or an array ``[H, W]``, ``[1, H, W]`` or ``[1, 1, H, W]`` of any
            integer, bool or floating-point type. White (255, 1, True) is corrupted, black is not; in between, more than
            half is. Integers that are all 0 or 1 are taken as such.
        size: (height, width) of the photo, upright.

    Returns:
        bool ``[1, 1, H, W]`` on the CPU, True = corrupted.

    Raises:
        TypeError: if the source is nothing that a mask can be.
        PhotoError: if it cannot be read, is not of the photo's size, is colored, or is partly transparent.
    """
    if isinstance(source, Tensor):
        values = source.detach().cpu()
        source = _mask_array((values.float() if values.dtype == torch.bfloat16 else values).numpy(), size)
    elif isinstance(source, np.ndarray):
        source = _mask_array(source, size)
    name = str(source) if isinstance(source, str | os.PathLike) else "the mask"
    photo = Photo.open(source)
    if photo.size != tuple(size):
        hint = "; the photo's size counts after its EXIF orientation is applied" if photo.size == size[::-1] else ""
        raise PhotoError(
            f"{name}: a mask of {photo.size[1]} x {photo.size[0]} pixels does not fit a photo of {size[1]} x {size[0]} "
            f"(width x height){hint}"
        )
    return torch.from_numpy(mask_of(photo, name))[None, None]


def mask_of(photo: Photo, name: str) -> np.ndarray:
    """What is white in a photo of a mask, ``[H, W]`` bool; integers that are all 0 or 1 are taken as such.

    Raises:
        PhotoError: if it is colored or partly transparent.
    """
    pixels = photo.pixels
    if photo.mode in ("LA", "RGBA") and not (pixels[..., -1] == _white(pixels.dtype)).all():
        raise PhotoError(f"{name}: the mask is partly transparent; say what is corrupted in white on black")
    if pixels.dtype.kind in "iu" and photo.mode in ("L", "LA", "RGB", "RGBA"):
        values = pixels if photo.mode in ("L", "RGB") else pixels[..., :-1]
        if values.max() <= 1:
            pixels = pixels * pixels.dtype.type(_white(pixels.dtype))
    rgb = _to_rgb(pixels, photo.mode)
    # Lossy files have a trace of color in their grey.
    if np.ptp(rgb, axis=2).max() > 16 / 255:
        raise PhotoError(f"{name}: the mask is colored; say what is corrupted in white on black")
    return _luma(rgb) > 0.5


def _mask_array(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask without leading dimensions of 1, of a type that photos have."""
    if mask.ndim == 4 and mask.shape[:2] == (1, 1):
        mask = mask[0, 0]
    elif mask.shape == (1, *size) or (mask.ndim == 3 and mask.shape[0] == 1 and mask.shape[2] not in _MODES):
        mask = mask[0]
    if mask.dtype.kind in "iu" and mask.dtype.newbyteorder("=") not in (np.uint8, np.uint16):
        if mask.size and (mask.min() < 0 or mask.max() > 255):
            raise PhotoError(f"the mask must be of 0 and 1 or 0 to 255; got {mask.min()} to {mask.max()}")
        mask = mask.astype(np.uint8)
    return mask


# --- Reading -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn whatever goes wrong into a `PhotoError` that names the picture, and let no warning out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except TypeError:
        raise
    except FileNotFoundError as error:
        raise PhotoError(f"{name}: there is no such file") from error
    except IsADirectoryError as error:
        raise PhotoError(f"{name}: this is a folder, not a picture file") from error
    except UnidentifiedImageError as error:
        hint = "; HEIC needs a plugin for Pillow, such as pillow-heif, registered" if "heic" in name.lower() else ""
        raise PhotoError(f"{name}: this is not a picture in a format that Pillow reads{hint}") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PhotoError(f"{name}: {error} For files that you trust, raise PIL.Image.MAX_IMAGE_PIXELS.") from error
    except (
        Exception
    ) as error:  # Decoders raise anything: OSError, SyntaxError, struct.error, zlib.error, IndexError ...
        raise PhotoError(f"{name}: {error or type(error).__name__}") from error


def _open_file(path: Path) -> Photo:
    with reading(str(path)):
        if path.is_file() and path.stat().st_size == 0:
            raise ValueError("the file is empty")
        with Image.open(path) as image:
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":
                raise ValueError(f"the file holds {frames} pictures (an animation, pages or layers), not a single one")
            return _from_image(image, path)
    raise AssertionError  # not reached: errors leave the block above


def _from_image(image: Image.Image, path: Path | None = None) -> Photo:
    if 0 in image.size:
        raise ValueError(f"it has no pixels: {image.width} x {image.height}")
    stored_orientation = orientation(image)  # loading a TIFF applies it and removes it
    if path is not None and sixteen_bit.is_deep(image, path):
        pixels = sixteen_bit.read(path)
        mode = {2: "LA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
    else:
        image.load()
        pixels, mode = _decode(image)
    pixels, mode = _apply_transparent_color(pixels, mode, image)
    dpi = image.info.get("dpi")
    if dpi is not None:
        x, y = float(dpi[0]), float(dpi[1])
        dpi = (y, x) if stored_orientation >= 5 else (x, y)
        if not all(0 < d < 1e6 for d in dpi):  # nonsense in the file, or NaN
            dpi = None
    return Photo(
        pixels=upright(pixels, orientation(image)),
        mode=mode,
        path=path,
        icc_profile=image.info.get("icc_profile") or None,
        exif=_exif(image),
        dpi=dpi,
        _origin=_Origin("image"),
    )


# Modes whose channels Pillow converts to and from RGB; the others are grey or RGB, with alpha or not.
_CONVERTED = ("CMYK", "YCbCr", "LAB", "HSV", "RGBa", "La")
# What no file has: written as.
_FILE_MODES = {"HSV": "RGB", "RGBa": "RGBA", "La": "LA", "RGBX": "RGB"}


def _decode(image: Image.Image) -> tuple[np.ndarray, str]:
    """The values ``[H, W, C]`` and the mode of a loaded image, not turned upright."""
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode == "PA" or (image.mode == "P" and image.has_transparency_data):
        image = image.convert("RGBA")
    elif image.mode == "P":
        image = image.convert("RGB")
    mode = image.mode
    if mode == "I" or mode.startswith("I;16"):
        pixels = _as_pixels(image)
        if pixels.min() < 0 or pixels.max() > 65535:
            raise ValueError(
                f"grey of mode {mode!r} counts from 0 to 65535; got values from {pixels.min()} to {pixels.max()}"
            )
        return (pixels if mode == "I" else pixels.astype(np.uint16)), "L"
    if mode == "F":
        pixels = _as_pixels(image)
        _check_unit_range(pixels)
        return pixels, "L"
    if mode in ("L", "LA", "RGB", "RGBA", "RGBX", *_CONVERTED):
        return _as_pixels(image), mode
    raise ValueError(f"pictures of Pillow's mode {mode!r} are not read")


def _as_pixels(image: Image.Image) -> np.ndarray:
    values = np.array(image)
    return values if values.ndim == 3 else values[..., None]


def _apply_transparent_color(pixels: np.ndarray, mode: str, image: Image.Image) -> tuple[np.ndarray, str]:
    """Give the pixels an alpha channel where the file names one color or grey as the transparent one."""
    key = image.info.get("transparency")
    if not (mode == "L" and isinstance(key, int)) and not (mode == "RGB" and isinstance(key, tuple) and len(key) == 3):
        return pixels, mode
    white = _white(pixels.dtype)
    alpha = np.where((pixels == np.array(key)).all(axis=2, keepdims=True), 0, white).astype(pixels.dtype)
    return np.concatenate([pixels, alpha], axis=2), mode + "A"


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1 to 8; anything else is 1)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


# TIFF tags that describe the arrangement of a file, or copy what is kept elsewhere (ICC, XMP, Photoshop, resolution).
_STRUCTURAL = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 301, 317, 320, 321}
    | {322, 323, 324, 325, 330, 332, 333, 334, 336, 337, 338, 339, 340, 341, 347, *range(512, 522), 529, 530, 532}
    | {700, 34377, 34675}
)
_RESOLUTION = (282, 283, 296)


def orientation(image: Image.Image) -> int:
    """The EXIF orientation of an image; 1, upright, if it has none or one that cannot be read."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # Damaged EXIF is no reason to refuse the picture, here and below.
        return 1
    return value if isinstance(value, int) else 1


def _exif(image: Image.Image) -> bytes | None:
    """The image's EXIF with the orientation reset; None if there is none, or none that can be read."""
    try:
        exif = Image.Exif()  # a copy: the image may be the caller's
        exif.load(image.getexif().tobytes())
        for tag in list(exif):
            if tag in _STRUCTURAL or (image.format == "TIFF" and tag in _RESOLUTION):
                del exif[tag]
        if ExifTags.Base.Orientation in exif:
            exif[ExifTags.Base.Orientation] = 1
        return exif.tobytes() if len(exif) else None
    except Exception:
        return None


def _from_array(array: np.ndarray) -> Photo:
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or pixels.shape[2] not in _MODES:
        raise PhotoError(f"an array must be [H, W] or [H, W, C] with C = 1, 2, 3 or 4; got shape {list(array.shape)}")
    if array.dtype.newbyteorder("=") not in (np.uint8, np.uint16, np.bool_, np.float16, np.float32, np.float64):
        raise TypeError(f"an array must be uint8, uint16, bool or floating-point in [0, 1]; got {array.dtype}")
    return Photo(pixels=_checked(pixels), mode=_MODES[pixels.shape[2]], _origin=_Origin("array", dimensions=array.ndim))


def _from_tensor(tensor: Tensor) -> Photo:
    if tensor.ndim == 4 and tensor.shape[0] > 1:
        raise ValueError(f"one picture is expected, got a batch of {tensor.shape[0]}: hand in a list, list(tensor)")
    if tensor.ndim not in (3, 4) or tensor.shape[-3] not in _MODES:
        raise ValueError(
            f"a tensor must be [C, H, W] or [1, C, H, W] with C = 1, 2, 3 or 4; got shape {list(tensor.shape)}"
        )
    if not (tensor.is_floating_point() or tensor.dtype in (torch.uint8, torch.bool)):
        raise TypeError(f"a tensor must be uint8, bool or floating-point in [0, 1]; got {tensor.dtype}")
    values = tensor.detach().cpu()
    values = values.float() if values.dtype == torch.bfloat16 else values  # exact; numpy has no bfloat16
    pixels = values.reshape(values.shape[-3:]).permute(1, 2, 0).numpy()
    origin = _Origin("tensor", dimensions=tensor.ndim, dtype=tensor.dtype, device=tensor.device)
    return Photo(pixels=_checked(pixels), mode=_MODES[pixels.shape[2]], _origin=origin)


def _checked(pixels: np.ndarray) -> np.ndarray:
    if pixels.size == 0:
        raise ValueError(f"it has no pixels: {pixels.shape[1]} x {pixels.shape[0]}")
    if pixels.dtype.kind == "f":
        _check_unit_range(pixels)
    return np.array(pixels, order="C")  # a copy: the caller may go on to write to his


def _check_unit_range(values: np.ndarray) -> None:
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):  # NaN is neither
        raise ValueError(f"floating-point values must lie in [0, 1]; got {low} to {high}")


# --- Native values and RGB -----------------------------------------------------------------------------------------

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def _white(dtype: np.dtype) -> int:
    return 255 if dtype == np.uint8 else 65535 if dtype.kind in "iu" else 1


def _luma(rgb: np.ndarray) -> np.ndarray:
    """Grey of RGB ``[H, W, 3]`` after ITU-R 601, ``[H, W]``."""
    return rgb @ np.array([0.299, 0.587, 0.114], rgb.dtype)


def _quantize(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values in [0, 1] as ``dtype`` has them: integers rounded to the nearest, bools above half."""
    if dtype == np.bool_:
        return values > 0.5
    if dtype.kind == "f":
        return values.clip(0, 1).astype(dtype)
    return np.rint(values * _white(dtype)).clip(0, _white(dtype)).astype(dtype)


def _to_image(pixels: np.ndarray, mode: str) -> Image.Image:
    height, width = pixels.shape[:2]
    if pixels.dtype != np.uint8:
        mode = {"u": "I;16", "i": "I", "f": "F"}[pixels.dtype.kind]
    return Image.frombytes(mode, (width, height), pixels.tobytes())


def _to_rgb(pixels: np.ndarray, mode: str) -> np.ndarray:
    """Native values ``[H, W, C]`` as float32 RGB ``[H, W, 3]`` in [0, 1]."""
    if mode in _CONVERTED:
        image = _to_image(pixels, mode)
        if mode in _FILE_MODES:
            image = image.convert(_FILE_MODES[mode])
        pixels, mode = np.asarray(image.convert("RGB")), "RGB"
    colors = pixels[..., :1] if mode in ("L", "LA") else pixels[..., :3]
    rgb = colors.astype(np.float32) / np.float32(_white(colors.dtype))
    return np.broadcast_to(rgb, (*rgb.shape[:2], 3))


def _from_rgb(rgb: np.ndarray, old: np.ndarray, mode: str) -> np.ndarray:
    """RGB ``[H, W, 3]`` in [0, 1] as native values; channels that hold no color (alpha) are those of ``old``."""
    if mode in _CONVERTED:
        image = Image.fromarray(_quantize(rgb, np.dtype(np.uint8)))
        if mode in ("RGBa", "La"):
            straight = _FILE_MODES[mode]
            image = image.convert(straight)
            image.putalpha(Image.fromarray(np.ascontiguousarray(old[..., -1])))
        return np.array(image.convert(mode))
    colors = _luma(rgb)[..., None] if mode in ("L", "LA") else rgb
    colors = _quantize(colors, old.dtype)
    return np.concatenate([colors, old[..., colors.shape[2] :]], axis=2)


# --- Files ---------------------------------------------------------------------------------------------------------


def _kind(values: np.ndarray, mode: str) -> str:
    """What a file has to hold: the mode, with the depth where it is not 8 bits."""
    if values.dtype == np.uint8:
        return mode
    return {"u": f"{mode};16", "i": "I", "f": "F"}[values.dtype.kind]


_DEEP = ("LA;16", "RGB;16", "RGBA;16")


@dataclass(frozen=True)
class _Format:
    name: str
    kinds: tuple[str, ...]
    defaults: dict[str, Any]


_PNG = _Format("PNG", ("L", "LA", "RGB", "RGBA", "L;16", "I", *_DEEP), {})
_JPEG = _Format("JPEG", ("L", "RGB", "CMYK", "YCbCr"), {"quality": 95, "subsampling": 0})
_TIFF = _Format("TIFF", ("L", "LA", "RGB", "RGBA", "L;16", "RGB;16", "RGBA;16", "I", "CMYK", "YCbCr", "LAB", "F"), {})
_JPEG2000 = _Format("JPEG2000", ("L", "LA", "RGB", "RGBA", "L;16"), {})
_FORMATS = {
    ".png": _PNG,
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".tif": _TIFF,
    ".tiff": _TIFF,
    # "exact" keeps the colors of transparent pixels.
    ".webp": _Format("WEBP", ("L", "LA", "RGB", "RGBA"), {"lossless": True, "exact": True}),
    ".avif": _Format("AVIF", ("L", "LA", "RGB", "RGBA"), {"quality": 90}),
    ".jp2": _JPEG2000,
    ".bmp": _Format("BMP", ("L", "RGB"), {}),
    ".ppm": _Format("PPM", ("L", "RGB"), {}),
}


def _with_resolution(exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """EXIF that says the resolution, for formats that have no other place for it."""
    if dpi is None:
        return exif
    tags = Image.Exif()
    if exif is not None:
        tags.load(exif)
    tags[ExifTags.Base.XResolution], tags[ExifTags.Base.YResolution] = dpi
    tags[ExifTags.Base.ResolutionUnit] = 2  # inch
    return tags.tobytes()
