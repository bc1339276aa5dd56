"""The settings of a pipeline: set, checked, and misspelled."""

from __future__ import annotations

import inspect
import json
import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from known_parts import draw_stained_photo, make_known_pipeline
from PIL import Image

from hcl_sdk import GatedUNet, Photo, Pipeline, detect_folder, restore_folder
from hcl_sdk.config import ConfigError
from hcl_sdk.pipeline import CallOptions, DetectOptions, FillingSettings, FindingSettings
from hcl_sdk.settings import Settings


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"threshold": 1.5}, ValueError),
        ({"threshold": -0.1}, ValueError),
        ({"threshold": math.nan}, ValueError),
        ({"threshold": True}, TypeError),
        ({"peak_threshold": 2}, ValueError),
        ({"peak_threshold": None}, TypeError),
        ({"sensitivity": 1.01}, ValueError),
        ({"sensitivity": "high"}, TypeError),
        ({"dilate": -1}, ValueError),
        ({"dilate": math.inf}, ValueError),
        ({"dilate": None}, TypeError),
        ({"feather": np.float32(-0.5)}, ValueError),
        ({"feather": "3"}, TypeError),
        ({"texture": 1.1}, ValueError),
        ({"texture": "all"}, TypeError),
        ({"detection_size": 0}, ValueError),
        ({"detection_size": 2.5}, TypeError),
        ({"restoration_size": -4}, ValueError),
    ],
)
def test_invalid_settings_are_refused_at_creation_assignment_and_call(
    setting: dict[str, Any], error: type[Exception]
) -> None:
    [(name, value)] = setting.items()
    with pytest.raises(error, match=f"^{name} must be ") as made:
        make_known_pipeline(**setting)
    pipeline = make_known_pipeline()
    before = repr(pipeline)
    with pytest.raises(error, match=f"^{name} must be ") as assigned:
        setattr(pipeline, name, value)
    assert str(assigned.value) == str(made.value)
    assert repr(pipeline) == before
    if not name.endswith("size") and "threshold" not in name and value is not None:
        with pytest.raises(error, match=f"^{name} must be ") as called:
            pipeline(draw_stained_photo()[0], **setting)
        assert str(called.value) == str(made.value)


@pytest.mark.parametrize("name", ["unveil", "seamless", "soft_edges", "follow_colors", "fill_enclosed"])
@pytest.mark.parametrize("value", ["yes", 3, None])
def test_a_setting_that_is_on_or_off_says_so(name: str, value: Any) -> None:
    pipeline = make_known_pipeline()
    said = re.escape(f"{name} must be True or False; got {value!r} ({type(value).__name__})")
    with pytest.raises(TypeError, match=f"^{said}$"):
        setattr(pipeline, name, value)
    with pytest.raises(TypeError, match=f"^{said}$"):
        make_known_pipeline(**{name: value})


def test_numbers_of_numpy_are_numbers() -> None:
    settings: dict[str, Any] = {
        "detection_size": np.int64(16),
        "restoration_size": np.uint8(8),
        "threshold": np.float32(0.25),
        "peak_threshold": np.float64(0.75),
        "sensitivity": np.float32(0.75),
        "dilate": np.int32(2),
        "feather": np.float64(1.5),
        "texture": np.float32(0.5),
    }
    pipeline = Pipeline(restorer=GatedUNet(dim=2, multipliers=(1,)), device="cpu", **settings)
    config = json.loads(json.dumps(pipeline.to_config()))
    assert {name: config[name] for name in settings} == settings
    assert Pipeline.from_config(config, device="cpu").to_config() == config
    number: Any = np.float32(0.75)
    assert make_known_pipeline().detect(draw_stained_photo()[0], sensitivity=number).corruption_mask.any()


def test_settings_can_be_set_and_count_from_then_on() -> None:
    photo, mask = draw_stained_photo(40, 40, (18, 18, 22, 22))
    pipeline = make_known_pipeline()
    pipeline.dilate = 2
    assert pipeline(photo).alpha.sum() > mask.sum()  # type: ignore[union-attr]
    pipeline.threshold = 1
    assert not pipeline.detect(photo).corruption_mask.any()
    pipeline.detection_size = 8
    assert pipeline.detect(photo).detection.corruption_mask.shape == (1, 1, 8, 8)  # type: ignore[union-attr]


