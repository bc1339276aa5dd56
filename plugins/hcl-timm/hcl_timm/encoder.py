"""timm's models as encoders."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import load_model_config_from_hf, load_state_dict, split_model_name_tag
from torch import Tensor, nn

from hcl_sdk import component
from hcl_sdk.encoders.backbone import IMAGENET_MEAN, IMAGENET_STD, BackboneEncoder, check_loaded, to_tuples
from hcl_sdk.errors import describe_error, suggest

_HUB, _FOLDER = "hf-hub:", "local-dir:"

_NOT_ARCHITECTURE = {
    *("pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_strict", "pretrained_filter_fn"),
    *("pretrained_model_args", "checkpoint_path", "cache_dir", "features_only", "out_indices", "feature_cls"),
    *("feature_cfg", "num_classes", "in_chans", "global_pool", "scriptable", "exportable", "no_jit"),
    *("device", "dtype"),
}
"""Arguments of ``timm.create_model`` about the source of weights, the outputs, or the classifier."""


@component
class TimmEncoder(BackboneEncoder):
    """Any model of timm that returns feature maps (``features_only``) for images of any size.

    The fields shared by all encoders with a backbone of another library are explained in
    :class:`~hcl_sdk.encoders.backbone.BackboneEncoder`.

    Attributes:
        model: timm's name of a model, such as ``convnext_tiny.in12k_ft_in1k`` or ``resnet50``;
            ``hf-hub:organization/name`` for other models on the Hugging Face Hub; or ``local-dir:path`` for a folder
            with ``config.json`` and weights as timm saves them. None for random weights, with ``config``.
        pretrained: whether to load the weights of ``model``; False once the encoder is made.
        checkpoint: a file with weights for ``model``, safetensors or a state dict of PyTorch, to use instead of those
            that timm would download. No code in it is run.
        config: the architecture: ``architecture``, timm's name for it, and arguments of the model, such as
            ``drop_path_rate``; empty for the architecture of ``model``.
        out_indices: the stages that become scales, numbered as in timm.
        image_mean, image_std: by default those of timm's data configuration of ``model``; ImageNet's without a model.
        frozen: do not train the backbone.

    Example:
        >>> TimmEncoder(model="resnet18", pretrained=False).spec
        PyramidSpec(channels=(64, 64, 128, 256, 512), strides=(2, 4, 8, 16, 32))
    """

    checkpoint: str | None = None

    @classmethod
    def testing_example(cls, folder: Path) -> TimmEncoder:
        """Make a small one, for the conformance kit."""
        return cls(config={"architecture": "test_vit"})

    def resolve(self) -> Mapping[str, Any]:
        if self.checkpoint is not None and self.model is None:
            raise ValueError(f"checkpoint {self.checkpoint!r}: it needs the 'model' whose weights it holds")
        if self.checkpoint is not None and self.pretrained and not Path(self.checkpoint).is_file():
            raise ValueError(f"checkpoint {self.checkpoint!r}: no such file")
        config, mean, std = dict(self.config), self.image_mean, self.image_std
        if self.model is not None and not (config and mean and std):
            cfg, arguments = self._read_config()
            mean, std = mean or tuple(cfg["mean"]), std or tuple(cfg["std"])
            config = config or {"architecture": cfg["architecture"], **arguments}
        self._check(config)
        if "dynamic_img_size" not in config and _takes_dynamic_size(config):
            config["dynamic_img_size"] = True
        return {"config": config, "image_mean": mean or IMAGENET_MEAN, "image_std": std or IMAGENET_STD}

    def stages(self) -> Sequence[str]:
        return tuple(stage["module"] for stage in self._list_features())

    def multiples(self) -> Sequence[int]:
        cfg = _make_plain(self.config).pretrained_cfg
        strides = [stage["reduction"] for stage in self._list_features()]
        # Models with a fixed number of windows, such as MaxViT, take multiples of the size they were made for.
        return [max(strides), *cfg["input_size"][1:2]]

    def make_backbone(self, indices: Sequence[int], *, pretrained: bool) -> nn.Module:
        options = {**_select_arguments(self.config), "features_only": True, "out_indices": list(indices)}
        if not pretrained:
            return timm.create_model(str(self.config["architecture"]), pretrained=False, **options)
        assert self.model is not None
        if self.checkpoint is None and not self.model.startswith(_FOLDER):
            return self._fetch(lambda: timm.create_model(str(self.model), pretrained=True, **options))
        if self.checkpoint is not None:
            state = self._fetch(lambda: load_state_dict(str(self.checkpoint), weights_only=True))
            options["pretrained_cfg_overlay"] = {"state_dict": state, "source": ""}
        made = []
        # timm does not report parameters that are missing from a file: they keep their random values.
        for is_loaded in (False, True):
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(0)  # the CPU only: the states of accelerators are not forked
                made.append(self._fetch(lambda: timm.create_model(str(self.model), pretrained=is_loaded, **options)))  # noqa: B023
        drawn, loaded = (backbone.state_dict() for backbone in made)
        same = [name for name in loaded if torch.equal(loaded[name], drawn[name])]
        check_loaded(made[1], same, f"the checkpoint {self.checkpoint or self.model!r}")
        return made[1]

    def feature_maps(self, backbone: nn.Module, image: Tensor) -> Sequence[Tensor]:
        maps = backbone(image)
        is_last = str(getattr(backbone, "output_fmt", "")).upper().endswith("NHWC")
        return [m.permute(0, 3, 1, 2) for m in maps] if is_last else maps

    @property
    def _name(self) -> str:
        return f"timm's {self.config.get('architecture')}"

    def _list_features(self) -> list[dict[str, Any]]:
        info = getattr(_make_plain(self.config), "feature_info", None)
        stages: list[dict[str, Any]] = list(getattr(info, "info", info) or ())
        if not stages:
            raise ValueError(f"{self._name} cannot be an encoder: it has no feature maps")
        return stages

    def _check(self, config: Mapping[str, Any]) -> None:
        name = config.get("architecture")
        if not isinstance(name, str) or not timm.is_model(name):
            raise ValueError(f"config.architecture: {_explain_unknown(name)}")
        if refused := sorted(_NOT_ARCHITECTURE & set(config)):
            raise ValueError(f"config: {', '.join(refused)} are not arguments of an architecture")
        try:
            _make_plain(config)
        except Exception as error:  # from the architecture
            raise ValueError(f"config: timm cannot make {name} from it: {describe_error(error, limit=240)}") from error

    def _read_config(self) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """Read timm's data configuration of ``model``, with its architecture, and the arguments of the model."""
        model = str(self.model)
        if model.startswith(_HUB):
            cfg, architecture, arguments = self._fetch(lambda: load_model_config_from_hf(model.removeprefix(_HUB)))
        elif model.startswith(_FOLDER):
            path = Path(model.removeprefix(_FOLDER)) / "config.json"
            described = self._fetch(lambda: json.loads(path.read_text(encoding="utf-8")))
            architecture, arguments = described.get("architecture"), described.get("model_args")
            cfg = described.get("pretrained_cfg", described)
        else:
            architecture, arguments = split_model_name_tag(model)[0], None
            try:
                cfg: Any = timm.get_pretrained_cfg(model).to_dict()  # pyright: ignore[reportOptionalMemberAccess]
            except (AttributeError, RuntimeError):  # no such model, or no such weights
                raise ValueError(f"model: {_explain_unknown(model)}") from None
        kept = {name: value for name, value in (arguments or {}).items() if name not in _NOT_ARCHITECTURE}
        if deep := [name for name, value in kept.items() if isinstance(value, dict)]:
            raise ValueError(f"{self.model!r} cannot be an encoder: its arguments nest mappings in {deep}")
        return {**cfg, "architecture": architecture}, {name: to_tuples(value) for name, value in kept.items()}

    def _fetch(self, get: Any) -> Any:
        """Call ``get``; turn every error into a ``ValueError`` that says what to do."""
        try:
            return get()
        except Exception as error:  # from the network, the Hub, the files, or one of several libraries
            what = f"the weights of {self.model!r}" + (f" in {self.checkpoint!r}" if self.checkpoint else "")
            hint = (
                ""
                if self.checkpoint or str(self.model).startswith(_FOLDER)
                else (". Without the Hub, pass a file as 'checkpoint', or pretrained: false for random weights")
            )
            raise ValueError(f"cannot get {what}: {describe_error(error, limit=240)}{hint}") from error


def _select_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if name != "architecture"}


def _make_plain(config: Mapping[str, Any]) -> Any:
    """Make the model without weights."""
    return _make_cached(tuple((name, type(value), value) for name, value in config.items()))


@functools.lru_cache(maxsize=2)
def _make_cached(items: tuple[tuple[str, type, Any], ...]) -> Any:
    config = {name: value for name, _, value in items}
    with torch.device("meta"):
        return timm.create_model(config["architecture"], pretrained=False, **_select_arguments(config))


def _takes_dynamic_size(config: Mapping[str, Any]) -> bool:
    """Return whether the architecture has a fixed image size that ``dynamic_img_size`` lifts."""
    if not _make_plain(config).pretrained_cfg.get("fixed_input_size"):
        return False
    try:
        _make_plain({**config, "dynamic_img_size": True})
    except TypeError:
        return False
    return True


def _explain_unknown(name: Any) -> str:
    architecture, _, tag = str(name).partition(".")
    names = timm.list_pretrained(f"{architecture}.*") if tag and timm.is_model(architecture) else timm.list_models()
    hint = suggest(name, names, "see timm.list_models() and timm.list_pretrained()")
    return f"timm {timm.__version__} has no model {name!r}; {hint}"
