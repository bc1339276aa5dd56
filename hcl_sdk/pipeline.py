"""From photos to masks and restored photos."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Self, overload

import attrs
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from hcl_sdk.config import describe, dump_yaml, load_yaml, plugins_used, structure
from hcl_sdk.detector import Detector
from hcl_sdk.functional.compositing import feathered_alpha
from hcl_sdk.functional.resize import resize, shrink
from hcl_sdk.interfaces import Detection, Restorer
from hcl_sdk.photo import Photo, Source, load_mask
from hcl_sdk.result import Result
from hcl_sdk.runtime import Precision, autocast, check_precision, pick_device
from hcl_sdk.weights import find_weights, load_weights, read_config, save_folder, upload

_pixels = attrs.validators.optional(attrs.validators.ge(1))
_width = attrs.validators.ge(0)
_probability = attrs.validators.and_(attrs.validators.ge(0), attrs.validators.le(1))

_SCHEMA: dict[str, Any] = {
    "format": Annotated[int, attrs.validators.in_([1])],
    "plugins": dict[str, str],
    "detector": Detector | None,
    "restorer": Restorer | None,
    "detection_size": Annotated[int | None, _pixels],
    "restoration_size": Annotated[int | None, _pixels],
    "threshold": Annotated[float, _probability],
    "dilate": Annotated[float, _width],
    "feather": Annotated[float, _width],
}
_SETTINGS = ("detection_size", "restoration_size", "threshold", "dilate", "feather")


class Pipeline:
    """A detector and a restorer, and how photos go through them.

    Photos may be given as paths, PIL images, numpy arrays or torch tensors, one or a list of any sizes; see
    :class:`~hcl_sdk.photo.Photo` for what is accepted. Making a pipeline binds the restorer to the detector's encoder,
    moves both to the device and puts them in evaluation mode.

    Args:
        detector: finds the corrupted region; None for a pipeline that is always handed masks.
        restorer: fills it; None for a pipeline that only detects.
        detection_size: photos are shrunk for detection until their shorter side has at most this many pixels; None for
            never.
        restoration_size: the same for restoration, of the part of the photo that is to be filled and its surroundings.
            A restorer that uses the detector's features works at the scale of the detection instead.
        threshold: a pixel is corrupted where ``confidence > threshold``, in [0, 1].
        dilate: pixels of the photo by which the mask grows before it is filled: what is left of a soft edge would show.
        feather: width in pixels of the border beyond, which is filled too and fades into the photo.
        device: where to run; an accelerator if there is one.
        precision: ``"no"`` for float32, ``"fp16"`` or ``"bf16"`` for autocast. Clustering is always done in float32.

    Raises:
        TypeError: if a part is not what its name says.
        ValueError: if both parts are None or do not fit each other, or a value is out of its range.

    Example:
        >>> import numpy as np
        >>> from hcl_sdk import GatedUNet
        >>> pipeline = Pipeline(restorer=GatedUNet(dim=4, multipliers=(1, 2)))
        >>> photo, mask = np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), bool)
        >>> mask[5:10, 5:10] = True
        >>> pipeline.restore(photo, corruption_mask=mask).restored.shape
        (20, 30, 3)
    """

    def __init__(
        self,
        detector: Detector | None = None,
        restorer: Restorer | None = None,
        *,
        detection_size: int | None = None,
        restoration_size: int | None = None,
        threshold: float = 0.5,
        dilate: float = 0,
        feather: float = 0,
        device: str | torch.device | None = None,
        precision: Precision = "no",
    ) -> None:
        if detector is None and restorer is None:
            raise ValueError("a pipeline needs a detector, a restorer or both; got neither")
        for name, part, kind in (("detector", detector, Detector), ("restorer", restorer, Restorer)):
            if part is not None and not isinstance(part, kind):
                raise TypeError(f"{name} must be a {kind.__name__} or None; got a {type(part).__name__}")
        given = dict(zip(_SETTINGS, (detection_size, restoration_size, threshold, dilate, feather), strict=True))
        settings = structure({name: _SCHEMA[name] for name in _SETTINGS}, given)
        self.detection_size: int | None = settings["detection_size"]
        self.restoration_size: int | None = settings["restoration_size"]
        self.threshold: float = settings["threshold"]
        self.dilate: float = settings["dilate"]
        self.feather: float = settings["feather"]
        self.device = pick_device(device)
        self.precision: Precision = check_precision(precision)
        if restorer is not None:
            restorer.bind(None if detector is None else detector.encoder.spec)
        self.detector = detector
        self.restorer = restorer
        self._modules = nn.ModuleDict(
            {k: m for k, m in (("detector", detector), ("restorer", restorer)) if m is not None}
        )
        self._modules.to(self.device).eval()

    def __repr__(self) -> str:
        parts = [repr(p) for p in (self.detector, self.restorer)]
        settings = [f"{name}={getattr(self, name)!r}" for name in _SETTINGS]
        return f"Pipeline({', '.join(parts + settings)})"

    # Running

    @overload
    def __call__(
        self,
        photo: Source,
        *,
        threshold: float | None = ...,
        dilate: float | None = ...,
        feather: float | None = ...,
        seed: int = ...,
        batch_size: int = ...,
    ) -> Result: ...
    @overload
    def __call__(
        self,
        photo: Sequence[Source],
        *,
        threshold: float | None = ...,
        dilate: float | None = ...,
        feather: float | None = ...,
        seed: int = ...,
        batch_size: int = ...,
    ) -> list[Result]: ...
    def __call__(
        self,
        photo: Source | Sequence[Source],
        *,
        threshold: float | None = None,
        dilate: float | None = None,
        feather: float | None = None,
        seed: int = 0,
        batch_size: int = 8,
    ) -> Result | list[Result]:
        """Find what does not belong in the photo, and fill it.

        Args:
            photo: one photo, or a list of them, which are all held in memory.
            threshold, dilate, feather: in place of the pipeline's own.
            seed: of the clusterer's draws; the same seed gives the same result.
            batch_size: how many photos of one working size go through the detector at once.

        Returns:
            One result, or a list of them in the order of the photos.

        Raises:
            ValueError: for a photo that cannot be read, a value out of its range, or a pipeline without a detector or
                restorer.
        """
        self._need_restorer()
        results = self._detect(_listed(photo), threshold, seed, batch_size)
        restored = [self._fill(result, dilate, feather) for result in results]
        return restored if _is_list(photo) else restored[0]

    @overload
    def detect(
        self,
        photo: Source,
        *,
        threshold: float | None = ...,
        seed: int = ...,
        batch_size: int = ...,
    ) -> Result: ...
    @overload
    def detect(
        self,
        photo: Sequence[Source],
        *,
        threshold: float | None = ...,
        seed: int = ...,
        batch_size: int = ...,
    ) -> list[Result]: ...
    def detect(
        self,
        photo: Source | Sequence[Source],
        *,
        threshold: float | None = None,
        seed: int = 0,
        batch_size: int = 8,
    ) -> Result | list[Result]:
        """Find what does not belong in the photo, and fill nothing. Arguments and errors as in calling the pipeline."""
        results = self._detect(_listed(photo), threshold, seed, batch_size)
        return results if _is_list(photo) else results[0]

    def restore(
        self,
        photo: Source,
        *,
        corruption_mask: Source,
        dilate: float | None = None,
        feather: float | None = None,
    ) -> Result:
        """Fill a region of a photo that is known: one's own mask, or an edited one.

        Args:
            photo: one photo.
            corruption_mask: path, PIL image, array or tensor of the photo's size as it is seen (EXIF orientation
                applied), True / white / 255 = corrupted = to be filled.
            dilate, feather: in place of the pipeline's own.

        Raises:
            ValueError: for a photo or mask that cannot be read, a mask of another size, a value out of its range, or a
                pipeline without a restorer.
        """
        self._need_restorer()
        opened = Photo.open(photo)
        mask = load_mask(corruption_mask, opened.size)
        return self._fill(Result(photo=opened, confidence=mask.float(), corruption_mask=mask), dilate, feather)

    def compile(self, **options: Any) -> Self:
        """Compile detector and restorer with ``torch.compile``'s options on their first use. Returns self."""
        for module in self._modules.values():
            module.compile(**options)
        return self

    def _need_restorer(self) -> None:
        if self.restorer is None:
            raise ValueError("this pipeline has no restorer; use pipeline.detect(photo), or give it one")

    @torch.no_grad()  # not inference_mode: its tensors could not be edited and fed back
    def _detect(self, sources: Sequence[Source], threshold: float | None, seed: int, batch_size: int) -> list[Result]:
        if self.detector is None:
            raise ValueError("this pipeline has no detector; use pipeline.restore(photo, corruption_mask=mask)")
        limit = self._setting("threshold", threshold)
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        photos = [Photo.open(source) for source in sources]
        by_size: dict[tuple[int, int], list[int]] = {}
        for i, photo in enumerate(photos):
            by_size.setdefault(_working_size(photo.size, self.detection_size), []).append(i)
        results: dict[int, Result] = {}
        for size, indices in by_size.items():
            for begin in range(0, len(indices), batch_size):
                batch = indices[begin : begin + batch_size]
                images = torch.cat([shrink(photos[i].rgb, size) for i in batch]).to(self.device)
                with autocast(self.device, self.precision):
                    found = self.detector(images, seed=seed)
                for k, i in enumerate(batch):
                    detection = _one(found, k)
                    confidence = _at_size(detection, photos[i].size)
                    results[i] = Result(
                        photo=photos[i],
                        confidence=confidence,
                        corruption_mask=confidence > limit,
                        detection=detection,
                    )
        return [results[i] for i in range(len(photos))]

    @torch.no_grad()
    def _fill(self, result: Result, dilate: float | None, feather: float | None) -> Result:
        photo = result.photo
        dilate, feather = self._setting("dilate", dilate), self._setting("feather", feather)
        alpha = feathered_alpha(result.corruption_mask, dilate, feather)
        raw = None
        if result.corruption_mask.any():
            mask = alpha > 0  # with the feathered border: a fill that stops short of it would not fade into the photo
            raw = self._restored_whole(result, mask) if self._uses_features else self._restored_part(photo, mask)
        fill = photo.rgb if raw is None else raw
        return replace(result, alpha=alpha, raw=raw, composited=photo.composite(fill, alpha))

    @property
    def _uses_features(self) -> bool:
        return self.restorer is not None and self.restorer.uses_features

    def _restored_whole(self, result: Result, mask: Tensor) -> Tensor:
        """Restore at the scale of the detection, from its features."""
        assert self.detector is not None
        photo, detection = result.photo, result.detection
        size = _working_size(photo.size, self.detection_size)
        image = shrink(photo.rgb, size).to(self.device)
        small = _shrink_mask(mask, size).to(self.device)
        if detection is None:
            with autocast(self.device, self.precision):
                detection = self.detector.encode_mask(image, small)
        elif not torch.equal(mask, _at_size(detection, photo.size) > 0.5):
            detection = Detection.from_mask(small, detection.pyramid)
        return self._run_restorer(image, detection, photo.size)

    def _restored_part(self, photo: Photo, mask: Tensor) -> Tensor:
        """Restore the part of the photo around the mask, so that a small region of a large photo keeps its detail."""
        rows, columns = _surroundings(mask[0, 0])
        part, part_mask = photo.rgb[..., rows, columns], mask[..., rows, columns]
        size = _working_size((part.shape[-2], part.shape[-1]), self.restoration_size)
        detection = Detection.from_mask(_shrink_mask(part_mask, size).to(self.device))
        raw = photo.rgb.clone()
        image = shrink(part, size).to(self.device)
        raw[..., rows, columns] = self._run_restorer(image, detection, part.shape[-2:])
        return raw

    def _run_restorer(self, image: Tensor, detection: Detection, size: Sequence[int]) -> Tensor:
        assert self.restorer is not None
        with autocast(self.device, self.precision):
            restored = self.restorer(image, detection)
        return resize(restored.float(), size, "bilinear").clamp(0, 1).cpu()

    def _setting(self, name: str, value: float | None) -> float:
        if value is None:
            return getattr(self, name)
        return structure({name: _SCHEMA[name]}, {name: value})[name]

    # Configuration and weights

    @classmethod
    def from_config(
        cls,
        config: str | Path | Mapping[str, Any],
        *,
        device: str | torch.device | None = None,
        precision: Precision = "no",
    ) -> Pipeline:
        """Make a pipeline, with weights drawn at random, from YAML (a file, or the text) or the equal mapping.

        Raises:
            ConfigError: listing all that is wrong with the configuration, each with its path.
        """
        mapping = config if isinstance(config, Mapping) else load_yaml(config)
        values = structure(_SCHEMA, mapping)
        parts = {key: value for key, value in values.items() if key not in ("format", "plugins")}
        return cls(**parts, device=device, precision=precision)

    def to_config(self) -> dict[str, Any]:
        """The configuration of this pipeline: every field, defaults included, and the versions of what it is made of.

        ``Pipeline.from_config(pipeline.to_config())`` is the same composition.

        Raises:
            RegistryError: if a component's class is not registered; the message says which line is missing.
        """
        parts = {
            "detector": None if self.detector is None else describe(self.detector),
            "restorer": None if self.restorer is None else describe(self.restorer),
        }
        settings = {name: getattr(self, name) for name in _SETTINGS}
        return {"format": 1, "plugins": plugins_used(parts), **parts, **settings}

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = "default",
        *,
        revision: str | None = None,
        device: str | torch.device | None = None,
        precision: Precision = "no",
    ) -> Pipeline:
        """Load a pipeline with its weights.

        Args:
            name: a directory written by :meth:`save_pretrained`; else registered weights, such as ``default``, which
                the package carries; else a repository ``org/name`` on the Hugging Face Hub (``hub:org/name``
                forces it).
            revision: branch, tag or commit on the Hub.
            device, precision: as in :class:`Pipeline`.

        Raises:
            WeightsError: if there are no such weights, or they are damaged or of another architecture.
            ConfigError: if their configuration is wrong, or names a component that is not installed.
        """
        folder = find_weights(name, revision=revision)
        pipeline = cls.from_config(read_config(folder), device=device, precision=precision)
        load_weights(pipeline._modules, folder)
        return pipeline

    def save_pretrained(self, folder: str | Path, *, half: bool = False) -> None:
        """Write ``config.json``, ``model.safetensors`` and a model card ``README.md`` into a folder.

        Args:
            folder: made if it is not there. A model card that is there stays.
            half: store floating-point weights in float16; they are loaded as float32 again.
        """
        config = self.to_config()
        save_folder(folder, config, self._modules, _card(self, config), half=half)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        half: bool = False,
        commit_message: str = "Upload weights with hcl_sdk",
    ) -> str:
        """Upload what :meth:`save_pretrained` writes to the Hugging Face Hub; returns the address of the commit."""
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder, half=half)
            return upload(Path(folder), repo_id, private=private, token=token, commit_message=commit_message)


