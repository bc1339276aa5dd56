"""Draw the modules ("rooms") of hcl_sdk, which may import which, and three paths ("ways") through them.

    python benchmarks/architecture.py [-o FOLDER]
    python benchmarks/architecture.py --count hcl_sdk

Writes ``architecture.svg``. The data below defines the drawing; ``tests/test_architecture.py`` compares it with the
code: with every import, and with the modules that a photo, a configuration and a batch pass through.
"""

from __future__ import annotations

import argparse
import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

STOREYS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    ("around a model", (("cli",), ("training",), ("evaluation", "testing"), ("data", "folders", "published"))),
    ("a model", (("pipeline",), ("detector", "result", "weights", "runtime"))),
    ("names", (("config", "builtin"), ("plugins",), ("registry",))),
    (
        "components",
        (("encoders", "interactions", "heads", "clusterers", "restorers", "losses", "corruptions"),),
    ),
    ("contract", (("interfaces",),)),
    (
        "foundation",
        (
            ("layers", "photos", "settings"),
            ("functional", "files", "errors", "_version", "_lazy", "_pyinstaller"),
            ("_renamed",),
        ),
    ),
)
"""From the top down, each with its floors. A room may import from itself and from floors below."""

NOTES = {
    "cli": "the command hcl",
    "training": "the loop, its checkpoints",
    "evaluation": "metrics, benchmark",
    "testing": "the conformance kit",
    "data": "datasets, manifests",
    "folders": "many photos, resuming",
    "published": "the paper's checkpoints",
    "pipeline": "photo in, result out",
    "detector": "coarse to fine",
    "result": "mask and photo",
    "weights": "load, save, share",
    "runtime": "device, precision",
    "config": "YAML and components",
    "builtin": "registers the built-ins",
    "plugins": "discovery of packages",
    "registry": "names and what they stand for",
    "interfaces": "the contract of each kind, and the values passed between them",
    "layers": "shared modules",
    "photos": "read, write, color, masks",
    "settings": "a pipeline's settings",
    "functional": "tensors in and out",
    "files": "atomic writing",
    "errors": "their wording",
}


@dataclass(frozen=True)
class Way:
    """A path through the rooms.

    Attributes:
        name: what follows the path.
        color: color of its line and dots.
        stops: the rooms it passes through, in order, with what happens there.
        ends_with: the function of the last room that does what its stop says.
    """

    name: str
    color: str
    stops: tuple[tuple[tuple[str, ...], str], ...]
    ends_with: str

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms, in the order of their first visit."""
        return tuple(dict.fromkeys(room for rooms, _ in self.stops for room in rooms))


WAYS = (
    Way(
        "a photo",
        "#c2185b",
        (
            (("cli",), "parses the options of `hcl restore`"),
            (("folders",), "finds the photo, names its results, protects existing files"),
            (("photos",), "decodes it, or reports what is wrong with it"),
            (("pipeline",), "turns it into tensors: working size, batches, tiles"),
            (("detector",), "decides scale by scale what is corrupted"),
            (("encoders", "interactions", "heads", "clusterers"), "compute, each for the next"),
            (("restorers",), "fill it; `pipeline` lays the fill over the photo, every other pixel stays"),
            (("result",), "holds mask and restored photo, writes them"),
        ),
        ends_with="save_result",
    ),
    Way(
        "a configuration",
        "#00796b",
        (
            (("pipeline",), "receives the configuration"),
            (("config",), "reads the YAML, reports all problems, and fills in defaults"),
            (("registry",), "imports what a name stands for, from this package or another"),
            (("encoders",), "create their layers from their fields"),
            (("detector",), "binds each part to its neighbor"),
            (("interactions", "heads", "clusterers", "restorers"), "create the layers that depend on it"),
        ),
        ends_with="build",
    ),
    Way(
        "a batch",
        "#3f51b5",
        (
            (("training",), "requests the batch of a step, determined by its seed"),
            (("data",), "picks photos and crops them"),
            (("photos",), "decodes them"),
            (("corruptions",), "damage them and record the true mask"),
            (("detector",), "runs scale by scale, guided by the true mask"),
            (("encoders", "interactions", "heads", "clusterers"), "compute embeddings and assignments"),
            (("losses",), "compute the loss and its gradients"),
            (("restorers",), "fill the true mask; losses compare the fill with the photo"),
        ),
        ends_with="forward",
    ),
)

FLOORS = tuple(floor for _, floors in STOREYS for floor in floors)
ROOMS = {room: number for number, floor in enumerate(FLOORS) for room in floor}


def list_modules(package: Path) -> dict[str, Path]:
    """List the modules of the package in a folder: full name -> file."""
    return {
        ".".join((package.name, *path.relative_to(package).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in package.rglob("*.py")
    }


def find_room(module: str) -> str:
    """Find the room of a module; ``python -m hcl_sdk`` belongs to the command."""
    return "cli" if module == "hcl_sdk.__main__" else module.split(".")[1]


class _RunTime(ast.NodeTransformer):
    """Leaves out imports for type checkers."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        is_for_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if is_for_types else self.generic_visit(node)


