"""Pass damaged files to everything that reads untrusted files, and count failures.

    python benchmarks/fuzz.py --seconds 600 [--seed 0] [--kind png --input 17]

Photos (PNG, JPEG, TIFF, WebP, GIF, BMP), YAML, ``config.json``, headers of safetensors, published checkpoints,
training checkpoints and manifests are made small, then mutated: bytes are changed, truncated, repeated, or inserted
from elsewhere. Each must be read, or refused with the documented error and a one-line reason. Prints the number of
inputs tried and refused, and the counts that must be 0: crashes (another exception, the end of the process, more than
4 GiB), hangs (more than 60 s) and partial files. Findings are printed with the kind and number that reproduce them.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hcl_sdk import GatedUNet, Pipeline
from hcl_sdk.config import ConfigError, dump_yaml, load_yaml
from hcl_sdk.data import Manifest
from hcl_sdk.data.manifest import Entry
from hcl_sdk.photos.errors import PhotoError
from hcl_sdk.photos.photo import Photo
from hcl_sdk.published import ConversionError
from hcl_sdk.published._checkpoint import read_checkpoint as read_published
from hcl_sdk.training.checkpoints import CheckpointError, read_checkpoint, write_checkpoint
from hcl_sdk.weights import WeightsError

SECONDS_EACH, BYTES = 60.0, 4 << 30


def make_photo(rng: np.random.Generator, form: str) -> bytes:
    """Make a small photo in one of the variants of the format."""
    noise = rng.integers(0, 256, (int(rng.integers(1, 40)), int(rng.integers(1, 40)), 3), dtype=np.uint8)
    mode = str(rng.choice({"JPEG": ["RGB", "L", "CMYK"], "WEBP": ["RGB", "RGBA"]}.get(form, ["RGB", "L", "P", "1"])))
    options: dict[str, object] = {}
    if form in ("PNG", "TIFF", "JPEG", "WEBP") and rng.random() < 0.5:
        exif = Image.Exif()
        exif[274], exif[315] = int(rng.integers(1, 9)), "Ada"
        options |= {"exif": exif.tobytes(), "icc_profile": rng.bytes(40), "dpi": (72, 72)}
    if form == "TIFF":
        options["compression"] = str(rng.choice(["raw", "tiff_lzw", "tiff_deflate", "packbits"]))
    file = io.BytesIO()
    if form in ("PNG", "TIFF") and rng.random() < 0.4:
        deep = rng.integers(0, 65536, (*noise.shape[:2], 3), dtype=np.uint16)
        with tempfile.TemporaryDirectory() as folder:
            Photo.open(deep).save(Path(folder, f"deep.{form.lower()}"))
            return Path(folder, f"deep.{form.lower()}").read_bytes()
    Image.fromarray(noise).convert(mode).save(file, form, **options)
    return file.getvalue()


def mutate(rng: np.random.Generator, data: bytes, other: bytes) -> bytes:
    """Make a few changes, many of them near the beginning, where headers are."""
    changed = bytearray(data)
    for _ in range(min(8, int(rng.geometric(0.5)))):
        if not changed:
            break
        reach = len(changed) if rng.random() < 0.6 else min(len(changed), 200)
        at, count = int(rng.integers(reach)), int(rng.integers(1, 9))
        match int(rng.integers(7)):
            case 0:
                changed[at] ^= 1 << int(rng.integers(8))
            case 1:
                changed[at : at + count] = rng.bytes(count)
            case 2:
                changed[at : at + count] = bytes([int(rng.choice([0, 1, 127, 128, 255]))]) * count
            case 3:
                del changed[at : at + count]
            case 4:
                changed[at:at] = changed[at : at + int(rng.integers(1, 200))]
            case 5:
                start = int(rng.integers(len(other)))
                changed[at : at + count] = other[start : start + int(rng.integers(1, 100))]
            case _ if rng.random() < 0.3:
                del changed[at:]
    return bytes(changed)


@cache
def make_pipeline() -> Pipeline:
    torch.manual_seed(0)
    return Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), device="cpu")


@cache
def make_weights() -> tuple[bytes, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        make_pipeline().save_pretrained(folder)
        return Path(folder, "config.json").read_bytes(), Path(folder, "model.safetensors").read_bytes()


@cache
def make_published_checkpoint() -> bytes:
    file = io.BytesIO()
    groups = ("inpaintnet", "encoder", "classifier", "projection")
    torch.save({group: {"weight": torch.ones(2, 3), "bias": torch.zeros(3)} for group in groups} | {"step": 3}, file)
    return file.getvalue()


@cache
def make_training_checkpoint() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_checkpoint(Path(folder), 1, {"step": 1, "weights": torch.ones(5)}, keep=1).read_bytes()


@cache
def make_manifest() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        contaminations = {"a": {"shape": {"use": "rectangles"}, "content": {"use": "noise"}}}
        entries = tuple(Entry(photo=p, contamination="a", seed=(1, i), blur=1.5, area=0.2) for i, p in enumerate("xy"))
        made = Manifest(size=64, photos=("x", "y"), contaminations=contaminations, entries=entries)
        made.save(Path(folder, "m.json"))
        return Path(folder, "m.json").read_bytes()


def try_photo(rng: np.random.Generator, folder: Path, form: str) -> None:
    file = folder / f"photo.{form.lower()}"
    file.write_bytes(mutate(rng, make_photo(rng, form), make_photo(rng, form)))
    photo = Photo.open(file)
    if photo.size[0] * photo.size[1] > 1 << 16:
        return
    mask = np.zeros(photo.size, bool)
    mask[: 1 + photo.size[0] // 2, : 1 + photo.size[1] // 2] = True
    result = make_pipeline().restore(photo, corruption_mask=mask)
    result.save(folder / "out")
    if not np.array_equal(result.composited.pixels[~mask], photo.pixels[~mask]):  # pyright: ignore[reportOptionalMemberAccess]
        raise AssertionError("pixels outside the mask are changed")
    make_pipeline().restore(photo, corruption_mask=file)


def try_yaml(rng: np.random.Generator, folder: Path) -> None:
    config = json.loads(make_weights()[0])
    text = dump_yaml(config).encode() + b"\nlist: &a [1, 2.5, 1e-4, {b: off}]\nagain: [*a, *a]\ntext: !!str 5\n"
    (folder / "config.yaml").write_bytes(mutate(rng, text, text))
    load_yaml(folder / "config.yaml")


def try_weights(rng: np.random.Generator, folder: Path, damaged: str) -> None:
    config, tensors = make_weights()
    if damaged == "config":
        config = mutate(rng, config, config)
    else:  # without its hash, which would refuse it before it is read
        config = json.dumps({key: value for key, value in json.loads(config).items() if key != "sha256"}).encode()
        tensors = mutate(rng, tensors, tensors)
    (folder / "config.json").write_bytes(config)
    (folder / "model.safetensors").write_bytes(tensors)
    Pipeline.from_pretrained(folder, device="cpu")


def try_published(rng: np.random.Generator, folder: Path) -> None:
    data = make_published_checkpoint()
    if rng.random() < 0.5:  # the pickle itself, in an archive that is whole
        file = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                new.writestr(name, mutate(rng, content, content) if name.endswith("data.pkl") else content)
        data = file.getvalue()
    else:
        data = mutate(rng, data, data)
    (folder / "checkpoint.pt").write_bytes(data)
    read_published(folder / "checkpoint.pt")


def try_training(rng: np.random.Generator, folder: Path) -> None:
    (folder / "step-1.pt").write_bytes(mutate(rng, make_training_checkpoint(), make_training_checkpoint()))
    read_checkpoint(folder / "step-1.pt")


def try_manifest(rng: np.random.Generator, folder: Path) -> None:
    (folder / "manifest.json").write_bytes(mutate(rng, make_manifest(), make_manifest()))
    Manifest.load(folder / "manifest.json")


KINDS: dict[str, tuple[Callable[[np.random.Generator, Path], None], type[Exception] | tuple[type[Exception], ...]]] = {
    **{
        form.lower(): (lambda rng, folder, form=form: try_photo(rng, folder, form), PhotoError)
        for form in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")
    },
    "yaml": (try_yaml, ConfigError),
    "config.json": (lambda rng, folder: try_weights(rng, folder, "config"), (WeightsError, ConfigError)),
    "safetensors": (lambda rng, folder: try_weights(rng, folder, "tensors"), (WeightsError, ConfigError)),
    "published": (try_published, ConversionError),
    "checkpoint": (try_training, CheckpointError),
    "manifest": (try_manifest, ValueError),
}
"""What is tried, and the errors that are documented for it."""


def try_input(seed: int, kind: str, number: int, folder: Path) -> str:
    """Try an input; return ``read``, ``refused``, or the failure."""
    attempt, documented = KINDS[kind]
    rng = np.random.default_rng([seed, list(KINDS).index(kind), number])
    try:
        attempt(rng, folder)
        outcome = "read"
    except documented as error:
        said = str(error)
        outcome = "refused" if len(said.split()) > 3 else f"crash: says no more than {said!r}"
        if isinstance(error, PhotoError) and "\n" in said:
            outcome = f"crash: says more than a line: {said!r}"
    except Exception:
        outcome = f"crash: {traceback.format_exc()}"
    partial = [file for file in folder.rglob("*") if file.name.endswith((".part", ".partial"))]
    return f"partial: {partial}" if partial else outcome


def work(seed: int, first: int, kinds: list[str]) -> None:
    """Try inputs from a number on and print each outcome, until the process is ended."""
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (BYTES, BYTES))
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    number = first
    while True:
        for kind in kinds:
            print(json.dumps({"kind": kind, "number": number}), flush=True)
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps({"outcome": try_input(seed, kind, number, Path(folder))}), flush=True)
        number += 1


def run(seconds: float, seed: int, kinds: list[str]) -> Counter[tuple[str, str]]:
    """Try inputs for a time, in processes that are replaced when they die or hang; count outcomes by kind."""
    counts: Counter[tuple[str, str]] = Counter()
    deadline, first = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        command = [sys.executable, __file__, "--work", str(first), "--seed", str(seed), "--kind", *kinds]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=read_lines, args=(process, lines), daemon=True).start()
        doing, wait, outcome = {"kind": kinds[0], "number": first}, 300.0, ""  # the first has all to import
        while not outcome:
            try:
                line = lines.get(timeout=min(wait, max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                outcome = "" if time.monotonic() >= deadline else f"hang: more than {wait:.0f} s"
                break
            if not line:
                outcome = f"crash: the process ended with status {process.wait()}"
                break
            told, wait = json.loads(line), SECONDS_EACH
            if "kind" in told:
                doing = told
            else:
                note(counts, doing, told["outcome"])
        process.kill()
        process.wait()
        if outcome:
            note(counts, doing, outcome)
        first = int(doing["number"]) + 1
    return counts


def read_lines(process: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    """Put the lines that a process prints into a queue, and an empty string when it has ended."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put("")


