"""The page in Chromium, as a person uses it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import pytest
import torch
from hcl_gradio.layout import CONFIDENCE, FOUND, MASK, TAP_BOX
from hcl_gradio.work import Adjustments, Spot, Work
from hostile_files import SVG, make_bomb, make_large
from PIL import Image, ImageEnhance

from hcl_sdk import Pipeline

pytestmark = pytest.mark.browser

PATIENCE = 300_000  # ms: what the slowest machine takes for a step
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def read(path: Path) -> Any:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens the page; at the end it is checked that no request left for another host, and that no script failed."""
    contexts, hosts, failures = [], set(), []

    def open_(**options: Any) -> Any:
        context = browser.new_context(**(options or DESKTOP))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: hosts.add(urlparse(request.url).netloc))
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#hcl-shelf img")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert hosts - {""} == {urlparse(address).netloc}
    assert not failures


def drop(page: Any, *files: Path) -> None:
    page.locator("input[type=file]").first.set_input_files([str(file) for file in files])


def wait_for_status(page: Any, text: str) -> str:
    page.wait_for_function("text => document.querySelector('#hcl-status')?.innerText.includes(text)", arg=text)
    return page.inner_text("#hcl-status")


def keep_shot(page: Any, name: str) -> None:
    """Where SCREENSHOTS names a folder, for people to look at."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.wait_for_timeout(1500)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def download(page: Any, label: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.locator("#hcl-downloads").get_by_text(label, exact=True).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_photo_is_dropped_found_edited_restored_and_downloaded(
    open_page: Any, pipeline: Pipeline, photos: list[Path], tmp_path: Path
) -> None:
    page = open_page()
    keep_shot(page, "desktop-1-start")
    drop(page, photos[1])
    found = pipeline.detect(photos[1])
    spots, labels = select(pipeline, photos[1])
    mask = found.corruption_mask[0, 0].numpy()
    assert np.array_equal(labels > 0, mask)
    status = wait_for_status(page, "to fill")
    assert f"{len(spots)} region" in status
    assert photos[1].name in status
    keep_shot(page, "desktop-2-found")

    # The largest region is left alone.
    without_largest = mask & (labels != spots[0].label)
    boxes = page.locator("#hcl-regions input[type=checkbox]")
    assert boxes.count() == len(spots)
    boxes.nth(0).uncheck()
    wait_for_status(page, f"{len(spots) - 1} region" if len(spots) > 1 else "Nothing is left")
    growth = pipeline.measure_growth(found, corruption_mask=torch.from_numpy(without_largest)[None, None])
    only = pipeline.restore(photos[1], corruption_mask=without_largest, dilate=growth)

    page.click("#hcl-go")
    wait_for_status(page, "filled" if len(spots) > 1 else "Nothing is left")
    page.wait_for_selector("#hcl-compare img")
    keep_shot(page, "desktop-3-restored")
    assert np.array_equal(read(download(page, "Save photo", tmp_path)), np.asarray(only.restored))
    assert np.array_equal(read(download(page, "Mask", tmp_path)), np.asarray(only.mask))
    assert download(page, "COCO JSON", tmp_path).name == f"{photos[1].stem}_coco.json"

    # A tap on it takes it back in.
    page.get_by_role("tab", name="Found").click()
    image = page.locator("#hcl-found img")
    shown, size = image.bounding_box(), found.photo.size
    x, y, width, height = spots[0].box
    rows, columns = np.nonzero(labels == spots[0].label)
    middle = np.argmin((rows - y - height / 2) ** 2 + (columns - x - width / 2) ** 2)
    image.click(
        position={
            "x": (columns[middle] + 0.5) / size[1] * shown["width"],
            "y": (rows[middle] + 0.5) / size[0] * shown["height"],
        }
    )
    wait_for_status(page, f"{len(spots)} region")


def select(pipeline: Pipeline, photo: Path) -> tuple[Sequence[Spot], Any]:
    """The regions that the page lists, and the number of each pixel's."""
    work = Work.open(photo, megapixels=24)
    work.find(pipeline)
    selection = work.select(pipeline, Adjustments(sensitivity=pipeline.sensitivity))
    return selection.spots, selection.labels


