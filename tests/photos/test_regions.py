from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.draw import polygon2mask
from skimage.measure import label

from hcl_sdk.photos import regions as module
from hcl_sdk.photos.regions import find_regions, map_kinds, select_kinds, to_coco

masks = st.builds(
    lambda h, w, share, seed: np.random.default_rng(seed).random((h, w)) < share,
    st.integers(1, 13),
    st.integers(1, 13),
    st.sampled_from([0.0, 0.1, 0.4, 0.6, 0.9, 1.0]),
    st.integers(0, 10_000),
)


def as_tensor(mask: Any) -> Any:
    return torch.from_numpy(np.asarray(mask, dtype=bool))[None, None]


def fill_polygons(region: Any, shape: Any) -> NDArray[Any]:
    """The region's polygons rasterized by skimage, outline and holes by the even-odd rule."""
    inside = np.zeros(shape, bool)
    for ring in region.polygons:
        centers = np.array([(y, x) for x, y in ring]) - 0.5  # so that the center of pixel (x, y) is (x, y)
        inside ^= polygon2mask(shape, centers)
    return inside


def decode_segmentation(segmentation: Any) -> Any:
    height, width = segmentation["size"]
    values = np.arange(len(segmentation["counts"])) % 2 == 1
    return np.repeat(values, segmentation["counts"]).reshape(width, height).T


def measure_signed_area(ring: Any) -> Any:
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True)) / 2


@given(masks)
@settings(max_examples=80, deadline=None)
def test_polygons_boxes_and_run_lengths_give_the_mask_back(mask: Any) -> None:
    labels, count = label(mask, connectivity=2, return_num=True)  # pyright: ignore[reportGeneralTypeIssues]
    regions = find_regions(as_tensor(mask))
    annotations = to_coco(regions, file_name="a.png", size=mask.shape)["annotations"]

    assert len(regions) == len(annotations) == count
    union = np.zeros_like(mask)
    for region, annotation in zip(regions, annotations, strict=True):
        pixels = fill_polygons(region, mask.shape)
        assert np.array_equal(pixels, labels == labels[pixels][0])
        assert not (union & pixels).any()
        union |= pixels
        rows, columns = np.nonzero(pixels)
        assert region.box == (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)
        assert region.area == annotation["area"] == pixels.sum()
        assert annotation["bbox"] == list(region.box)
        assert np.array_equal(decode_segmentation(annotation["segmentation"]), pixels)
        assert measure_signed_area(region.outline) > 0
        assert all(measure_signed_area(hole) < 0 for hole in region.holes)
    assert np.array_equal(union, mask)


@given(masks)
@settings(max_examples=20, deadline=None)
def test_rings_have_corners_only(mask: Any) -> None:
    for region in find_regions(as_tensor(mask)):
        for ring in region.polygons:
            sides = np.diff(np.array(ring + ring[:1]), axis=0)
            assert ((sides == 0).sum(axis=1) == 1).all()  # along an axis, and not of length 0
            horizontal = sides[:, 1] == 0
            assert (horizontal != np.roll(horizontal, 1)).all()  # a turn at every corner


def test_a_ring_shaped_region_has_a_hole() -> None:
    mask = np.ones((3, 4), bool)
    mask[1, 1:3] = False
    (region,) = find_regions(as_tensor(mask))
    assert region.area == 10
    assert set(region.outline) == {(0, 0), (4, 0), (4, 3), (0, 3)}
    assert [set(hole) for hole in region.holes] == [{(1, 1), (3, 1), (3, 2), (1, 2)}]


def test_pixels_that_touch_at_a_corner_are_one_region_with_one_outline() -> None:
    (region,) = find_regions(as_tensor(np.eye(4, dtype=bool)))
    assert region.area == 4
    assert region.holes == ()


def test_regions_come_largest_first() -> None:
    mask = np.zeros((6, 9), bool)
    mask[0, 0] = mask[5, 8] = True
    mask[2:5, 1:6] = True
    assert [region.box for region in find_regions(as_tensor(mask))] == [(1, 2, 5, 3), (0, 0, 1, 1), (8, 5, 1, 1)]


def test_confidence_is_the_mean_over_the_region() -> None:
    mask = np.zeros((4, 6), bool)
    mask[0, :2] = mask[3, 5] = True
    confidence = torch.linspace(0, 1, 24).reshape(1, 1, 4, 6)
    large, small = find_regions(as_tensor(mask), confidence)
    assert large.confidence == pytest.approx(0.5 / 23)
    assert small.confidence == pytest.approx(1.0)
    assert find_regions(as_tensor(mask))[0].confidence is None


def test_regions_are_equal_if_their_pixels_are() -> None:
    corner = np.array([[1, 0], [1, 1]])
    first, second = np.zeros((2, 9, 9), bool)
    first[2:4, 2:4], second[2:4, 2:4] = corner, corner[:, ::-1]
    (one,), (other,) = find_regions(as_tensor(first)), find_regions(as_tensor(second))
    assert (one.box, one.area) == (other.box, other.area)
    assert one != other
    (again,) = find_regions(as_tensor(np.pad(first, ((0, 5), (0, 3)))))
    assert again.outline == one.outline  # what was asked for makes no difference
    assert one == again
    assert len({one, other, again}) == 2
    with pytest.raises(AttributeError):
        one.area = 4  # pyright: ignore[reportAttributeAccessIssue]


