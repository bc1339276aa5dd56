"""From photos to masks and restored photos."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar, overload

import attrs
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from hcl_sdk.config import ConfigError, describe, load_yaml, plugins_used, structure
from hcl_sdk.detector import Detector
from hcl_sdk.functional.arrays import find_surroundings, working_size
from hcl_sdk.functional.compositing import feathered_alpha
from hcl_sdk.functional.hysteresis import hysteresis_mask
from hcl_sdk.functional.masks import shrink_mask
from hcl_sdk.functional.patch_fields import synthesize
from hcl_sdk.functional.resize import resize, shrink
from hcl_sdk.functional.sensitivity import threshold_at
from hcl_sdk.interfaces import Detection, Restorer, field_type
from hcl_sdk.messages import suggest_keywords
from hcl_sdk.photos.masks import load_mask
from hcl_sdk.photos.photo import Photo, Source
from hcl_sdk.plugins import call_before_save
from hcl_sdk.result import Result
from hcl_sdk.runtime import Precision, autocast, check_precision, pick_device
from hcl_sdk.settings import Settings
from hcl_sdk.weights import FORMAT, check_sizes, find_weights, load_weights, read_config, save_folder, upload

T = TypeVar("T")


def _check_part(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    kind = {"detector": Detector, "restorer": Restorer}[attribute.name]
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{attribute.name} must be a {kind.__name__} or None; got a {type(value).__name__}")


def _check_precision(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    check_precision(value)


@dataclass(frozen=True, kw_only=True, eq=False)
class _WorkingDetection:
    """What the detector found in one photo, with its features, and the image that it saw; on the pipeline's device."""

    image: Tensor
    detection: Detection


