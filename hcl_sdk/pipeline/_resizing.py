"""Photos at the sizes at which they are analyzed and filled, and results of these back at the photo's size."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from hcl_sdk.functional.arrays import Window, choose_working_size
from hcl_sdk.functional.resize import BandShrinker, ByteShrinker
from hcl_sdk.photos.photo import Photo
from hcl_sdk.settings import Settings


def find_working_size(photo: Photo, settings: Settings) -> tuple[int, int]:
    """Return the height and width at which a photo is analyzed."""
    return choose_working_size(photo.size, settings.detection_size, settings.context_size)


def get_window(photo: Photo) -> Window:
    """Return the window of a whole photo: all rows, all columns."""
    height, width = photo.size
    return slice(0, height), slice(0, width)


def resize_photo(photo: Photo, box: Window, size: Sequence[int]) -> Tensor:
    """Resize a part of a photo to a working size: ``[1, 3, *size]`` in [0, 1]."""
    extent = box[0].stop - box[0].start, box[1].stop - box[1].start
    image = _add_bands(photo, box, BandShrinker(extent, size))
    # To 8 bits, as training images: without any quantization, an enlarged photo looks processed.
    return image if size[0] <= extent[0] else image.mul_(255).round_().div_(255)


def shrink_to_bytes(photo: Photo, size: Sequence[int]) -> Tensor:
    """Shrink a photo: ``[1, 3, *size]`` uint8, which takes a quarter of the memory."""
    return _add_bands(photo, get_window(photo), ByteShrinker(photo.size, size))


def _add_bands(photo: Photo, box: Window, shrinker: BandShrinker) -> Tensor:
    rows, columns = box
    for band in shrinker.bands:
        shrinker.add(band, photo.crop_undithered(slice(rows.start + band.start, rows.start + band.stop), columns))
    return shrinker.finish()


def limit_size(x: Tensor, size: Sequence[int]) -> Tensor:
    """Shrink ``[B, C, h, w]`` to at most ``size``: what was computed from an enlarged photo."""
    if x.shape[-2] <= size[0] and x.shape[-1] <= size[1]:
        return x
    return F.interpolate(x, tuple(size), mode="bilinear", antialias=True)
