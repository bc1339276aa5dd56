"""The content of an exported folder, verified by hashes."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

MANIFEST = "hcl_onnx.json"
DETECTOR, RESTORER = "detector.onnx", "restorer.onnx"
CLUSTERER, VERDICT = "clusterer.safetensors", "verdict.safetensors"
FORMAT = 1
_LARGEST = 10_000_000  # bytes of the manifest


class ModelError(ValueError):
    """An exported model is missing, damaged, or not of the expected kind."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The content of ``hcl_onnx.json``.

    Attributes:
        version: version of the hcl-onnx that wrote the folder.
        precision: ``"float32"``, or ``"int8"`` for weights and activations of the detector's convolutions.
        seed: seed of the clusterer's random draws, which are constants of the exported detector.
        config: the configuration of the pipeline that was exported, settings included.
        files: SHA-256 of every file, by name.
    """

    version: str
    precision: str
    seed: int
    config: dict[str, Any]
    files: dict[str, str]


def write(folder: Path, manifest: Manifest) -> None:
    """Write ``hcl_onnx.json``, the last step of an export."""
    (folder / MANIFEST).write_text(json.dumps({"format": FORMAT, **asdict(manifest)}, indent=2) + "\n", "utf-8")


def read(folder: Path) -> Manifest:
    """Read ``hcl_onnx.json`` and compare every file with its hash.

    Raises:
        ModelError: if the folder, the manifest or a file is missing, damaged, or of another format.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise ModelError(f"{folder}: there is no such folder; expected one that 'hcl-onnx export' wrote")
    try:
        if (path.exists() and not path.is_file()) or path.stat().st_size > _LARGEST:
            raise ModelError(f"{path} is not a regular file of at most {_LARGEST:,} bytes; expected JSON")
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{folder} holds no {MANIFEST}; expected a folder that 'hcl-onnx export' wrote") from None
    except ModelError:
        raise
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, a number of thousands of digits
        raise ModelError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise ModelError(f"{path}: expected format {FORMAT}, got {found!r}; another version of hcl-onnx wrote it")
    names = [field.name for field in fields(Manifest)]
    if lacking := [name for name in names if name not in content]:
        raise ModelError(f"{path} lacks {', '.join(lacking)}")
    _check(path, content)
    manifest = Manifest(**{name: content[name] for name in names})
    for name, wanted in manifest.files.items():
        file = folder / name
        if not file.is_file():
            raise ModelError(f"{folder} holds no {name}, which {MANIFEST} lists")
        if (found := hash_file(file)) != wanted:
            raise ModelError(
                f"{file} is damaged or was changed: expected SHA-256 {wanted[:12]}..., got {found[:12]}... "
                f"({file.stat().st_size} bytes); export it again"
            )
    return manifest


_UNCALIBRATED = (1.0, 0.0, 0.0)
_TYPES = {"version": str, "precision": str, "seed": int, "config": dict, "files": dict}
_REQUIRED = "detection_size", "restoration_size", "threshold", "dilate", "feather", "detector", "restorer"
_SIZES = "detection_size", "context_size", "restoration_size"
_RANGES = dict.fromkeys(("threshold", "peak_threshold", "min_area"), 1.0) | dict.fromkeys(
    ("dilate", "feather"), sys.float_info.max
)


def _check(path: Path, content: dict[str, Any]) -> None:
    """Refuse a manifest with values that no export writes; a folder may come from strangers."""
    for name, expected in _TYPES.items():
        if not isinstance(content[name], expected) or isinstance(content[name], bool):
            raise ModelError(f"{path}: {name}: expected {expected.__name__}, got {type(content[name]).__name__}")
    for name, digest in content["files"].items():
        if not isinstance(digest, str) or name in (".", "..") or Path(name).name != name:
            raise ModelError(f"{path}: files: expected names in the folder, each with a SHA-256; got {name!r}")
    config = content["config"]
    if lacking := [name for name in _REQUIRED if name not in config]:
        raise ModelError(f"{path}: config lacks {', '.join(lacking)}")
    for name in _SIZES:
        value = config.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise ModelError(f"{path}: config.{name}: expected a whole number from 1 on or null, got {value!r:.60}")
    for name, most in _RANGES.items():
        value = config.get(name, 0.0)
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
            raise ModelError(f"{path}: config.{name}: expected a number from 0 to {most:g}, got {value!r:.60}")
    calibration: Any = read_calibration(config)
    if (
        not isinstance(calibration, list | tuple)
        or len(calibration) != 3
        or any(not isinstance(value, int | float) or not math.isfinite(value) for value in calibration)
    ):
        raise ModelError(
            f"{path}: config.detector.verdict.calibration: expected three numbers, got {calibration!r:.60}"
        )


def read_calibration(config: Mapping[str, Any]) -> tuple[float, float, float]:
    """Read how the verdict is calibrated from the configuration of a pipeline; older ones do not say it."""
    detector = config["detector"]
    verdict = detector.get("verdict") if isinstance(detector, dict) else None
    return verdict.get("calibration", _UNCALIBRATED) if isinstance(verdict, dict) else _UNCALIBRATED


def hash_file(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
