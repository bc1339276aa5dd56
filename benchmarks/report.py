"""Measure how large the report of a folder of 1,000 photos is, and how fast it is in a browser.

    python benchmarks/report.py [FOLDER] [--photos 1000]

Photos are crops of those that come with scikit-image, varied, with a line or a word drawn on most, and three files are
not photos. They are restored with ``--report`` and the weights in the package, at a small working size, since it is the
report that is measured. With Playwright and Chromium (in PATH, or named by CHROMIUM) the page is opened, filtered and
photographed on a desktop and on a phone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from hcl_sdk import Pipeline, restore_folder

SOURCES = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "hubble_deep_field",
    "immunohistochemistry",
    "grass",
    "gravel",
    "brick",
)
WORDS = "SAMPLE", "2026", "Holiday", "PREVIEW", "At the sea"


def write_photos(folder: Path, count: int) -> None:
    """Write photos of 240 x 320 or 320 x 240 pixels, and three files that are not photos."""
    folder.mkdir(parents=True)
    sources = [Image.fromarray(getattr(skimage.data, name)()).convert("RGB") for name in SOURCES]
    for i in range(count):
        rng = np.random.default_rng(i)
        source, size = sources[i % len(sources)], ((240, 320), (320, 240))[int(rng.integers(2))]
        share = rng.uniform(0.5, 1.0)
        scale = share * min(source.width / size[0], source.height / size[1])
        width, height = round(scale * size[0]), round(scale * size[1])
        x, y = int(rng.integers(0, source.width - width + 1)), int(rng.integers(0, source.height - height + 1))
        photo = source.crop((x, y, x + width, y + height)).resize(size, Image.Resampling.LANCZOS)
        photo = ImageOps.mirror(photo) if rng.random() < 0.5 else photo
        photo = ImageEnhance.Color(photo).enhance(float(rng.uniform(0.4, 1.3)))
        photo = ImageEnhance.Brightness(photo).enhance(float(rng.uniform(0.8, 1.2)))
        draw = ImageDraw.Draw(photo)
        if i % 3 == 0:
            font = ImageFont.load_default(size=float(rng.uniform(20, 36)))
            draw.text(
                (size[0] / 2, size[1] - 30), WORDS[i % len(WORDS)], "white", font, "mm", stroke_width=2, stroke_fill=0
            )
        elif i % 3 == 1:
            draw.line([*map(float, rng.uniform(0, 240, 4))], (235, 230, 220), 3)
        photo.save(folder / f"box {i // 100 + 1:02} photo {i:04}.jpg", quality=88)
    for name in ("empty.jpg", "notes.jpg", "cut off.png"):
        (folder / name).write_bytes(b"no photo" if name != "empty.jpg" else b"")


def use_in_browser(page_file: Path, chromium: str, screenshots: Path) -> None:
    """Open and filter the page on a desktop and on a phone, write screenshots, and print the times."""
    from playwright.sync_api import sync_playwright  # pyright: ignore[reportMissingImports]

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, viewport in (("desktop", (1280, 900)), ("phone", (390, 844))):
            page = browser.new_page(viewport={"width": viewport[0], "height": viewport[1]})
            begin = time.perf_counter()
            page.goto(page_file.resolve().as_uri())
            loaded = time.perf_counter() - begin
            page.screenshot(path=screenshots / f"{name}.png")
            answers = []
            for text in ("text", "photo 0042", "scratch box 03", "empty", ""):
                # From the change of the text until the page has been laid out anew.
                milliseconds = page.evaluate(
                    """text => { const box = document.querySelector("input"), begin = performance.now();
                    box.value = text; box.dispatchEvent(new Event("input")); document.body.offsetHeight;
                    return performance.now() - begin; }""",
                    text,
                )
                answers.append(f"{text!r} {milliseconds:.0f} ms {page.inner_text('#shown')}".strip())
            page.fill("input", "text")
            page.screenshot(path=screenshots / f"{name}-filtered.png")
            page.fill("input", "")
            page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
            page.wait_for_timeout(500)
            page.screenshot(path=screenshots / f"{name}-end.png")
            width = page.evaluate("document.documentElement.scrollWidth")
            print(f"{name}: opened in {loaded:.1f} s; {width} pixels wide; {'; '.join(answers)}")
            page.close()
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="where photos, results and report go; kept")
    parser.add_argument("--photos", type=int, default=1000)
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    if not (folder / "photos").exists():
        write_photos(folder / "photos", arguments.photos)
    pipeline = Pipeline.from_pretrained("default", device="cpu")
    pipeline = pipeline.replace(detection_size=128, context_size=None, restoration_size=128)
    report = folder / "report.html"
    done = restore_folder(folder / "photos", folder / "restored", pipeline=pipeline, report=report)
    print(f"{done.done} photos, {len(done.failures)} failures, {report.stat().st_size / 1e6:.1f} MB")
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium in PATH, and CHROMIUM names none")
        return
    use_in_browser(report, chromium, folder)
    print(f"screenshots are in {folder}")


if __name__ == "__main__":
    main()
