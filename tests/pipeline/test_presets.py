from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path

import attrs
import click
import numpy as np
import pytest
from PIL import Image

from hcl_sdk import Detector, GatedUNet, Pipeline
from hcl_sdk.cli.detect import detect
from hcl_sdk.cli.restore import restore
from hcl_sdk.settings import DAMAGE, PRESETS, Settings


def own_settings(pipeline: Pipeline) -> dict[str, object]:
    return {field.name: getattr(pipeline, field.name) for field in attrs.fields(Settings)}


@pytest.mark.parametrize("job", PRESETS)
def test_a_preset_sets_only_its_own_settings(job: str, make_detector: Callable[..., Detector]) -> None:
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
    for command in (detect, restore):
        (option,) = (parameter for parameter in command.params if parameter.name == "preset")
        assert isinstance(option.type, click.Choice)
        assert tuple(option.type.choices) == tuple(PRESETS)


def test_every_preset_is_measured_on_damage_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "default_weights"
    monkeypatch.syspath_prepend(folder)
    measuring = runpy.run_path(str(folder / "presets.py"))
    assert set(measuring["JOBS"]) == set(PRESETS)
    rng = np.random.default_rng(0)
    photos = [Image.fromarray(rng.integers(90, 110, (150, 200, 3), dtype=np.uint8)) for _ in range(2)]
    drawn = [damage for damages in measuring["JOBS"].values() for damage in damages]
    assert len(set(drawn)) == len(drawn)
    for damage in drawn:
        damaged, true = measuring["draw_damage"](damage, photos, 1)
        assert damaged.size == photos[1].size
        assert 0.001 < true.mean() < 0.4, damage.__name__
        assert np.array_equal(np.asarray(damaged)[~true], np.asarray(photos[1])[~true])


def test_the_page_on_presets_lists_their_settings() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "presets.md").read_text(encoding="utf-8")
    for job, chosen in PRESETS.items():
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{job}`"))
        *_, kinds, sensitivity, widths, besides, _ = (cell.strip() for cell in row.split("|"))
        assert sensitivity == str(chosen["sensitivity"])
        assert widths == f"{chosen['dilate']:g}, {chosen['feather']:g}"
        assert ("unveil" in besides) == chosen.get("unveil", False)
        assert set(re.findall(r"`(\w+)`", kinds)) == {*chosen.get("only", ()), *chosen.get("skip", ())}
        assert kinds.startswith("all but") == ("skip" in chosen)
