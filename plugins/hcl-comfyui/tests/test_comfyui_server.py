"""The nodes in ComfyUI itself, which is no package: COMFYUI names its folder, with its requirements installed here."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image

from hcl_sdk import Pipeline

FOLDER = Path(__file__).parent.parent
COMFYUI = os.environ.get("COMFYUI")

pytestmark = pytest.mark.skipif(not COMFYUI, reason="COMFYUI names no folder of ComfyUI")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ComfyUI works in, with the pack among its custom nodes, and a damaged photo."""
    base = tmp_path_factory.mktemp("comfyui")
    for name in ("custom_nodes", "input", "output"):
        (base / name).mkdir()
    (base / "custom_nodes" / "hcl-comfyui").symlink_to(FOLDER, target_is_directory=True)
    x, y = np.meshgrid(np.linspace(60, 200, 160), np.linspace(80, 180, 120))
    photo = np.stack([x, y, 255 - x], axis=-1)
    photo += np.random.default_rng(0).normal(0, 3, photo.shape)
    photo[50:58, 20:140] = 250
    Image.fromarray(photo.clip(0, 255).astype(np.uint8)).save(base / "input" / "photo.png")
    return base


@pytest.fixture(scope="module")
def address(base: Path) -> Iterator[str]:
    """Of a ComfyUI that has started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--cpu", "--disable-auto-launch", "--disable-api-nodes", "--database-url", "sqlite:///:memory:"]
    command = [sys.executable, "main.py", "--base-directory", str(base), "--port", str(port), *options]
    with (
        (base / "log.txt").open("w") as log,
        subprocess.Popen(command, cwd=str(COMFYUI), stdout=log, stderr=subprocess.STDOUT) as process,
    ):
        address = f"http://127.0.0.1:{port}"
        try:
            for _ in range(1200):
                assert process.poll() is None, (base / "log.txt").read_text()
                try:
                    ask(f"{address}/system_stats")
                    break
                except OSError:
                    time.sleep(1)
            else:
                pytest.fail((base / "log.txt").read_text())
            yield address
        finally:
            process.terminate()


def ask(address: str, data: Any = None) -> Any:
    body = None if data is None else json.dumps(data).encode()
    with urlopen(Request(address, body, {"Content-Type": "application/json"}), timeout=60) as answer:
        return json.load(answer)


def run(address: str, workflow: dict[str, Any]) -> dict[str, Any]:
    """What ComfyUI's history says of a workflow that has ended well."""
    prompt = ask(f"{address}/prompt", {"prompt": workflow})["prompt_id"]
    for _ in range(1200):
        if prompt in (history := ask(f"{address}/history/{prompt}")):
            assert history[prompt]["status"]["status_str"] == "success", history[prompt]["status"]
            return history[prompt]["outputs"]
        time.sleep(1)
    pytest.fail("the workflow does not end")


def test_comfyui_loads_the_pack_and_shows_its_nodes(address: str) -> None:
    for name in ("HCLLoadWeights", "HCLDetect", "HCLRestore"):
        shown = ask(f"{address}/object_info/{name}")[name]
        assert shown["category"] == "image/hcl_sdk"
        assert shown["display_name"].endswith("(hcl_sdk)")
    assert shown["output"] == ["IMAGE", "MASK"]


def test_a_workflow_matches_the_pipeline(address: str, base: Path) -> None:
    workflow = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "photo.png"}},
        "2": {"class_type": "HCLLoadWeights", "inputs": {"weights": "default"}},
        "3": {"class_type": "HCLDetect", "inputs": {"pipeline": ["2", 0], "image": ["1", 0], "sensitivity": 0.6}},
        "4": {
            "class_type": "HCLRestore",
            "inputs": {
                "pipeline": ["2", 0],
                "image": ["1", 0],
                "mask": ["3", 0],
                "dilate": 2.0,
                "feather": 3.0,
                "texture": 0.0,
            },
        },
        "5": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "restored"}},
        "6": {"class_type": "MaskToImage", "inputs": {"mask": ["3", 0]}},
        "7": {"class_type": "SaveImage", "inputs": {"images": ["6", 0], "filename_prefix": "mask"}},
    }
    outputs = run(address, workflow)
    restored, mask = (
        np.asarray(Image.open(base / "output" / outputs[node]["images"][0]["filename"]).convert("RGB")).astype(int)
        for node in ("5", "7")
    )
    photo = base / "input" / "photo.png"
    pipeline = Pipeline.from_pretrained("default", device="cpu")
    found = pipeline.detect(photo, sensitivity=0.6)
    assert found.corruption_mask.any()
    expected = pipeline.restore(photo, corruption_mask=found.corruption_mask, dilate=2, feather=3, texture=0)
    assert np.array_equal(mask[..., 0] > 127, found.corruption_mask[0, 0].numpy())
    # ComfyUI cuts off the fractions of 1/255 that hcl_sdk rounds.
    assert np.abs(restored - np.asarray(expected.restored).astype(int)).max() <= 1