def test_sliders_and_paint(open_page: Any, pipeline: Pipeline, photos: list[Path]) -> None:
    page = open_page()
    drop(page, photos[0])
    wait_for_status(page, "to fill")
    slider = page.locator("#hcl-sensitivity input[type=range]")
    slider.fill("0")
    wait_for_status(page, "Nothing was found")
    page.get_by_role("tab", name="Paint").click()
    page.wait_for_selector("#hcl-paint canvas")
    page.wait_for_timeout(3000)  # until the editor has laid out its canvas
    keep_shot(page, "desktop-4-paint")
    canvas = page.locator("#hcl-paint canvas").first.bounding_box()
    page.mouse.move(canvas["x"] + 0.5 * canvas["width"], canvas["y"] + 0.5 * canvas["height"])
    page.mouse.down()
    page.mouse.move(canvas["x"] + 0.6 * canvas["width"], canvas["y"] + 0.5 * canvas["height"], steps=8)
    page.mouse.up()
    page.click("#hcl-painted")
    wait_for_status(page, "1 region")
    page.click("#hcl-go")
    wait_for_status(page, "filled")


def test_views_and_a_search_limited_to_a_box(open_page: Any, pipeline: Pipeline, photos: list[Path]) -> None:
    page = open_page()
    drop(page, photos[1])
    wait_for_status(page, "to fill")
    image = page.locator("#hcl-found img")
    shown = set()
    for view in (CONFIDENCE, MASK, FOUND):
        page.locator("#hcl-view").get_by_text(view).click()
        page.wait_for_timeout(2000)
        shown.add(image.get_attribute("src"))
    assert len(shown) == 3

    page.get_by_text("Fine tuning").click()
    page.locator("#hcl-tap").get_by_text(TAP_BOX).click()
    box = image.bounding_box()
    for share in (0.02, 0.06):  # of the photo's upper left corner
        image.click(position={"x": share * box["width"], "y": share * box["height"]})
        page.wait_for_timeout(2000)
    status = wait_for_status(page, "Nothing")
    assert "to fill" not in status
    page.get_by_text("Search the whole photo again").click()
    wait_for_status(page, "to fill")


@pytest.mark.parametrize(
    ("data", "name", "answer"),
    [
        (b"", "photo.png", "photo.png: "),
        (SVG, "photo.svg", "photo.svg"),
        (SVG, "photo.png", "photo.png: "),
        (make_bomb(), "photo.png", "photo.png: "),
        (make_large(), "photo.png", "megapixels"),
        (bytes(4 * 2**20), "photo.png", "size"),
    ],
    ids=["empty", "svg", "svg as png", "bomb", "too many pixels", "too many bytes"],
)
def test_hostile_files_are_refused_and_the_page_goes_on(
    open_page: Any, photos: list[Path], data: bytes, name: str, answer: str
) -> None:
    page = open_page()
    files = page.locator("input[type=file]").first
    files.set_input_files({"name": name, "mimeType": "image/png", "buffer": data})
    toast = page.locator(".toast-body", has_text=answer)
    toast.first.wait_for()
    keep_shot(page, f"desktop-hostile-{name}-{len(data)}")
    drop(page, photos[0])
    wait_for_status(page, "to fill")


def test_a_path_as_name_is_shown_as_a_name(open_page: Any, photos: list[Path]) -> None:
    page = open_page()
    file = {"name": "../../../../tmp/<b>escaped.png", "mimeType": "image/png", "buffer": photos[0].read_bytes()}
    page.locator("input[type=file]").first.set_input_files(file)
    status = wait_for_status(page, "to fill")
    assert "escaped" in status
    assert "/tmp" not in status
    assert not list(Path("/tmp").glob("*escaped*"))
    assert page.locator("#hcl-status b", has_text="escaped").count() == 0


SMALL = """() => [...document.querySelectorAll('button, label:has(input), a, input')].filter(element => {
    const box = element.getBoundingClientRect(), style = getComputedStyle(element);
    const is_hidden = box.width < 2 || box.height < 2 || style.visibility == 'hidden';
    return !is_hidden && !element.parentElement.closest('label, button, .tab-like-container') && box.height < 40;
}).map(element => element.outerHTML.slice(0, 200))"""
"""What is too low for a finger. What lies in a label, or in the frame of a number, is touched with it."""