def list_imports(path: Path, modules: Collection[str], *, top_level: bool) -> Iterator[str]:
    """List the modules of the package that a file imports at run time: at its top level only, or anywhere."""
    tree = _RunTime().visit(ast.parse(path.read_text(encoding="utf-8")))
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has relative imports"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                target = full if full in modules else str(node.module)
                if target in modules:
                    yield target


def count_rooms(package: Path) -> dict[str, str]:
    """Count the rooms, files, lines and imports between rooms of the package in a folder."""
    modules = {module: path for module, path in list_modules(package).items() if module != package.name}
    arrows = {
        (find_room(module), find_room(imported))
        for module, path in modules.items()
        for imported in list_imports(path, modules, top_level=False)
    }
    arrows = {(room, other) for room, other in arrows if room != other}
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules.values()}
    longest = sorted(lines, key=lambda path: -lines[path])[:3]
    return {
        "rooms": str(len({find_room(module) for module in modules})),
        "files": str(len(lines)),
        "lines": str(sum(lines.values())),
        "longest files": ", ".join(f"{path.relative_to(package)} {lines[path]}" for path in longest),
        "arrows": str(len(arrows)),
        "rooms that import each other": ", ".join(
            f"{room} and {other}" for room, other in sorted(arrows) if room < other and (other, room) in arrows
        )
        or "none",
    }


WIDTH, HOUSE, RIGHT, TOP, HEIGHT, GAP, STOREY_GAP = 1072, 172, 780, 50, 42, 6, 12
LANES = (828, 922, 1014)
STYLE = """
  .storey { fill: #f4f5fb }
  .title { font-size: 13.5px; font-weight: 600; fill: #3f51b5; text-anchor: end }
  .room { fill: #ffffff; stroke: #9aa3b2; stroke-width: 1.2 }
  .name { font-size: 14px; font-weight: 600; fill: #1f2a44; text-anchor: middle }
  .note { font-size: 11.5px; fill: #4a5568; text-anchor: middle }
  .way { font-size: 13px; font-weight: 600; text-anchor: middle }
  .number { font-size: 10.5px; font-weight: 700; fill: #ffffff; text-anchor: middle }
  .down { fill: none; stroke: #4a5568; stroke-width: 1.5; marker-end: url(#tip) }
  .side { font-size: 12px; fill: #4a5568; text-anchor: middle }
"""


