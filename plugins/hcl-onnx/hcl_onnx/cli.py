"""The command ``hcl-onnx``: export a pipeline, and run what was exported."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status. ``run`` imports no torch."""
    parser = argparse.ArgumentParser(prog="hcl-onnx", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    export = commands.add_parser("export", help="write the detector and the restorer of some weights as ONNX models")
    export.add_argument("weights", help="what Pipeline.from_pretrained takes, such as 'default' or a folder")
    export.add_argument("folder", type=Path, help="where to write")
    export.add_argument("--seed", type=int, default=0, help="of the clusterer's draws (0)")
    export.add_argument(
        "--int8",
        type=Path,
        metavar="PHOTOS",
        help="quantize the detector to 8 bits, measured on the photos in this folder",
    )
    export.set_defaults(run=_export)
    run = commands.add_parser("run", help="restore photos with an exported folder")
    run.add_argument("photos", nargs="+", type=Path)
    run.add_argument("--model", type=Path, required=True, help="the exported folder")
    run.add_argument("-o", "--output", type=Path, default=Path("restored"), help="folder to write to (restored)")
    run.add_argument("--detect", action="store_true", help="write masks only")
    run.add_argument("--mask", type=Path, help="fill this region (white) instead of what is found; for one photo")
    run.add_argument("--threads", type=int, help="as many as may be used (all cores)")
    run.set_defaults(run=_run)
    options = parser.parse_args(arguments)
    if options.command == "run" and options.mask and (options.detect or len(options.photos) > 1):
        parser.error("--mask is for the restoration of one photo")
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
    differences = export(Pipeline.from_pretrained(options.weights, device="cpu"), options.folder, seed=options.seed)
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


def _run(options: argparse.Namespace) -> int:
    from hcl_onnx.run import Runner
    from hcl_sdk import PhotoError

    runner = Runner(options.model, threads=options.threads)
    failed = False
    for photo in options.photos:
        try:
            if options.mask is not None:
                result = runner.restore(photo, corruption_mask=options.mask)
            else:
                result = runner.detect(photo) if options.detect else runner(photo)
            paths = result.save(options.output)
        except (PhotoError, FileExistsError) as error:
            print(f"hcl-onnx: {error}", file=sys.stderr)
            failed = True
            continue
        share = float(result.corruption_mask.mean())
        print(json.dumps({"photo": str(photo), "corrupted": round(share, 4)} | {k: str(p) for k, p in paths.items()}))
    return int(failed)
