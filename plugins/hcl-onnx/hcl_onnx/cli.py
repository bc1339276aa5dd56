"""The command ``hcl-onnx``: export a pipeline, and run an exported one."""

from __future__ import annotations

import argparse
import errno
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status. ``hcl-onnx run`` imports no torch."""
    parser = argparse.ArgumentParser(prog="hcl-onnx", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write the detector and the restorer of some weights as ONNX models")
    export.add_argument("weights", help="the weights, as for Pipeline.from_pretrained, such as 'default' or a folder")
    export.add_argument("folder", type=Path, help="the folder to write to")
    export.add_argument("--seed", type=int, default=0, help="seed of the clusterer's random draws (0)")
    export.add_argument(
        "--int8",
        type=Path,
        metavar="PHOTOS",
        help="quantize the detector to 8 bits, calibrated on the photos in this folder",
    )
    export.set_defaults(run=_export)
    run = commands.add_parser("run", help="restore photos with an exported folder")
    run.add_argument("photos", nargs="+", type=Path)
    run.add_argument("--model", type=Path, required=True, help="the exported folder")
    run.add_argument("-o", "--output", type=Path, default=Path("restored"), help="folder to write to (restored)")
    run.add_argument("--detect", action="store_true", help="write masks only")
    run.add_argument(
        "--mask", type=Path, help="fill this region (white) instead of the detected one; for a single photo"
    )
    run.add_argument(
        "--max-megapixels", type=float, default=200, help="refuse larger photos: a small file can claim any size (200)"
    )
    run.add_argument("--threads", type=int, help="the number of threads (all cores)")
    run.set_defaults(run=_run)
    options = parser.parse_args(arguments)
    if options.command == "run" and options.mask and (options.detect or len(options.photos) > 1):
        parser.error("--mask needs exactly one photo, and excludes --detect")
    try:
        return options.run(options)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"hcl-onnx: {error}", file=sys.stderr)
        return 1


def _export(options: argparse.Namespace) -> int:
    try:
        from hcl_onnx.export import export
        from hcl_sdk import Pipeline
    except ModuleNotFoundError as error:
        raise ValueError(f"exporting needs more packages: pip install 'hcl-onnx[export]' ({error})") from error
    pipeline = Pipeline.from_pretrained(options.weights, device="cpu")
    if pipeline.texture > 0 or pipeline.unveil or pipeline.detail_size is not None:
        print("hcl-onnx: texture, unveil and detail_size need PyTorch; exported without them", file=sys.stderr)
        pipeline = pipeline.replace(texture=0, unveil=False, detail_size=None)
    with _silence_exporter():
        differences = export(pipeline, options.folder, seed=options.seed)
    for found in differences:
        size = " x ".join(map(str, found.size))
        print(f"{found.model} at {size}: largest difference {found.largest:.1e}, mask {found.mask:.2%}")
    if options.int8 is not None:
        from hcl_onnx.quantize import quantize
        from hcl_sdk.photos.find import list_photo_files

        photos = list_photo_files(options.int8, "photos")
        quantize(options.folder, photos)
        print(f"detector.onnx quantized to 8 bits on {len(photos)} photos")
    return 0


@contextmanager
def _silence_exporter() -> Iterator[None]:
    """Hide the deprecation warnings of PyTorch's own exporter.

    Only the command does so, because it owns the process: warning filters and log levels apply to all threads.
    """
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _lose_output(error: OSError) -> None:
    """Report that standard output is lost, and discard whatever is still buffered or printed later."""
    if error.errno != errno.EPIPE:  # whoever closed the pipe knows
        print(f"hcl-onnx: standard output cannot be written: {error.strerror}", file=sys.stderr)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _run(options: argparse.Namespace) -> int:
    from hcl_onnx.manifest import ModelError
    from hcl_onnx.run import Runner, check_outputs
    from hcl_sdk import Photo, PhotoError
    from hcl_sdk.errors import describe_error
    from hcl_sdk.files import make_output_folder

    photos = list({photo.absolute(): photo for photo in options.photos}.values())
    protected = check_outputs(photos, options.output, restoring=not options.detect, corruption_mask=options.mask)
    runner = Runner(options.model, threads=options.threads)
    make_output_folder(options.output)
    failed = False
    for photo in photos:
        try:
            opened = Photo.open(photo, max_megapixels=options.max_megapixels)
            if options.mask is not None:
                result = runner.restore(opened, corruption_mask=options.mask)
            else:
                result = runner.detect(opened) if options.detect else runner(opened)
            for note in opened.notes:
                print(f"hcl-onnx: {photo}: {note}", file=sys.stderr)
            paths = result.save(options.output, protected=protected)
        except ModelError:
            raise
        except Exception as error:  # whatever it is, the other photos are still restored
            told = str(error) if isinstance(error, PhotoError | OSError) else f"{photo}: {describe_error(error)}"
            print(f"hcl-onnx: {told}", file=sys.stderr)
            failed = True
            continue
        share = float(result.corruption_mask.mean())
        line = json.dumps({"photo": str(photo), "corrupted": round(share, 4)} | {k: str(p) for k, p in paths.items()})
        try:
            print(line, flush=True)
        except OSError as error:  # a full disk, a closed pipe: the other photos are still restored
            _lose_output(error)
            failed = True
    return int(failed)
