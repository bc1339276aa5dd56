from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from hcl_sdk import Detector, GatedUNet, Pipeline
from hcl_sdk.cli import _options
from hcl_sdk.settings import DAMAGE, PRESETS, Settings


def own_settings(pipeline: Pipeline) -> dict[str, object]:
    return {field.name: getattr(pipeline, field.name) for field in attrs.fields(Settings)}


@pytest.mark.parametrize("job", PRESETS)
def test_a_preset_sets_what_it_says_and_nothing_else(job: str, make_detector: Callable[..., Detector]) -> None:
    pipeline = Pipeline(make_detector(), GatedUNet(dim=4, multipliers=(1, 2)), threshold=0.3, device="cpu")
    before = own_settings(pipeline)
    after = own_settings(pipeline.with_preset(job))
    # This detector does not tell kinds of damage apart, so that they are left out.
    expected = before | {name: value for name, value in PRESETS[job].items() if name not in ("only", "skip")}
    assert after == expected
    assert after != before
    assert own_settings(pipeline) == before


@pytest.mark.parametrize("job", PRESETS)
def test_every_preset_chooses_kinds_sensitivity_and_dilation(job: str) -> None:
    chosen = PRESETS[job]
    assert {"sensitivity", "dilate", "feather"} <= set(chosen)
    kinds = {*chosen.get("only", ()), *chosen.get("skip", ())}
    assert kinds
    assert kinds < set(DAMAGE)
    Settings(**chosen)  # in range


def test_an_unknown_preset_is_answered_with_the_nearest(tiny_pipeline: Pipeline) -> None:
    with pytest.raises(ValueError, match=r"unknown preset 'watermarks'; did you mean 'watermark'\?"):
        tiny_pipeline.with_preset("watermarks")


def test_the_command_offers_all_presets() -> None:
    assert tuple(PRESETS) == _options._PRESETS
