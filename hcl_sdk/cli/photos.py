"""``hcl detect`` and ``hcl restore``: photo after photo, from the files to the files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from tqdm import tqdm

from hcl_sdk.cli.inputs import Input, Protected, find_photos, is_same, match_masks
from hcl_sdk.photo import Photo, PhotoError
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.regions import to_coco
from hcl_sdk.registry import PluginError, RegistryError
from hcl_sdk.result import Result
from hcl_sdk.runtime import Precision, own_share, pick_device, wait_for_everyone


def load_pipeline(weights: str, device: str | None, precision: Precision = "no") -> Pipeline:
    """``Pipeline.from_pretrained`` with errors as the command shows them."""
    try:
        pick_device(device)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--device'") from error
    try:
        return Pipeline.from_pretrained(weights, device=device, precision=precision)
    except (ValueError, RegistryError, PluginError, OSError) as error:
        raise click.ClickException(f"weights {weights}: {error}") from error


def process(
    paths: tuple[Path, ...],
    *,
    restoring: bool,
    output: Path,
    recursive: bool,
    threshold: float | None,
    weights: str,
    device: str | None,
    precision: Precision,
    plot: bool,
    as_json: bool,
    quiet: bool,
    coco: Path | None = None,
    mask: Path | None = None,
    dilate: float | None = None,
    feather: float | None = None,
    file_format: str | None = None,
) -> None:
    """Work on the photos one at a time; the arguments are the command's.

    Raises:
        click.ClickException: for what stops all of it: options that contradict each other, weights that cannot be
            loaded, no photo at all.
        click.exceptions.Exit: with 1 if a photo failed.
    """
    if mask is not None and threshold is not None:
        raise click.UsageError("--threshold is for what is found, --mask says what is to be filled: use one of them")
    if coco is not None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise click.UsageError("--coco writes one file on all photos, which several processes cannot; start one only")
    inputs = find_photos(paths, recursive=recursive, output=output)
    if not inputs.photos and not inputs.failures:
        hint = "" if recursive else "; -r searches the folders inside too"
        raise click.ClickException(
            f"no picture files in {', '.join(map(str, paths))} (other files: {inputs.ignored}){hint}"
        )
    masks = {} if mask is None else match_masks(mask, inputs)
    protected = Protected([*(photo.path for photo in inputs.photos), *masks.values()])
    if coco is not None:
        _prepare(coco, protected)
    pipeline = load_pipeline(weights, device, precision)
    _check_able(pipeline, weights, detecting=mask is None, restoring=restoring)

    report = _Report(as_json=as_json, quiet=quiet)
    for path, reason in own_share(inputs.failures):
        report.failed(path, reason)
    # The bar is tqdm's business only where it is shown: on a terminal, by the first of several processes.
    hidden = quiet or os.environ.get("RANK", "0") != "0"
    with tqdm(own_share(inputs.photos), unit="photo", leave=False, disable=hidden or None) as progress:
        for photo in progress:
            try:
                if photo in masks:
                    given = masks[photo]
                    result = pipeline.restore(photo.path, corruption_mask=given, dilate=dilate, feather=feather)
                elif restoring:
                    result = pipeline(photo.path, threshold=threshold, dilate=dilate, feather=feather)
                else:
                    result = pipeline.detect(photo.path, threshold=threshold)
                written = _write(result, photo, output, file_format, plot, masks.get(photo), protected)
            except (PhotoError, OSError) as error:
                report.failed(photo.path, str(error).removeprefix(f"{photo.path}: "))
            except (MemoryError, torch.OutOfMemoryError):
                report.failed(photo.path, f"not enough memory on {pipeline.device} for a photo of its size")
            else:
                report.done(photo.path, result, written, with_coco=coco is not None)
    if coco is not None:
        report.write_coco(coco)
    report.finish(f"{'restored' if restoring else 'examined'}, results in {output}", inputs.ignored)
    wait_for_everyone()  # a launcher ends all processes when one of them fails
    if report.failures:
        raise click.exceptions.Exit(1)


def _prepare(coco: Path, protected: Protected) -> None:
    """Find out before the work whether its outcome can be written."""
    try:
        protected.check(coco)
        coco.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"--coco: {error}") from error


def _check_able(pipeline: Pipeline, weights: str, *, detecting: bool, restoring: bool) -> None:
    if detecting and pipeline.detector is None:
        raise click.UsageError(f"the weights {weights} have no detector; hcl restore --mask FILE works with them")
    if restoring and pipeline.restorer is None:
        raise click.UsageError(f"the weights {weights} have no restorer; hcl detect works with them")


def _write(
    result: Result,
    photo: Input,
    output: Path,
    file_format: str | None,
    plot: bool,
    own_mask: Path | None,
    protected: Protected,
) -> dict[str, Path]:
    """Write the results of a photo, all or, if one would overwrite an input, none. Returns the file of each."""
    folder = output / photo.folder
    files = {"mask": folder / f"{photo.name}_mask.png"}
    pictures: dict[str, Photo] = {}
    # What hcl detect wrote may be edited and handed in again, with the same output folder: then it stays as it is.
    if own_mask is None or not is_same(own_mask, files["mask"]):
        pictures["mask"] = Photo.open(result.mask)
    if result.composited is not None:
        suffix = f".{file_format}" if file_format else result.composited.lossless_suffix
        files["restored"] = folder / f"{photo.name}_restored{suffix}"
        pictures["restored"] = result.composited
    if plot:
        files["plot"] = folder / f"{photo.name}_plot.png"
        pictures["plot"] = Photo.open(result.plot())
    for what in pictures:
        protected.check(files[what])
    folder.mkdir(parents=True, exist_ok=True)
    for what, picture in pictures.items():
        picture.save(files[what])
    return files


class _Report:
    """What is said about the photos, on standard output (what was done) and standard error (the rest)."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.failures: list[tuple[Path, str]] = []
        self._as_json, self._quiet = as_json, quiet
        self._done = 0
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def done(self, path: Path, result: Result, written: dict[str, Path], *, with_coco: bool) -> None:
        self._done += 1
        height, width = result.photo.size
        share = float((np.asarray(result.mask) > 0).mean())
        if with_coco:
            found = to_coco(result.regions, file_name=path.as_posix(), size=(height, width), image_id=self._done)
            self._images += found["images"]
            first = len(self._annotations) + 1
            self._annotations += [a | {"id": i} for i, a in enumerate(found["annotations"], first)]
        if self._as_json:
            regions = [{"box": r.box, "area": r.area, "confidence": r.confidence} for r in result.regions]
            outputs = {what: str(file) for what, file in written.items()}
            values = {"width": width, "height": height, "corrupted_share": share, "regions": regions}
            _say(json.dumps({"path": str(path), "outputs": outputs, **values}))
        elif not self._quiet:
            found = f"{share:.1%} corrupted" if share else "nothing corrupted"
            _say(f"{path}: {found} -> {written.get('restored', written['mask'])}")

    def failed(self, path: Path, reason: str) -> None:
        self.failures.append((path, reason))
        if self._as_json:
            _say(json.dumps({"path": str(path), "error": reason}))

    def write_coco(self, file: Path) -> None:
        categories = [{"id": 1, "name": "corrupted", "supercategory": ""}]
        data = {"images": self._images, "annotations": self._annotations, "categories": categories}
        partial = file.with_name(f".{file.name}.{os.getpid()}.part")
        try:
            partial.write_text(json.dumps(data), encoding="utf-8")
            partial.replace(file)
        except OSError as error:
            raise click.ClickException(f"--coco: {error}") from error
        finally:
            partial.unlink(missing_ok=True)

    def finish(self, what: str, ignored: int) -> None:
        if not self._quiet:
            counts = [f"{self._done} {'photo' if self._done == 1 else 'photos'} {what}"]
            counts += [f"{len(self.failures)} failed"] if self.failures else []
            counts += [f"{ignored} other files ignored"] if ignored else []
            click.echo("; ".join(counts), err=True)
        for path, reason in self.failures:
            click.echo(f"Error: {path}: {reason}", err=True)


def _say(line: str) -> None:
    with tqdm.external_write_mode():  # takes the progress bar away meanwhile
        click.echo(line)
