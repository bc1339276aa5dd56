"""The configurations of the published networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from hcl_sdk.config import build
from hcl_sdk.detector import Detector
from hcl_sdk.published import convert_settings, get_preset, list_presets
from hcl_sdk.restorers.partial_swin import PartialSwinRestorer

DATA = Path(__file__).parents[1] / "data" / "recorded"


def settings() -> dict:
    return json.loads((DATA / "legacy2.json").read_text())


def test_presets_are_the_published_settings() -> None:
    assert list_presets() == ("ffhq256", "imagenet256", "places256", "places512")
    common = {
        "dim_mults": [1, 2, 4],
        "proj_dim": 64,
        "encoder_depths": [6, 4, 2],
        "decoder_depths": [2, 2, 2],
        "window_size": 8,
        "bottleneck_window_size": 8,
        "bottleneck_depth": 2,
        "conf_threshs": [1.0, 0.95, 0.95],
        "kmeans_n_iters": 3,
        "fuse": True,
    }
    for name, size, dim, conv, repeat in (
        ("ffhq256", 256, 32, 0, 3),
        ("imagenet256", 256, 64, 0, 1),
        ("places256", 256, 64, 0, 1),
        ("places512", 512, 64, 1, 1),
    ):
        network = {**common, "dim": dim, "n_conv_stages": conv, "kmeans_repeat": repeat}
        refinement = {"dim": 64, "dim_mults": [1, 2, 4, 8, 8]}
        for version in (2, 3, 4):
            same = {"image_size": size, "legacy": version, "network": network, "refinement": refinement}
            assert get_preset(name, version) == convert_settings(same)


@pytest.mark.parametrize("name", list_presets())
def test_presets_compose(name: Any) -> None:
    config = get_preset(name)
    with torch.device("meta"):
        detector = build(config["detector"], Detector)
        restorer = build(config["restorer"], "restorer")
        assert isinstance(restorer, PartialSwinRestorer)
        restorer.bind(detector.encoder.spec)
    assert detector.encoder.spec.strides == ((2, 4, 8) if name == "places512" else (1, 2, 4))
    assert not detector.clusterer.finds_one_class


def test_unknown_names_and_versions_list_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'places'; there are ffhq256, imagenet256, places256, places512"):
        get_preset("places")
    with pytest.raises(ValueError, match=r"versions 2, 3, 4 .* got 5"):
        get_preset("places256", version=5)


def test_windows_shrink_to_the_maps_of_the_image_size() -> None:
    small = settings()
    small["image_size"] = 12
    small["network"] |= {"window_size": 8, "bottleneck_window_size": 8, "n_conv_stages": 0}
    config = convert_settings(small)
    assert config["detector"]["encoder"]["window_sizes"] == config["restorer"]["window_sizes"] == [8, 6]
    assert config["restorer"]["bottleneck_window_size"] == 6


def test_settings_that_are_missing_or_unknown_are_all_named() -> None:
    wrong = settings()
    del wrong["image_size"], wrong["network"]["fuse"]
    wrong["network"]["fused"] = True
    wrong["refinement"] = {"dim": 8}
    expected = (
        "settings: missing image_size; network: missing fuse; network: unknown fused; refinement: missing dim_mults"
    )
    with pytest.raises(ValueError, match=expected):
        convert_settings(wrong)
