"""What the command does when nothing can be printed, and when it is told to end."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from photo_files import HEIGHT, WIDTH, draw, list_files
from PIL import Image
from processes import Hcl

from hcl_sdk import GatedUNet
from hcl_sdk._version import __version__
from hcl_sdk.cli import main
from hcl_sdk.cli._output import own_output

NO_TEXT = os.fsdecode(b"n/2\xe9.png")


def draw_three() -> None:
    draw("n/1.png")
    draw("n/2.png").rename(NO_TEXT)
    draw("n/3.png")


def run_program(program: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_a_name_that_is_not_utf8_is_escaped_and_the_run_continues(weights: Path, tmp_path: Path) -> None:
    draw_three()
    Path(os.fsdecode(b"n/4\xe9.png")).write_bytes(b"not a photo")
    hcl = Hcl(["detect", "n", "--weights", str(weights), "--device", "cpu"], tmp_path / "logs")
    assert hcl.wait() == 1
    assert [line.split(":")[0] for line in hcl.stdout.splitlines()] == ["n/1.png", r"n/2\udce9.png", "n/3.png"]
    assert r"Error: n/4\udce9.png: this is not a photo" in hcl.stderr
    assert list_files("hcl_output") == {"1_mask.png", os.fsdecode(b"2\xe9_mask.png"), "3_mask.png"}


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_unwritable_output_does_not_stop_the_work(weights: Path, tmp_path: Path, options: list[str]) -> None:
    draw_three()
    arguments = ["detect", "n", *options, "--weights", str(weights), "--device", "cpu"]
    hcl = Hcl(arguments, tmp_path / "logs", stdout=Path("/dev/full"))
    assert hcl.wait() == 1
    assert "3 photos examined" in hcl.stderr
    assert hcl.stderr.endswith("Error: standard output could not be written to the end: No space left on device\n")
    assert len(list_files("hcl_output")) == 3


def test_characters_that_the_output_cannot_encode_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "cp1252", write_through=True))
    with own_output():
        click.echo("é \u65e5 \udce9")
    assert written.getvalue() == "é \\u65e5 \\udce9\n".encode("cp1252")


def test_a_reader_that_has_gone_is_not_complained_about() -> None:
    program = (
        "import click, sys; from hcl_sdk.cli._output import own_output\n"
        "with own_output():\n"
        "    for i in range(100_000): click.echo(i)\n"
        "    sys.stderr.write('done'); sys.exit(0)"
    )
    reader, writer = os.pipe()
    with subprocess.Popen([sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE, text=True) as process:
        os.close(writer)
        os.read(reader, 10)
        os.close(reader)
        assert process.communicate()[1] == "done"
        assert process.returncode == 1


def test_standard_output_holds_only_the_prints_of_the_command() -> None:
    program = (
        "import os, subprocess, sys, click; from hcl_sdk.cli._output import own_output\n"
        "with own_output():\n"
        "    os.write(1, b'a library\\n'); subprocess.run(['echo', 'a child']); click.echo('the command')\n"
        "    sys.stdout.buffer.write(b'and bytes\\n'); sys.stdout.buffer.flush()\n"
        "print('afterwards')"
    )
    done = run_program(program)
    assert (done.stdout, done.stderr) == ("the command\nand bytes\nafterwards\n", "a library\na child\n")


@pytest.mark.parametrize("module", ["hcl_sdk.__main__", "hcl_sdk.cli.__main__"])
def test_prints_at_exit_stay_out_of_the_output(module: str) -> None:
    program = (
        "import atexit, ctypes, os, runpy, sys, threading, time\n"
        "def say():\n"
        "    print('at exit'); os.write(1, b'bytes\\n'); ctypes.CDLL(None).puts(b'a library in C')\n"
        "def stay():\n"
        "    threading.main_thread().join(); print('a thread that stays')\n"
        "atexit.register(say); threading.Thread(target=stay).start()\n"
        f"sys.argv = ['hcl', '--version']; runpy.run_module({module!r}, run_name='__main__')"
    )
    done = run_program(program)
    assert done.returncode == 0
    assert done.stdout == f"hcl {__version__}\n"
    assert sorted(done.stderr.splitlines()) == ["a library in C", "a thread that stays", "at exit", "bytes"]


def test_writes_past_the_stream_stay_out_of_the_output_too() -> None:
    program = (
        "import sys, click; from hcl_sdk.cli._output import own_output\n"
        "with own_output():\n"
        "    sys.__stdout__.write('a library\\n'); click.echo('the command')\n"
        "print('afterwards')"
    )
    done = run_program(program)
    assert (done.stdout, done.stderr) == ("the command\nafterwards\n", "a library\n")


@pytest.mark.parametrize("closed", [1, 2])
def test_there_need_be_no_output(tmp_path: Path, closed: int) -> None:
    program = (
        "import click; from hcl_sdk.cli._output import own_output\n"
        "with own_output():\n"
        "    with open('kept', 'w') as file: click.echo('out'); click.echo('err', err=True); file.write('kept')"
    )
    command = f'exec "$0" -c "$1" {closed}>&-'
    done = subprocess.run(["sh", "-c", command, sys.executable, program], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert (done.stdout, done.stderr) == (("", "err\n") if closed == 1 else ("out\n", ""))
    assert Path("kept").read_text() == "kept"


def test_sigterm_ends_a_run_with_a_line_and_its_status(weights: Path, tmp_path: Path) -> None:
    for i in range(400):
        draw(f"p/{i}.png", seed=i)
    hcl = Hcl(["restore", "p", "--weights", str(weights), "--device", "cpu"], tmp_path / "logs")
    while not (Path("hcl_output").is_dir() and len(list_files("hcl_output")) > 2):
        assert hcl.is_running
        time.sleep(0.01)
    os.kill(hcl.pid, signal.SIGTERM)
    assert hcl.wait() == 128 + signal.SIGTERM
    assert hcl.stderr.endswith("Terminated.\n")
    assert "Traceback" not in hcl.stderr
    assert not [name for name in list_files("hcl_output") if not name.endswith(("_mask.png", "_restored.png"))]


@pytest.mark.parametrize("module", ["click", "hcl_sdk.registry", "hcl_sdk.folders"])
def test_an_interruption_during_imports_prints_one_line(module: str) -> None:
    program = (
        "import sys, hcl_sdk\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "from hcl_sdk.__main__ import run\n"
        "sys.argv = ['hcl', 'detect', 'photo.png']; run()"
    )
    done = run_program(program)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


def test_sigterm_before_the_work_is_the_same(hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    draw("a.png")
    monkeypatch.setattr("hcl_sdk.cli._photos.make_plan", lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM))
    assert hcl("detect", "a.png", status=143).stderr == "Terminated.\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("arguments", [["a.png", "--json"], ["-"]])
def test_prints_of_components_stay_out_of_the_output(
    weights: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    contents = draw("a.png").read_bytes()
    forward = GatedUNet.forward

    def print_and_fill(self: GatedUNet, *inputs: Any) -> Any:
        print("at work")
        sys.stdout.buffer.write(b"bytes\n")
        sys.stdout.flush()
        return forward(self, *inputs)

    monkeypatch.setattr(GatedUNet, "forward", print_and_fill)
    options = ["--weights", str(weights), "--device", "cpu"]
    result = CliRunner().invoke(main, ["restore", *arguments, *options], input=contents)
    assert result.exit_code == 0, result.stderr
    assert {"at work", "bytes"} <= set(result.stderr.splitlines())
    if arguments == ["-"]:
        with Image.open(io.BytesIO(result.stdout_bytes)) as restored:
            assert restored.size == (WIDTH, HEIGHT)
    else:
        assert json.loads(result.stdout)["path"] == "a.png"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_standard_output_can_be_named_as_a_file(weights: Path, tmp_path: Path, name: str) -> None:
    draw("a.png")
    arguments = ["detect", "a.png", "--coco", name, "--weights", str(weights), "--device", "cpu"]
    hcl = Hcl(arguments, tmp_path / "logs")
    assert hcl.wait() == 0, hcl.stderr
    line, coco = hcl.stdout.splitlines()
    assert line.startswith("a.png: ")
    assert json.loads(coco)["images"][0]["file_name"] == "a.png"
    assert "images" not in hcl.stderr
