from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import torch
from photo_files import draw
from PIL import Image

from hcl_sdk import Photo, Pipeline, Region, Result, detect_folder, restore_folder
from hcl_sdk.folders import ArgumentError, FolderReport, PhotoOutcome
from hcl_sdk.folders.page import ReportPage


class Page(HTMLParser):
    """What a browser would find."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.text = file.read_text(encoding="utf-8")
        self.sources: list[str] = []
        self.links: list[str] = []
        self.captions: list[str] = []
        self.cells: list[str] = []
        self.tags: list[str] = []
        self._inside = ""
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.sources += [values["src"] or ""] if "src" in values else []
        self.links += [values["href"] or ""] if "href" in values else []
        if tag in ("figcaption", "td"):
            self._inside = tag
            (self.captions if tag == "figcaption" else self.cells).append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag == self._inside else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside:
            (self.captions if self._inside == "figcaption" else self.cells)[-1] += data

    @property
    def images(self) -> list[np.ndarray]:
        contents = [base64.b64decode(source.removeprefix("data:image/webp;base64,")) for source in self.sources]
        return [np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int) for content in contents]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_is_one_page_by_share_with_failures_at_the_end(tiny_pipeline: Pipeline) -> None:
    for seed, name in enumerate(["photos/a b#1.png", "photos/in/<c>.png", "photos/d.png"]):
        draw(name, seed)
    Path("photos/bad.png").write_bytes(b"not a photo")
    report = restore_folder("photos", "out", pipeline=tiny_pipeline, report="pages/report.html")
    assert (report.done, len(report.failures)) == (3, 1)
    page = Page(Path("pages/report.html"))
    shares = {
        path: float(tiny_pipeline.detect(path).corruption_mask.float().mean())
        for path in Path("photos").rglob("*.png")
        if path.name != "bad.png"
    }
    order = sorted(shares, key=lambda path: -shares[path])
    assert [caption.partition(".png")[0] + ".png" for caption in page.captions] == [str(path) for path in order]
    assert all(f"{shares[path]:.1%} corrupted" in caption for path, caption in zip(order, page.captions, strict=True))
    assert page.cells[0] == "photos/bad.png"
    assert "not a photo" in page.cells[1]
    assert page.tags.index("table") > max(i for i, tag in enumerate(page.tags) if tag == "figure")
    # Heading and table are hidden together.
    section = page.text.partition("<section>")[2].partition("</section>")[0]
    assert section.count("<h2>Failed</h2>") == section.count("<table>") == section.count("photos/bad.png</td>") == 1
    # Nothing is asked for elsewhere, and every link leads to a file.
    assert all(source.startswith("data:") for source in page.sources)
    assert "http" not in re.sub(r"http-equiv", "", page.text)
    assert len(page.links) == len(page.images) == 6
    assert all((Path("pages") / unquote(link)).is_file() for link in page.links)


def test_the_outlined_mask_is_shown_beside_the_restored_photo(tiny_pipeline: Pipeline) -> None:
    photo = Photo.open(np.full((480, 960, 3), 128, np.uint8))
    mask = torch.zeros(1, 1, 480, 960, dtype=torch.bool)
    mask[..., 100:300, 200:500] = True
    white = Photo.open(np.full((480, 960, 3), 255, np.uint8))
    result = Result(photo=photo, corruption_mask=mask, composited=white)
    files = {"mask": Path("m.png"), "restored": Path("r.png")}
    outcome = PhotoOutcome(path=Path("p.png"), files=files, size=(480, 960), corrupted_share=0.13)
    kinds = ("scratch", "text", "scratch")
    result.__dict__["regions"] = [
        Region(box=(0, 0, 1, 1), area=1, confidence=1.0, kinds={kind: 0.9, "other": 0.1}, _runs=b"") for kind in kinds
    ]
    page = ReportPage(Path("page.html"))
    page.add(outcome, result)
    page.write(FolderReport(done=1, were_there=0, failures=(), left_out=("2 other files ignored",)))
    page.close()
    found = Page(Path("page.html"))
    before, after = found.images
    assert before.shape == after.shape == (120, 240, 3)
    outlined = np.argwhere(np.ptp(before, axis=2) > 60)
    assert np.abs(outlined.min(axis=0) - (25, 50)).max() <= 2
    assert np.abs(outlined.max(axis=0) - (75, 125)).max() <= 2
    assert np.ptp(before[35:65, 60:115], axis=2).max() < 60  # inside it
    assert after.min() > 240
    assert "2 other files ignored" in found.text
    assert found.captions == ["p.png13.0% corrupted, 3 regions, scratch, text"]
    assert 'data-text="p.png 13.0% corrupted 3 regions scratch text"' in found.text
    assert "1 photo; 1 with something found" in found.text


def test_a_thousand_photos_would_take_less_than_20_megabytes() -> None:
    numbers = np.random.default_rng(0)
    page = ReportPage(Path("page.html"))
    for i in range(20):  # of noise, which compresses worst
        noise = Photo.open(numbers.integers(0, 256, (240, 240, 3), dtype=np.uint8))
        mask = torch.from_numpy(numbers.random((1, 1, 240, 240)) > 0.5)
        result = Result(photo=noise, corruption_mask=mask, composited=noise)
        name = f"a folder with a long name/and another one in it/photo number {i}.png"
        files = {"mask": Path(name), "restored": Path(name)}
        page.add(PhotoOutcome(path=Path(name), files=files, size=(240, 240), corrupted_share=0.5), result)
    page.write(FolderReport(done=20, were_there=0, failures=(), left_out=()))
    page.close()
    assert Path("page.html").stat().st_size < 20 * 20_000


def test_a_detection_shows_the_mask(tiny_pipeline: Pipeline) -> None:
    draw("a.png")
    detect_folder("a.png", "out", pipeline=tiny_pipeline, report="report.html")
    page = Page(Path("report.html"))
    assert page.links == ["a.png", "out/a_mask.png"]
    small = np.asarray(tiny_pipeline.detect("a.png").mask.convert("RGB")).astype(int)
    assert np.abs(page.images[1] - small).mean() < 40


def test_a_page_is_not_written_where_photos_are_left_out_or_over_a_photo(tiny_pipeline: Pipeline) -> None:
    draw("a.png")
    with pytest.raises(ArgumentError, match="resuming skips"):
        detect_folder("a.png", "out", pipeline=tiny_pipeline, report="report.html", resume=True)
    with pytest.raises(FileExistsError):
        detect_folder("a.png", "out", pipeline=tiny_pipeline, report="a.png")