def test_outlines_are_traced_only_when_asked_for_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = []
    genuine = module._trace_rings
    monkeypatch.setattr(module, "_trace_rings", lambda mask, *at: traced.append(mask.shape) or genuine(mask, *at))
    mask = np.zeros((400, 600), bool)
    mask[::8, ::8] = mask[1::8, ::8] = True
    found = find_regions(as_tensor(mask), as_tensor(mask).float())
    annotations = to_coco(found, file_name="a.png", size=mask.shape)["annotations"]
    assert len(found) == len(annotations) == 3_750
    assert traced == []

    assert len(found[777].outline) == 4
    assert found[777].holes == ()
    assert found[777].polygons == (found[777].outline,)
    assert traced == [(2, 1)]  # of the box, not of the photo


def test_memory_of_regions_grows_with_their_borders_not_their_boxes() -> None:
    y, x = np.mgrid[-100:100, -100:100]
    rings = find_regions(as_tensor(np.maximum(abs(x + 0.5), abs(y + 0.5)).astype(int) % 2 == 0))  # one in another
    assert len(rings) == 50
    assert sum(region.box[2] * region.box[3] for region in rings) > 600_000
    assert sum(len(region._runs) for region in rings) < 12 * 200 * 101


def test_an_empty_mask_has_no_regions() -> None:
    assert find_regions(as_tensor(np.zeros((5, 7)))) == []
    assert to_coco([], file_name="a.png", size=(5, 7))["annotations"] == []


def test_coco_says_which_photo_and_is_json() -> None:
    mask = as_tensor(np.ones((2, 3)))
    coco = to_coco(find_regions(mask, mask.double() * 0.75), file_name="b.jpg", size=(2, 3), image_id=7)
    assert json.loads(json.dumps(coco)) == {
        "images": [{"id": 7, "file_name": "b.jpg", "width": 3, "height": 2}],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 1,
                "bbox": [0, 0, 3, 2],
                "area": 6,
                "segmentation": {"size": [2, 3], "counts": [0, 6]},
                "iscrowd": 0,
                "score": 0.75,
            }
        ],
        "categories": [{"id": 1, "name": "corrupted", "supercategory": ""}],
    }


def test_bad_input_is_refused() -> None:
    mask = as_tensor(np.ones((2, 3)))
    with pytest.raises(TypeError, match="float32"):
        find_regions(mask.float())
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        find_regions(mask[0, 0])
    with pytest.raises(ValueError, match=r"\[1, 1, 2, 4\]"):
        find_regions(mask, torch.zeros(1, 1, 2, 4))
    with pytest.raises(ValueError, match="beyond the photo of 2 x 2"):
        to_coco(find_regions(mask), file_name="a.png", size=(2, 2))


def draw_kinds(seed: int, size: tuple[int, int]) -> dict[str, NDArray[np.float64]]:
    drawn = np.random.default_rng(seed).dirichlet((1.0, 1.0, 1.0), size)
    return dict(zip(("text", "scratch", "fill"), drawn.transpose(2, 0, 1), strict=True))


@given(masks, st.integers(0, 99), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_the_kind_of_a_region_is_the_mean_over_its_pixels(mask: Any, seed: int, height: int, width: int) -> None:
    kinds = draw_kinds(seed, (height, width))
    regions = find_regions(as_tensor(mask), kinds=kinds)
    numbers = map_kinds(as_tensor(mask), kinds)
    assert np.array_equal(numbers > 0, mask)
    y, x = (np.arange(size) * own // size for size, own in zip(mask.shape, (height, width), strict=True))
    for region in regions:
        pixels = fill_polygons(region, mask.shape)
        means = {kind: values[y][:, x][pixels].mean() for kind, values in kinds.items()}
        assert region.kinds == pytest.approx(means)
        assert region.kind in means
        assert means[region.kind] == pytest.approx(max(means.values()))
        assert {list(kinds)[number - 1] for number in numbers[pixels]} == {region.kind}
    for only in ((), ("text",), ("fill", "text")):
        kept = select_kinds(as_tensor(mask), kinds, only=only, skip=("scratch",))[0, 0].numpy()
        stays = [k for k in only or kinds if k != "scratch"]
        assert np.array_equal(kept, np.isin(numbers, [list(kinds).index(kind) + 1 for kind in stays]))


def test_regions_of_many_rows_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    mask, kinds = np.random.default_rng(0).random((40, 9)) < 0.5, draw_kinds(0, (13, 4))
    whole = [region.kinds for region in find_regions(as_tensor(mask), kinds=kinds)]
    monkeypatch.setattr(module, "_ROWS", 7)
    parts = [region.kinds for region in find_regions(as_tensor(mask), kinds=kinds)]
    assert len(whole) == len(parts) > 1
    for a, b in zip(whole, parts, strict=True):
        assert a == pytest.approx(b)


def test_kinds_are_the_categories_of_coco() -> None:
    mask = np.zeros((4, 9), bool)
    mask[:3, :3] = mask[:2, 6:] = True
    kinds = {"text": np.array([[0.9, 0.1, 0.2]]), "scratch": np.array([[0.1, 0.9, 0.8]])}
    regions = find_regions(as_tensor(mask), kinds=kinds)
    coco = to_coco(regions, file_name="a.png", size=(4, 9))
    assert [(c["id"], c["name"]) for c in coco["categories"]] == [(1, "corrupted"), (2, "text"), (3, "scratch")]
    assert [a["category_id"] for a in coco["annotations"]] == [2, 3]
    assert coco["annotations"][0]["attributes"] == pytest.approx({"text": 0.9, "scratch": 0.1})
    plain = to_coco(find_regions(as_tensor(mask)), file_name="a.png", size=(4, 9))
    assert [c["name"] for c in plain["categories"]] == ["corrupted"]
    assert all("attributes" not in annotation for annotation in plain["annotations"])
