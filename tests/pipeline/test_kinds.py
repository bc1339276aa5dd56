"""Regions say what they are, and are chosen by it: with a detector that learned it in this test."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from hcl_sdk import (
    DamageHead,
    Detector,
    GatedUNet,
    Identity,
    Pipeline,
    ProjectionHead,
    Prototypes,
    ResNetEncoder,
    Result,
    detect_folder,
    restore_folder,
)
from hcl_sdk.cli import main
from hcl_sdk.folders import ArgumentError
from hcl_sdk.interfaces import DAMAGE
from hcl_sdk.losses import BCELoss, DamageLoss

COLORS = {"text": (230, 20, 20), "scratch": (20, 230, 20), "patch": (20, 20, 230)}
"""What damage looks like in the photos of this test, which are gray otherwise."""


def draw_photo(seed: int, size: tuple[int, int] = (32, 40)) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A gray photo with a rectangle of each kind, none beside another, and what each pixel is."""
    rng = np.random.default_rng(seed)
    photo = rng.integers(90, 160, (*size, 1), dtype=np.uint8).repeat(3, axis=2)
    kinds = np.zeros(size, np.uint8)
    columns = rng.permutation(len(COLORS)) * (size[1] // 3)
    for left, (kind, color) in zip(columns, COLORS.items(), strict=True):
        top, height, width = rng.integers(2, 12), rng.integers(6, 16), rng.integers(6, size[1] // 3 - 3)
        box = slice(top, top + height), slice(left + 1, left + 1 + width)
        photo[box] = color
        kinds[box] = DAMAGE.index(kind) + 1
    return photo, kinds


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """One that knows red from green from blue."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        detector = Detector(
            encoder=ResNetEncoder(channels=(8, 8), depths=(1, 0)),
            interaction=Identity(),
            head=ProjectionHead(dim=4),
            clusterer=Prototypes(),
            settle=0.0,
            upsampling="bilinear",
            damage_head=DamageHead(dim=8, finest=0),
        )
        restorer = GatedUNet(dim=4, multipliers=(1, 2))
    optimizer = torch.optim.Adam(detector.parameters(), lr=0.03)
    for step in range(60):
        drawn = [draw_photo(4 * step + i) for i in range(4)]
        image = torch.from_numpy(np.stack([photo for photo, _ in drawn])).permute(0, 3, 1, 2).float() / 255
        damage_map = torch.from_numpy(np.stack([kinds for _, kinds in drawn]))[:, None]
        found, mask = detector(image), damage_map > 0
        loss = BCELoss(dice=0.5)(found, mask) + DamageLoss()(found, mask, damage_map=damage_map)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Pipeline(detector, restorer, device="cpu")


@pytest.fixture
def knowing(pipeline: Pipeline) -> Pipeline:
    """The same, to be set in another way."""
    return pipeline.replace()


@pytest.fixture(scope="module")
def ignorant(pipeline: Pipeline) -> Pipeline:
    """The same without its damage head."""
    detector = copy.deepcopy(pipeline.detector)
    parts = ("encoder", "interaction", "head", "clusterer")
    assert detector is not None
    kept: dict[str, Any] = {name: getattr(detector, name) for name in parts}
    return Pipeline(Detector(**kept, settle=0.0, upsampling="bilinear"), pipeline.restorer, device="cpu")


PHOTO, KINDS = draw_photo(1000)


def find_share(result: Result, kind: str) -> float:
    """The share of the pixels of this kind that the mask has."""
    return float(result.corruption_mask[0, 0].numpy()[DAMAGE.index(kind) + 1 == KINDS].mean())  # type: ignore[arg-type]


def count_wrong(result: Result) -> float:
    return float(result.corruption_mask[0, 0].numpy()[KINDS == 0].mean())


def test_regions_have_a_kind(knowing: Pipeline) -> None:
    for seed in range(1000, 1006):
        photo, kinds = draw_photo(seed)
        regions = knowing.detect(photo).regions
        assert len(regions) == 3
        for region in regions:
            x, y, width, height = region.box
            true = np.bincount(kinds[y : y + height, x : x + width].ravel(), minlength=7)[1:].argmax()
            assert region.kind == DAMAGE[true]
            assert region.kinds is not None
            assert list(region.kinds) == list(DAMAGE)
            assert sum(region.kinds.values()) == pytest.approx(1)
            assert region.kinds[DAMAGE[true]] == max(region.kinds.values()) > 0.7


def test_probabilities_are_means_over_the_pixels_of_a_region(knowing: Pipeline) -> None:
    result = knowing.detect(PHOTO)
    assert result.detection is not None
    logits = result.detection.damage_logits
    assert logits is not None
    enlarged = logits[0].softmax(dim=0).repeat_interleave(2, dim=1).repeat_interleave(2, dim=2).double()
    for region in result.regions:
        own = torch.zeros(32, 40, dtype=torch.bool)
        x, y, width, height = region.box
        own[y : y + height, x : x + width] = result.corruption_mask[0, 0, y : y + height, x : x + width]
        assert int(own.sum()) == region.area
        assert region.kinds is not None
        assert list(region.kinds.values()) == pytest.approx(enlarged[:, own].mean(dim=1).tolist(), abs=1e-6)


@pytest.mark.parametrize(
    ("choice", "stays"),
    [
        ({"only": "text"}, {"text"}),
        ({"only": ["text", "patch"]}, {"text", "patch"}),
        ({"skip": ("text",)}, {"scratch", "patch"}),
        ({"only": ("text", "scratch"), "skip": ("text",)}, {"scratch"}),
        ({"only": "other"}, set()),
        ({"only": (), "skip": ()}, set(COLORS)),
    ],
)
def test_kinds_are_chosen(knowing: Pipeline, choice: dict[str, Any], stays: set[str]) -> None:
    whole = knowing.detect(PHOTO)
    for result in (knowing.detect(PHOTO, **choice), knowing(PHOTO, **choice), knowing.replace(**choice).detect(PHOTO)):
        for kind in COLORS:
            assert find_share(result, kind) == (find_share(whole, kind) if kind in stays else 0)
        assert {region.kind for region in result.regions} == stays
        assert torch.equal(result.corruption_mask, knowing.to_mask(whole, **choice))
    restored = knowing(PHOTO, **choice)
    changed = (np.asarray(restored.restored) != PHOTO).any(axis=2)
    assert not (changed & ~restored.corruption_mask[0, 0].numpy()).any()


def test_options_left_out_of_a_call_default_to_the_pipelines_own(knowing: Pipeline) -> None:
    knowing.only = ["text"]
    assert knowing.only == ("text",)
    assert {region.kind for region in knowing.detect(PHOTO).regions} == {"text"}
    assert {region.kind for region in knowing.detect(PHOTO, only=DAMAGE).regions} == set(COLORS)


def test_small_regions_are_left_out_with_any_weights(ignorant: Pipeline) -> None:
    regions = ignorant.detect(PHOTO).regions
    assert [region.kind for region in regions] == [region.kinds for region in regions] == [None] * 3
    areas = [region.area for region in regions]
    assert len(set(areas)) == 3
    for count, area in enumerate(areas, start=1):
        result = ignorant.detect(PHOTO, min_area=area / KINDS.size)
        assert [region.area for region in result.regions] == areas[:count]
        confidence = ignorant.detect(PHOTO).confidence
        assert torch.equal(ignorant.to_mask(confidence, min_area=area / KINDS.size), result.corruption_mask)
    assert not ignorant.detect(PHOTO, min_area=1).corruption_mask.any()


def test_masks_of_several_confidences_at_once(knowing: Pipeline) -> None:
    confidences = [knowing.detect(draw_photo(seed)[0]).confidence for seed in (1, 2)]
    masks = knowing.to_mask(torch.cat(confidences), min_area=0.05)
    assert torch.equal(masks, torch.cat([knowing.to_mask(c, min_area=0.05) for c in confidences]))


@pytest.mark.parametrize("choice", [{"only": "text"}, {"skip": ["graphic"]}])
def test_weights_that_know_no_kinds_say_so(ignorant: Pipeline, choice: dict[str, Any], tmp_path: Path) -> None:
    message = f"^{next(iter(choice))} selects regions by their kind of damage, which these weights do not distinguish"
    for call in (ignorant, ignorant.detect):
        with pytest.raises(ValueError, match=message):
            call(PHOTO, **choice)
    with pytest.raises(ValueError, match="which is not known here"):
        ignorant.to_mask(ignorant.detect(PHOTO), **choice)
    Image.fromarray(PHOTO).save(tmp_path / "a.png")
    for folder in (restore_folder, detect_folder):
        with pytest.raises(ArgumentError, match=message):
            folder(tmp_path / "a.png", tmp_path / "out", pipeline=ignorant.replace(**choice))
    assert not (tmp_path / "out").exists()


def test_a_confidence_alone_has_no_kinds(knowing: Pipeline) -> None:
    with pytest.raises(ValueError, match="which is not known here; pass a result"):
        knowing.to_mask(knowing.detect(PHOTO).confidence, only="text")


def test_excluded_regions_are_not_suspects(knowing: Pipeline) -> None:
    expected = knowing.find_suspect(knowing.detect(PHOTO))
    for setting in ({"only": "text"}, {"skip": "patch"}, {"min_area": 0.5}):
        pipeline = knowing.replace(**setting)
        assert pipeline.find_suspect(pipeline.detect(PHOTO)) == expected


@pytest.mark.parametrize(
    ("choice", "count"), [({}, 0), ({"only": "text"}, 2), ({"skip": "text"}, 1), ({"min_area": 1}, 3)]
)
def test_regions_that_are_left_out_are_counted(knowing: Pipeline, choice: dict[str, Any], count: int) -> None:
    pipeline = knowing.replace(**choice)
    assert pipeline.count_left_out(pipeline.detect(PHOTO)) == count
    assert pipeline.count_left_out(pipeline.restore(PHOTO, corruption_mask=KINDS > 0)) == 0


@pytest.mark.parametrize("choice", [{"only": "text", "skip": "text"}, {"skip": DAMAGE}])
def test_a_choice_that_leaves_no_kind_is_refused(knowing: Pipeline, choice: dict[str, Any], tmp_path: Path) -> None:
    whole = knowing.detect(PHOTO)
    for call in (knowing, knowing.detect):
        with pytest.raises(ValueError, match="no kind of damage is left to find"):
            call(PHOTO, **choice)
    with pytest.raises(ValueError, match="no kind of damage is left to find"):
        knowing.to_mask(whole, **choice)
    Image.fromarray(PHOTO).save(tmp_path / "a.png")
    with pytest.raises(ArgumentError, match="no kind of damage is left to find") as caught:
        detect_folder(tmp_path / "a.png", tmp_path / "out", pipeline=knowing.replace(**choice))
    assert caught.value.arguments == tuple(choice)
    assert knowing.replace(**choice).restore(PHOTO, corruption_mask=KINDS > 0).corruption_mask.any()


def test_a_given_mask_is_filled_regardless_of_its_kind(knowing: Pipeline) -> None:
    knowing.only, knowing.min_area = ("text",), 0.5
    result = knowing.restore(PHOTO, corruption_mask=KINDS > 0)
    assert torch.equal(result.corruption_mask[0, 0], torch.from_numpy(KINDS > 0))
    assert [region.kind for region in result.regions] == [None] * 3


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("only", "txt", ValueError, "only must be kinds of damage, some of text, graphic, .*; got 'txt'"),
        ("skip", ("text", "logo"), ValueError, "skip must be kinds of damage, some of text, .*; got 'logo'"),
        ("only", 3, TypeError, "only must be kinds of damage"),
        ("skip", (1,), TypeError, "skip must be kinds of damage"),
        ("min_area", 1.5, ValueError, "min_area must be a number from 0 to 1"),
    ],
)
def test_unknown_kinds_are_refused(
    knowing: Pipeline, name: str, value: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        knowing.detect(PHOTO, **{name: value})
    with pytest.raises(error, match=message):
        setattr(knowing, name, value)


def test_weights_keep_their_choice_of_kinds(knowing: Pipeline, tmp_path: Path) -> None:
    knowing.skip, knowing.min_area = ("patch",), 0.01
    knowing.save_pretrained(tmp_path)
    loaded = Pipeline.from_pretrained(tmp_path, device="cpu")
    assert (loaded.only, loaded.skip, loaded.min_area) == ((), ("patch",), 0.01)
    assert {region.kind for region in loaded.detect(PHOTO).regions} == {"text", "scratch"}


def run(*arguments: object, status: int = 0) -> Any:
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == status, done.output
    return done


@pytest.fixture
def weights(pipeline: Pipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the weights, in the folder where the commands run, beside the photo."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PHOTO).save("a.png")
    pipeline.save_pretrained("weights")
    return Path("weights")


def read(file: str) -> NDArray[np.bool_]:
    return np.asarray(Image.open(file)) == 255


def test_the_command_chooses(weights: Path, knowing: Pipeline) -> None:
    device = "--weights", weights, "--device", "cpu"
    run("restore", "a.png", *device, "--only", "text,scratch", "--skip", "scratch", "-o", "text")
    run("detect", "a.png", *device, "--min-area", "0.05", "-o", "large")
    for folder, expected in (
        ("text", knowing.detect(PHOTO, only="text")),
        ("large", knowing.detect(PHOTO, min_area=0.05)),
    ):
        np.testing.assert_array_equal(read(f"{folder}/a_mask.png"), expected.corruption_mask[0, 0].numpy())
    kept = DAMAGE.index("scratch") + 1 == KINDS
    np.testing.assert_array_equal(np.asarray(Image.open("text/a_restored.png"))[kept], PHOTO[kept])


def test_the_command_tells_kinds(weights: Path, knowing: Pipeline) -> None:
    done = run("detect", "a.png", "--weights", weights, "--device", "cpu", "--json", "--coco", "coco.json")
    told = json.loads(done.stdout)["regions"]
    coco = json.loads(Path("coco.json").read_text())
    names = {category["id"]: category["name"] for category in coco["categories"]}
    assert list(names.values()) == ["corrupted", *DAMAGE]
    regions = knowing.detect(PHOTO).regions
    assert [region["kind"] for region in told] == [region.kind for region in regions]
    assert [names[annotation["category_id"]] for annotation in coco["annotations"]] == [r.kind for r in regions]
    for region, other, annotation in zip(regions, told, coco["annotations"], strict=True):
        assert region.kinds == pytest.approx(other["kinds"])
        assert region.kinds == pytest.approx(annotation["attributes"])


def test_the_command_states_what_it_expects(weights: Path, ignorant: Pipeline) -> None:
    expected = "expected some of text, graphic, scratch, patch, fill, other, with commas between them; got 'words'"
    assert expected in " ".join(run("detect", "a.png", "--only", "text,words", status=2).output.split())
    done = run("detect", "a.png", "--weights", weights, "--only", "text", "--skip", "text", status=2)
    assert "Invalid value for '--only' / '--skip': only text and skip text: no kind of damage is left" in done.output
    assert not Path("hcl_output").exists()
    done = run("restore", "a.png", "--only", "text", "--mask", "a.png", status=2)
    assert "--only applies to detection, which --mask replaces" in done.output
    ignorant.save_pretrained("ignorant")
    done = run("detect", "a.png", "--weights", "ignorant", "--device", "cpu", "--skip", "fill", status=2)
    assert "skip selects regions by their kind of damage, which these weights do not distinguish" in done.output
    assert all(kind in run("restore", "--help").output for kind in DAMAGE)


def test_gradients_stay_out_of_results(knowing: Pipeline) -> None:
    detection = knowing.detect(PHOTO).detection
    assert detection is not None
    logits: Tensor | None = detection.damage_logits
    assert logits is not None
    assert not logits.requires_grad
