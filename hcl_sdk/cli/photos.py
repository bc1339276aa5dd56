"""``hcl detect`` and ``hcl restore``: photo after photo, from the files to the files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
import numpy as np
from tqdm import tqdm

from hcl_sdk.cli.inputs import Protected, find_photos, match_masks
from hcl_sdk.cli.outputs import Outputs, reason_of
from hcl_sdk.photos.find import natural_key
from hcl_sdk.photos.photo import Photo
from hcl_sdk.photos.regions import to_coco
from hcl_sdk.pipeline import Pipeline
from hcl_sdk.result import Result
from hcl_sdk.runtime import Precision, gathered, is_first_process, own_share, pick_device, wait_for_everyone


def load_pipeline(weights: str, device: str | None, precision: Precision = "no") -> Pipeline:
    """``Pipeline.from_pretrained`` with errors as the command shows them."""
    try:
        pick_device(device)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--device'") from error
    try:
        return Pipeline.from_pretrained(weights, device=device, precision=precision)
    except (ValueError, OSError) as error:
        raise click.ClickException(f"weights {weights}: {error}") from error


def process(
    paths: tuple[Path, ...],
    *,
    restoring: bool,
    output: Path,
    recursive: bool,
    resume: bool,
    sensitivity: float | None,
    detection_size: int | None,
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
        click.ClickException: for what stops all of it: options that are wrong or contradict each other, weights that
            cannot be loaded, no photo at all.
        click.exceptions.Exit: with 1 if a photo failed.
    """
    if mask is not None and sensitivity is not None:
        raise click.UsageError("--sensitivity is for what is found, --mask says what is to be filled: use one of them")
    if coco is not None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise click.UsageError("--coco writes one file on all photos, which several processes cannot; start one only")
    if coco is not None and resume:
        raise click.UsageError("--coco writes one file on all photos, --resume leaves some out: use one of them")
    outputs = Outputs(folder=output, restoring=restoring, plot=plot, file_format=file_format)
    inputs = find_photos(paths, recursive=recursive, output=output)
    if not inputs.photos and not inputs.failures:
        hint = "" if recursive else "; -r searches the folders inside too"
        found = "; ".join(inputs.left_out()) or "no files"
        raise click.ClickException(f"no photo files in {', '.join(map(str, paths))} ({found}){hint}")
    masks = {} if mask is None else match_masks(mask, inputs)
    protected = Protected([*(photo.path for photo in inputs.photos), *masks.values()])
    if coco is not None:
        for photo in inputs.photos:
            for what in ("mask", *(["plot"] if plot else [])):
                if os.path.realpath(coco) == os.path.realpath(outputs.file(photo, what)):
                    raise click.UsageError(f"--coco: {coco} is where the {what} of {photo.path} goes")
        _prepare(coco, protected)
    pipeline = load_pipeline(weights, device, precision)
    check_able(pipeline, weights, detecting=mask is None, restoring=restoring)
    settings = {"sensitivity": sensitivity, "detection_size": detection_size, "dilate": dilate, "feather": feather}
    for name, value in settings.items():
        if value is not None:
            setattr(pipeline, name, value)
    if inputs.photos:
        outputs.make_folder()

    report = _Report(as_json=as_json, quiet=quiet)
    for path, reason in own_share(inputs.failures):
        report.failed(path, reason)
    # Shared out before it is looked what is there: by then another process may have written some of it.
    photos = own_share(inputs.photos)
    if resume:
        missing = [photo for photo in photos if not outputs.are_there(photo)]
        report.were_there, photos = len(photos) - len(missing), missing
    # The bar is tqdm's business only where it is shown: on a terminal, by the first of several processes.
    hidden = quiet or not is_first_process()
    with tqdm(photos, unit="photo", leave=False, disable=hidden or None) as progress:
        for photo in progress:
            try:
                opened = Photo.open(photo.path)
                outputs.check_format(photo, opened)
                if photo in masks:
                    result = pipeline.restore(opened, corruption_mask=masks[photo])
                elif restoring:
                    result = pipeline(opened)
                else:
                    result = pipeline.detect(opened)
                written = outputs.write(result, photo, protected, own_mask=masks.get(photo))
                line = report.done(photo.path, result, written, with_coco=coco is not None)
            except Exception as error:  # of a plugin, too: whatever it is, it is no reason to stop a long run
                report.failed(photo.path, reason_of(error, photo.path, pipeline.device))
            else:
                _say(line)
    if coco is not None:
        report.write_coco(coco)
    report.finish(f"{'restored' if restoring else 'examined'}, results in {output}", inputs.left_out())


