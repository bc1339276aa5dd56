"""A photo of any origin: decoded for the models, partly restored, and returned as the type it was given as."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias, TypeGuard, cast

import numpy as np
from PIL import Image
from scipy import ndimage

from hcl_sdk._renamed import keep_old_name
from hcl_sdk.errors import suggest_keywords
from hcl_sdk.functional.arrays import Window, cut_bands, shift, surround
from hcl_sdk.photos import color
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.formats import FORMATS, MAX_MEGAPIXELS, Format, list_lossless_suffixes
from hcl_sdk.photos.read import Decoded, decode_file, decode_image
from hcl_sdk.photos.write import Writable, check_format, encode, find_format, write_file

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Source: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image.Image | np.ndarray | Tensor | Photo"


def is_tensor(value: object) -> TypeGuard[Tensor]:
    """Whether a value is a tensor, without importing torch: a program that never imported it has none."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


@dataclass(frozen=True)
class _Origin:
    """The type a photo was given as, so that it can be returned as the same; and how it was stored.

    Attributes:
        kind, dimensions, dtype, device: the type.
        swapped: whether its EXIF orientation has exchanged width and height.
        has_palette: whether its colors are those of a palette, or black and white.
    """

    kind: Literal["file", "image", "array", "tensor"]
    dimensions: int = 3
    dtype: torch.dtype | None = None
    device: torch.device | None = None
    swapped: bool = False
    has_palette: bool = False


