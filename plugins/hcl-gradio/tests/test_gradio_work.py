"""What a visitor makes of what was found, and who is remembered for how long; without a server."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hcl_gradio import Limits
from hcl_gradio.drawing import FILL, LEAVE, draw_confidence, draw_found, draw_mask, read_strokes
from hcl_gradio.examples import write_examples
from hcl_gradio.visitors import Visitors
from hcl_gradio.work import Adjustments, Work
from PIL import Image

from hcl_sdk import (
    Photo,
    PhotoError,
    Pipeline,
)
from hcl_sdk.interfaces import DAMAGE


def list_areas(work: Work, pipeline: Pipeline, **adjustments: float) -> list[int]:
    return [s.area for s in work.select(pipeline, Adjustments(**adjustments)).spots if s.is_filled]  # pyright: ignore


def test_sliders_answer_from_the_confidence_alone(tiny: Pipeline, work: Work) -> None:
    assert list_areas(work, tiny) == [200, 60]
    assert list_areas(work, tiny, sensitivity=0.8) == [200, 60, 4]
    assert list_areas(work, tiny, sensitivity=0.2) == [200]
    assert list_areas(work, tiny, sensitivity=0.8, least_area=60) == [200, 60]
    assert list_areas(work, tiny, sensitivity=0.8, least_area=61) == [200]
    mask = work.select(tiny, Adjustments(sensitivity=0.8)).mask
    assert work.confidence is not None
    assert np.array_equal(mask, tiny.to_mask(work.confidence, sensitivity=0.8)[0, 0].numpy())


def test_a_region_that_was_left_alone_stays_so_while_the_sliders_move(tiny: Pipeline, work: Work) -> None:
    selection = work.select(tiny, Adjustments())
    spot = selection.find_spot(41, 21, reach=0)
    assert spot is not None
    assert spot.area == 60
    work.fill(selection, [other.label for other in selection.spots if other != spot])
    assert list_areas(work, tiny) == [200]
    assert list_areas(work, tiny, sensitivity=0.8) == [200, 4]
    selection = work.select(tiny, Adjustments())
    work.fill(selection, [other.label for other in selection.spots])
    assert list_areas(work, tiny) == [200, 60]


def test_a_tap_beside_a_thin_region_means_it(tiny: Pipeline, work: Work) -> None:
    selection = work.select(tiny, Adjustments())
    near, far = selection.find_spot(48, 25, reach=4), selection.find_spot(55, 5, reach=4)
    assert near is not None
    assert near.box == (40, 20, 6, 10)
    assert far is None


def test_pieces_of_a_caption_are_one_region_and_scratches_are_several(tiny: Pipeline) -> None:
    work = Work(Photo.open(np.zeros((200, 400, 3), np.uint8)), "a photo.png")
    work.confidence = confidence = torch.zeros(1, 1, 200, 400)
    for left in (100, 110, 120, 200):  # three letters, and one that is farther away
        confidence[..., 150:160, left : left + 6] = 0.9
    for top in (20, 25):
        confidence[..., top : top + 2, 100:180] = 0.9
    work.kinds = np.zeros((len(DAMAGE), 20, 40), np.float32)
    work.kinds[DAMAGE.index("scratch"), :10] = work.kinds[DAMAGE.index("text"), 10:] = 1
    spots = work.select(tiny, Adjustments()).spots
    assert [(s.kind, s.area) for s in spots] == [("text", 180), ("scratch", 160), ("scratch", 160), ("text", 60)]
    assert spots[0].box == (100, 150, 26, 10)
    selection = work.select(tiny, Adjustments())
    tapped = selection.find_spot(112, 155, reach=1)
    assert tapped == spots[0]
    work.fill(selection, [spot.label for spot in spots if spot != tapped])
    mask = work.select(tiny, Adjustments()).mask
    assert not mask[150:160, 100:126].any()
    assert mask.sum() == 160 + 160 + 60


def test_painting_overrides_found_regions(tiny: Pipeline, work: Work) -> None:
    fill, leave = np.zeros((40, 60), bool), np.zeros((40, 60), bool)
    fill[0:2, 50:60], leave[4:14, 5:15] = True, True
    work.begin_strokes()
    work.set_strokes(fill, leave)
    assert list_areas(work, tiny) == [100, 60, 20]
    assert list_areas(work, tiny, sensitivity=0) == [20]
    work.set_strokes(fill, leave & False)  # taken back while painting goes on
    assert list_areas(work, tiny) == [200, 60, 20]
    work.begin_strokes()
    work.set_strokes(fill & False, fill)
    assert list_areas(work, tiny) == [200, 60]


def test_two_taps_limit_the_search_whatever_their_order(tiny: Pipeline, work: Work) -> None:
    assert not work.limit(50, 35)
    assert work.limit(30, 15)
    assert work.box == (30, 15, 21, 21)
    assert list_areas(work, tiny, sensitivity=0.8) == [60]


def test_strokes_are_read_by_their_color() -> None:
    layer = np.zeros((20, 30, 4), np.uint8)
    layer[2:4, 3:9] = (*FILL, 255)
    layer[10:12, 3:9] = (*LEAVE, 255)
    layer[15:17, 3:9] = (*FILL, 40)  # the seam of a stroke
    fill, leave = read_strokes(layer, (40, 60))
    assert fill.sum() == leave.sum() == 2 * 6 * 4
    assert fill[4:8, 6:18].all()
    assert leave[20:24, 6:18].all()


def test_drawings_show_the_mask(tiny: Pipeline, work: Work) -> None:
    selection = work.select(tiny, Adjustments())
    mask = np.asarray(Image.fromarray(draw_mask(work, selection)).resize((60, 40), Image.Resampling.BOX))[..., 0] > 127
    assert np.array_equal(mask, selection.mask)
    plain = draw_found(work, selection, 0, 0)
    wide = draw_found(work, selection, 3, 2)
    changed = (plain != work.preview).any(axis=-1).sum()
    assert 0 < changed < (wide != work.preview).any(axis=-1).sum()
    heat = draw_confidence(work).astype(int).sum(axis=-1)
    assert heat[30:50, 30:90].mean() > heat[90:110, 165:180].mean() > heat[130:150, 190:230].mean()


def test_written_files_match_the_pipeline(tiny: Pipeline, work: Work, tmp_path: Path) -> None:
    adjustments = Adjustments(dilate=2, feather=3)
    work.restore(tiny, adjustments, tmp_path)
    assert {key: path.name for key, path in work.files.items()} == {
        "restored": "a photo_restored.png",
        "mask": "a photo_mask.png",
        "coco": "a photo_coco.json",
    }
    expected = tiny.restore(work.photo, corruption_mask=work.select(tiny, adjustments).mask, dilate=2, feather=3)
    assert np.array_equal(np.asarray(Image.open(work.files["restored"])), expected.restored)
    assert np.array_equal(np.asarray(Image.open(work.files["mask"])), np.asarray(expected.mask))
    coco = json.loads(work.files["coco"].read_text())
    assert [a["area"] for a in coco["annotations"]] == [200, 60]
    assert [a["score"] for a in coco["annotations"]] == pytest.approx([0.9, 0.7])


def test_a_mask_grows_as_the_slider_says_or_as_the_edges_of_the_damage_ask(tiny: Pipeline, tmp_path: Path) -> None:
    soft = tiny.replace(soft_edges=True, threshold=0.4, dilate=1, feather=2)
    work = Work(Photo.open(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)), "a photo.png")
    work.find(soft)
    confidence = torch.full((1, 1, 40, 60), 0.01)
    confidence[..., 4:20, 4:24] = 0.3  # a band of hesitation around what is certain
    confidence[..., 8:16, 8:20] = 0.9
    assert work.found is not None
    work.found = work.found.with_confidence(confidence)
    work.confidence = confidence
    mask = work.select(soft, Adjustments()).mask
    grown = soft.measure_growth(work.found, corruption_mask=torch.from_numpy(mask)[None, None])
    assert grown > 3
    for pipeline, dilate, expected in (
        (soft, None, grown),
        (soft, 1.5, 1.5),
        (soft.replace(soft_edges=False), None, 1),
    ):
        work.restore(pipeline, Adjustments(dilate=dilate, feather=2), tmp_path)
        own = pipeline.restore(work.photo, corruption_mask=mask, dilate=expected, feather=2)
        assert np.array_equal(np.asarray(Image.open(work.files["restored"])), own.restored)
        assert work.filled_with["dilate"] == dilate


@pytest.mark.parametrize("name", ["no photo.png", "drawing.svg"])
def test_other_files_than_photos_are_reported_without_their_path(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    with pytest.raises(PhotoError) as caught:
        Work.open(tmp_path / name, 24)
    assert str(tmp_path) not in str(caught.value)
    assert "not a photo" in str(caught.value)


def test_a_photo_of_too_many_pixels_is_refused_by_its_header(tmp_path: Path) -> None:
    Image.new("1", (3000, 1000)).save(tmp_path / "large.png")
    assert Work.open(tmp_path / "large.png", 3).size == (1000, 3000)
    with pytest.raises(PhotoError, match="a photo of 3 megapixels; this page takes up to 2"):
        Work.open(tmp_path / "large.png", 2)
    Image.new("1", (14_000, 13_000)).save(tmp_path / "larger.png")  # which Pillow itself refuses
    with pytest.raises(PhotoError, match="a photo of 182 megapixels; this page takes up to 24"):
        Work.open(tmp_path / "larger.png", 24)


def test_visitors_are_forgotten_with_their_files(tmp_path: Path) -> None:
    now = [0.0]
    visitors = Visitors(tmp_path, Limits(visitors=2, minutes=1), clock=lambda: now[0])
    files = {name: visitors.get(name).write(np.zeros((2, 2, 3), np.uint8)) for name in "abc"}
    assert not files["a"].exists()  # one more than two
    assert files["b"].exists()
    assert visitors.get("b").folder == files["b"].parent.parent
    now[0] = 40
    visitors.get("b")
    now[0] = 80
    visitors.sweep()
    assert not files["c"].exists()
    assert files["b"].exists()
    visitors.forget("b")
    assert not files["b"].exists()
    assert not list(tmp_path.iterdir())
    assert len(visitors) == 0


def test_nobody_can_guess_where_the_files_of_a_visitor_are(tmp_path: Path) -> None:
    visitors = Visitors(tmp_path, Limits())
    folders = {visitors.get(str(i)).folder.name for i in range(20)}
    assert len(folders) == 20
    assert all(len(name) >= 32 for name in folders)


def test_the_examples_are_photos_with_something_on_them(tmp_path: Path) -> None:
    written = write_examples(tmp_path)
    assert len(written) == 3
    for path, caption in written:
        assert min(Photo.open(path).size) > 200
        assert caption


def test_limits_are_whole_numbers() -> None:
    with pytest.raises(ValueError, match="photos"):
        Limits(photos=0)
    with pytest.raises(TypeError, match=r"minutes must be a whole number >= 1; got 1.5 \(float\)"):
        Limits(minutes=1.5)  # pyright: ignore[reportArgumentType]
