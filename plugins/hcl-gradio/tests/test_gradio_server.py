"""The server, as programs and attackers see it: results, refusals, and what is left behind."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from hostile_files import SVG, make_bomb, make_large
from PIL import Image

from hcl_sdk import Pipeline


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False)


def read(data: bytes | Path) -> Any:
    with Image.open(io.BytesIO(data) if isinstance(data, bytes) else data) as image:
        return np.asarray(image)


def upload(address: str, data: bytes, name: str = "photo.png") -> httpx.Response:
    return httpx.post(f"{address}/gradio_api/upload", files={"files": (name, data)}, timeout=120)


def call(address: str, endpoint: str, data: list[Any]) -> tuple[str, Any]:
    """What the queue says in the end: "complete" or "error", and the outputs."""
    started = httpx.post(f"{address}/gradio_api/call/{endpoint}", json={"data": data}, timeout=60)
    event = started.raise_for_status().json()["event_id"]
    said = httpx.get(f"{address}/gradio_api/call/{endpoint}/{event}", timeout=600).text
    kind, _, line = said.strip().rpartition("\n")
    return kind.rpartition("event: ")[2].strip(), json.loads(line.removeprefix("data: "))


def describe_file(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def test_restore_matches_the_pipeline(client: Client, pipeline: Pipeline, photos: list[Path]) -> None:
    restored, mask, coco = client.predict(handle_file(photos[0]), 0.6, 1, 2, 0, api_name="/restore")
    expected = pipeline(photos[0], sensitivity=0.6, dilate=1, feather=2, texture=0)
    assert np.array_equal(read(Path(restored)), np.asarray(expected.restored))
    assert np.array_equal(read(Path(mask)), np.asarray(expected.mask))
    assert [a["bbox"] for a in coco["annotations"]] == [list(region.box) for region in expected.regions]
    assert coco["images"][0]["file_name"] == photos[0].name
    assert Path(restored).name == f"{photos[0].stem}_restored.png"


def test_detect_takes_the_settings_of_the_weights_where_none_are_given(
    client: Client, pipeline: Pipeline, photos: list[Path]
) -> None:
    mask, coco = client.predict(handle_file(photos[1]), api_name="/detect")
    expected = pipeline.detect(photos[1])
    assert np.array_equal(read(Path(mask)), np.asarray(expected.mask))
    assert len(coco["annotations"]) == len(expected.regions)


def test_only_these_endpoints_are_offered_to_programs(client: Client) -> None:
    offered: Any = client.view_api(return_format="dict", print_info=False)
    assert set(offered["named_endpoints"]) == {"/detect", "/restore"}


@pytest.mark.parametrize("number", [-1, 7, "much", [1]])
def test_a_setting_out_of_range_is_an_answer(address: str, photos: list[Path], number: Any) -> None:
    (path,) = upload(address, photos[0].read_bytes()).json()
    assert call(address, "detect", [describe_file(path), number])[0] == "error"


@pytest.mark.parametrize("endpoint", ["detect", "restore"])
def test_no_photo_is_an_answer(address: str, endpoint: str) -> None:
    kind, said = call(address, endpoint, [None, 0.5] + [None, 0, 0] * (endpoint == "restore"))
    assert kind == "error"
    assert said["error"] == "a photo is expected, as a file; got none"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"no photo at all", "photo.png"),
        (b"", "photo.png"),
        (SVG, "photo.svg"),
        (SVG, "photo.png"),
        (make_bomb(), "photo.png"),
        (make_large(), "photo.png"),
        (b"GIF89a" + bytes(40), "photo.gif"),
    ],
    ids=["text", "empty", "svg", "svg as png", "bomb", "too many pixels", "broken"],
)
def test_unacceptable_files_get_an_answer_and_are_not_kept(address: str, data: bytes, name: str) -> None:
    (path,) = upload(address, data, name).json()
    assert Path(path).exists()
    kind, _ = call(address, "restore", [describe_file(path), 0.5, 2, 3, 0])
    assert kind == "error"
    assert not Path(path).exists()
    assert httpx.get(address, timeout=60).status_code == 200


def test_a_hundred_megabytes_are_not_taken(address: str) -> None:
    response = upload(address, bytes(100 * 1024**2))
    assert response.status_code == 413


@pytest.mark.parametrize(
    "name", ["../../../../tmp/escaped.png", "/etc/escaped.png", "..\\escaped.png", "a\x00b.png", "." * 300]
)
def test_a_path_as_name_leads_nowhere(address: str, photos: list[Path], name: str, tmp_path: Path) -> None:
    response = upload(address, photos[0].read_bytes(), name)
    if response.status_code != 200:
        assert response.status_code < 500
        return
    (path,) = response.json()
    folder = Path(path).parent.parent
    assert folder.name == "gradio"
    assert "escaped" not in {p.name for p in folder.iterdir()}
    assert not Path("/tmp/escaped.png").exists()
    assert not Path("/etc/escaped.png").exists()
    kind, data = call(address, "detect", [describe_file(path), 0.5])
    assert kind == "complete"
    assert "/" not in data[1]["images"][0]["file_name"]


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", __file__])
def test_other_files_of_the_machine_are_neither_shown_nor_read(address: str, path: str) -> None:
    for shown in (path, f"../../../..{path}", f"file://{path}"):
        assert httpx.get(f"{address}/gradio_api/file={shown}", timeout=60).status_code in (400, 403, 404)
    assert call(address, "detect", [describe_file(path), 0.5])[0] == "error"
    assert Path(path).exists()


def test_nothing_is_fetched_from_other_hosts_for_a_visitor(address: str) -> None:
    for kind in ("file", "proxy"):
        response = httpx.get(f"{address}/gradio_api/{kind}=http://127.0.0.1:9/photo.png", timeout=60)
        assert response.status_code in (403, 404)


def test_uploads_are_gone_when_they_are_read_and_results_have_names_that_nobody_guesses(
    address: str, photos: list[Path]
) -> None:
    (path,) = upload(address, photos[0].read_bytes()).json()
    kind, data = call(address, "detect", [describe_file(path), 0.5])
    assert kind == "complete"
    assert not Path(path).exists()
    shown = httpx.get(data[0]["url"], timeout=60)
    assert shown.status_code == 200
    token = Path(data[0]["path"]).parent
    assert len(token.name) >= 32
    for guess in (token, token.parent, token.parent.parent):
        assert httpx.get(f"{address}/gradio_api/file={guess}", timeout=60).status_code in (403, 404)


def test_the_page_keeps_to_itself(address: str) -> None:
    response = httpx.get(address, timeout=60)
    policy = response.headers["content-security-policy"]
    assert "default-src 'self' data: blob:" in policy
    assert "connect-src 'self' data: blob:" in policy
    assert response.headers["referrer-policy"] == "no-referrer"
    assert address.startswith("http://127.0.0.1:")


def test_twenty_at_once_get_their_own_results(address: str, pipeline: Pipeline, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = []
    for i in range(20):
        image = np.full((40, 60, 3), rng.integers(60, 200, 3), np.uint8)
        image[10:14, 5 + i : 30 + i] = 255
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(image).save(paths[-1])

    def restore(path: Path) -> tuple[str, Any]:
        (uploaded,) = upload(address, path.read_bytes(), path.name).json()
        return call(address, "restore", [describe_file(uploaded), 0.9, 1, 1, 0])

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(restore, paths))
    for path, (kind, data) in zip(paths, answers, strict=True):
        assert kind == "complete"
        expected = pipeline(path, sensitivity=0.9, dilate=1, feather=1, texture=0)
        assert np.array_equal(read(httpx.get(data[0]["url"], timeout=60).content), np.asarray(expected.restored))
        assert data[2]["images"][0]["file_name"] == path.name


def test_the_command_describes_its_options() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "from hcl_gradio.cli import page; page(['--help'])"], capture_output=True, text=True
    )
    assert told.returncode == 0
    for option in ("--host", "--port", "--weights", "--megabytes", "--photos", "--minutes"):
        assert option in told.stdout
    assert "127.0.0.1" in told.stdout


def test_the_command_deletes_everything_when_it_is_told_to_end(tmp_path: Path, photos: list[Path]) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(
        [sys.executable, "-m", "hcl_sdk", "page"], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("The page is at http://127.0.0.1:")
        address = line.split()[4].rstrip("/")
        (path,) = upload(address, photos[0].read_bytes()).json()
        assert tmp_path in Path(path).parents
        assert call(address, "detect", [describe_file(path), 0.5])[0] == "complete"
        assert list(tmp_path.glob("hcl-page-*"))
        assert all(folder.stat().st_mode & 0o077 == 0 for folder in tmp_path.glob("hcl-page-*"))
        server.send_signal(signal.SIGTERM)
        server.wait(300)
    finally:
        server.kill()
        server.communicate()
    assert not list(tmp_path.glob("hcl-page-*"))
