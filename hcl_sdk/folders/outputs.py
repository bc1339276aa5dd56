"""The files that the results of photos go to."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hcl_sdk.files import ProtectedFiles, is_same_file
from hcl_sdk.folders.inputs import Input, Inputs
from hcl_sdk.photos.formats import LOSSLESS_SUFFIXES
from hcl_sdk.photos.photo import Photo
from hcl_sdk.result import Result, name_file, save_result


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Which files are written for a photo, and where.

    Attributes:
        folder: the output folder.
        restoring: the restored photo besides the mask.
        plot: an image that shows the result, too.
        file_format: of restored photos, such as ``jpg``; None for the one that keeps every pixel.
    """

    folder: Path
    restoring: bool
    plot: bool = False
    file_format: str | None = None

    def name_file(self, photo: Input, what: str, suffix: str = ".png") -> Path:
        """The file that one of the results of a photo goes to."""
        return name_file(self.folder / photo.folder, photo.name, what, suffix)

    def list_possible(self, photo: Input) -> dict[str, list[Path]]:
        """The file of each result; of a restored photo, all that it may be, as its mode is not known."""
        files = {"mask": [self.name_file(photo, "mask")]}
        if self.restoring:
            kept = [s for s in dict.fromkeys((photo.path.suffix.lower(), ".png", ".tiff")) if s in LOSSLESS_SUFFIXES]
            suffixes = [f".{self.file_format}"] if self.file_format else kept
            files["restored"] = [self.name_file(photo, "restored", suffix) for suffix in suffixes]
        if self.plot:
            files["plot"] = [self.name_file(photo, "plot")]
        return files

    def are_there(self, photo: Input) -> bool:
        """Whether the results of a photo have been written before. Files appear whole, so that these are."""
        return all(any(file.is_file() for file in files) for files in self.list_possible(photo).values())

    def leave_out_overwriting(
        self, inputs: Inputs, masks: Mapping[Input, Path] | None, protected: ProtectedFiles
    ) -> None:
        """Make failures of the photos of which a result would overwrite an input."""
        kept = []
        for photo in inputs.photos:
            try:
                for what, files in self.list_possible(photo).items():
                    if not (what == "mask" and masks is not None and is_same_file(masks[photo], files[0])):
                        protected.check(files[0])
            except FileExistsError as error:
                inputs.failures.append((photo.path, str(error)))
            else:
                kept.append(photo)
        inputs.photos = kept

    def check_format(self, photo: Input, opened: Photo) -> None:
        """Raise ``PhotoError`` if files of the format asked for cannot hold the photo."""
        if self.file_format is not None:
            opened.check_format(self.name_file(photo, "restored", f".{self.file_format}"))

    def write(self, result: Result, photo: Input, protected: ProtectedFiles) -> dict[str, Path]:
        """Write the results of a photo, all or, if one would overwrite an input, none. Returns the file of each.

        A mask that was handed in, and lies where the mask goes, stays as it is: what was found may be edited and handed
        in again, with the same output folder.
        """
        mask = result.mask_path
        is_there = mask is not None and is_same_file(mask, self.name_file(photo, "mask"))
        return save_result(
            result,
            self.folder / photo.folder,
            photo.name,
            format=self.file_format,
            plot=self.plot,
            check=protected.check,
            kept=("mask",) if is_there else (),
        )


def make_output_folder(folder: Path) -> None:
    """Make a folder, and find out before any work whether files can be written there.

    Raises:
        OSError: if they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(f"the results cannot be written to {folder}: {error.strerror or error}") from error
