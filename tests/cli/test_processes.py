from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import Result
from photo_files import HEIGHT, WIDTH, draw, list_files, read_pixels
from processes import launch, run_ranks

from hcl_sdk import ConvNeXtEncoder, Detector, GatedUNet, Identity, Pipeline, ProjectionHead, SoftKMeans


def test_processes_of_a_launcher_share_the_photos() -> None:
    """2,000 photos of two sizes, some of which cannot be read: each is done once, and all failures listed once."""
    weights = "quick"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = ConvNeXtEncoder(channels=(4,), depths=(1,), kernel_size=3)
        clusterer = SoftKMeans(one_class=False, iterations=1)
        detector = Detector(encoder=encoder, interaction=Identity(), head=ProjectionHead(dim=4), clusterer=clusterer)
        Pipeline(detector, GatedUNet(dim=2, multipliers=(1, 2)), device="cpu").save_pretrained(weights)
    for seed in range(20):
        draw(f"drawn/{seed}.png", seed=seed, size=(WIDTH - seed % 2, HEIGHT))
    expected = Pipeline.from_pretrained(weights, device="cpu")
    restored = {seed: np.asarray(expected(f"drawn/{seed}.png").restored) for seed in range(20)}
    bad = {3: b"", 4: b"not a photo", 1000: Path("drawn/0.png").read_bytes()[:600], 1998: b"\x89PNG\r\n\x1a\n"}
    Path("p").mkdir()
    for i in range(2000):
        if i in bad:
            Path(f"p/{i}.png").write_bytes(bad[i])
        else:
            os.link(f"drawn/{i % 20}.png", f"p/{i}.png")

    done = launch(["restore", "p", "--json", "--weights", weights, "--device", "cpu"])
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted(line["path"] for line in lines) == sorted(f"p/{i}.png" for i in range(2000))
    assert {line["path"] for line in lines if "error" in line} == {f"p/{i}.png" for i in bad}
    assert list_files("hcl_output") == {
        f"{i}_{w}.png" for i in range(2000) if i not in bad for w in ("mask", "restored")
    }
    for i in (0, 1, 2, 5, 19, 999, 1001, 1999):
        np.testing.assert_array_equal(read_pixels(f"hcl_output/{i}_restored.png"), restored[i % 20])
    assert done.stderr.count("1996 photos restored, results in hcl_output; 4 failed") == 1
    listed = [line.split(": ")[1] for line in done.stderr.splitlines() if line.startswith("Error: p")]
    assert listed == [f"p/{i}.png" for i in bad]

    # Of one process, and of the other: what an earlier run has left undone.
    lost = [f"hcl_output/{name}" for name in ("10_mask.png", "10_restored.png", "21_restored.png")]
    times = {name: os.stat(f"hcl_output/{name}").st_mtime_ns for name in list_files("hcl_output")}
    for name in lost:
        os.remove(name)
    for i in bad:
        os.remove(f"p/{i}.png")
    arguments = ["restore", "p", "--json", "--resume", "--weights", weights, "--device", "cpu"]
    ranks = run_ranks(arguments, Path("logs").absolute())
    stdout, stderr = "".join(rank.stdout for rank in ranks), "".join(rank.stderr for rank in ranks)
    assert [rank.wait() for rank in ranks] == [0, 0], stderr
    assert sorted(json.loads(line)["path"] for line in stdout.splitlines()) == ["p/10.png", "p/21.png"]
    assert stderr.count("2 photos restored, results in hcl_output; 1994 already done") == 1
    again = {name for name in list_files("hcl_output") if os.stat(f"hcl_output/{name}").st_mtime_ns != times[name]}
    assert again == {"10_mask.png", "10_restored.png", "21_mask.png", "21_restored.png"}


def test_a_stopped_run_resumes(hcl: Callable[..., Result]) -> None:
    draw("p/a.png")
    draw("p/b.tif", seed=1)
    draw("p/c.jpg", mode="CMYK", seed=2)
    draw("p/d.bmp", seed=3)
    Path("p/e.png").write_bytes(b"not a photo")
    whole = list_files("hcl_output") if hcl("restore", "p", "--plot", status=1) else set()
    assert {"b_restored.tif", "c_restored.tiff", "d_restored.bmp"} < whole
    for lost in ("a_plot.png", "b_restored.tif", "c_mask.png", "d_restored.bmp"):
        (Path("hcl_output") / lost).unlink()
        result = hcl("restore", "p", "--plot", "--resume", status=1)
        assert "1 photo restored, results in hcl_output; 3 already done; 1 failed" in result.stderr
        assert list_files("hcl_output") == whole
    assert "4 already done" in hcl("detect", "p", "--resume", status=1).stderr
    said = " ".join(hcl("restore", "p", "--resume", "--sensitivity", 0.9, status=2).stderr.split())
    assert "'--resume': the results in hcl_output were made with other settings (sensitivity 0.5, now 0.9)" in said
    # A restored JPEG is not what a run without --format writes.
    hcl("restore", "p/a.png", "--format", "jpg", "-o", "small")
    assert "1 photo restored" in hcl("restore", "p/a.png", "--resume", "-o", "small").stderr
    assert "0 photos restored" in hcl("restore", "p/a.png", "--resume", "--format", "jpg", "-o", "small").stderr
    assert "--resume" in hcl("detect", "p", "--coco", "c.json", "--resume", status=2).stderr


def test_several_processes_do_not_write_one_coco_file(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("a.png")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "--coco" in hcl("detect", "a.png", "--coco", "c.json", status=2).stderr
