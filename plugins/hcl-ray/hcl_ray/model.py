"""A pipeline in a Ray process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from hcl_sdk import Photo, Pipeline, Result


class Settings(TypedDict, total=False):
    """Settings for processing photos. Those that are left out are taken from the weights.

    Attributes:
        weights: a folder that all machines can access, the name of registered weights, or ``org/name`` on the Hugging
            Face Hub; ``default`` if left out.
        sensitivity: how readily a pixel is called corrupted, in [0, 1]: 0 finds nothing, 1 everything.
        detection_size: photos are shrunk to this shorter side, in pixels, for detection.
        dilate, feather, texture: as in ``hcl_sdk.Pipeline``; only for restoring.
        file_format: of restored photos, such as ``jpg``; by default a lossless one. Only for restoring.
        device: of each actor; by default the fastest that Ray assigned to it.
        precision: ``no`` (float32), ``fp16`` or ``bf16``.
        batch_size: how many photos of the same working size the detector takes at once. With 1, the default, results
            are those of ``hcl restore``; with more, they agree up to floating-point rounding.
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


_BYTES = Path("the bytes")  # what messages call a photo without a file
_RESTORING_ONLY = ("dilate", "feather", "texture", "file_format")


class Model:
    """Loads a pipeline and runs it on photos.

    Raises:
        TypeError: for an unknown setting, or one of the wrong type.
        ValueError: for a setting out of its range, or weights that cannot be loaded or used for this.
    """

    def __init__(self, settings: Settings, *, restoring: bool) -> None:
        from hcl_sdk import Pipeline
        from hcl_sdk.folders import check_parts

        names = [n for n in Settings.__annotations__ if restoring or n not in _RESTORING_ONLY]
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

    def run(
        self, sources: Sequence[Path | bytes], check: Callable[[int, Photo], None] | None = None
    ) -> Iterator[Result | str]:
        """Yield the result of each photo in order, or the reason why it failed.

        Args:
            sources: files, or their contents. At most ``batch_size`` photos are decoded at a time.
            check: called with the number of each photo and the photo before it is processed; raises to refuse it.
        """
        for first in range(0, len(sources), self.batch_size):
            batch = sources[first : first + self.batch_size]
            opened = [self._open(i, source, check) for i, source in enumerate(batch, first)]
            photos = [photo for photo in opened if not isinstance(photo, str)]
            results = self._process(photos)
            for photo in opened:
                yield photo if isinstance(photo, str) else next(results)

    def explain(self, error: Exception, path: Path | None) -> str:
        """Explain in one line why a photo failed; its path is None if only the contents of the file were given."""
        from hcl_sdk.folders import explain_failure

        return explain_failure(error, path or _BYTES, self.pipeline.device)

    def _open(self, i: int, source: Path | bytes, check: Callable[[int, Photo], None] | None) -> Photo | str:
        from hcl_sdk import Photo

        try:
            photo = Photo.open(source)
            if check is not None:
                check(i, photo)
        except Exception as error:  # whatever it is, a long run continues
            return self.explain(error, None if isinstance(source, bytes) else source)
        return photo

    def _process(self, photos: list[Photo]) -> Iterator[Result | str]:
        run = self.pipeline if self.restoring else self.pipeline.detect
        if len(photos) > 1:
            try:
                results = run(photos, batch_size=self.batch_size)
            except Exception:
                pass  # one photo is bad, or all together take too much memory: running them one by one tells
            else:
                yield from results
                return
        for photo in photos:
            try:
                result = run(photo)
            except Exception as error:
                yield self.explain(error, photo.path)
            else:
                yield result
