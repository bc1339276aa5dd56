"""The drawing of the house is true: of every import, and of the ways of a photo, a configuration and a batch."""

from __future__ import annotations

import ast
import graphlib
import importlib.util
import re
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import hcl_sdk
from hcl_sdk import Pipeline
from hcl_sdk.cli import main
from hcl_sdk.training import Trainer, load_run

PACKAGE = Path(hcl_sdk.__file__).parent
ROOT = Path(__file__).parent.parent


def load_drawing() -> Any:
    spec = importlib.util.spec_from_file_location("architecture", ROOT / "benchmarks" / "architecture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["architecture"] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


DRAWING = load_drawing()
MODULES = DRAWING.list_modules(PACKAGE)
find_room = DRAWING.find_room


def list_imports(path: Path, *, top_level: bool) -> list[str]:
    return list(DRAWING.list_imports(path, MODULES, top_level=top_level))


def test_every_module_has_a_room_and_every_room_is_there() -> None:
    assert set(DRAWING.ROOMS) == {find_room(module) for module in MODULES if module != "hcl_sdk"}


@pytest.mark.parametrize("module", [m for m in MODULES if m != "hcl_sdk"])
def test_imports_point_down(module: str) -> None:
    room = find_room(module)
    for imported in list_imports(MODULES[module], top_level=False):
        if imported == "hcl_sdk":  # what plugins write; the public names
            assert room == "cli", f"{module} imports the package's public names"
            continue
        other = find_room(imported)
        is_below = DRAWING.ROOMS[other] > DRAWING.ROOMS[room]
        assert other == room or is_below, f"{module} imports {imported}, which is no floor below"


@pytest.mark.parametrize("module", [m for m in MODULES if m != "hcl_sdk"])
def test_no_room_imports_private_modules_or_names_of_another(module: str) -> None:
    """Nor for types alone; a room whose own name is private serves the whole package."""
    assert list_private(ast.parse(MODULES[module].read_text(encoding="utf-8")), find_room(module)) == []


def list_private(tree: ast.AST, room: str) -> list[str]:
    """The private modules and names that code in a room imports from other rooms."""
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    others = [name for name in names if name.startswith("hcl_sdk.") and find_room(name) != room]
    return [name for name in others if re.search(r"\._(?!_)", name.removeprefix(f"hcl_sdk.{find_room(name)}"))]


def test_no_room_uses_private_attributes_of_another() -> None:
    """But those of ``self``, which a base class in another room may give; and what Python and others call so."""
    defined: dict[str, set[str]] = {room: set() for room in DRAWING.ROOMS}
    used: set[tuple[str, str]] = set()
    for module, path in MODULES.items():
        room = "cli" if module == "hcl_sdk" else find_room(module)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined[room].add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                defined[room].add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                defined[room].add(node.attr)
            elif isinstance(node, ast.Attribute) and not re.match(r"(self|cls)\.\w+$", ast.unparse(node)):
                used |= {(room, node.attr)} if re.match(r"_(?!_)", node.attr) else set()
    assert len(used) > 5
    everywhere = set().union(*defined.values())
    foreign = {(room, name) for room, name in used if name in everywhere - defined[room]}
    foreign -= {("photos", "_replace")}  # which named tuples have
    assert foreign == {("testing", "_bound_to")}  # the kit asks what a component was bound to


def test_a_private_import_is_noticed() -> None:
    code = "def f():\n    from hcl_sdk.registry._output import mark\n    import hcl_sdk.result._save\n"
    assert list_private(ast.parse(code), "cli") == ["hcl_sdk.result._save", "hcl_sdk.registry._output.mark"]
    assert list_private(ast.parse(code), "registry") == ["hcl_sdk.result._save"]
    assert list_private(ast.parse("from hcl_sdk._version import __version__"), "cli") == []


def test_imports_that_point_up_are_for_types_alone() -> None:
    """Those that the page of the architecture mentions."""
    up = set()
    for module, path in MODULES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} & set(MODULES)
        up |= {
            (module, imported)
            for imported in named
            if "hcl_sdk" not in (module, imported)
            and DRAWING.ROOMS[find_room(imported)] < DRAWING.ROOMS[find_room(module)]
        }
    assert up == {
        ("hcl_sdk.registry._registry", "hcl_sdk.plugins"),
        ("hcl_sdk.plugins", "hcl_sdk.pipeline"),
        ("hcl_sdk.plugins._hooks", "hcl_sdk.pipeline"),
    }


