"""The configurations of the published networks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from hcl_sdk.config import load_yaml

_VERSIONS = (2, 3, 4)
_NETWORK_SETTINGS = {
    "dim",
    "dim_mults",
    "proj_dim",
    "encoder_depths",
    "decoder_depths",
    "window_size",
    "bottleneck_window_size",
    "bottleneck_depth",
    "conf_threshs",
    "kmeans_n_iters",
    "kmeans_repeat",
    "fuse",
    "n_conv_stages",
}


def list_presets() -> tuple[str, ...]:
    """List the names of the published configurations."""
    return tuple(sorted(f.name.removesuffix(".yaml") for f in _list_preset_files() if f.name.endswith(".yaml")))


def get_preset(name: str, version: int = 4) -> dict[str, Any]:
    """Return the configuration of a published network, for :meth:`hcl_sdk.Pipeline.from_config`.

    Args:
        name: one of :func:`list_presets`: ``"ffhq256"``, ``"imagenet256"``, ``"places256"``, ``"places512"``.
        version: version of the code that trained the checkpoint: 4, the final one, or 2 or 3.

    Raises:
        ValueError: if the name or the version is unknown.
    """
    if name not in list_presets():
        raise ValueError(f"unknown preset {name!r}; there are {', '.join(list_presets())}")
    file = next(f for f in _list_preset_files() if f.name == f"{name}.yaml")
    return _adapt_to_version(load_yaml(file.read_text(encoding="utf-8")), version)


def convert_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Convert settings of the published code to a configuration.

    Args:
        settings: ``image_size`` (windows are reduced to the size of maps that are smaller), ``legacy`` (the version,
            2 to 4), ``network`` (``dim``, ``dim_mults``, ``proj_dim``, ``encoder_depths``, ``decoder_depths``,
            ``window_size``, ``bottleneck_window_size``, ``bottleneck_depth``, ``conf_threshs``, ``kmeans_n_iters``,
            ``kmeans_repeat``, ``fuse``, ``n_conv_stages``) and ``refinement`` (``dim``, ``dim_mults``).

    Raises:
        ValueError: if a setting is missing or unknown, or the version is unknown.
    """
    names = {
        "settings": ({"image_size", "legacy", "network", "refinement"}, settings),
        "network": (_NETWORK_SETTINGS, settings.get("network", {})),
        "refinement": ({"dim", "dim_mults"}, settings.get("refinement", {})),
    }
    wrong = [
        f"{where}: {word} {', '.join(sorted(found))}"
        for where, (expected, given) in names.items()
        for word, found in (("missing", expected - set(given)), ("unknown", set(given) - expected))
        if found
    ]
    if wrong:
        raise ValueError("these are not the settings of a published network: " + "; ".join(wrong))
    net, refinement = settings["network"], settings["refinement"]
    scales = range(len(net["dim_mults"]))
    maps = [math.ceil(settings["image_size"] / 2 ** (net["n_conv_stages"] + s)) for s in scales]
    windows = [min(net["window_size"], extent) for extent in maps]
    config = {
        "detector": {
            "encoder": {
                "use": "swin",
                "dim": net["dim"],
                "multipliers": list(net["dim_mults"]),
                "depths": list(net["encoder_depths"]),
                "window_sizes": windows,
                "conv_stages": net["n_conv_stages"],
                "activation_first": False,
            },
            "interaction": {"use": "top-down" if net["fuse"] else "identity"},
            "head": {"use": "projection", "dim": net["proj_dim"]},
            "clusterer": {
                "use": "soft-kmeans",
                "iterations": net["kmeans_n_iters"],
                "repeats": net["kmeans_repeat"],
                "temperature": 0.1,
                "classifier": True,
                "one_class": False,
            },
            "settle": list(net["conf_threshs"]),
            "upsampling": "nearest",
        },
        "restorer": {
            "use": "partial-swin",
            "depths": list(net["decoder_depths"]),
            "window_sizes": windows,
            "heads": list(net["dim_mults"]),
            "bottleneck_depth": net["bottleneck_depth"],
            "bottleneck_window_size": min(net["bottleneck_window_size"], maps[-1]),
            "refinement_dim": refinement["dim"],
            "refinement_multipliers": list(refinement["dim_mults"]),
            "upsampling": "bilinear",
        },
    }
    return _adapt_to_version(config, settings["legacy"])


def _list_preset_files() -> Iterator[Any]:
    return resources.files("hcl_sdk.published").joinpath("presets").iterdir()


def _adapt_to_version(config: dict[str, Any], version: int) -> dict[str, Any]:
    """Apply the differences between the versions of the published code."""
    if version not in _VERSIONS:
        raise ValueError(
            f"there are versions {', '.join(map(str, _VERSIONS))} of the published network; got {version!r}"
        )
    config["detection_size"] = None  # the published code shrinks nothing
    config["detector"]["encoder"]["activation_first"] = version == 3
    config["restorer"]["upsampling"] = "nearest" if version == 2 else "bilinear"
    return config
