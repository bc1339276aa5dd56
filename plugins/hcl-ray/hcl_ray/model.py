"""A pipeline in a process of Ray, and what becomes of the photos that it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from hcl_sdk import Pipeline, Result


class Settings(TypedDict, total=False):
    """How photos are worked on. What is left out is as the weights have it.

    Attributes:
        weights: a folder that all machines see, the name of registered weights, or ``org/name`` on the Hugging Face
            Hub; ``default`` if left out.
        sensitivity: how ready to call a pixel corrupted, in [0, 1]: 0 finds nothing, 1 everything.
        detection_size: photos are shrunk to this shorter side, in pixels, for detection.
        dilate, feather: in pixels, as of ``hcl_sdk.Pipeline``; of restoring only.
        texture: likewise.
        file_format: of restored photos, such as ``jpg``; if left out, one that keeps every pixel. Of restoring only.
        device: of each actor; the fastest that Ray gave it if left out.
        precision: ``no`` (float32), ``fp16`` or ``bf16``.
        batch_size: how many photos of one working size go through the detector at once. With 1, if left out, results
            are those of ``hcl restore``; with more, up to the last bits of floating-point numbers.
    """

    weights: str
    sensitivity: float
    detection_size: int
    dilate: float
    feather: float
    texture: float
    file_format: str
    device: str
    precision: Literal["no", "fp16", "bf16"]
    batch_size: int


_OF_RESTORING = ("dilate", "feather", "texture", "file_format")


class Model:
    """Loads a pipeline, and puts files through it.

    Raises:
        TypeError: for a setting that there is not, or of another type.
        ValueError: for one out of its range, or weights that cannot be loaded or used for this.
    """

    def __init__(self, settings: Settings, *, restoring: bool) -> None:
        from hcl_sdk import Pipeline
        from hcl_sdk.folders import check_parts

        names = [n for n in Settings.__annotations__ if restoring or n not in _OF_RESTORING]
        unknown = [name for name in settings if name not in names]
        if unknown:
            raise TypeError(f"unknown settings {', '.join(unknown)}; expected {', '.join(names)}")
        self.restoring = restoring
        self.batch_size = settings.get("batch_size", 1)
        if type(self.batch_size) is not int or self.batch_size < 1:
            raise ValueError(f"batch_size must be a whole number >= 1; got {self.batch_size!r}")
        weights = settings.get("weights", "default")
        device, precision = settings.get("device"), settings.get("precision", "no")
        try:
            self.pipeline: Pipeline = Pipeline.from_pretrained(weights, device=device, precision=precision)
            check_parts(self.pipeline, detecting=True, restoring=restoring)
        except (ValueError, OSError) as error:
            raise ValueError(f"weights {weights}: {error}") from error
        for name in ("sensitivity", "detection_size", "dilate", "feather", "texture"):
            if (value := settings.get(name)) is not None:
                setattr(self.pipeline, name, value)

    def results(self, paths: Sequence[Path]) -> Iterator[Result | str]:
        """The result of each photo, in their order; for one that fails, the reason."""
        for first in range(0, len(paths), self.batch_size):
            batch = paths[first : first + self.batch_size]
            if len(batch) > 1:
                try:
                    results = self._run(batch)
                except Exception:
                    pass  # of one of them, or too much memory for all at once: one by one it shows
                else:
                    yield from results
                    continue
            for path in batch:
                try:
                    [result] = self._run([path])
                except Exception as error:  # of a plugin, too: whatever it is, it is no reason to stop a long run
                    yield self.reason(error, path)
                else:
                    yield result

    def reason(self, error: Exception, path: Path) -> str:
        """Why a photo failed, in one line."""
        from hcl_sdk.folders import explain_failure

        return explain_failure(error, path, self.pipeline.device)

    def _run(self, paths: Sequence[Path]) -> list[Result]:
        run = self.pipeline if self.restoring else self.pipeline.detect
        return run(list(paths), batch_size=self.batch_size)
