"""What the page says of a photo: its status, its list of regions, and what there is to download; without a server."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from hcl_gradio import Limits
from hcl_gradio.display import Display, describe, read_controls
from hcl_gradio.layout import FOUND, MASK, Layout
from hcl_gradio.regions import LISTED, REST, list_regions, read_checked
from hcl_gradio.visitors import Visitor
from hcl_gradio.work import Adjustments, Selection, Spot, Work

from hcl_sdk import Photo, Pipeline
from hcl_sdk.interfaces import DAMAGE

CONTROLS = (0.5, 1, 2, 0, 3, False, MASK)


@pytest.fixture(scope="module")
def layout(tiny: Pipeline) -> Layout:
    with gr.Blocks(analytics_enabled=False):
        return Layout(tiny, Limits(photos=5), [])


def test_the_sliders_start_where_the_pipeline_stands(layout: Layout, tiny: Pipeline) -> None:
    values = [slider.value for slider in layout.sliders]
    assert values == [tiny.sensitivity, tiny.dilate, tiny.feather, tiny.texture, 0]


def test_controls_are_read_in_the_order_of_the_layout(layout: Layout) -> None:
    names = [str(component.label) for component in layout.sliders]
    assert names == ["Sensitivity", "Grow", "Soft border", "Texture", "Smallest region"]
    adjustments, view = read_controls(CONTROLS)
    assert adjustments == Adjustments(sensitivity=0.5, dilate=1, feather=2, texture=0, least_area=3)
    assert view == MASK
    assert read_controls((*CONTROLS[:-1], "something else"))[1] == FOUND
    assert read_controls((*CONTROLS[:-2], True, MASK))[0].dilate is None


@pytest.mark.parametrize("soft", [True, False])
def test_growing_by_soft_edges_is_offered_where_the_weights_have_it(tiny: Pipeline, soft: bool) -> None:
    with gr.Blocks(analytics_enabled=False):
        layout = Layout(tiny.replace(soft_edges=soft), Limits(), [])
    assert (layout.fitting.value, layout.fitting.visible) == (soft, soft)


def test_the_list_of_regions_says_number_kind_and_size(tiny: Pipeline, work: Work) -> None:
    work.kinds = np.zeros((len(DAMAGE), 4, 6), np.float32)
    work.kinds[DAMAGE.index("scratch"), :, :3] = work.kinds[DAMAGE.index("patch"), :, 3:] = 1
    selection = work.select(tiny, Adjustments(sensitivity=0.8))
    regions = list_regions(work, selection)
    assert [text for text, _ in regions.choices] == ["1 · scratch · 8.3 %", "2 · patch · 2.5 %", "3 · scratch · 0.2 %"]
    assert read_checked(regions.checked, selection) == {spot.label for spot in selection.spots}
    work.fill(selection, read_checked(regions.checked[1:], selection))
    assert list_regions(work, work.select(tiny, Adjustments(sensitivity=0.8))).checked == regions.checked[1:]


def test_regions_beyond_the_largest_share_a_line(work: Work) -> None:
    spots = tuple(Spot(label=i + 1, box=(i, 0, 1, 1), area=1, kind="", is_filled=i != 3) for i in range(LISTED + 5))
    selection = Selection(labels=np.arange(1, LISTED + 6, dtype=np.int32)[None], spots=spots)
    regions = list_regions(work, selection)
    assert len(regions.choices) == LISTED + 1
    assert regions.choices[-1] == ("5 smaller ones", REST)
    assert REST in regions.checked
    assert read_checked(regions.checked, selection) == {spot.label for spot in spots if spot.is_filled}
    assert read_checked([], selection) == set()


def test_the_status_follows_the_photo(tiny: Pipeline, work: Work, tmp_path: Path) -> None:
    now = Adjustments(dilate=2)
    confidence, work.confidence = work.confidence, None
    assert "Looking" in describe(work, work.select(tiny, now), now, tiny)
    work.confidence = confidence
    assert "<b>2 regions</b>, 10.8 % of the photo, to fill." in describe(work, work.select(tiny, now), now, tiny)
    work.restore(tiny, now, tmp_path)
    assert "photo, filled." in describe(work, work.select(tiny, now), now, tiny)
    later = Adjustments(dilate=3)
    assert "to fill; restore again to see it." in describe(work, work.select(tiny, later), later, tiny)
    work.fill(work.select(tiny, now), [])
    assert "Nothing is left to fill" in describe(work, work.select(tiny, now), now, tiny)
    none = Adjustments(sensitivity=0)
    assert "Nothing was found" in describe(work, work.select(tiny, none), none, tiny)


def test_where_nothing_was_found_the_status_says_what_is_most_suspicious(tiny: Pipeline, work: Work) -> None:
    strict = tiny.replace(threshold=0.9)

    def read_status(sensitivity: float) -> str:
        now = Adjustments(sensitivity=sensitivity)
        return describe(work, work.select(strict, now), now, strict)

    work.find(strict)
    assert work.confidence is not None
    wanted = float(work.confidence.max())
    status = read_status(0)
    match = re.search(r"Nothing was found.*Most suspicious: (\d+) % sure; found from sensitivity ([\d.]+) on", status)
    assert match is not None, status
    assert float(match[1]) == pytest.approx(100 * wanted, abs=1.5)
    needed = float(match[2])
    assert "region" in read_status(needed)
    assert "Nothing was found" in read_status(round(needed - 0.01, 2))
    work.box = (0, 0, 20, 20)
    assert "suspicious" not in read_status(0)


def test_names_of_files_are_escaped(tiny: Pipeline) -> None:
    work = Work(Photo.open(np.zeros((9, 9, 3), np.uint8)), "<script>.png")
    assert "&lt;script&gt;.png" in describe(work, work.select(tiny, Adjustments()), Adjustments(), tiny)


def test_results_of_several_photos_are_in_one_archive(
    layout: Layout, tiny: Pipeline, work: Work, tmp_path: Path
) -> None:
    visitor, display = Visitor(tmp_path / "visitor"), Display(layout, tiny, Limits())
    other = Work(work.photo, work.name)
    for i, each in enumerate((work, other)):
        visitor.works.append(each)
        each.restore(tiny, Adjustments(), visitor.folder / str(i))
        visitor.write_archive()
        assert (visitor.archive is None) == (i == 0)
        changes = display.show(visitor, CONTROLS, new=True)
        assert changes[layout.get_all]["visible"] == (i == 1)
        assert changes[layout.downloads]["visible"]
    assert visitor.archive is not None
    with zipfile.ZipFile(visitor.archive) as archive:
        names = ["a photo_mask.png", "a photo_restored.png", "a photo_coco.json"]
        assert archive.namelist() == [*names, *(f"2_{name}" for name in names)]
        assert archive.read(names[1]) == work.files["restored"].read_bytes()


def test_files_written_after_a_visitor_left_are_deleted(work: Work, tmp_path: Path) -> None:
    visitor = Visitor(tmp_path / "visitor")
    visitor.works.append(work)
    visitor.write(work.preview)
    visitor.delete_if_gone()
    assert visitor.folder.exists()
    visitor.forget()
    visitor.write(work.preview)
    visitor.delete_if_gone()
    assert not visitor.folder.exists()