def note(counts: Counter[tuple[str, str]], doing: dict[str, object], outcome: str) -> None:
    what = outcome.split(":")[0]
    counts[str(doing["kind"]), what] += 1
    if what not in ("read", "refused"):
        print(f"{doing['kind']} {doing['number']}: {outcome}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--input", type=int, help="try this one, in this process, and show what came of it")
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work is not None:
        work(arguments.seed, arguments.work, arguments.kind)
    if arguments.input is not None:
        for kind in arguments.kind:
            with tempfile.TemporaryDirectory() as folder:
                print(f"{kind} {arguments.input}: {try_input(arguments.seed, kind, arguments.input, Path(folder))}")
        return 0
    counts = run(arguments.seconds, arguments.seed, arguments.kind)
    print(f"{platform.machine()}, seed {arguments.seed}, {arguments.seconds:.0f} s, {date.today()}")
    totals = Counter[str]()
    for kind in arguments.kind:
        own = {what: counts[kind, what] for what in ("read", "refused", "crash", "hang", "partial")}
        totals.update(own)
        print(f"{kind:12s} " + ", ".join(f"{what} {count}" for what, count in own.items()))
    print(
        f"inputs tried {sum(totals.values())}, crashes {totals['crash']}, hangs {totals['hang']}, "
        f"partial files {totals['partial']}"
    )
    return int(totals["crash"] + totals["hang"] + totals["partial"] > 0)


if __name__ == "__main__":
    sys.exit(main())