def _prepare(coco: Path, protected: Protected) -> None:
    """Find out before the work whether its outcome can be written."""
    try:
        protected.check(coco)
        coco.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"--coco: {error}") from error


def check_able(pipeline: Pipeline, weights: str, *, detecting: bool, restoring: bool) -> None:
    if detecting and pipeline.detector is None:
        raise click.UsageError(f"the weights {weights} have no detector; hcl restore --mask FILE works with them")
    if restoring and pipeline.restorer is None:
        raise click.UsageError(f"the weights {weights} have no restorer; hcl detect works with them")


class _Report:
    """What is said about the photos, on standard output (what was done) and standard error (the rest)."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.failures: list[tuple[Path, str]] = []
        self._as_json, self._quiet = as_json, quiet
        self.were_there = 0
        self._done = 0
        self._coco = to_coco([], file_name="", size=(0, 0)) | {"images": []}

    def done(self, path: Path, result: Result, written: dict[str, Path], *, with_coco: bool) -> str:
        """Note what was done; returns what is to be said about it."""
        height, width = result.photo.size
        share = float((np.asarray(result.mask) > 0).mean())
        if with_coco:
            found = to_coco(result.regions, file_name=path.as_posix(), size=(height, width), image_id=self._done + 1)
            self._coco["images"] += found["images"]
            first = len(self._coco["annotations"]) + 1
            self._coco["annotations"] += [a | {"id": i} for i, a in enumerate(found["annotations"], first)]
        self._done += 1
        if self._as_json:
            regions = [{"box": r.box, "area": r.area, "confidence": r.confidence} for r in result.regions]
            outputs = {what: str(file) for what, file in written.items()}
            values = {"width": width, "height": height, "corrupted_share": share, "regions": regions}
            return json.dumps({"path": str(path), "outputs": outputs, **values})
        if self._quiet:
            return ""
        found = f"{share:.1%} corrupted" if share else "nothing corrupted"
        return f"{path}: {found} -> {written.get('restored', written['mask'])}"

    def failed(self, path: Path, reason: str) -> None:
        self.failures.append((path, reason))
        if self._as_json:
            _say(json.dumps({"path": str(path), "error": reason}))

    def write_coco(self, file: Path) -> None:
        partial = file.with_name(f".{file.name}.{os.getpid()}.part")
        try:
            partial.write_text(json.dumps(self._coco), encoding="utf-8")
            partial.replace(file)
        except OSError as error:
            raise click.ClickException(f"--coco: {error}") from error
        finally:
            partial.unlink(missing_ok=True)

    def finish(self, what: str, left_out: list[str]) -> None:
        """Say what all processes together have done.

        Raises:
            click.exceptions.Exit: with 1, in each of them, if a photo failed in one.
        """
        counts = gathered([(self._done, self.were_there)])
        failures = gathered(self.failures)
        done, were_there = (sum(column) for column in zip(*counts, strict=True))
        if is_first_process():
            parts = [f"{done} {'photo' if done == 1 else 'photos'} {what}"]
            parts += [f"{were_there} were there already"] if were_there else []
            parts += [f"{len(failures)} failed"] if failures else []
            if not self._quiet:
                click.echo("; ".join([*parts, *left_out]), err=True)
            if len(counts) > 1:  # of one process they are in the order of the photos
                failures = sorted(failures, key=lambda failure: natural_key(str(failure[0])))
            for path, reason in failures:
                click.echo(f"Error: {path}: {reason}", err=True)
        wait_for_everyone()  # a launcher ends all processes, the first too, when one of them fails
        if failures:
            raise click.exceptions.Exit(1)


def _say(line: str) -> None:
    if not line:
        return
    with tqdm.external_write_mode():  # takes the progress bar away meanwhile
        click.echo(line)