def test_a_misspelt_setting_is_answered_with_the_right_one(tmp_path: Path) -> None:
    photo, mask = draw_stained_photo()
    Image.fromarray(photo).save(tmp_path / "photo.png")
    pipeline = make_known_pipeline()
    with pytest.raises(AttributeError, match=r"a Pipeline has no attribute 'sensitivty'; did you mean 'sensitivity'\?"):
        pipeline.sensitivty = 0.9  # pyright: ignore[reportAttributeAccessIssue]
    assert "sensitivty" not in vars(pipeline)
    with pytest.raises(AttributeError, match=r"a Pipeline has no attribute 'sensitivty'; did you mean 'sensitivity'\?"):
        _ = pipeline.sensitivty  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(AttributeError, match=r"a Pipeline has no attribute 'detct'; did you mean 'detect'\?"):
        _ = pipeline.detct  # pyright: ignore[reportAttributeAccessIssue]
    assert not hasattr(pipeline, "_repr_html_")
    misspelled: dict[str, Any] = {"dilatte": 3}
    calls: list[Callable[[], Any]] = [
        lambda: make_known_pipeline(**misspelled),
        lambda: pipeline.replace(**misspelled),
        lambda: pipeline(photo, **misspelled),
        lambda: pipeline.restore(photo, corruption_mask=mask, **misspelled),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"unexpected keyword argument 'dilatte'; did you mean 'dilate'\?"):
            call()
    with pytest.raises(
        TypeError,
        match=r"Pipeline\.detect\(\) got .* 'dilate'; known: photo, region, .*, sensitivity, only, skip, min_area$",
    ):
        pipeline.detect(photo, dilate=3)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"GatedUNet\(\) got .*'multiplier'; did you mean 'multipliers'\?"):
        GatedUNet(multiplier=(1,))  # type: ignore[call-arg]


def test_every_setting_is_documented_beside_its_field() -> None:
    documented = re.findall(r"^        (\w+): ", Settings.__doc__ or "", flags=re.MULTILINE)
    assert documented == [field.name for field in attrs.fields(Settings)]


@pytest.mark.parametrize("keywords", [FindingSettings, FillingSettings])
def test_the_keywords_of_calls_are_settings_of_the_same_types(keywords: type) -> None:
    assert keywords.__annotations__
    for name, hint in keywords.__annotations__.items():
        field = attrs.fields_dict(Settings)[name]
        stated = hint.__forward_arg__.removesuffix(" | None")
        assert {"Kinds": "tuple[Damage, ...]"}.get(stated, stated) == str(field.type), name


@pytest.mark.parametrize(
    ("call", "keywords"),
    [
        (Pipeline.__call__, CallOptions),
        (Pipeline.detect, DetectOptions),
        (Pipeline.to_mask, FindingSettings),
        (Pipeline.restore, FillingSettings),
    ],
)
def test_signatures_list_the_settings_that_a_call_takes(call: Callable[..., Any], keywords: type) -> None:
    parameters = inspect.signature(call).parameters
    assert keywords.__annotations__.keys() == parameters.keys() - {"self", "photo", "found", "corruption_mask"}
    assert all(parameters[name].default is None for name in attrs.fields_dict(Settings) if name in parameters)


@pytest.mark.parametrize("keywords", [FindingSettings, FillingSettings])
def test_a_call_passes_on_every_setting_it_takes(keywords: type) -> None:
    photo, mask = draw_stained_photo()
    pipeline = make_known_pipeline()
    found = pipeline.detect(photo)
    for name in keywords.__annotations__:
        wrong: dict[str, Any] = {name: -1}
        calls: list[Callable[[], Any]] = [lambda wrong=wrong: pipeline(photo, **wrong)]
        if keywords is FindingSettings:
            calls += [lambda wrong=wrong: pipeline.detect(photo, **wrong)]
            calls += [lambda wrong=wrong: pipeline.to_mask(found, **wrong)]
        else:
            calls += [lambda wrong=wrong: pipeline.restore(photo, corruption_mask=mask, **wrong)]
        for call in calls:
            with pytest.raises((TypeError, ValueError), match=f"^{name} must be "):
                call()


