"""The report of a folder run: a single page that needs only a browser."""

from __future__ import annotations

import base64
import io
import os
import tempfile
import threading
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image
from scipy import ndimage

from hcl_sdk._version import __version__
from hcl_sdk.errors import escape as escape_undecodable
from hcl_sdk.files import write_whole
from hcl_sdk.folders.report import FolderReport, PhotoOutcome
from hcl_sdk.photos.color import to_rgb8
from hcl_sdk.photos.photo import Photo
from hcl_sdk.result import Result

_SIDE = 240  # longer side of a thumbnail in pixels
_BYTES = 6_900  # maximum size of a thumbnail, so that a thousand photos with two each stay below 20 MB
_QUALITIES = (70, 55, 40, 25, 10)
_OUTLINE = (255, 0, 144)


class ReportPage:
    """Collects photos and writes the page at the end.

    Entries are kept in a temporary file: there may be very many.

    Args:
        file: the path of the page.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._cards = tempfile.TemporaryFile()  # noqa: SIM115  # closed by close
        self._places: list[tuple[float, str, int, int]] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Delete the temporary file."""
        self._cards.close()

    def add(self, outcome: PhotoOutcome, result: Result) -> None:
        """Add a photo with its mask and its outcome."""
        card = self._write_card(outcome, result).encode()
        with self._lock:
            self._places.append((-outcome.corrupted_share, str(outcome.path), self._cards.tell(), len(card)))
            self._cards.write(card)

    def write(self, report: FolderReport) -> None:
        """Write the page, most corrupted photos first, failures at the end; raises ``OSError`` if that fails."""
        cards = []
        for _, _, begin, length in sorted(self._places):
            self._cards.seek(begin)
            cards.append(self._cards.read(length).decode())
        found = sum(share < 0 for share, *_ in self._places)
        numbers = [_count(len(cards), "photo"), f"{found} with something found", f"{len(cards) - found} without"]
        if report.failures:
            numbers.append(f"{len(report.failures)} failed")
        failures = "".join(
            f'<tr data-text="{path.lower()}"><td>{path}</td><td>{reason}</td></tr>\n'
            for path, reason in ((_escape(str(path)), _escape(reason)) for path, reason in report.failures)
        )
        if failures:
            failures = f"<section>\n<h2>Failed</h2>\n<table>\n{failures}</table>\n</section>\n"
        page = _PAGE.format(
            style=_STYLE,
            script=_SCRIPT,
            title="What was found in the photos",
            numbers="; ".join(numbers),
            cards="".join(cards),
            failures=failures,
            left_out="".join(f"<p>{_escape(line)}</p>\n" for line in report.left_out),
            version=__version__,
        )
        try:
            write_whole(self.file, page)
        except OSError as error:
            raise OSError(f"{self.file} cannot be written: {error.strerror or error}") from error

    def _write_card(self, outcome: PhotoOutcome, result: Result) -> str:
        name = _escape(str(outcome.path))
        left_out = _count(outcome.left_out, "region")
        facts = [f"{left_out} found and left out" if outcome.left_out else "nothing found"]
        if outcome.corrupted_share:
            facts = [f"{outcome.corrupted_share:.1%} corrupted", _count(len(result.regions), "region")]
            facts += dict.fromkeys(region.kind for region in result.regions if region.kind)  # of the largest first
        if outcome.suspect is not None:
            facts.append(f"most suspicious elsewhere: {outcome.suspect.confidence:.0%}")
        mask = result.corruption_mask[0, 0].cpu().numpy()
        views = [("before, the mask outlined", self._link(outcome.path), _draw_thumbnail(result.photo, mask))]
        if result.composited is not None:
            views.append(("after", self._link(outcome.files["restored"]), _draw_thumbnail(result.composited)))
        else:
            views.append(("mask", self._link(outcome.files["mask"]), _draw_thumbnail(Photo.open(result.mask))))
        figures = "".join(
            f'<a href="{link}"><img alt="{name}: {what}" title="{what}" width="{width}" height="{height}" '
            f'src="data:image/webp;base64,{data}"></a>'
            for what, link, (width, height, data) in views
        )
        return (
            f'<figure data-text="{_escape(" ".join([str(outcome.path), *facts])).lower()}"><div>{figures}</div>'
            f"<figcaption><b>{name}</b><br>{', '.join(facts)}</figcaption></figure>\n"
        )

    def _link(self, file: Path) -> str:
        """Return the address of a file relative to the page."""
        try:
            relative = os.path.relpath(file, self.file.parent)
        except ValueError:  # on another drive
            relative = str(file.absolute())
        return quote(Path(relative).as_posix().encode(errors="surrogateescape"))


