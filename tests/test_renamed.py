"""Old names of public functions keep working, and say what they are called now."""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from typing import Any

import numpy as np
import pytest

import hcl_sdk
from hcl_sdk.plugins import registry

FUNCTIONS = [
    ("config", "plugins_used", "list_plugins_used"),
    ("data.webdataset", "shard_labels", "label_shards"),
    ("functional.arrays", "feathered_alpha", "feather_mask"),
    ("functional.arrays", "working_size", "shrink_size"),
    ("functional.compositing", "feathered_alpha", "feather_mask"),
    ("functional.hysteresis", "hysteresis_mask", "apply_hysteresis_threshold"),
    ("functional.kmeans", "nth_candidate", "find_nth_candidates"),
    ("functional.resize", "missing", "get_padding"),
    ("functional.sensitivity", "threshold_at", "adjust_threshold"),
    ("functional.windows", "attendable", "find_attendable"),
    ("functional.windows", "half_shift", "choose_shift"),
    ("functional.windows", "relative_position_index", "index_relative_positions"),
    ("functional.windows", "window_neighbors", "find_window_neighbors"),
    ("functional.patch_fields", "blend_texture", "hcl_sdk.functional.texture.blend_texture"),
    ("functional.patch_fields", "synthesize", "hcl_sdk.functional.texture.synthesize"),
    ("losses.contrastive", "detection_pairs", "collect_pairs"),
    ("photos.find", "natural_key", "make_natural_key"),
    ("published", "preset", "get_preset"),
    ("published", "presets", "list_presets"),
    ("published", "settings_to_config", "convert_settings"),
    ("testing", "checks_for", "list_checks"),
    ("testing", "isolated_registry", "isolate_registry"),
    ("testing", "page_blocks", "read_blocks"),
]


@pytest.mark.parametrize(("module", "old", "new"), FUNCTIONS)
def test_old_names_of_functions_are_the_new_functions(module: str, old: str, new: str) -> None:
    found = importlib.import_module(f"hcl_sdk.{module}")
    with pytest.warns(FutureWarning, match=rf"hcl_sdk\.{module}\.{old} has been renamed to {new};") as warned:
        assert getattr(found, old) is pkgutil.resolve_name(new if "." in new else f"{found.__name__}.{new}")
    assert warned[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not hasattr(found, "never_there")


@pytest.mark.parametrize(
    ("instance", "old", "arguments", "expected"),
    [
        (registry, "entries", ("head",), registry.list_entries("head")),
        (registry, "name_of", (hcl_sdk.ProjectionHead,), "projection"),
        (registry, "weights_source", ("default",), registry.find_weights_source("default")),
        (registry, "labels", ([hcl_sdk.ProjectionHead()] * 2,), ["projection", "projection-2"]),
    ],
)
def test_old_names_of_methods_do_the_same(instance: Any, old: str, arguments: tuple[Any, ...], expected: Any) -> None:
    with pytest.warns(FutureWarning, match=rf"{type(instance).__name__}\.{old} has been renamed"):
        assert getattr(instance, old)(*arguments) == expected


def test_a_photo_is_given_back_under_the_old_name() -> None:
    photo = hcl_sdk.Photo.open(np.zeros((2, 3), np.uint8))
    with pytest.warns(FutureWarning, match=r"Photo\.native has been renamed to to_native") as warned:
        assert (photo.native() == photo.to_native()).all()  # pyright: ignore[reportAttributeAccessIssue]
    assert warned[0].filename == __file__
