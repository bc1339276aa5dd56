"""The pipeline: a detector and a restorer that are called, configured and saved as one."""

from __future__ import annotations

import dataclasses
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, Unpack, overload

import attrs
import torch
from torch import Tensor, nn

from hcl_sdk.config import ConfigError, load_yaml, make_converter
from hcl_sdk.detector import Detector
from hcl_sdk.errors import check_whole_number, suggest, suggest_keywords
from hcl_sdk.functional.arrays import Box
from hcl_sdk.interfaces import Restorer
from hcl_sdk.photos.masks import load_mask
from hcl_sdk.photos.photo import Photo, Source
from hcl_sdk.pipeline._batches import is_list, run_batches
from hcl_sdk.pipeline._card import write_card
from hcl_sdk.pipeline._changes import resolve_changes, warn_untrained
from hcl_sdk.pipeline._filler import Filler
from hcl_sdk.pipeline._finder import Finder
from hcl_sdk.pipeline._masks import make_mask, measure_growth
from hcl_sdk.pipeline._needs import check_detector, check_kinds, check_restorer, explain_lack_of_kinds
from hcl_sdk.pipeline._options import (
    DETECTION_HINTS,
    CallOptions,
    DetectOptions,
    FillingSettings,
    FindingSettings,
    take_settings,
)
from hcl_sdk.pipeline._parts import bind_parts, check_part, make_detector
from hcl_sdk.pipeline._schema import describe_fields, make_modules, read_changes, read_fields
from hcl_sdk.pipeline._suspect import count_left_out, find_suspect
from hcl_sdk.plugins import call_before_save
from hcl_sdk.result import Result, Suspect
from hcl_sdk.runtime import Precision, check_precision, pick_device
from hcl_sdk.settings import PRESETS, Settings
from hcl_sdk.weights import check_sizes, find_weights, load_weights, read_config, save_folder, upload

_logger = logging.getLogger("hcl_sdk.pipeline")


