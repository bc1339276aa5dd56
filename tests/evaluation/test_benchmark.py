"""The benchmark: the same pixels anywhere, in the areas that it says, and errors for what does not fit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from photo_files import draw_soft_photos
from PIL import Image

from hcl_sdk import Content, Pipeline, SampleError, Shape
from hcl_sdk.cli import main
from hcl_sdk.config import ConfigError, build
from hcl_sdk.corruptions import AnotherPhoto, Blobs, Constant, Full, Logo, Noise, Rectangles
from hcl_sdk.data import Contamination, FolderDataset, Manifest, ManifestDataset
from hcl_sdk.data.items import Items
from hcl_sdk.evaluation import Benchmark, make_manifest, run_benchmark
from hcl_sdk.interfaces import DAMAGE


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return draw_soft_photos(tmp_path / "photos", 4)


def contamination(shape: Shape, content: Content, *names: str) -> Contamination:
    return Contamination(shape=shape, content=content, shape_name=names[0], content_name=names[1])


def make_benchmark(photos: Path, **fields: Any) -> Benchmark:
    values = {
        "contaminations": (
            contamination(Rectangles(count=(1, 3)), Noise(), "rectangles", "noise"),
            contamination(Blobs(), AnotherPhoto(), "blobs", "photo"),
            contamination(Blobs(), Noise(), "blobs", "noise"),
            contamination(Full(), Logo(opacity=(0.4, 0.9)), "own form", "watermark"),
        ),
        "areas": (0.05, 0.2, 0.4),
        "each": 2,
        "seeds": (0, 1),
        "size": 40,
        "resamples": 20,
    }
    return Benchmark(dataset=FolderDataset(path=str(photos)), **(values | fields))


def test_areas_and_pixels_match_the_manifest(photos: Path, tmp_path: Path) -> None:
    benchmark = make_benchmark(photos)
    manifest = make_manifest(benchmark)
    assert len(manifest.entries) == 4 + 4 * 2 * 2 * 2
    manifest.save(tmp_path / "manifest.json")
    dataset = ManifestDataset(photos=benchmark.dataset, manifest=str(tmp_path / "manifest.json"))
    cells: dict[tuple[str, str, bool], int] = {}
    for i, entry in enumerate(manifest.entries):
        sample = dataset[i]
        area = sample.corruption_mask.mean()
        assert sample.source == entry.photo
        if not entry.contamination:
            assert area == 0
            assert sample.clean is not None
            assert np.array_equal(sample.image, sample.clean)
            continue
        assert area == pytest.approx(entry.area, abs=1e-4)
        cell = (sample.content, sample.shape, bool(area >= 0.2))
        cells[cell] = cells.get(cell, 0) + 1
        assert 0.05 <= area < 0.4
        changed = (sample.image != sample.clean).any(axis=2)
        assert changed[sample.corruption_mask].mean() > 0.9
    assert set(cells.values()) == {4}
    assert len(cells) == 8


def test_a_manifest_is_drawn_alike_and_read_as_it_was_written(photos: Path, tmp_path: Path) -> None:
    first, again = (make_manifest(make_benchmark(photos)) for _ in range(2))
    assert first == again
    first.save(tmp_path / "m.json")
    assert Manifest.load(tmp_path / "m.json") == Manifest(
        size=first.size,
        photos=first.photos,
        contaminations=json.loads(json.dumps(dict(first.contaminations))),
        entries=first.entries,
    )
    other = make_manifest(make_benchmark(photos, seeds=(2,)))
    assert {e.pixels for e in other.entries if e.contamination}.isdisjoint(e.pixels for e in first.entries)


def test_damage_of_older_manifests_comes_before_damage_as_it_is(photos: Path) -> None:
    names = [c.name for c in Benchmark(dataset=FolderDataset(path=str(photos))).contaminations]
    fills, forms = ("photo", "color", "noise", "mosaic", "same photo"), ("graffiti", "text", "opaque logo", "watermark")
    shapes = ("blobs", "brush", "rectangles", "text", "logos")
    assert names[:29] == [f"{f}/{s}" for f in fills for s in shapes] + [f"{f}/own form" for f in forms]
    assert len(names[29:40]) == 11
    assert {"caption/own form", "date stamp/own form", "film damage/own form"} <= set(names[29:40])
    assert names[40:] == [f"{f}/{s}" for f in ("gradient", "blur") for s in shapes]


def test_damage_as_it_is_covers_small_areas_and_names_its_kind(photos: Path, tmp_path: Path) -> None:
    own = Benchmark(dataset=FolderDataset(path=str(photos))).contaminations[29:40]
    manifest = make_manifest(
        make_benchmark(photos, contaminations=own, areas=(0.0005, 0.1, 0.9), each=1, seeds=(0,), size=64, attempts=20)
    )
    assert {entry.contamination for entry in manifest.entries} == {"", *(c.name for c in own)}
    assert min(entry.area for entry in manifest.entries if entry.contamination) < 0.05
    manifest.save(tmp_path / "m.json")
    dataset = ManifestDataset(photos=FolderDataset(path=str(photos)), manifest=str(tmp_path / "m.json"))
    kinds = {c.name: DAMAGE.index(c.content.damage) + 1 for c in own}
    for i, item in enumerate(Items(dataset, 64, corruption=None, seed=0)[i] for i in range(len(dataset))):
        assert item.damage_map is not None
        assert item.corruption_mask is not None
        assert np.array_equal(item.damage_map, item.corruption_mask * kinds.get(manifest.entries[i].contamination, 0))


def test_an_area_that_is_not_reached_is_left_out(photos: Path) -> None:
    whole = (contamination(Full(), Constant(), "full", "constant"),)
    manifest = make_manifest(make_benchmark(photos, contaminations=whole, attempts=2))
    assert [entry.contamination for entry in manifest.entries] == [""] * 4


def test_another_photo_than_the_manifest_means_is_an_error_of_its_samples(photos: Path, tmp_path: Path) -> None:
    benchmark = make_benchmark(photos)
    manifest = make_manifest(benchmark)
    manifest.save(tmp_path / "m.json")
    Image.new("RGB", (60, 50), "teal").save(photos / "2.png")
    dataset = ManifestDataset(photos=benchmark.dataset, manifest=str(tmp_path / "m.json"))
    changed = [i for i, e in enumerate(manifest.entries) if e.photo == "2.png"]
    assert {bool(manifest.entries[i].contamination) for i in changed} == {False, True}
    for i in changed:
        with pytest.raises(SampleError, match="does not have the pixels that"):
            dataset[i]
    (photos / "2.png").unlink()
    with pytest.raises(ValueError, match=r"names photos that do not exist: 2\.png"):
        ManifestDataset(photos=FolderDataset(path=str(photos)), manifest=str(tmp_path / "m.json"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not a manifest, or is damaged"),
        ("[]", "is not a manifest"),
        ("[" * 100_000, "is not a manifest, or is damaged"),
        ('{"format": 7}', "format 7; this version"),
        ('{"format": ' + "9" * 5000 + "}", "is not a manifest, or is damaged"),
    ],
)
def test_invalid_manifests_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(ValueError, match=rf"m\.json.*{message}"):
        Manifest.load(tmp_path / "m.json")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m: m.update(size="48"), "size: expected"),
        (lambda m: m.update(size=0), "'size' must be >= 1"),
        (lambda m: m.update(size=10**6), "'size' must be <= 16384"),
        (lambda m: m.update(size=10**30), "size: expected a whole number; got one that is too large"),
        (lambda m: m.update(contaminations=[]), "contaminations: expected a mapping"),
        (lambda m: m.pop("photos"), "photos: missing"),
        (lambda m: m["entries"][-1].update(blur="soft"), "blur: expected"),
        (lambda m: m["entries"][-1].update(shade=1), "shade"),
        (lambda m: m["entries"][-1].pop("seed"), r"entries\.\d+\.seed: missing"),
        (lambda m: m["entries"][-1].update(photo="zz.png"), r"its list has no photo zz\.png"),
        (lambda m: m["entries"][-1].update(contamination="fire/blobs"), "its list has no contamination fire/blobs"),
    ],
)
def test_a_damaged_manifest_is_refused(
    photos: Path, tmp_path: Path, damage: Callable[[dict[str, Any]], object], message: str
) -> None:
    path = tmp_path / "m.json"
    make_manifest(make_benchmark(photos, each=1, seeds=(0,))).save(path)
    values = json.loads(path.read_text())
    damage(values)
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match=message) as caught:
        Manifest.load(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a manifest"):
        Manifest.load(tmp_path / "missing.json")
    with pytest.raises(ValueError, match="expected a manifest: /dev/zero is not a regular file"):
        Manifest.load("/dev/zero")


def test_the_report_is_crossed_and_the_same_on_the_same_manifest(
    tiny_pipeline: Pipeline, photos: Path, tmp_path: Path
) -> None:
    first = run_benchmark(tiny_pipeline, make_benchmark(photos), tmp_path / "a")
    crossed = {"noise, rectangles", "noise, blobs", "photo, blobs", "watermark, own form"}
    assert set(first.groups["content, shape"]) == crossed
    assert first.groups["area"]["clean"].images == 4
    assert {"psnr", "true_mask_psnr", "false_positive_area", "untouched"} <= set(first.overall)
    other = make_benchmark(photos, seeds=(9,))
    again = run_benchmark(tiny_pipeline, other, tmp_path / "b", manifest=tmp_path / "a" / "manifest.json")
    assert again.overall == first.overall
    assert (tmp_path / "a/manifest.json").read_bytes() == (tmp_path / "b/manifest.json").read_bytes()


def test_the_command(tiny_pipeline: Pipeline, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_pipeline.save_pretrained("weights")
    fields = ["dataset.use=folder", "dataset.path=photos", "size=32", "each=1", "seeds=[3]", "resamples=5"]
    small = "{use: gated-unet, dim: 4, multipliers: [1, 2]}"
    fields += ["areas=[0.1,0.5]", f"baselines=[{small}]"]
    done = CliRunner().invoke(main, ["benchmark", *fields, "--weights", "weights", "-o", "out"])
    assert done.exit_code == 0, done.output
    assert re.search(r"^same photo, blobs +1 ", done.output, re.MULTILINE)
    table = Path("out/table.md").read_text()
    assert "| same photo, blobs | 1 |" in table
    damaged = [entry for entry in Manifest.load("out/manifest.json").entries if entry.contamination]
    assert len(damaged) >= 29  # not all of what brings its own form reaches this area
    assert f"| 10 to 50 % | {len(damaged)} |" in table
    assert re.search(r"^gated-unet ", done.output, re.MULTILINE)
    fields.remove("size=32")  # the manifest says it
    again = [*fields, "--weights", "weights", "-o", "again", "--manifest", "out/manifest.json", "--json", "-q"]
    done = CliRunner().invoke(main, ["benchmark", *again])
    first, second = json.loads((tmp_path / "out/metrics.json").read_text()), json.loads(done.stdout)
    for report in (first, second):
        assert report.pop("baselines").keys() == {"gated-unet"}  # of random weights, others each time
    assert first == second


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"areas": [0.2, 0.1]}, "must be increasing shares of a photo"),
        ({"blur": [2.0, 1.0]}, "'blur' must be two numbers in order, at least 0"),
        ({"seeds": []}, "Length of 'seeds' must be >= 1"),
        ({"contaminations": "noise"}, "contaminations"),
    ],
)
def test_benchmarks_that_make_no_sense_are_refused(photos: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build({"dataset": {"use": "folder", "path": str(photos)}, **fields}, Benchmark)


def test_two_contaminations_of_one_name_are_refused(photos: Path) -> None:
    twice = contamination(Full(), Noise(), "full", "noise")
    with pytest.raises(ValueError, match="must have different names: noise/full"):
        make_benchmark(photos, contaminations=(twice, twice))