def test_on_a_phone(open_page: Any, tmp_path: Path) -> None:
    page = open_page(**PHONE)

    def look(name: str) -> None:
        keep_shot(page, f"phone-{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert page.evaluate(SMALL) == [], name

    look("1-start")
    page.locator("#hcl-shelf button").nth(0).tap()
    wait_for_status(page, "to fill")
    look("2-found")
    button = page.locator("#hcl-go").bounding_box()
    assert button["width"] > 250
    assert button["height"] >= 44
    page.locator("#hcl-fine button").first.tap()
    page.wait_for_selector("#hcl-texture input[type=range]")
    look("3-fine")
    page.locator("#hcl-sensitivity input[type=range]").fill("0")
    wait_for_status(page, "Nothing was found")

    page.get_by_role("tab", name="Paint").tap()
    page.wait_for_selector("#hcl-paint canvas")
    page.wait_for_timeout(3000)  # until the editor has laid out its canvas
    look("4-paint")
    canvas = page.locator("#hcl-paint canvas").first.bounding_box()
    tools = page.locator("#hcl-paint .toolbar-wrap").bounding_box()
    assert tools["y"] > canvas["y"] + 0.8 * canvas["height"]  # below the photo, not over it
    page.get_by_label("Color").tap()
    page.wait_for_selector("#hcl-paint .swatch button")
    look("5-color")
    page.locator("#hcl-paint .swatch button").first.tap()
    page.mouse.move(canvas["x"] + 0.4 * canvas["width"], canvas["y"] + 0.5 * canvas["height"])
    page.mouse.down()
    page.mouse.move(canvas["x"] + 0.6 * canvas["width"], canvas["y"] + 0.5 * canvas["height"], steps=8)
    page.mouse.up()
    page.locator("#hcl-go").tap()
    assert "1 region" in wait_for_status(page, "filled")

    page.wait_for_selector("#hcl-compare img")
    page.wait_for_function("document.querySelector('#hcl-tabs').getBoundingClientRect().top >= 0")  # scrolled to it
    look("6-restored")
    saved = read(download(page, "Save photo", tmp_path))
    mask = read(download(page, "Mask", tmp_path)) > 0
    assert mask.any()
    assert saved.shape[:2] == mask.shape
    page.locator("#hcl-compare").scroll_into_view_if_needed()
    handle, compare = page.locator("#hcl-compare .icon-wrap"), page.locator("#hcl-compare").bounding_box()
    box = handle.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(compare["x"] + 0.9 * compare["width"], box["y"], steps=4)
    page.mouse.up()
    assert handle.bounding_box()["x"] > compare["x"] + 0.75 * compare["width"]
    look("7-compared")


def test_many_photos_and_a_file_that_is_not_one(open_page: Any, photos: list[Path], tmp_path: Path) -> None:
    page = open_page()
    (tmp_path / "none.png").write_bytes(b"no photo")
    drop(page, photos[0], tmp_path / "none.png", photos[1])
    page.wait_for_selector("text=not a photo")
    wait_for_status(page, "to fill")
    page.wait_for_selector("#hcl-strip img")
    assert page.locator("#hcl-strip button img").count() == 2
    assert "Restore 2 photos" in page.inner_text("#hcl-go")
    keep_shot(page, "desktop-5-many")
    page.click("#hcl-go")
    wait_for_status(page, "filled")
    archive = download(page, "All (ZIP)", tmp_path)
    assert archive.stat().st_size > 10_000


def test_twenty_browsers_at_once_get_their_own_results(
    open_page: Any, pipeline: Pipeline, photos: list[Path], tmp_path: Path
) -> None:
    own = []
    with Image.open(photos[0]) as photo:
        small = photo.convert("RGB").resize((photo.width // 2, photo.height // 2))
    for i in range(20):
        own.append(tmp_path / f"visitor {i}.png")
        ImageEnhance.Brightness(small).enhance(0.7 + 0.03 * i).save(own[-1])
    pages = [open_page() for _ in own]
    for page, path in zip(pages, own, strict=True):
        drop(page, path)
    for page, path in zip(pages, own, strict=True):
        assert path.name in wait_for_status(page, "to fill")
    for page in pages:
        page.click("#hcl-go")
    for i, (page, path) in enumerate(zip(pages, own, strict=True)):
        wait_for_status(page, "filled")
        (tmp_path / str(i)).mkdir()
        got = download(page, "Save photo", tmp_path / str(i))
        assert got.name == f"{path.stem}_restored.png"
        assert np.array_equal(read(got), np.asarray(pipeline(path).restored))
        page.context.close()


def test_closing_the_page_deletes_shown_files(open_page: Any, photos: list[Path]) -> None:
    page = open_page()
    drop(page, photos[0])
    wait_for_status(page, "to fill")
    source = page.locator("#hcl-found img").get_attribute("src")
    assert page.request.get(source).status == 200
    other = open_page()
    page.close()
    for _ in range(100):
        other.wait_for_timeout(500)
        if other.request.get(source).status != 200:
            break
    assert other.request.get(source).status in (403, 404)