def _check_precision(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    check_precision(value)


def _put_own_first(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    return sorted(fields, key=lambda field: field.name in attrs.fields_dict(Settings))


@attrs.define(eq=False, slots=False, on_setattr=attrs.setters.NO_OP, field_transformer=_put_own_first)
class Pipeline(Settings):
    """A detector and a restorer, and the settings for processing photos with them.

    Photos can be paths, PIL images, NumPy arrays or torch tensors, either one or a list of any sizes; see
    :class:`~hcl_sdk.Photo` for what is accepted. Creating a pipeline binds the restorer to the detector's encoder,
    moves both to the device and puts them in evaluation mode. All :class:`~hcl_sdk.settings.Settings`, from
    ``detection_size`` to ``unveil``, are arguments as well, and attributes that can be assigned.

    Args:
        detector: finds the corrupted region; None for a pipeline that is always given masks.
        restorer: fills it; None for a pipeline that only detects. Either can also be given as in a configuration, for
            example ``restorer="hcl-opencv/telea"`` or ``restorer={"use": "gated-unet", "dim": 16}``.
        device: where to run; by default an accelerator if there is one.
        precision: ``"no"`` for float32, ``"fp16"`` or ``"bf16"`` for autocast. Clustering always runs in float32.

    Raises:
        TypeError: if a part or a setting has the wrong type.
        ValueError: if both parts are None or do not match, or a setting is out of range.

    Example:
        >>> import numpy as np
        >>> from hcl_sdk import GatedUNet
        >>> pipeline = Pipeline(restorer=GatedUNet(dim=4, multipliers=(1, 2)))
        >>> photo, mask = np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), bool)
        >>> mask[5:10, 5:10] = True
        >>> pipeline.restore(photo, corruption_mask=mask).restored.shape
        (20, 30, 3)
    """

    detector: Detector | None = attrs.field(default=None, validator=check_part, converter=make_detector)
    restorer: Restorer | None = attrs.field(
        default=None, validator=check_part, converter=attrs.converters.optional(make_converter(Restorer))
    )
    device: torch.device = attrs.field(default=None, converter=pick_device, kw_only=True, repr=False)
    precision: Precision = attrs.field(default="no", validator=_check_precision, kw_only=True, repr=False)
    _modules: nn.ModuleDict = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.detector is None and self.restorer is None:
            raise ValueError("a pipeline needs a detector, a restorer or both; got neither")
        self._modules = bind_parts(self.detector, self.restorer)
        self._modules.to(self.device).eval()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("detector", "restorer", "device") and name in self.__dict__:
            how = "pipeline.to(...) moves it" if name == "device" else f"pipeline.replace({name}=...) makes another one"
            raise AttributeError(f"Pipeline.{name} is read-only; {how}")
        super().__setattr__(name, value)

    @property
    def modules(self) -> nn.ModuleDict:
        """The detector and the restorer as one module, whose ``state_dict`` is what :meth:`save_pretrained` writes."""
        return self._modules

    def replace(self, **changes: Any) -> Pipeline:
        """Create a pipeline with other parts or settings that shares the rest.

        Arguments are those of ``Pipeline``, and those of :class:`~hcl_sdk.Detector` for parts of the detector:
        ``replace(restorer="hcl-opencv/telea")``, ``replace(encoder="convnext", dilate=4)``. A mapping as ``detector``
        holds the fields of the detector that change.

        Replacing the restorer sets ``texture=0`` unless it is given, too: how much a fill needs depends on the
        restorer.

        A trainable built-in part that is given by its name or configuration has random weights until it is trained or
        weights are loaded, and so do the parts of the detector after it if they have to fit it, see
        :meth:`~hcl_sdk.Detector.replace`; an :class:`~hcl_sdk.pipeline.UntrainedWarning` names them.

        Raises:
            TypeError: if there is no such part or setting, or it has the wrong type.
            ConfigError: if a part is described by a name or a configuration that is wrong.
            ValueError: if a part does not fit the one before it, or a setting is out of range.

        Example:
            >>> import hcl_sdk
            >>> pipeline = hcl_sdk.Pipeline(restorer="gated-unet").replace(restorer=hcl_sdk.ResidualUNet(), dilate=2)
            >>> type(pipeline.restorer).__name__
            'ResidualUNet'
        """
        made = attrs.evolve(self, **resolve_changes(self, changes))
        warn_untrained(self, made, changes)
        return made

    def with_preset(self, job: str) -> Pipeline:
        """Create a pipeline with the settings for a job that shares the rest; see ``hcl_sdk.settings.PRESETS``.

        Args:
            job: ``"watermark"``, ``"old-photo"``, ``"datestamp"`` or ``"graffiti"``. If the detector does not tell
                kinds of damage apart, all damage counts.

        Raises:
            ValueError: if there is no such job.
        """
        if job not in PRESETS:
            raise ValueError(f"unknown preset {job!r}; {suggest(job, list(PRESETS))}")
        chosen = dict(PRESETS[job])
        if self.detector is None or self.detector.damage_head is None:
            chosen = {name: value for name, value in chosen.items() if name not in ("only", "skip")}
        return self.replace(**chosen)

    # Running

    @overload
    def __call__(self, photo: Source, **options: Unpack[CallOptions]) -> Result: ...
    @overload
    def __call__(self, photo: Sequence[Source], **options: Unpack[CallOptions]) -> list[Result]: ...
    @take_settings(FindingSettings, FillingSettings, hints=DETECTION_HINTS)
    def __call__(
        self,
        photo: Source | Sequence[Source],
        *,
        region: Box | None = None,
        seed: int = 0,
        batch_size: int = 8,
        progress: bool = False,
        **settings: Any,
    ) -> Result | list[Result]:
        """Find the corrupted region of a photo, and fill it.

        Args:
            photo: one photo, or a list of photos, all of which are held in memory together with their results.
            region: (x, y, width, height) in pixels: search for corruption only in this rectangle. The detector still
                sees the whole photo.
            seed: random seed of the clusterer; the same seed gives the same result.
            batch_size: how many photos of the same working size go through the detector at once.
            progress: show a progress bar. The logger ``hcl_sdk.pipeline`` reports what was found in each photo, at
                level INFO.
            settings: override those of the pipeline: :class:`~hcl_sdk.pipeline.FindingSettings`, which is how readily
                and what is found, and :class:`~hcl_sdk.pipeline.FillingSettings`.

        Returns:
            One result, or a list of them in the order of the photos.

        Raises:
            TypeError: if the photo or a setting has an unsupported type.
            ValueError: if a photo cannot be read, a value is out of range, the pipeline lacks a detector or restorer,
                or ``only`` or ``skip`` is given and the detector has no ``damage_head``.
        """
        restorer = check_restorer(self.restorer)
        seed = check_whole_number("seed", seed)
        chosen = self._choose_settings(**settings)
        finder, filler = self._make_finder(chosen, region), self._make_filler(restorer, chosen)

        def restore(photos: list[Photo]) -> list[Result]:
            return [filler.fill(result, working) for result, working in finder.find(photos, seed=seed)]

        return run_batches(photo, restore, settings=chosen, batch_size=batch_size, progress=progress)

    @overload
    def detect(self, photo: Source, **options: Unpack[DetectOptions]) -> Result: ...
    @overload
    def detect(self, photo: Sequence[Source], **options: Unpack[DetectOptions]) -> list[Result]: ...
    @take_settings(FindingSettings, hints=DETECTION_HINTS)
    def detect(
        self,
        photo: Source | Sequence[Source],
        *,
        region: Box | None = None,
        seed: int = 0,
        batch_size: int = 8,
        progress: bool = False,
        **settings: Any,
    ) -> Result | list[Result]:
        """Find the corrupted region of a photo without filling it. Arguments and errors are those of ``__call__``."""
        seed = check_whole_number("seed", seed)
        chosen = self._choose_settings(**settings)
        finder = self._make_finder(chosen, region)

        def detect(photos: list[Photo]) -> list[Result]:
            return [result for result, _ in finder.find(photos, seed=seed)]

        return run_batches(photo, detect, settings=chosen, batch_size=batch_size, progress=progress)

    @take_settings(FillingSettings)
    def restore(self, photo: Source, *, corruption_mask: Source, **settings: Unpack[FillingSettings]) -> Result:
        """Fill a given region of a photo: your own mask, or an edited one.

        Args:
            photo: one photo.
            corruption_mask: path, PIL image, array or tensor with the photo's size as displayed (EXIF orientation
                applied), True / white / 255 = corrupted = to be filled.
            settings: override those of the pipeline.

        Raises:
            TypeError: if the photo or mask has an unsupported type, or a setting is not a number.
            ValueError: if the photo or mask cannot be read, the mask has another size, a value is out of range, or the
                pipeline lacks a restorer.
        """
        restorer = check_restorer(self.restorer)
        if is_list(photo) or (isinstance(photo, Iterator) and not hasattr(photo, "read")):
            raise TypeError(
                f"restore takes one photo and its corruption_mask; got a {type(photo).__name__}: call it for each "
                f"photo, or hcl_sdk.restore_folder(folder, output, corruption_masks=masks) for files"
            )
        filler = self._make_filler(restorer, self._choose_settings(**settings))
        opened = Photo.open(photo)
        mask = load_mask(corruption_mask, opened.size, swapped=opened.swapped)
        path = Path(corruption_mask) if isinstance(corruption_mask, str | os.PathLike) else None
        result = Result(photo=opened, corruption_mask=mask, mask_path=path)
        return filler.fill(result)

    @take_settings(FindingSettings)
    def to_mask(self, found: Result | Tensor, **settings: Unpack[FindingSettings]) -> Tensor:
        """Compute the mask that :meth:`detect` would find with other settings, without running the detector again.

        Args:
            found: a result of this pipeline; or a confidence, the probability of *corrupted*, ``[B, 1, H, W]``. A
                confidence does not tell the kind of damage, so ``only`` and ``skip`` must then be empty.
            settings: override those of the pipeline.

        Returns:
            ``corruption_mask``, ``[B, 1, H, W]`` bool.

        Raises:
            TypeError, ValueError: if ``found`` is neither, a setting is invalid, or ``only`` or ``skip`` is given and
                the kind of damage is not known.
        """
        chosen = self._choose_settings(**settings)
        confidence, detection = (found.confidence, found.detection) if isinstance(found, Result) else (found, None)
        check_kinds(detection, chosen)
        return make_mask(confidence, chosen, detection)

    @suggest_keywords
    def measure_growth(
        self, found: Result, *, corruption_mask: Tensor | None = None, sensitivity: float | None = None
    ) -> float:
        """Measure by how many pixels a detected mask grows before it is filled.

        That is ``dilate``, or more if the pipeline has ``soft_edges`` and the edges are soft. If you have edited a
        detected mask, pass this number to :meth:`restore` as ``dilate``.

        Args:
            found: a result of :meth:`detect`.
            corruption_mask: ``[1, 1, H, W]`` bool, the edited mask; None for that of the result.
            sensitivity: the sensitivity at which it was found; overrides the pipeline's.

        Raises:
            ValueError: if the mask has another size than the photo, or the sensitivity is out of range.
        """
        if corruption_mask is not None:
            if corruption_mask.shape != found.corruption_mask.shape:
                expected, got = list(found.corruption_mask.shape), list(corruption_mask.shape)
                raise ValueError(f"expected a corruption_mask {expected}, the size of the photo; got {got}")
            found = dataclasses.replace(found, corruption_mask=corruption_mask.bool())
        return measure_growth(found, self._choose_settings(sensitivity=sensitivity))

    def find_suspect(self, result: Result) -> Suspect | None:
        """Find the most suspicious part of a photo outside its mask, and the sensitivity at which it would be found.

        If nothing was found, that is where the confidence is highest, unless only a sensitivity of 1, which finds
        everything, would find it. Otherwise, the part must be separate from the mask, and more likely corrupted than
        not: something that the thresholds have cut off. What ``only``, ``skip`` or ``min_area`` would leave out is not
        suspicious.

        Args:
            result: a result of :meth:`detect`, or of calling this pipeline.

        Returns:
            The part; None if there is none, or the mask was passed in.
        """
        return find_suspect(result, self._choose_settings())

    def count_left_out(self, result: Result) -> int:
        """Count the regions that the detector found in a photo and that ``only``, ``skip`` or ``min_area`` left out.

        Args:
            result: a result of :meth:`detect`, or of calling this pipeline; there are none if its mask was passed in.
        """
        return count_left_out(result, self._choose_settings())

    @suggest_keywords
    def to(self, device: str | torch.device) -> Self:
        """Move detector and restorer to another device. Returns self.

        Pipelines that :meth:`replace` has created from this one share its parts and need to be moved with it.

        Raises:
            ValueError: if there is no such device.
        """
        self.__dict__["device"] = pick_device(device)
        self._modules.to(self.device)
        return self

    def compile(self, **options: Any) -> Self:
        """Compile detector and restorer, with ``torch.compile``'s options, on first use. Returns self."""
        for module in self._modules.values():
            module.compile(**options)
        return self

    def explain_lack_of_kinds(self, settings: Settings | None = None) -> str | None:
        """Explain why regions cannot be selected by kind as the settings require; None if they can.

        Args:
            settings: the settings; None for the pipeline's own.
        """
        return explain_lack_of_kinds(self.detector, self if settings is None else settings)

    def _choose_settings(self, **settings: Any) -> Settings:
        """Combine the settings given for a call with the pipeline's own, which hold where one is not given or None."""
        given = {name: value for name, value in settings.items() if value is not None}
        holding = self._get_settings() | given
        if "dilate" in given:  # a width that is given is meant exactly
            holding["soft_edges"] = False
        return Settings(**holding)

    def _make_finder(self, settings: Settings, region: Box | None) -> Finder:
        detector = check_detector(self.detector, settings)
        return Finder(detector=detector, settings=settings, device=self.device, precision=self.precision, region=region)

    def _make_filler(self, restorer: Restorer, settings: Settings) -> Filler:
        return Filler(
            restorer=restorer,
            detector=self.detector,
            settings=settings,
            device=self.device,
            precision=self.precision,
        )

    def _get_settings(self) -> dict[str, Any]:
        """Return the pipeline's settings by name."""
        return {field.name: getattr(self, field.name) for field in attrs.fields(Settings)}

    # Configuration and weights

    @classmethod
    @suggest_keywords
    def from_config(
        cls,
        config: str | Path | Mapping[str, Any],
        *,
        device: str | torch.device | None = None,
        precision: Precision = "no",
    ) -> Pipeline:
        """Create a pipeline from YAML (a file or text) or the equivalent mapping.

        Its weights are random, unless the configuration has a key ``weights``: then it starts from what
        :meth:`from_pretrained` loads under this name, and the other keys override that as in :meth:`replace`: settings,
        a restorer, parts of the detector.

        Raises:
            ConfigError: listing all problems in the configuration, each with its path.
            WeightsError: if the weights that it names cannot be loaded.
            ValueError: if the device is not available, or the precision is invalid.
        """
        mapping = config if isinstance(config, Mapping) else load_yaml(config)
        if "weights" not in mapping:
            return cls._from_mapping(mapping, device=device, precision=precision)
        weights, changes = read_changes(mapping)
        base = cls.from_pretrained(weights, device=device, precision=precision)
        try:
            fields = resolve_changes(base, changes)
        except ValueError as error:  # parts of the detector that do not fit each other
            raise ConfigError([("detector", str(error))]) from error
        try:
            made = attrs.evolve(base, **fields)
        except ValueError as error:  # a restorer that does not fit the detector, or nothing is left
            raise ConfigError([("restorer", str(error))]) from error
        warn_untrained(base, made, mapping)
        return made

    @classmethod
    def _from_mapping(
        cls, mapping: Mapping[str, Any], *, device: str | torch.device | None, precision: Precision
    ) -> Pipeline:
        """Create the pipeline of a configuration that does not start from weights."""
        parts = read_fields(mapping)
        device, precision = pick_device(device), check_precision(precision)
        try:
            return cls(**parts, device=device, precision=precision)
        except ValueError as error:  # the parts are sound: there are none, or the restorer does not fit the detector
            raise ConfigError([("" if parts.get("restorer") is None else "restorer", str(error))]) from error

    def to_config(self) -> dict[str, Any]:
        """Return the configuration of this pipeline: every field, including defaults, and the versions of its plugins.

        ``Pipeline.from_config(pipeline.to_config())`` gives the same composition.

        Raises:
            RegistryError: if a component's class is not registered; the message contains the missing line.
            TypeError: if the detector is an instance of a subclass of Detector, which a configuration cannot express.
        """
        return describe_fields(self.detector, self.restorer, self._get_settings())

    @classmethod
    @suggest_keywords
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
                ships with the package; else a repository ``org/name`` on the Hugging Face Hub (``hub:org/name``
                forces this).
            revision: branch, tag or commit on the Hub.
            device, precision: as in :class:`Pipeline`.

        Raises:
            WeightsError: if the weights do not exist, are damaged, or belong to another architecture.
            ConfigError: if their configuration is invalid, or names a component that is not installed.
        """
        folder = find_weights(name, revision=revision)
        config = read_config(folder)
        check_sizes(lambda: make_modules(config), folder, config.get("sha256"))
        pipeline = cls._from_mapping(config, device=device, precision=precision)
        load_weights(pipeline._modules, folder, config.get("sha256"))
        _logger.info("weights %s from %s, on %s", name, folder, pipeline.device)
        return pipeline

    @suggest_keywords
    def save_pretrained(self, folder: str | Path, *, half: bool = False) -> None:
        """Write ``config.json``, ``model.safetensors`` and a model card ``README.md`` to a folder.

        Args:
            folder: created if missing. An existing model card is kept.
            half: store floating-point weights in float16; they are converted back to float32 when loaded.

        Plugins can hook in before anything is written, see :func:`~hcl_sdk.plugins.hcl_before_save`.
        """
        folder, config = Path(folder), self.to_config()
        folder.mkdir(parents=True, exist_ok=True)
        call_before_save(self, config, folder)
        save_folder(folder, config, self._modules, write_card(self._modules), half=half)

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