_DITHERING = 1.0  # pixels, standard deviation of the Gaussian that removes it
_REACH = 4  # of which it has as many on each side


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Photo:
    """A decoded photo, upright, with everything needed to return it as it was given.

    Create it with `Photo.open`. ``to_native`` and ``save`` return it; ``composite`` lays a restored image over part of
    it.

    Attributes:
        pixels: the native values ``[H, W, C]`` with EXIF orientation applied; do not write to them.
        mode: the meaning of the channels: Pillow's name for the mode, with ``L`` for gray of every depth.
        path: the file it came from.
        icc_profile: the ICC color profile as stored in files.
        exif: the EXIF data as stored in files, with orientation reset; without the thumbnail, which shows the photo
            before restoration, and without tags that describe the file rather than the photo.
        dpi: dots per inch, horizontal and vertical.
        notes: descriptions of what was dropped from the file.
    """

    pixels: np.ndarray
    mode: str
    path: Path | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    _origin: _Origin

    @classmethod
    @suggest_keywords
    def open(cls, source: Source, *, max_megapixels: float = MAX_MEGAPIXELS) -> Photo:
        """Decode a photo.

        Args:
            source: one of

                - the path of a photo file; if it holds several photos, as the JPEGs of some phones do, the first is
                  used;
                - the contents of such a file, as bytes or as a binary file open for reading, which is read to its end;
                - a PIL image (of an animation, the current frame);
                - a NumPy array ``[H, W]`` or ``[H, W, C]`` with C = 1 (gray), 2 (gray, alpha), 3 (RGB) or 4 (RGB,
                  alpha); uint8, uint16, bool, or floating-point in [0, 1];
                - a tensor ``[C, H, W]`` or ``[1, C, H, W]``, C as above; uint8, bool, or floating-point in [0, 1];
                - a photo that was opened before, which is returned.
            max_megapixels: larger files are refused before they are decoded: a small file can claim any size.

        Returns:
            The photo, upright. 1-bit photos become gray and palettes RGB, with alpha where an entry or a color is
            transparent; 16 bits a channel stay 16 bits, and 10 or 12 (JPEG 2000, AVIF, HEIF) become 16. Gray of 32-bit
            integers ("I") counts from 0 to 65535, of floats ("F") from 0 to 1.

        Raises:
            TypeError: if the source is none of these.
            PhotoError: if it cannot be read, has no pixels, or has values out of range.
        """
        return open_named(source, None, max_megapixels=max_megapixels)

    @property
    def swapped(self) -> bool:
        """Whether its EXIF orientation has exchanged width and height."""
        return self._origin.swapped

    @classmethod
    def from_mask(cls, mask: np.ndarray) -> Photo:
        """Show a mask ``[H, W]`` bool, without a copy, as a gray photo; in files it has 8 bits, and 255 = corrupted."""
        return cls(pixels=mask[..., None], mode="L", _origin=_Origin("array", dimensions=2))

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
        """The colors as models take them: float32 ``[1, 3, H, W]`` in [0, 1], RGB, on the CPU; alpha is dropped.

        Computed on every access, as it takes four times the memory of a photo with 8 bits per channel.
        """
        import torch

        return torch.from_numpy(self.rgb_array)

    @property
    def rgb_array(self) -> np.ndarray:
        """Like ``rgb``, without torch: a NumPy array, float32 ``[1, 3, H, W]``."""
        return self._crop_array(slice(None), slice(None))

    def crop_rgb(self, rows: slice, columns: slice) -> Tensor:
        """Return a part of ``rgb``, ``[1, 3, rows, columns]``, without computing the rest."""
        import torch

        return torch.from_numpy(self._crop_array(rows, columns))

    @property
    def undithered_array(self) -> np.ndarray:
        """Like ``rgb_array``, with the dithering smoothed out of photos with a palette: detectors take it for damage.

        The same as ``rgb_array`` for all others.
        """
        height, width = self.size
        return self.crop_undithered_array(slice(0, height), slice(0, width))

    def crop_undithered(self, rows: slice, columns: slice) -> Tensor:
        """Return a part of ``undithered_array`` as a tensor, ``[1, 3, rows, columns]``, without computing the rest."""
        import torch

        return torch.from_numpy(self.crop_undithered_array(rows, columns))

    def crop_undithered_array(self, rows: slice, columns: slice) -> np.ndarray:
        """Like ``crop_undithered``, without torch."""
        if not self._origin.has_palette:
            return self._crop_array(rows, columns)
        wide = surround((rows, columns), self.size, most=_REACH)
        inner = shift((rows, columns), wide)
        blurred = ndimage.gaussian_filter(self._crop_array(*wide), (0, 0, _DITHERING, _DITHERING), mode="nearest")
        return np.ascontiguousarray(blurred[..., *inner])

    def _crop_array(self, rows: slice, columns: slice) -> np.ndarray:
        return np.array(color.to_rgb(self.pixels[rows, columns], self.mode).transpose(2, 0, 1), order="C")[None]

    def composite(self, fill: Tensor | np.ndarray, alpha: Tensor | np.ndarray) -> Photo:
        """Lay an image over this photo.

        Args:
            fill: ``[1, 3, H, W]`` floating-point RGB in [0, 1]; values outside are clipped.
            alpha: ``[1, 1, H, W]`` floating point in [0, 1], the weight of ``fill`` in every pixel.

        Returns:
            The photo with ``alpha * fill + (1 - alpha) * rgb``, rounded to the native depth and converted to the native
            mode (gray is the ITU-R 601 luma). Where alpha is 0, every native value of every channel is bit-identical to
            this photo's; a photo's own alpha channel is the same everywhere.

        Raises:
            ValueError: if a shape is not the photo's, alpha leaves [0, 1], or ``fill`` is not finite where it is used.
        """
        height, width = self.size
        for name, value, channels in (("fill", fill, 3), ("alpha", alpha, 1)):
            is_float = value.dtype.kind == "f" if isinstance(value, np.ndarray) else value.is_floating_point()
            if tuple(value.shape) != (1, channels, height, width) or not is_float:
                raise ValueError(
                    f"{name} must be floating-point [1, {channels}, {height}, {width}]; "
                    f"got {value.dtype} {list(value.shape)}"
                )
        weights = _to_float32(alpha[0, 0])
        if not ((weights >= 0) & (weights <= 1)).all():
            raise ValueError(f"alpha must lie in [0, 1]; got {float(alpha.min())} to {float(alpha.max())}")
        compositor = Compositor(self)
        for rows in cut_bands(height, width):
            box = rows, slice(0, width)
            compositor.lay(box, fill[0][:, *box], weights[box])
        return compositor.photo

    def to_native(self) -> Image.Image | np.ndarray | Tensor:
        """Return the photo as the type it was given as.

        Returns:
            For a path or a PIL image, a new PIL image with ICC profile, EXIF and dpi in its ``info``; for color or
            alpha with 16 bits per channel, which PIL cannot hold, a uint16 array ``[H, W, C]`` instead. For an array,
            an array of the same dtype and number of dimensions. For a tensor, a tensor of the same dtype, number of
            dimensions and device.
        """
        if self._origin.kind == "tensor":
            import torch

            tensor = torch.from_numpy(np.ascontiguousarray(self.pixels.transpose(2, 0, 1)))
            tensor = tensor.to(self._origin.device, self._origin.dtype, copy=True)
            return tensor[None] if self._origin.dimensions == 4 else tensor
        if self._origin.kind == "array":
            return self.pixels[..., 0].copy() if self._origin.dimensions == 2 else self.pixels.copy()
        pixels, mode = self.pixels, self.mode
        if self._origin.kind == "file" and mode in color.PREMULTIPLIED_MODES:  # as Pillow itself shows such files
            pixels, mode = color.to_straight(pixels, mode), color.FILE_MODES[mode]
        if pixels.dtype == np.uint16 and pixels.shape[2] > 1:
            return pixels.copy()
        image = color.to_pil(pixels, mode)
        info = {"icc_profile": self.icc_profile, "exif": self.exif, "dpi": self.dpi}
        image.info.update({key: value for key, value in info.items() if value is not None})
        return image

    native = keep_old_name("native", to_native)

    @property
    def lossless_suffix(self) -> str:
        """The suffix of the photo's own file if that format is lossless for it (TIFF; BMP and PPM for 8 bits without
        alpha); otherwise ``.png``, or ``.tiff`` for photos that PNG cannot hold (CMYK, YCbCr, LAB, float gray).
        """
        *others, last = list_lossless_suffixes("" if self.path is None else self.path.suffix)
        able = (suffix for suffix in others if self._for_format(FORMATS[suffix]).kind in FORMATS[suffix].kinds)
        return next(able, last)

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the photo to a file, with its ICC profile, EXIF and resolution if the format can store them.

        The file is written atomically, under another name next to ``path`` and then renamed. Floating-point arrays and
        tensors are written with 8 bits, HSV as RGB, and premultiplied alpha as straight alpha, except in TIFF, which
        keeps it.

        Args:
            path: its suffix determines the format.
            options: Pillow's options for the format, such as ``quality=80``. By default, JPEG is written with quality
                95 and full chroma resolution, AVIF with quality 90, and WebP and everything else losslessly.

        Raises:
            PhotoError: if the format cannot hold the photo (the message says which can), or writing fails.
        """
        write_file(path, self._for_format(find_format(path)), options)

    def encode(self, suffix: str, **options: Any) -> bytes:
        """Return the contents of the file that `save` would write, without writing it.

        Args:
            suffix: of such a file, with its dot, such as ``.png`` or `lossless_suffix`; it determines the format.
            options: as for `save`.

        Raises:
            PhotoError: if the format cannot hold the photo (the message says which can), or encoding fails.
        """
        return encode(suffix, self._for_format(FORMATS.get(suffix.lower())), options)

    def check_format(self, path: str | os.PathLike[str]) -> None:
        """Check that files with the suffix of ``path`` can hold the photo, before processing it.

        Raises:
            PhotoError: if they cannot; the message says which can.
        """
        check_format(path, self._for_format(find_format(path)).kind)

    def _for_format(self, file_format: Format | None) -> Writable:
        """Convert the photo to what a file of the format can hold."""
        pixels, mode = self.pixels, self.mode
        if mode in color.FILE_MODES and not (file_format and mode in file_format.kinds):
            if mode in color.PREMULTIPLIED_MODES:
                pixels, mode = color.to_straight(pixels, mode), color.FILE_MODES[mode]
            else:
                mode = color.FILE_MODES[mode]
                pixels = color.from_pil(color.to_pil(pixels, self.mode).convert(mode))
        elif pixels.dtype.kind == "f" and self._origin.kind not in ("file", "image"):
            pixels = color.quantize(pixels.astype(np.float32), np.dtype(np.uint8))
        return Writable(pixels=pixels, mode=mode, icc_profile=self.icc_profile, exif=self.exif, dpi=self.dpi)


class Compositor:
    """Composites like `Photo.composite`, but part by part: neither image nor alpha need be in memory as a whole.

    Attributes:
        photo: the photo as composited so far.
    """

    def __init__(self, photo: Photo) -> None:
        self.photo = self._original = photo

    def lay(self, box: Window, fill: Tensor | np.ndarray, alpha: Tensor | np.ndarray) -> None:
        """Lay an image over a part.

        Args:
            box: rows and columns of the part; parts must not overlap.
            fill: ``[3, rows, columns]``, as in `Photo.composite`.
            alpha: ``[rows, columns]``, likewise.

        Raises:
            ValueError: if ``fill`` is not finite where it is used.
        """
        weight = _to_float32(alpha)[..., None]
        touched = weight > 0
        if not touched.any():
            return
        new = _to_float32(fill).transpose(1, 2, 0)
        if not np.isfinite(new).all(where=touched):
            raise ValueError("fill must be finite; got NaN or infinity where alpha is above 0")
        new = np.where(touched, new, 0).clip(0, 1)
        mode, old = self.photo.mode, self._original.pixels[box]
        blended = weight * new + (1 - weight) * color.to_rgb(old, mode)
        if self.photo is self._original:
            self.photo = replace(self._original, pixels=self._original.pixels.copy())
        self.photo.pixels[box] = np.where(touched, color.from_rgb(blended, old, mode), old)


def open_named(source: Source, name: str | None, *, max_megapixels: float = MAX_MEGAPIXELS) -> Photo:
    """Open a photo as `Photo.open` does; ``name`` is what messages call it unless it is a named file or a tensor."""
    if isinstance(source, Photo):
        return source
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if "://" in str(source):
            raise PhotoError(f"{source}: URLs are not read; download it first and pass its bytes", name=str(source))
        return _from_decoded(decode_file(path, str(path), max_megapixels=max_megapixels), path)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_decoded(decode_file(bytes(source), name or "the bytes", max_megapixels=max_megapixels), None)
    if isinstance(source, Image.Image):
        return _from_decoded(decode_image(source, name or "the PIL image"), None, "image")
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if is_tensor(source):
        return _from_tensor(source)
    if callable(getattr(source, "read", None)):
        return _from_file(cast("BinaryIO", source), name, max_megapixels)
    several = "; pass several photos as a list, list(photos)" if name is None and isinstance(source, Iterator) else ""
    raise TypeError(
        f"{name or 'a photo'} is a path, the bytes of a file, an open file, a PIL image, a numpy "
        f"array [H, W] or [H, W, C] or a tensor [C, H, W] or [1, C, H, W]; got {type(source).__name__}{several}"
    )


def _to_float32(values: Tensor | np.ndarray) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values.astype(np.float32, copy=False)
    import torch

    return values.detach().to("cpu", torch.float32).numpy()


def _from_decoded(decoded: Decoded, path: Path | None, kind: Literal["file", "image"] = "file") -> Photo:
    return Photo(
        pixels=decoded.pixels,
        mode=decoded.mode,
        path=path,
        icc_profile=decoded.icc_profile,
        exif=decoded.exif,
        dpi=decoded.dpi,
        notes=decoded.notes,
        _origin=_Origin(kind, swapped=decoded.swapped, has_palette=decoded.has_palette),
    )


def _from_file(file: BinaryIO, name: str | None, max_megapixels: float) -> Photo:
    own = getattr(file, "name", None)
    name = own if isinstance(own, str) else name or "the file"
    try:
        contents = "" if isinstance(file, io.TextIOBase) else file.read()
    except io.UnsupportedOperation:
        raise PhotoError(f"{name}: the file is not open for reading", name=name) from None
    except OSError as error:
        raise PhotoError(f"{name}: it cannot be read: {error}", name=name) from error
    if not isinstance(contents, bytes):
        raise TypeError(
            f"a file must be opened for reading bytes, with mode 'rb'; {name} gives {type(contents).__name__}"
        )
    return _from_decoded(decode_file(contents, name, max_megapixels=max_megapixels), None)


def _from_array(array: np.ndarray, name: str | None) -> Photo:
    what = "an array" if name is None else f"{name}: an array"
    pixels = array[..., None] if array.ndim == 2 else array
    if pixels.ndim != 3 or pixels.shape[2] not in color.MODES:
        is_first = array.ndim == 3 and array.shape[0] in color.MODES
        hint = "; channels come last here: array.transpose(1, 2, 0)" if is_first else ""
        hint = "; one photo has no batch dimension: array[0]" if array.ndim == 4 and array.shape[0] == 1 else hint
        raise PhotoError(
            f"{what} must be [H, W] or [H, W, C] with C = 1, 2, 3 or 4; got shape {list(array.shape)}{hint}"
        )
    if array.dtype.newbyteorder("=") not in (np.uint8, np.uint16, np.bool_, np.float16, np.float32, np.float64):
        raise TypeError(f"{what} must be uint8, uint16, bool or floating-point in [0, 1]; got {array.dtype}")
    origin = _Origin("array", dimensions=array.ndim)
    return Photo(pixels=_copy_checked(pixels, name or "the array"), mode=color.MODES[pixels.shape[2]], _origin=origin)


def copy_to_cpu(tensor: Tensor, what: str) -> Tensor:
    """Return a tensor on the CPU, without gradients; raise ``TypeError`` if it is sparse or has no values (meta)."""
    import torch

    if tensor.layout != torch.strided or tensor.is_meta or tensor.is_nested or tensor.is_quantized:
        kind = "without values, on the meta device" if tensor.is_meta else f"{tensor.layout}, {tensor.dtype}"
        raise TypeError(f"{what} must be dense, with its values in memory; got one {kind}")
    return tensor.detach().cpu()


def _from_tensor(tensor: Tensor) -> Photo:
    import torch

    if tensor.ndim == 4 and tensor.shape[0] > 1:
        raise PhotoError(
            f"the tensor: one photo is expected, got a batch of {tensor.shape[0]}: pass a list, list(tensor)"
        )
    if tensor.ndim not in (3, 4) or tensor.shape[-3] not in color.MODES:
        is_last = tensor.ndim in (3, 4) and tensor.shape[-1] in color.MODES
        hint = "; channels come first here: tensor.movedim(-1, -3)" if is_last else ""
        raise PhotoError(
            f"a tensor must be [C, H, W] or [1, C, H, W] with C = 1, 2, 3 or 4; got shape {list(tensor.shape)}{hint}"
        )
    if not (tensor.is_floating_point() or tensor.dtype in (torch.uint8, torch.bool)):
        raise TypeError(f"a tensor must be uint8, bool or floating-point in [0, 1]; got {tensor.dtype}")
    values = copy_to_cpu(tensor, "a tensor")
    values = values.float() if values.dtype == torch.bfloat16 else values  # exact; numpy has no bfloat16
    pixels = values.reshape(values.shape[-3:]).permute(1, 2, 0).numpy()
    origin = _Origin("tensor", dimensions=tensor.ndim, dtype=tensor.dtype, device=tensor.device)
    return Photo(pixels=_copy_checked(pixels, "the tensor"), mode=color.MODES[pixels.shape[2]], _origin=origin)


def _copy_checked(pixels: np.ndarray, name: str) -> np.ndarray:
    """Copy checked pixels: the caller may continue to write to the original."""
    if pixels.size == 0:
        raise PhotoError(f"{name}: it has no pixels: {pixels.shape[1]} x {pixels.shape[0]} (width x height)")
    if pixels.dtype.kind == "f":
        try:
            color.check_unit_range(pixels)
        except ValueError as error:
            raise PhotoError(f"{name}: {error}") from error
    return np.array(pixels, order="C")