def restore(photo: Source, **options: Any) -> Result:
    """Find what does not belong in a photo and fill it, with the weights that come with the package.

    The pipeline is made once and kept. Arguments and errors as in calling a :class:`Pipeline`.
    """
    return _default_pipeline()(photo, **options)


@lru_cache(maxsize=1)
def _default_pipeline() -> Pipeline:
    return Pipeline.from_pretrained("default")


def _is_list(photo: Any) -> bool:
    return isinstance(photo, Sequence) and not isinstance(photo, str)


def _listed(photo: Any) -> Sequence[Source]:
    return photo if _is_list(photo) else [photo]


def _at_size(detection: Detection, size: Sequence[int]) -> Tensor:
    """The confidence at a photo's size, on the CPU: bilinear, so that its edges do not show the working scale."""
    return resize(detection.confidence, size, "bilinear").cpu()


def _one(batch: Detection, k: int) -> Detection:
    return pytree.tree_map_only(Tensor, lambda tensor: tensor[k : k + 1], batch)


def _working_size(size: Sequence[int], shorter: int | None) -> tuple[int, int]:
    """``size`` shrunk until its shorter side is at most ``shorter`` pixels."""
    height, width = size
    if shorter is None or min(height, width) <= shorter:
        return height, width
    scale = shorter / min(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _shrink_mask(mask: Tensor, size: Sequence[int]) -> Tensor:
    """A bool mask at a smaller size, True where any pixel under it is."""
    return nn.functional.adaptive_max_pool2d(mask.float(), tuple(size)) > 0


def _surroundings(mask: Tensor) -> tuple[slice, slice]:
    """The box around the True pixels of ``[H, W]``, wider by its own size (at least 64 pixels) on every side."""
    slices = []
    for dim in (1, 0):
        inside = mask.any(dim=dim).nonzero().flatten()
        first, last = int(inside[0]), int(inside[-1]) + 1
        margin = max(64, last - first)
        slices.append(slice(max(0, first - margin), min(mask.shape[1 - dim], last + margin)))
    return slices[0], slices[1]


def _card(pipeline: Pipeline, config: Mapping[str, Any]) -> str:
    millions = sum(p.numel() for p in pipeline._modules.parameters()) / 1e6
    return f"""---
library_name: hcl_sdk
pipeline_tag: image-to-image
tags: [blind-image-inpainting, image-restoration]
---

# Blind image inpainting with hcl_sdk

Finds the regions of a photo that do not belong in it and fills them; {millions:.2f} million parameters.

```python
from hcl_sdk import Pipeline

result = Pipeline.from_pretrained("path or org/name of these weights")("photo.jpg")
result.restored.save("restored.png")
```

Data, training and results: to be filled in by whoever trained these weights.

## Configuration

```yaml
{dump_yaml(config)}```
"""