def draw_architecture() -> str:
    """Draw the floors and, beside them, a line for each way; its numbers are stops on the floor at their height."""
    boxes: dict[str, tuple[float, float, float]] = {}
    parts: list[str] = []
    y: float = TOP
    for title, every in STOREYS:
        floors = [shown for floor in every if (shown := [room for room in floor if not room.startswith("_")])]
        height = len(floors) * (HEIGHT + GAP) + GAP
        parts.append(f'<rect class="storey" x="{HOUSE}" y="{y}" width="{RIGHT - HOUSE}" height="{height}" rx="6"/>')
        parts.append(f'<text class="title" x="{HOUSE - 12}" y="{y + height / 2 + 4}">{escape(title)}</text>')
        for i, shown in enumerate(floors):
            width = (RIGHT - HOUSE - GAP) / len(shown) - GAP
            for j, room in enumerate(shown):
                boxes[room] = HOUSE + GAP + j * (width + GAP), y + GAP + i * (HEIGHT + GAP), width
        y += height + STOREY_GAP
    for room, (x, top, width) in boxes.items():
        parts.append(_draw_room(room, x, top, width))
    bottom = y - STOREY_GAP
    for way, x in zip(WAYS, LANES, strict=True):
        parts += _draw_way(way, x, boxes, bottom)
    parts.append(f'<path class="down" d="M28 {TOP + 8}V{bottom - 8}"/>')
    middle = (TOP + bottom) / 2
    parts.append(
        f'<text class="side" x="18" y="{middle}" transform="rotate(-90 18 {middle})">imports point down</text>'
    )
    return _PAGE.format(width=WIDTH, height=bottom + 22, style=STYLE, body="\n".join(parts))


def _draw_room(room: str, x: float, y: float, width: float) -> str:
    note = NOTES.get(room, "")
    size = ' style="font-size:11.5px"' if width < 90 else ""
    passing = [way for way in WAYS if room in way.rooms]
    name = (
        f'<text class="name"{size} x="{x + width / 2:.1f}" y="{y + (18 if note or passing else 26):.1f}">{room}</text>'
    )
    below = f'<text class="note" x="{x + width / 2:.1f}" y="{y + 33:.1f}">{escape(note)}</text>' if note else ""
    first, height = (
        (x + width - 1 - 9 * len(passing), y + 8) if note else (x + width / 2 + 4.5 - 4.5 * len(passing), y + 33)
    )
    dots = "".join(
        f'<circle cx="{first + 9 * k:.1f}" cy="{height}" r="3" fill="{way.color}"/>' for k, way in enumerate(passing)
    )
    return f'<rect class="room" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{HEIGHT}" rx="5"/>{name}{below}{dots}'


def _draw_way(way: Way, x: float, boxes: dict[str, tuple[float, float, float]], bottom: float) -> list[str]:
    heights = [boxes[rooms[0]][1] + HEIGHT / 2 for rooms, _ in way.stops]
    first, last = min(heights), max(heights)
    noun = way.name.removeprefix("a ")
    parts = [f'<text class="way" x="{x}" y="{TOP - 18}" fill="{way.color}">{escape(noun)}</text>']
    line = f'stroke="{way.color}" stroke-width="4" stroke-linecap="round"'
    parts.append(f'<path d="M{x} {first}V{last}" {line} opacity=".35"/>')
    on_floor: dict[float, int] = {}
    for number, y in enumerate(heights, start=1):
        level = on_floor.get(y, 0)  # a second stop on one floor stands beside the first
        on_floor[y] = level + 1
        same = heights.count(y)
        at = x + (level - (same - 1) / 2) * 20
        parts.append(f'<circle cx="{at}" cy="{y}" r="9" fill="{way.color}"/>')
        parts.append(f'<text class="number" x="{at}" y="{y + 3.7:.1f}">{number}</text>')
    return parts


_PAGE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title" \
font-family="system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif">
<title id="title">The modules of hcl_sdk, and the paths of a photo, a configuration and a batch through them</title>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
<path d="M0 0 8 4 0 8z" fill="#4a5568"/></marker></defs>
<style>{style}</style>
<rect width="{width}" height="{height}" rx="8" fill="#fcfcfe"/>
{body}
</svg>
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=Path())
    parser.add_argument(
        "--count", type=Path, metavar="PACKAGE", help="print figures of the package in this folder instead"
    )
    arguments = parser.parse_args()
    if arguments.count is not None:
        for name, value in count_rooms(arguments.count.resolve()).items():
            print(f"{name}: {value}")
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "architecture.svg").write_text(draw_architecture(), encoding="utf-8")


if __name__ == "__main__":
    main()
