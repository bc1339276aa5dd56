from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from photo_files import HEIGHT, WIDTH, draw, list_files, read_pixels

from hcl_sdk import Pipeline, Suspect
from hcl_sdk.cli._stream import describe_found


def test_json_has_one_object_per_photo(hcl: Callable[..., Result], pipeline: Pipeline) -> None:
    draw("p/a.png")
    Path("p/bad.jpg").write_bytes(b"not a photo")
    draw("p/c.png", seed=2)
    result = hcl("restore", "p", "--json", status=1)
    a, bad, c = map(json.loads, result.stdout.splitlines())
    assert [Path(x["path"]).as_posix() for x in (a, bad, c)] == ["p/a.png", "p/bad.jpg", "p/c.png"]
    expected = pipeline.detect("p/a.png")
    assert (a["width"], a["height"]) == (WIDTH, HEIGHT)
    assert a["corrupted_share"] == pytest.approx(expected.corruption_mask.double().mean().item())
    assert [(r["box"], r["area"]) for r in a["regions"]] == [(list(r.box), r.area) for r in expected.regions]
    assert {what: Path(p).is_file() for what, p in a["outputs"].items()} == {"mask": True, "restored": True}
    assert "format" in bad["error"]
    assert "outputs" not in bad


def test_a_miss_is_reported_with_its_confidence_and_the_needed_sensitivity(
    hcl: Callable[..., Result], pipeline: Pipeline
) -> None:
    draw("a.png")
    suspect = pipeline.find_suspect(pipeline.detect("a.png", sensitivity=0))
    assert suspect is not None
    box = ",".join(map(str, suspect.box))
    said = hcl("detect", "a.png", "--sensitivity", 0).stdout
    assert said == (
        f"a.png: nothing found (most suspicious: {suspect.confidence:.0%} sure in {box}; "
        f"--sensitivity {suspect.sensitivity:g} takes it: {suspect.share:.1%} corrupted) -> hcl_output/a_mask.png\n"
    )
    assert json.loads(hcl("detect", "a.png", "--sensitivity", 0, "--json").stdout)["suspect"] == suspect.to_json()
    taken = hcl("detect", "a.png", "--sensitivity", suspect.sensitivity).stdout
    assert f"a.png: {suspect.share:.1%} corrupted" in taken


def test_a_speck_is_less_than_one_in_a_thousand(pipeline: Pipeline) -> None:
    speck = Suspect(box=(1, 2, 3, 4), confidence=0.05, sensitivity=0.98, share=0.0002)
    assert describe_found(0.0, 0, speck, pipeline).endswith("--sensitivity 0.98 takes it: less than 0.1% corrupted)")


def test_a_photo_whose_regions_are_all_left_out_says_which_option_did_it(hcl: Callable[..., Result]) -> None:
    draw("a.png")
    count = len(json.loads(hcl("detect", "a.png", "--json").stdout)["regions"])
    assert count > 1
    said = f"{count} regions found, all left out by --min-area"
    for command in ("detect", "restore"):
        assert f"a.png: {said}" in hcl(command, "a.png", "--min-area", 1, "--report", "report.html").stdout
    assert f"{count} regions found and left out" in Path("report.html").read_text(encoding="utf-8")
    assert json.loads(hcl("detect", "a.png", "--min-area", 1, "--json").stdout)["left_out"] == count


def test_coco_is_one_data_set_over_all_photos(hcl: Callable[..., Result]) -> None:
    for seed, name in enumerate(["p/a.png", "p/b.png", "p/in/c.png"]):
        draw(name, seed=seed)
    Path("p/bad.jpg").write_bytes(b"")
    hcl("detect", "-r", "p", "--coco", "sets/found.json", status=1)
    coco = json.loads(Path("sets/found.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == ["p/a.png", "p/b.png", "p/in/c.png"]
    assert [category["name"] for category in coco["categories"]] == ["corrupted"]
    ids = [annotation["id"] for annotation in coco["annotations"]]
    assert len(set(ids)) == len(ids) > 0
    for image, name in zip(coco["images"], ["a", "b", "in/c"], strict=True):
        area = sum(x["area"] for x in coco["annotations"] if x["image_id"] == image["id"])
        assert area == (read_pixels(f"hcl_output/{name}_mask.png") == 255).sum()
    assert list_files("sets") == {"found.json"}


def test_coco_does_not_overwrite_a_photo(hcl: Callable[..., Result]) -> None:
    before = draw("a.png").read_bytes()
    assert "would be overwritten" in hcl("detect", "a.png", "--coco", "a.png", status=1).stderr
    assert Path("a.png").read_bytes() == before


@pytest.mark.parametrize("name", ["a_mask.png", "a_plot.png"])
def test_coco_is_not_written_where_a_photo_goes(hcl: Callable[..., Result], name: str) -> None:
    draw("a.png")
    result = hcl("detect", "a.png", "--plot", "--coco", f"./out/{name}", "-o", "out", status=2)
    assert f"out/{name} would collide with the {name[2:6]} of a.png" in result.stderr
    assert not Path("out").exists()


def test_one_file_is_not_asked_for_twice(hcl: Callable[..., Result]) -> None:
    draw("a.png")
    result = hcl("detect", "a.png", "--coco", "out", "--report", "./out", status=2)
    assert "both would be written to out" in result.stderr
    assert list_files(".") == {"a.png"}


def test_an_output_folder_is_not_named_like_a_photo(hcl: Callable[..., Result]) -> None:
    draw("a.png")
    for name in ("b.png", "new/b.JPG"):
        said = hcl("detect", "a.png", "-o", name, status=2).stderr
        assert f"expected a folder for the results; {name} is named like a photo" in said
    assert list_files(".") == {"a.png"}
    Path("b.png").mkdir()
    hcl("detect", "a.png", "-o", "b.png")
    assert list_files("b.png") == {"a_mask.png"}


def test_an_output_folder_that_cannot_be_created_is_reported_once(hcl: Callable[..., Result]) -> None:
    for name in ("a.png", "b.png"):
        draw(name)
    result = hcl("detect", "a.png", "b.png", "-o", "a.png/out", status=1)
    assert result.stderr == "Error: the results cannot be written to a.png/out: Not a directory\n"


def test_an_unwritable_output_folder_is_reported_once(
    hcl: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied", str(dir))

    for name in ("a.png", "b.png"):
        draw(name)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    result = hcl("detect", "a.png", "b.png", status=1)
    assert result.stderr == "Error: the results cannot be written to hcl_output: Permission denied\n"