@pytest.mark.parametrize("value", [None, 1.5, "2", True])
@pytest.mark.parametrize("name", ["seed", "batch_size"])
def test_whole_numbers_of_a_call_are_checked(name: str, value: Any) -> None:
    wrong: dict[str, Any] = {name: value}
    right: dict[str, Any] = {name: np.int64(2)}
    for call in (make_known_pipeline(), make_known_pipeline().detect):
        with pytest.raises(TypeError, match=f"^{name} must be a whole number; got {re.escape(repr(value))}"):
            call(draw_stained_photo()[0], **wrong)
        call(draw_stained_photo()[0], **right)


def test_misspelled_keywords_of_constructors_and_saving_are_reported(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"from_pretrained\(\) got an unexpected .* 'devce'; did you mean 'device'\?"):
        Pipeline.from_pretrained("default", devce="cpu")  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match=r"from_config\(\) got an unexpected keyword argument 'devce'; .*'device'\?"):
        Pipeline.from_config({}, devce="cpu")  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match=r"save_pretrained\(\) got an unexpected keyword argument 'halve'; .*'half'\?"):
        make_known_pipeline().save_pretrained(tmp_path, halve=True)  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match=r"from_pretrained\(\) got an unexpected .* 'preset'; known: name, revision, "):
        Pipeline.from_pretrained(preset="watermark")  # pyright: ignore[reportCallIssue]


def test_misspelled_keywords_of_functions_and_methods_are_reported(tmp_path: Path) -> None:
    pipeline, photo = make_known_pipeline(), draw_stained_photo()[0]
    calls: list[tuple[str, str, str, Any]] = [
        ("restore_folder", "worker", "workers", partial(restore_folder, tmp_path, tmp_path / "out")),
        ("detect_folder", "pipelin", "pipeline", partial(detect_folder, tmp_path, tmp_path / "out")),
        ("Result.save", "plott", "plot", partial(pipeline.detect(photo).save, tmp_path)),
        ("Photo.open", "max_megapixel", "max_megapixels", partial(Photo.open, photo)),
        ("Pipeline.to", "devce", "device", pipeline.to),
    ]
    for name, wrong, right, call in calls:
        message = f"{name}() got an unexpected keyword argument {wrong!r}; did you mean {right!r}?"
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            call(**{wrong: 1})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["mask", "masks", "corruption_mask"])
def test_a_mask_given_to_calls_that_detect_is_answered_with_what_takes_one(name: str) -> None:
    pipeline, photo = make_known_pipeline(), draw_stained_photo()[0]
    calls: tuple[Any, ...] = pipeline, pipeline.detect
    for call in calls:
        with pytest.raises(TypeError, match=rf"'{name}'; pipeline\.restore\(photo, corruption_mask=mask\) fills"):
            call(photo, **{name: photo})
    with pytest.raises(TypeError, match=r"'mask'; did you mean 'corruption_mask'\?"):
        pipeline.restore(photo, mask=photo)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("value", [None, 3, ["default"]])
def test_names_of_neither_weights_nor_configurations_are_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=f"given by a folder or a name; got {re.escape(repr(value))}"):
        Pipeline.from_pretrained(value)
    with pytest.raises(TypeError, match=f"a mapping, YAML text or the name of a file; got {re.escape(repr(value))}"):
        Pipeline.from_config(value)


def test_one_kind_needs_no_list_in_a_configuration() -> None:
    restorer = {"use": "gated-unet", "dim": 2, "multipliers": [1]}
    made = Pipeline.from_config({"restorer": restorer, "only": "text", "skip": ["scratch"]}, device="cpu")
    assert (made.only, made.skip) == (("text",), ("scratch",))
    with pytest.raises(ConfigError, match=r"only: expected a tuple of one of 'text', .*, got \{\}"):
        Pipeline.from_config({"restorer": restorer, "only": {}}, device="cpu")
    with pytest.raises(ConfigError, match=r"dilate: expected a number, got 'abc'"):
        Pipeline.from_config({"restorer": restorer, "dilate": "abc"}, device="cpu")