def _own_first(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    return sorted(fields, key=lambda field: field.name in attrs.fields_dict(Settings))


@attrs.define(eq=False, slots=False, on_setattr=attrs.setters.NO_OP, field_transformer=_own_first)
class Pipeline(Settings):
    """A detector and a restorer, and how photos go through them.

    Photos may be given as paths, PIL images, numpy arrays or torch tensors, one or a list of any sizes; see
    :class:`~hcl_sdk.Photo` for what is accepted. Making a pipeline binds the restorer to the detector's encoder, moves
    both to the device and puts them in evaluation mode. The settings, from ``detection_size`` to ``texture``, are
    attributes that can be set, and are checked then as well.

    Args:
        detector: finds the corrupted region; None for a pipeline that is always handed masks.
        restorer: fills it; None for a pipeline that only detects.
        detection_size: photos are shrunk for detection until their shorter side has at most this many pixels; None for
            never.
        restoration_size: the same for restoration, of the part of the photo that is to be filled and its surroundings.
            A restorer that uses the detector's features works at the scale of the detection instead.
        threshold: a pixel is corrupted where ``confidence > threshold``, in [0, 1]: what the weights were tuned to.
        peak_threshold: of these pixels only those regions count that have ``confidence > peak_threshold`` somewhere, in
            [0, 1], likewise; 0 for all. See :func:`~hcl_sdk.functional.hysteresis.hysteresis_mask`.
        sensitivity: how ready to call a pixel corrupted, in [0, 1]: 0 finds nothing, 0.5 leaves both thresholds as they
            are, 1 finds everything, unless a threshold is 0 or 1; see
            :func:`~hcl_sdk.functional.sensitivity.threshold_at`.
        dilate: pixels of the photo by which the mask grows before it is filled: what is left of a soft edge would show.
        feather: width in pixels of the border beyond, which is filled too and fades into the photo.
        texture: how much of the fill's texture is the photo's own, in [0, 1]: 0 is the restorer alone, which is nearest
            to the truth pixel by pixel and smooth; 1 looks most like a photo. See
            :func:`~hcl_sdk.functional.patch_fields.synthesize`.
        device: where to run; an accelerator if there is one.
        precision: ``"no"`` for float32, ``"fp16"`` or ``"bf16"`` for autocast. Clustering is always done in float32.

    Raises:
        TypeError: if a part is not what its name says, or a setting not a number.
        ValueError: if both parts are None or do not fit each other, or a setting is out of its range.

    Example:
        >>> import numpy as np
        >>> from hcl_sdk import GatedUNet
        >>> pipeline = Pipeline(restorer=GatedUNet(dim=4, multipliers=(1, 2)))
        >>> photo, mask = np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), bool)
        >>> mask[5:10, 5:10] = True
        >>> pipeline.restore(photo, corruption_mask=mask).restored.shape
        (20, 30, 3)
    """

    detector: Detector | None = attrs.field(default=None, validator=_check_part)
    restorer: Restorer | None = attrs.field(default=None, validator=_check_part)
    device: torch.device = attrs.field(default=None, converter=pick_device, kw_only=True, repr=False)
    precision: Precision = attrs.field(default="no", validator=_check_precision, kw_only=True, repr=False)
    _modules: nn.ModuleDict = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.detector is None and self.restorer is None:
            raise ValueError("a pipeline needs a detector, a restorer or both; got neither")
        if self.restorer is not None:
            self.restorer.bind(None if self.detector is None else self.detector.encoder.spec)
        parts = {"detector": self.detector, "restorer": self.restorer}
        self._modules = nn.ModuleDict({name: part for name, part in parts.items() if part is not None})
        self._modules.to(self.device).eval()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("detector", "restorer", "device") and name in self.__dict__:
            raise AttributeError(
                f"Pipeline.{name} is read-only; pipeline.replace({name}=...) makes a pipeline with another one"
            )
        super().__setattr__(name, value)

    def replace(self, **changes: Any) -> Pipeline:
        """A pipeline with other parts or settings, the rest shared with this one; arguments as of ``Pipeline``."""
        return attrs.evolve(self, **changes)

    # Running

    @overload
    def __call__(
        self,
        photo: Source,
        *,
        sensitivity: float | None = ...,
        dilate: float | None = ...,
        feather: float | None = ...,
        texture: float | None = ...,
        seed: int = ...,
        batch_size: int = ...,
    ) -> Result: ...
    @overload
    def __call__(
        self,
        photo: Sequence[Source],
        *,
        sensitivity: float | None = ...,
        dilate: float | None = ...,
        feather: float | None = ...,
        texture: float | None = ...,
        seed: int = ...,
        batch_size: int = ...,
    ) -> list[Result]: ...
    @suggest_keywords
    def __call__(
        self,
        photo: Source | Sequence[Source],
        *,
        sensitivity: float | None = None,
        dilate: float | None = None,
        feather: float | None = None,
        texture: float | None = None,
        seed: int = 0,
        batch_size: int = 8,
    ) -> Result | list[Result]:
        """Find what does not belong in the photo, and fill it.

        Args:
            photo: one photo, or a list of them, which are all held in memory, with their results.
            sensitivity, dilate, feather, texture: in place of the pipeline's own.
            seed: of the clusterer's draws; the same seed gives the same result.
            batch_size: how many photos of one working size go through the detector at once.

        Returns:
            One result, or a list of them in the order of the photos.

        Raises:
            TypeError: for what is no photo, or a setting that is no number.
            ValueError: for a photo that cannot be read, a value out of its range, or a pipeline without a detector or
                restorer.
        """
        self._need_restorer()
        sensitivity = self._own("sensitivity", sensitivity)
        dilate, feather = self._own("dilate", dilate), self._own("feather", feather)
        texture = self._own("texture", texture)

        def restore(photos: Sequence[Photo]) -> list[Result]:
            found = self._detect_batch(photos, sensitivity, seed)
            return [self._fill(result, dilate, feather, texture, working=working) for result, working in found]

        return self._run(photo, restore, batch_size)

    @overload
    def detect(
        self,
        photo: Source,
        *,
        sensitivity: float | None = ...,
        seed: int = ...,
        batch_size: int = ...,
    ) -> Result: ...
    @overload
    def detect(
        self,
        photo: Sequence[Source],
        *,
        sensitivity: float | None = ...,
        seed: int = ...,
        batch_size: int = ...,
    ) -> list[Result]: ...
    @suggest_keywords
    def detect(
        self,
        photo: Source | Sequence[Source],
        *,
        sensitivity: float | None = None,
        seed: int = 0,
        batch_size: int = 8,
    ) -> Result | list[Result]:
        """Find what does not belong in the photo, and fill nothing. Arguments and errors as in calling the pipeline."""
        sensitivity = self._own("sensitivity", sensitivity)

        def detect(photos: Sequence[Photo]) -> list[Result]:
            return [result for result, _ in self._detect_batch(photos, sensitivity, seed)]

        return self._run(photo, detect, batch_size)

    @suggest_keywords
    def restore(
        self,
        photo: Source,
        *,
        corruption_mask: Source,
        dilate: float | None = None,
        feather: float | None = None,
        texture: float | None = None,
    ) -> Result:
        """Fill a region of a photo that is known: one's own mask, or an edited one.

        Args:
            photo: one photo.
            corruption_mask: path, PIL image, array or tensor of the photo's size as it is seen (EXIF orientation
                applied), True / white / 255 = corrupted = to be filled.
            dilate, feather, texture: in place of the pipeline's own.

        Raises:
            TypeError: for what is no photo or mask, or a setting that is no number.
            ValueError: for a photo or mask that cannot be read, a mask of another size, a value out of its range, or a
                pipeline without a restorer.
        """
        self._need_restorer()
        dilate, feather = self._own("dilate", dilate), self._own("feather", feather)
        texture = self._own("texture", texture)
        opened = Photo.open(photo)
        mask = load_mask(corruption_mask, opened.size)
        path = Path(corruption_mask) if isinstance(corruption_mask, str | os.PathLike) else None
        result = Result(photo=opened, confidence=mask.float(), corruption_mask=mask, mask_path=path)
        return self._fill(result, dilate, feather, texture)

    @suggest_keywords
    def to_mask(self, confidence: Tensor, *, sensitivity: float | None = None) -> Tensor:
        """The mask that a confidence makes: what :meth:`detect` would find, without detecting anew.

        Args:
            confidence: ``[B, 1, H, W]``, probability of *corrupted*, such as a result's ``confidence``.
            sensitivity: in place of the pipeline's own.

        Returns:
            ``corruption_mask``, ``[B, 1, H, W]`` bool.

        Raises:
            TypeError, ValueError: if ``confidence`` is no such tensor, or the sensitivity not in its range.
        """
        sensitivity = self._own("sensitivity", sensitivity)
        limits = (threshold_at(sensitivity, threshold) for threshold in (self.threshold, self.peak_threshold))
        return hysteresis_mask(confidence, *limits)

    def compile(self, **options: Any) -> Self:
        """Compile detector and restorer with ``torch.compile``'s options on their first use. Returns self."""
        for module in self._modules.values():
            module.compile(**options)
        return self

    def _need_restorer(self) -> None:
        if self.restorer is None:
            raise ValueError("this pipeline has no restorer; use pipeline.detect(photo), or give it one")

    def _run(self, photo: Any, work: Callable[[list[Photo]], list[Result]], batch_size: int) -> Any:
        """What ``work`` makes of a photo or of a list of them, of which it gets those of one working size together."""
        if self.detector is None:
            raise ValueError("this pipeline has no detector; use pipeline.restore(photo, corruption_mask=mask)")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if not _is_list(photo):
            return work([Photo.open(photo)])[0]
        photos = [Photo.open(source) for source in photo]
        by_size: dict[tuple[int, int], list[int]] = {}
        for i, opened in enumerate(photos):
            by_size.setdefault(working_size(opened.size, self.detection_size), []).append(i)
        results: dict[int, Result] = {}
        for indices in by_size.values():
            for begin in range(0, len(indices), batch_size):
                batch = indices[begin : begin + batch_size]
                results.update(zip(batch, work([photos[i] for i in batch]), strict=True))
        return [results[i] for i in range(len(photos))]

    @torch.no_grad()  # not inference_mode: its tensors could not be edited and fed back
    def _detect_batch(
        self, photos: Sequence[Photo], sensitivity: float, seed: int
    ) -> list[tuple[Result, _WorkingDetection]]:
        """Detect in photos of one working size. Results hold copies of what is theirs, on the CPU."""
        assert self.detector is not None
        size = working_size(photos[0].size, self.detection_size)
        images = torch.cat([shrink(photo.rgb, size) for photo in photos]).to(self.device)
        with autocast(self.device, self.precision):
            found = self.detector(images, seed=seed)
        results = []
        for k, photo in enumerate(photos):
            own = _one(found, k)
            # Bilinear, so that its edges do not show the working scale.
            confidence = _copy(resize(own.confidence, photo.size, "bilinear"))
            result = Result(
                photo=photo,
                confidence=confidence,
                corruption_mask=self.to_mask(confidence, sensitivity=sensitivity),
                detection=_copy(replace(own, pyramid=None, embeddings=())),
            )
            results.append((result, _WorkingDetection(image=images[k : k + 1], detection=own)))
        return results

    @torch.no_grad()
    def _fill(
        self, result: Result, dilate: float, feather: float, texture: float, *, working: _WorkingDetection | None = None
    ) -> Result:
        """Fill the mask of a result; without a working detection, of a photo that the detector has not seen."""
        assert self.restorer is not None
        photo = result.photo
        alpha = feathered_alpha(result.corruption_mask, dilate, feather)
        if not result.corruption_mask.any():
            return replace(result, alpha=alpha, composited=photo)
        mask = alpha > 0  # with the feathered border: a fill that stops short of it would not fade into the photo
        near = find_surroundings(mask[0, 0].cpu().numpy())
        fill = photo.rgb
        part, hole = fill[..., *near].clone(), mask[..., *near]
        if self.restorer.uses_features:
            box = slice(None), slice(None)
            fill = filled = self._restore_whole(result, mask, working)
            changed = filled[..., *near]
        else:
            box = near
            filled = changed = self._restore_part(part, hole)
        if texture > 0:
            changed.copy_(self._add_texture(part, hole, changed, texture))
        fill[..., *box] = filled
        return replace(result, alpha=alpha, composited=photo.composite(fill, alpha), _filled=(filled, box))

    def _restore_whole(self, result: Result, mask: Tensor, working: _WorkingDetection | None) -> Tensor:
        """Restore at the scale of the detection, from its features."""
        size = working_size(result.photo.size, self.detection_size)
        small = shrink_mask(mask, size).to(self.device)
        if working is None:
            working = self._encode(shrink(result.photo.rgb, size).to(self.device), small)
        elif not torch.equal(mask, result.confidence > 0.5):  # of another mask than the detector's own
            detection = Detection.from_mask(small, working.detection.pyramid)
            working = replace(working, detection=detection)
        return self._run_restorer(working.image, working.detection, result.photo.size)

    def _encode(self, image: Tensor, corruption_mask: Tensor) -> _WorkingDetection:
        """What a detector that finds this mask in the image would hand to the restorer."""
        assert self.detector is not None
        with autocast(self.device, self.precision):
            detection = self.detector.encode_mask(image, corruption_mask)
        return _WorkingDetection(image=image, detection=detection)

    def _restore_part(self, rgb: Tensor, mask: Tensor) -> Tensor:
        """Restore the part of a photo around the mask, so that a small region of a large photo keeps its detail."""
        size = working_size(rgb.shape[-2:], self.restoration_size)
        detection = Detection.from_mask(shrink_mask(mask, size).to(self.device))
        return self._run_restorer(shrink(rgb, size).to(self.device), detection, rgb.shape[-2:])

    def _add_texture(self, rgb: Tensor, mask: Tensor, filled: Tensor, texture: float) -> Tensor:
        """Texture of a part of a photo, at its own resolution, whatever the restorer worked at."""
        textured = synthesize(rgb.to(self.device), mask.to(self.device), filled.to(self.device)).cpu()
        return torch.where(mask, torch.lerp(filled, textured, texture), filled)

    def _run_restorer(self, image: Tensor, detection: Detection, size: Sequence[int]) -> Tensor:
        assert self.restorer is not None
        with autocast(self.device, self.precision):
            restored = self.restorer(image, detection)
        if not isinstance(restored, Tensor) or restored.shape != image.shape or not restored.is_floating_point():
            what = (
                f"{restored.dtype} {list(restored.shape)}" if isinstance(restored, Tensor) else type(restored).__name__
            )
            raise ValueError(
                f"{type(self.restorer).__name__}.forward must return a floating-point image {list(image.shape)}; "
                f"got {what}"
            )
        return resize(restored.float(), size, "bilinear").clamp(0, 1).cpu()

    def _own(self, name: str, value: float | None) -> float:
        """The value given for a call, or else the pipeline's own."""
        return getattr(self, name) if value is None else self.check(name, value)

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
            ValueError: if the device is not there, or the precision is none.
        """
        mapping = config if isinstance(config, Mapping) else load_yaml(config)
        values = structure(_schema(), mapping)
        parts = {key: value for key, value in values.items() if key not in _OF_THE_FILE}
        device, precision = pick_device(device), check_precision(precision)
        try:
            return cls(**parts, device=device, precision=precision)
        except ValueError as error:  # the parts are sound: there are none, or the restorer does not fit the detector
            raise ConfigError([("" if parts.get("restorer") is None else "restorer", str(error))]) from error

    def to_config(self) -> dict[str, Any]:
        """The configuration of this pipeline: every field, defaults included, and the versions of what it is made of.

        ``Pipeline.from_config(pipeline.to_config())`` is the same composition.

        Raises:
            RegistryError: if a component's class is not registered; the message says which line is missing.
            TypeError: if the detector is of a subclass of Detector, which a configuration cannot say.
        """
        parts = {
            "detector": None if self.detector is None else describe(self.detector, Detector),
            "restorer": None if self.restorer is None else describe(self.restorer),
        }
        settings = {field.name: getattr(self, field.name) for field in attrs.fields(Settings)}
        return {"format": FORMAT, "plugins": plugins_used(parts), **parts, **settings}

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
        config = read_config(folder)
        check_sizes(lambda: _make_modules(config), folder, config.get("sha256"))
        pipeline = cls.from_config(config, device=device, precision=precision)
        load_weights(pipeline._modules, folder, config.get("sha256"))
        return pipeline

    def save_pretrained(self, folder: str | Path, *, half: bool = False) -> None:
        """Write ``config.json``, ``model.safetensors`` and a model card ``README.md`` into a folder.

        Args:
            folder: made if it is not there. A model card that is there stays.
            half: store floating-point weights in float16; they are loaded as float32 again.

        Plugins may do something before, see :func:`~hcl_sdk.plugins.hcl_before_save`.
        """
        folder, config = Path(folder), self.to_config()
        folder.mkdir(parents=True, exist_ok=True)
        call_before_save(self, config, folder)
        save_folder(folder, config, self._modules, _card(self), half=half)

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


# What a configuration holds besides the fields of a pipeline.
_OF_THE_FILE: dict[str, Any] = {
    "format": Annotated[int, attrs.validators.in_([FORMAT])],
    "plugins": dict[str, str],
    "sha256": str,  # of the weights that lie beside it
}


def _make_modules(config: Mapping[str, Any]) -> nn.ModuleDict:
    """The parts of a configuration, bound to each other, as they are saved and loaded."""
    made = structure(_schema(), config)
    detector, restorer = made.get("detector"), made.get("restorer")
    if restorer is not None:
        restorer.bind(None if detector is None else detector.encoder.spec)
    parts = {"detector": detector, "restorer": restorer}
    return nn.ModuleDict({name: part for name, part in parts.items() if part is not None})


@cache
def _schema() -> dict[str, Any]:
    """The type and validator of every key of a configuration; where a pipeline runs is none of its business."""
    parts = {"detector": Detector | None, "restorer": Restorer | None}
    settings = {f.name: Annotated[field_type(Settings, f.name), f.validator] for f in attrs.fields(Settings)}
    return _OF_THE_FILE | parts | settings


def restore(photo: Source, *, corruption_mask: Source | None = None, **options: Any) -> Result:
    """Find what does not belong in a photo and fill it, with the weights that come with the package.

    The pipeline is made once and kept.

    Args:
        photo: one photo.
        corruption_mask: what is to be filled instead of what is found, as in :meth:`Pipeline.restore`.
        options: as in calling a :class:`Pipeline`, or of :meth:`Pipeline.restore` if a mask is given. Errors likewise.
    """
    if corruption_mask is None:
        return _default_pipeline()(photo, **options)
    return _default_pipeline().restore(photo, corruption_mask=corruption_mask, **options)


@lru_cache(maxsize=1)
def _default_pipeline() -> Pipeline:
    return Pipeline.from_pretrained("default")


def _is_list(photo: Any) -> bool:
    return isinstance(photo, Sequence) and not isinstance(photo, str)


def _one(batch: Detection, k: int) -> Detection:
    return pytree.tree_map_only(Tensor, lambda tensor: tensor[k : k + 1], batch)


def _copy(value: T) -> T:
    """A tensor, or a value made of tensors, on the CPU, with memory of its own."""
    return pytree.tree_map_only(Tensor, lambda tensor: tensor.to("cpu", copy=True), value)


def _card(pipeline: Pipeline) -> str:
    millions = sum(p.numel() for p in pipeline._modules.parameters()) / 1e6
    does, call = "Finds the regions of a photo that do not belong in it and fills them", '("photo.jpg")'
    if pipeline.restorer is None:
        does, call = "Finds the regions of a photo that do not belong in it", '.detect("photo.jpg")'
    elif pipeline.detector is None:
        does, call = (
            "Fills the regions of a photo that a mask says",
            '.restore("photo.jpg", corruption_mask="mask.png")',
        )
    return f"""---
library_name: hcl_sdk
pipeline_tag: {"image-segmentation" if pipeline.restorer is None else "image-to-image"}
tags: [blind-image-inpainting, image-restoration]
---

# Blind image inpainting with hcl_sdk

{does}; {millions:.2f} million parameters.

```python
from hcl_sdk import Pipeline

result = Pipeline.from_pretrained("path or org/name of these weights"){call}
result.save("result")
```

Data, training and results: to be filled in by whoever trained these weights.
"""
