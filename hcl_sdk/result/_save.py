"""The files of a result."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from hcl_sdk.photos.photo import Photo

if TYPE_CHECKING:
    from hcl_sdk.result._result import Result


def name_file(directory: Path, name: str, what: str, suffix: str = ".png") -> Path:
    """Return the path for one of the results of a photo, such as ``NAME_mask.png``."""
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
    """Write all files of a result, or none if one of them must not be written.

    Args:
        result: the result to write.
        directory: created if missing.
        name: prefix of the file names.
        format: a file suffix for the restored photo; None for a lossless format.
        plot: also write the plot.
        check: raises if a file must not be written.
        kept: results that are not written because their file exists and is to be kept.

    Returns:
        The path of each file, including those that are kept.
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
        elif what == "mask":
            photos[what] = Photo.from_mask(result.corruption_mask[0, 0].numpy())
        else:
            photos[what] = Photo.open(result.plot())
        photos[what].check_format(files[what])
    directory.mkdir(parents=True, exist_ok=True)
    for what, photo in photos.items():
        photo.save(files[what])
    return files
