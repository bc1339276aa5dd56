"""``AutoBackbone`` of transformers as an encoder."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_BACKBONE_MAPPING,
    AutoBackbone,
    AutoConfig,
    AutoImageProcessor,
    PreTrainedConfig,
)

from hcl_sdk import component
from hcl_sdk.encoders.backbone import IMAGENET_MEAN, IMAGENET_STD, BackboneEncoder, check_loaded, to_tuples
from hcl_sdk.errors import describe_error, suggest

_DERIVED = {"stage_names", "out_features", "out_indices"} | {f.name for f in dataclasses.fields(PreTrainedConfig)}
"""Fields of a configuration that follow from others, are fields of the encoder, or do not concern backbones."""


@component
class TransformersEncoder(BackboneEncoder):
    """Any backbone of Hugging Face transformers that ``AutoBackbone`` knows: ConvNeXt, Swin, DINOv2, ResNet, BEiT ...

    The fields shared by all encoders with a backbone of another library are explained in
    :class:`~hcl_sdk.encoders.backbone.BackboneEncoder`.

    Attributes:
        model: a repository of the Hugging Face Hub, such as ``facebook/dinov2-small``, or a folder written by
            ``save_pretrained`` of transformers. None for random weights, with ``config``.
        revision: branch, tag or commit on the Hub.
        pretrained: whether to load the weights of ``model``; False once the encoder is made.
        config: the architecture: ``model_type``, such as ``convnext``, and fields of that type's configuration, as in a
            ``config.json``; other fields have the type's defaults. Empty for the architecture of ``model``.
        out_indices: the stages that become scales, numbered as in transformers; 0 is the stem.
        image_mean, image_std: by default those of the image processor of ``model``; ImageNet's without a model.
        frozen: do not train the backbone.

    Example:
        >>> encoder = TransformersEncoder(config={"model_type": "convnext", "hidden_sizes": (8, 16, 24, 32)})
        >>> encoder.spec
        PyramidSpec(channels=(8, 16, 24, 32), strides=(4, 8, 16, 32))
    """

    revision: str | None = None

    @classmethod
    def testing_example(cls, folder: Path) -> TransformersEncoder:
        """Make a small one, for the conformance kit."""
        config = {"model_type": "convnext", "hidden_sizes": (8, 16, 24, 32), "depths": (1, 1, 1, 1)}
        return cls(config=config)

    def resolve(self) -> Mapping[str, Any]:
        if self.model is not None and not self.model.strip():
            raise ValueError("'model' is empty; expected a repository on the Hugging Face Hub or a folder")
        config = self._describe(self._make_library_config() if self.config else self._fetch(AutoConfig))
        mean, std = self.image_mean, self.image_std
        if mean is None or std is None:
            own_mean, own_std = (IMAGENET_MEAN, IMAGENET_STD) if self.model is None else self._read_normalization()
            mean, std = mean or own_mean, std or own_std
        return {"config": config, "image_mean": mean, "image_std": std}

    def stages(self) -> Sequence[str]:
        names = getattr(self._make_library_config(), "stage_names", None)
        if not names:
            raise ValueError(f"the model_type {self.config['model_type']!r} has no stages to take feature maps from")
        return tuple(names)

    def usual_indices(self) -> Sequence[int]:
        return [index for index, name in enumerate(self.stages()) if name != "stem"]

    def multiples(self) -> Sequence[int]:
        size = getattr(self._make_library_config(), "patch_size", None) or 1
        return [math.lcm(*size) if isinstance(size, Sequence) else size]

    def make_backbone(self, indices: Sequence[int], *, pretrained: bool) -> nn.Module:
        config = self._make_library_config()
        config.out_indices = list(indices)
        if not pretrained:
            return AutoBackbone.from_config(config, trust_remote_code=False)
        # Not AutoBackbone.from_pretrained, which mistakes a folder for a repository of that name and asks the Hub.
        with torch.device("meta"):
            cls: Any = type(AutoBackbone.from_config(config, trust_remote_code=False))
        backbone, report = self._fetch(cls, config=config, dtype=torch.float32, output_loading_info=True)
        check_loaded(backbone, sorted(report["missing_keys"]), f"the checkpoint {self.model!r}")
        return backbone

    def feature_maps(self, backbone: nn.Module, image: Tensor) -> Sequence[Tensor]:
        return backbone(image).feature_maps

    @property
    def _name(self) -> str:
        return f"the {self.config.get('model_type')} backbone"

    def _make_library_config(self) -> PreTrainedConfig:
        """Validate ``config`` and convert it to an object of transformers.

        Only fields of that type are accepted, because a configuration can also name code to be downloaded.
        """
        given = dict(self.config)
        model_type = given.pop("model_type", None)
        known = sorted(config.model_type for config in MODEL_FOR_BACKBONE_MAPPING)
        known.remove("timm_backbone")  # it downloads weights on its own; use the package hcl-timm
        if model_type not in known:
            raise ValueError(
                f"config.model_type: expected a type that transformers has a backbone for, one of {', '.join(known)}; "
                f"got {model_type!r}"
            )
        cls = CONFIG_MAPPING[model_type]
        fields = {name for name in _list_fields(cls) if name not in _DERIVED}
        for name in given:
            if name not in fields:
                raise ValueError(
                    f"config.{name}: not a field of the model_type {model_type!r}; {suggest(name, sorted(fields))}"
                )
        try:
            return cls(**json.loads(json.dumps(given)))  # tuples as lists
        except Exception as error:  # from huggingface_hub, which checks types, or from the model type
            raise ValueError(f"config: {' '.join(str(error).split())}") from error

    def _describe(self, config: PreTrainedConfig) -> dict[str, Any]:
        """Convert a configuration of transformers to the form of ``config``."""
        fields = {name for name in _list_fields(type(config)) if name not in _DERIVED}
        values = {name: to_tuples(value) for name, value in config.to_dict().items() if name in fields}
        if deep := [name for name, value in values.items() if isinstance(value, dict)]:
            raise ValueError(
                f"a backbone of the model_type {config.model_type!r} cannot be an encoder: its configuration nests "
                f"mappings, in {', '.join(deep)}"
            )
        return {"model_type": config.model_type, **values}

    def _read_normalization(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Read the mean and standard deviation of the image processor of ``model``, for images in [0, 1]."""
        try:
            processor = self._fetch(AutoImageProcessor)
        except ValueError as error:
            raise ValueError(
                f"how {self.model!r} normalizes images is not known; set image_mean and image_std: {error}"
            ) from error
        if getattr(processor, "do_flip_channel_order", False):
            raise ValueError(f"{self.model!r} takes BGR images, which is not supported; expected RGB")
        scale = processor.rescale_factor * 255 if processor.do_rescale else 255.0
        scale = 1.0 if math.isclose(scale, 1) else scale
        mean, std = (processor.image_mean, processor.image_std) if processor.do_normalize else (0.0, 1.0)
        means, stds = (value if isinstance(value, Sequence) else [value] * 3 for value in (mean, std))
        return tuple(float(m) / scale for m in means), tuple(float(s) / scale for s in stds)

    def _fetch(self, what: Any, **options: Any) -> Any:
        """Call ``what.from_pretrained`` for ``model``; turn every error into a ``ValueError`` that says what to do."""
        assert self.model is not None
        try:
            return what.from_pretrained(self.model, revision=self.revision, trust_remote_code=False, **options)
        except Exception as error:  # from the network, the Hub, the files, or one of several libraries
            why = describe_error(error, limit=240)
            if Path(self.model).is_dir():
                raise ValueError(
                    f"the folder {self.model!r} cannot be used: {why}; expected config.json and "
                    f"model.safetensors, as save_pretrained of transformers writes them"
                ) from error
            raise ValueError(
                f"cannot get {self.model!r} from the Hugging Face Hub, and it is not a folder here: {why}. "
                f"Without the Hub, pass a folder as 'model', or only 'config' for random weights"
            ) from error


def _list_fields(cls: type[PreTrainedConfig]) -> list[str]:
    return [field.name for field in dataclasses.fields(cls) if not field.name.startswith("_")]  # pyright: ignore[reportArgumentType]
