"""The files that results are written to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hcl_sdk.files import ProtectedFiles, is_same_file
from hcl_sdk.folders.inputs import Input, Inputs
from hcl_sdk.photos.formats import list_lossless_suffixes
from hcl_sdk.photos.photo import Photo
from hcl_sdk.photos.read import is_whole
from hcl_sdk.result import Result, name_file, save_result


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The files that are written for a photo.

    Attributes:
        folder: the output folder.
        restoring: also write the restored photo, not just the mask.
        plot: also write an image that shows the result.
        file_format: format of restored photos, such as ``jpg``; None for a lossless one.
    """

    folder: Path
    restoring: bool
    plot: bool = False
    file_format: str | None = None

    def name_file(self, photo: Input, what: str, suffix: str = ".png") -> Path:
        """Return the path of one of the results of a photo."""
        return name_file(self.folder / photo.folder, photo.name, what, suffix)

    def list_possible(self, photo: Input) -> dict[str, list[Path]]:
        """List the possible paths of each result; a restored photo has several, as its mode is not known yet."""
        files = {"mask": [self.name_file(photo, "mask")]}
        if self.restoring:
            suffixes = [f".{self.file_format}"] if self.file_format else list_lossless_suffixes(photo.path.suffix)
            files["restored"] = [self.name_file(photo, "restored", suffix) for suffix in suffixes]
        if self.plot:
            files["plot"] = [self.name_file(photo, "plot")]
        return files

    def are_there(self, photo: Input, *, mask: Path | None = None, since: float = 0) -> bool:
        """Whether all results of a photo are there, and none is older than what it was made from.

        Args:
            photo: the photo.
            mask: its mask, if it was passed in.
            since: a time in nanoseconds; older results do not count.
        """
        sources = [photo.path] if mask is None else [photo.path, mask]
        try:
            since = max(since, *(file.stat().st_mtime_ns for file in sources))
        except OSError:  # reading it will say why
            return False

        def is_there(file: Path) -> bool:
            if not os.path.isfile(file):
                return False
            is_source = mask is not None and is_same_file(mask, file)
            return is_source or (file.stat().st_mtime_ns >= since and is_whole(file))

        return all(any(map(is_there, files)) for files in self.list_possible(photo).values())

    def leave_out_overwriting(
        self, inputs: Inputs, masks: Mapping[Input, Path] | None, protected: ProtectedFiles
    ) -> None:
        """Turn photos with a result that would overwrite an input into failures.

        A restored photo counts with its most common suffix, so that none is refused for a file that it does not touch;
        `write` checks the one that it has.
        """
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
        """Raise ``PhotoError`` if the requested format cannot represent the photo."""
        if self.file_format is not None:
            opened.check_format(self.name_file(photo, "restored", f".{self.file_format}"))

    def write(self, result: Result, photo: Input, protected: ProtectedFiles) -> dict[str, Path]:
        """Write all results of a photo, or none if one would overwrite an input. Returns the path of each.

        A mask that was passed in and lies where the mask would be written is left as it is, so that a detected mask can
        be edited and passed back in with the same output folder.
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