def test_imports_go_in_no_circle() -> None:
    graph = {module: set(list_imports(path, top_level=True)) - {module} for module, path in MODULES.items()}
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(MODULES)


def test_the_diagram_is_up_to_date() -> None:
    drawn = (ROOT / "docs" / "images" / "architecture.svg").read_text(encoding="utf-8")
    assert drawn == DRAWING.draw_architecture(), "run python benchmarks/architecture.py -o docs/images"


@pytest.mark.parametrize("way", DRAWING.WAYS, ids=lambda way: way.name)
def test_the_page_tells_the_stops_of_every_way(way: Any) -> None:
    page = " ".join((ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8").split())
    for number, (rooms, what) in enumerate(way.stops, start=1):
        named = ", ".join(f"`{room}`" for room in rooms)
        assert f"{number}. {named}: {what}" in page


class Call(NamedTuple):
    """A call in the package: the room that calls, the one that is called, and the function."""

    caller: str
    room: str
    function: str


def trace_calls(function: Callable[[], object]) -> list[Call]:
    """Every call in the package, of this thread and those that it starts, in order.

    What a decorator of ``errors`` calls is called by whoever called the decorated function.
    """
    calls: list[Call] = []

    def find_caller(frame: FrameType | None) -> str:
        while frame is not None:
            module = str(frame.f_globals.get("__name__", ""))
            if module.startswith("hcl_sdk.") and module != "hcl_sdk.errors":
                return find_room(module)
            frame = frame.f_back
        return ""

    def follow(frame: FrameType, event: str, _: object) -> None:
        module = str(frame.f_globals.get("__name__", ""))
        if event == "call" and frame.f_code.co_name != "<module>" and module.startswith("hcl_sdk."):
            calls.append(Call(find_caller(frame.f_back), find_room(module), frame.f_code.co_name))

    before = sys.getprofile(), threading.getprofile()
    sys.setprofile(follow)
    threading.setprofile(follow)  # files are written in a thread
    try:
        function()
    finally:
        sys.setprofile(before[0])
        threading.setprofile(before[1])
    return calls


def assert_is_way(name: str, calls: list[Call]) -> None:
    """The rooms come first in the order of the drawing; in the last, its stop's function is called after all others.

    Whenever it came there first: the result of a photo is made before its mask is filled.
    """
    (way,) = (way for way in DRAWING.WAYS if way.name == f"a {name}")
    *stated, last = way.rooms
    rooms = [call.room for call in calls]
    assert [room for room in dict.fromkeys(rooms) if room in stated] == stated
    assert (last, way.ends_with) in {call[1:] for call in calls[rooms.index(stated[-1]) :]}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(256, size=(24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    return folder


def test_the_way_of_a_photo(
    tiny_pipeline: Pipeline, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through ``hcl restore`` it goes down once: no room on it calls one above it, but by what was handed down."""
    monkeypatch.setattr("hcl_sdk.cli._photos.load_pipeline", lambda *_, **__: tiny_pipeline)

    def restore(out: str) -> None:
        command = ["restore", str(photos), "-o", str(tmp_path / out), "--device", "cpu"]
        CliRunner().invoke(main, command, catch_exceptions=False)

    restore("first")  # what is imported and discovered once
    calls = trace_calls(lambda: restore("second"))
    assert_is_way("photo", calls)
    filled = [call.room for call in calls].index("restorers")
    assert {call.caller for call in calls[filled:] if call.function == "lay"} == {"pipeline"}  # the fill over the photo
    up = {(caller, room) for caller, room, _ in calls if caller and DRAWING.ROOMS[caller] > DRAWING.ROOMS[room]}
    assert up <= {("folders", "cli")}  # the line that the command prints of each photo
    assert (tmp_path / "second" / "a_restored.png").is_file()


def test_the_way_of_a_configuration() -> None:
    text = """
detector: {encoder: {use: convnext, channels: [4, 6], depths: [1, 1], kernel_size: 3}}
restorer: {use: gated-unet, dim: 4, multipliers: [1, 2]}
"""
    assert_is_way("configuration", trace_calls(lambda: Pipeline.from_config(text, device="cpu")))


def test_the_way_of_a_batch(photos: Path, tmp_path: Path) -> None:
    config = {
        "pipeline": {
            "detector": {"encoder": {"use": "convnext", "channels": [4, 6], "depths": [1, 1], "kernel_size": 3}},
            "restorer": {"use": "gated-unet", "dim": 4, "multipliers": [1, 2]},
        },
        "data": {
            "dataset": {"use": "folder", "path": str(photos)},
            "corruption": {"rules": [{"shapes": ["rectangles"], "contents": ["noise"]}]},
            "size": 16,
            "workers": 0,
        },
        "detection": {"losses": ["hierarchical"]},
        "restoration": {"losses": ["l1"]},
        "steps": 1,
        "batch_size": 2,
    }

    trainers = [Trainer(*load_run(config, device="cpu")) for _ in range(2)]
    trainers[0].fit(tmp_path / "first", progress=False)  # what is imported once, in which no call is followed
    assert_is_way("batch", trace_calls(lambda: trainers[1].fit(tmp_path / "second", progress=False)))


SHARED_BY_THREADS = {
    "filters of warnings": r"catch_warnings|simplefilter|filterwarnings|resetwarnings|captureWarnings",
    "environment": r"environ\[[^]]*\] *=(?!=)|environ\.(setdefault|update|pop)|putenv|os\.(chdir|umask)",
    "settings of Pillow and NumPy": r"MAX_IMAGE_PIXELS *=(?!=)|LOAD_TRUNCATED_IMAGES *=(?!=)|np\.seterr",
    "settings of torch": r"torch\.(set_(?!grad_enabled)\w+\(|use_deterministic_algorithms\(|backends[\w.]+ *=(?!=))",
    "random states": r"(?<!\.)\brandom\.seed\(|np\.random\.seed\(|torch\.(cuda\.)?manual_seed\(",
    "logging": r"basicConfig|\.setLevel\(|addHandler\((?!logging\.NullHandler)",
    "signals, hooks and limits": r"signal\.signal\(|excepthook *=(?!=)|setrecursionlimit|setrlimit",
}
"""What all threads of a process have in common, and how code would change it."""

MAY = {
    "hcl_sdk/cli": "the process is the command's own",
    "hcl_sdk/testing": "the conformance kit puts components to the test under other states, and puts those back",
    "hcl_sdk/training/random_states.py": "a run that is resumed goes on with the random numbers it would have drawn",
    "hcl_sdk/training/processes.py": "the first SIGINT asks training to stop, in the main thread, while it runs",
    "plugins/hcl-onnx/hcl_onnx/cli.py": "the process is the command's own",
    "plugins/hcl-ray/hcl_ray/cli.py": "the process is the command's own",
    "plugins/hcl-gradio/hcl_gradio/server.py": "Gradio takes the folder of uploads from the environment alone",
}
"""Files and folders that change something of it nevertheless, and why they may."""


@pytest.mark.parametrize("what", SHARED_BY_THREADS)
def test_library_code_leaves_global_state_alone(what: str) -> None:
    touching = re.compile(SHARED_BY_THREADS[what])
    root = PACKAGE.parent
    files = [file.relative_to(root) for file in (*PACKAGE.rglob("*.py"), *root.glob("plugins/*/hcl_*/**/*.py"))]
    library = [file for file in files if not any(file.is_relative_to(place) for place in MAY)]
    assert len(library) > 200
    assert [file for file in library if touching.search((root / file).read_text(encoding="utf-8"))] == []


def test_every_exception_for_global_state_is_used() -> None:
    touching = re.compile("|".join(SHARED_BY_THREADS.values()))
    for place in MAY:
        path = PACKAGE.parent / place
        files = path.rglob("*.py") if path.is_dir() else [path]
        assert any(touching.search(file.read_text(encoding="utf-8")) for file in files), place