def _draw_thumbnail(photo: Photo, mask: np.ndarray | None = None) -> tuple[int, int, str]:
    """Return width, height and contents of a thumbnail, with the outline of a mask ``[H, W]``."""
    image = Image.fromarray(to_rgb8(photo.pixels, photo.mode))
    image.thumbnail((_SIDE, _SIDE), reducing_gap=2.0)
    if mask is not None and mask.any():
        # Any corrupted pixel counts: thin damage would be lost.
        rows = np.arange(image.height) * mask.shape[0] // image.height
        columns = np.arange(image.width) * mask.shape[1] // image.width
        small = np.maximum.reduceat(np.maximum.reduceat(mask, rows, axis=0), columns, axis=1)
        edge = ndimage.binary_dilation(small, np.ones((3, 3))) & ~small
        pixels = np.array(image)
        pixels[edge if edge.any() else small] = _OUTLINE
        image = Image.fromarray(pixels)
    return image.width, image.height, base64.b64encode(_encode(image)).decode()


def _encode(image: Image.Image) -> bytes:
    """Encode an image as a small WebP file: at lower quality, and finally smaller, if necessary."""
    while True:
        for quality in _QUALITIES:
            stream = io.BytesIO()
            image.save(stream, "WEBP", quality=quality)
            if stream.tell() <= _BYTES:
                return stream.getvalue()
        image = image.reduce(2)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _escape(value: str) -> str:
    return escape(escape_undecodable(value), quote=True)


_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #777; }
* { box-sizing: border-box; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 1400px; }
header { position: sticky; top: 0; background: Canvas; padding: .5rem 0; z-index: 1; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
p { margin: .25rem 0; color: var(--soft); }
input { font: inherit; width: 100%; max-width: 28rem; padding: .45rem .6rem; margin-top: .4rem;
  border: 1px solid var(--line); border-radius: 6px; background: Field; color: FieldText; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: .8rem;
  margin-top: 1rem; }
figure { margin: 0; padding: .6rem; border: 1px solid var(--line); border-radius: 8px; content-visibility: auto;
  contain-intrinsic-size: auto 240px; }
figure div { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem; align-items: start; }
img { display: block; width: 100%; height: auto; border-radius: 4px; }
figcaption { margin-top: .4rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
td:first-child { min-width: 10rem; }
td { border-top: 1px solid var(--line); padding: .35rem .6rem .35rem 0; vertical-align: top; overflow-wrap: anywhere; }
[hidden] { display: none; }
"""

_SCRIPT = """
const box = document.querySelector("input"), shown = document.querySelector("#shown");
const items = [...document.querySelectorAll("[data-text]")];
function filter() {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const item of items) {
    item.hidden = !words.every(word => item.dataset.text.includes(word));
    count += !item.hidden;
  }
  for (const section of document.querySelectorAll("section")) {
    section.hidden = !section.querySelector("[data-text]:not([hidden])");
  }
  shown.textContent = words.length ? `${count} of ${items.length} shown` : "";
}
box.addEventListener("input", filter);
filter();
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>{numbers}. <span id="shown"></span></p>
<input type="search" placeholder="Filter by name or kind" aria-label="Filter by name or kind">
</header>
<main>
{cards}</main>
{failures}{left_out}<p>Made by hcl_sdk {version}.</p>
<script>{script}</script>
</body>
</html>
"""
