"""The files that the results of a photo go to, and why a photo has none."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import torch

from hcl_sdk.cli.inputs import Input, Protected, is_same
from hcl_sdk.errors import describe_error
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.formats import LOSSLESS_SUFFIXES
from hcl_sdk.photos.photo import Photo
from hcl_sdk.result import Result


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Which files are written for a photo, and where.

    Attributes:
        folder: the output folder.
        restoring: the restored photo besides the mask.
        plot: a picture that shows the result, too.
        file_format: of restored photos, such as ``jpg``; None for the one that keeps every pixel.
    """

    folder: Path
    restoring: bool
    plot: bool = False
    file_format: str | None = None

    def file(self, photo: Input, what: str, suffix: str = ".png") -> Path:
        """The file that one of the results of a photo goes to."""
        return self.folder / photo.folder / f"{photo.name}_{what}{suffix}"

    def possible(self, photo: Input) -> dict[str, list[Path]]:
        """The file of each result; of a restored photo, all that it may be, as its mode is not known."""
        files = {"mask": [self.file(photo, "mask")]}
        if self.restoring:
            kept = [s for s in dict.fromkeys((photo.path.suffix.lower(), ".png", ".tiff")) if s in LOSSLESS_SUFFIXES]
            suffixes = [f".{self.file_format}"] if self.file_format else kept
            files["restored"] = [self.file(photo, "restored", suffix) for suffix in suffixes]
        if self.plot:
            files["plot"] = [self.file(photo, "plot")]
        return files

    def are_there(self, photo: Input) -> bool:
        """Whether the results of a photo have been written before. Files appear whole, so that these are."""
        return all(any(file.is_file() for file in files) for files in self.possible(photo).values())

    def make_folder(self) -> None:
        """Make the output folder, and find out whether files can be written there, once for all photos.

        Raises:
            click.ClickException: if they cannot.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            reason = f"the results cannot be written to {self.folder}: {error.strerror or error}"
            raise click.ClickException(reason) from error

    def check_format(self, photo: Input, opened: Photo) -> None:
        """Raise ``PhotoError`` if files of the format asked for cannot hold the photo."""
        if self.file_format is not None:
            opened.check_format(self.file(photo, "restored", f".{self.file_format}"))

    def write(
        self, result: Result, photo: Input, protected: Protected, *, own_mask: Path | None = None
    ) -> dict[str, Path]:
        """Write the results of a photo, all or, if one would overwrite an input, none. Returns the file of each."""
        files = {"mask": self.file(photo, "mask")}
        pictures: dict[str, Photo] = {}
        # What hcl detect wrote may be edited and handed in again, with the same output folder: then it stays as it is.
        if own_mask is None or not is_same(own_mask, files["mask"]):
            pictures["mask"] = Photo.open(result.mask)
        if result.composited is not None:
            suffix = f".{self.file_format}" if self.file_format else result.composited.lossless_suffix
            files["restored"] = self.file(photo, "restored", suffix)
            pictures["restored"] = result.composited
        if self.plot:
            files["plot"] = self.file(photo, "plot")
            pictures["plot"] = Photo.open(result.plot())
        for what in pictures:
            protected.check(files[what])
        files["mask"].parent.mkdir(parents=True, exist_ok=True)
        for what, picture in pictures.items():
            picture.save(files[what])
        return files


def reason_of(error: Exception, path: Path, device: torch.device) -> str:
    """Why a photo failed, in one line."""
    # PyTorch has no class of its own for the memory of the CPU, and of some accelerators.
    is_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    if is_memory or re.search("DefaultCPUAllocator|out of memory", str(error)):
        return f"not enough memory on {device} for a photo of its size"
    if isinstance(error, PhotoError | OSError):
        return str(error).removeprefix(f"{path}: ")
    return describe_error(error)
