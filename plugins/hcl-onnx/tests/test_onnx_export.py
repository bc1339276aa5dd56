"""Exported pipelines give what the pipelines of hcl_sdk give, in hcl_sdk and without it."""

# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false, reportOptionalCall=false
# Where a test uses what may be None, None fails the test.

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from hcl_onnx.cli import main
from hcl_onnx.encoder import OnnxEncoder
from hcl_onnx.export import SIZES, Difference, ExportError, export
from hcl_onnx.head import OnnxHead
from hcl_onnx.load import load
from hcl_onnx.manifest import DETECTOR, MANIFEST, RESTORER, ModelError
from hcl_onnx.quantize import quantize
from hcl_onnx.restorer import OnnxRestorer
from hcl_onnx.run import Runner
from PIL import Image
from torch import nn

from hcl_sdk import (
    Detection,
    Detector,
    Identity,
    Pipeline,
    ProjectionHead,
    PyramidSpec,
    ResidualUNet,
    Restorer,
    component,
)
from hcl_sdk.photos.photo import Photo
from hcl_sdk.plugins import registry
from hcl_sdk.registry import Registry
from hcl_sdk.testing import check_encoder, check_head, check_restorer

Exported = tuple[Pipeline, Path, list[Difference]]

compositions = pytest.mark.parametrize("exported", ["plain", "published"], indirect=True)


@pytest.fixture
def exported(request: pytest.FixtureRequest) -> Exported:
    return request.getfixturevalue(request.param)


def draw_photo(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def assert_close(ours: np.ndarray | None, theirs: np.ndarray) -> None:
    assert ours is not None
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    if ours.dtype == bool:
        assert (ours != theirs).mean() <= 1e-3
    else:
        # The temperature of the clusters makes rounding a thousand times larger.
        np.testing.assert_allclose(ours.astype(float), theirs.astype(float), atol=1 if ours.dtype == np.uint8 else 1e-3)


@compositions
def test_the_export_reports_its_comparison(exported: Exported) -> None:
    differences = exported[2]
    assert [(d.model, d.size) for d in differences] == [(m, s) for m in (DETECTOR, RESTORER) for s in SIZES]
    assert max(d.largest for d in differences) < 1e-4
    assert all(d.mask <= 1e-3 for d in differences)  # rounding decides about pixels at the threshold itself


@compositions
@pytest.mark.parametrize("size", [(3, 64, 96), (1, 97, 131), (1, 1, 1), (2, 5, 40), (1, 200, 3)])
def test_the_detector_agrees_at_sizes_that_were_not_compared_before(
    exported: Exported, size: tuple[int, int, int]
) -> None:
    pipeline, folder, _ = exported
    session = ort.InferenceSession(folder / DETECTOR, providers=["CPUExecutionProvider"])
    batch, height, width = size
    image = torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        expected = pipeline.detector(image, seed=5)
    names = [value.name for value in session.get_outputs()]
    found: dict[str, Any] = dict(zip(names, session.run(None, {"image": image.numpy()}), strict=True))
    assert_close(found["confidence"], expected.confidence.numpy())
    if pipeline.restorer.uses_features:
        for s in range(2):
            assert_close(found[f"map_{s}"], expected.pyramid.maps[s].numpy())
            assert_close(found[f"mask_{s}"], expected.masks[s].numpy())
    else:
        assert names == ["confidence", "verdict"]
        assert_close(found["verdict"], expected.verdict_logits.sigmoid().numpy())


@compositions
@pytest.mark.parametrize("shape", [(64, 96, 3), (97, 131, 3), (1, 1, 3), (30, 41), (18, 75, 4), (140, 90, 2)])
def test_runner_and_components_match_the_pipeline(exported: Exported, shape: tuple[int, ...]) -> None:
    pipeline, folder, _ = exported
    source = draw_photo(*shape, seed=3)
    expected = pipeline(source, seed=5)
    mask = expected.corruption_mask[0, 0].numpy()
    found = Runner(folder)(source)
    assert_close(found.confidence, expected.confidence[0, 0].numpy())
    assert_close(found.corruption_mask, mask)
    assert_close(found.restored, expected.restored)
    assert (found.restored[found.alpha == 0] == source[found.alpha == 0]).all()

    inside = load(folder)(source, seed=5)
    assert_close(inside.confidence.numpy(), expected.confidence.numpy())
    assert_close(inside.restored, expected.restored)


@compositions
def test_the_comparisons_above_compare_something(exported: Exported) -> None:
    result = exported[0](draw_photo(97, 131, 3, seed=3), seed=5)
    assert 0.05 < result.corruption_mask.float().mean() < 0.95
    assert (result.restored != result.photo.pixels).any()


def test_images_of_one_class_are_among_those_that_agree(published: Exported) -> None:
    pipeline, folder, _ = published
    session = ort.InferenceSession(folder / DETECTOR, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(0)
    random = torch.rand(1, 3, 40, 56, generator=generator)
    images = torch.cat([random, torch.full_like(random, 0.1), torch.full_like(random, 0.9), random.sqrt()])
    with torch.no_grad():
        logits = pipeline.detector(images, seed=5).scales[-1].logits
        confidence = pipeline.detector(images, seed=5).confidence
    one_class = ((logits > 0).all(1) | (logits <= 0).all(1)).tolist()
    assert True in one_class
    assert False in one_class
    assert_close(np.asarray(session.run(["confidence"], {"image": images.numpy()})[0]), confidence.numpy())


@compositions
@pytest.mark.parametrize(
    "settings",
    [
        {"dilate": 3.0, "feather": 4.0},
        {"soft_edges": True, "dilate": 0.5},
        {"fill_enclosed": True, "soft_edges": True, "dilate": 0.5},
        {"follow_colors": True},
        {"threshold": 0.2, "peak_threshold": 0.6},
        {"detection_size": None},
    ],
)
def test_other_settings_work_as_in_the_pipeline(exported: Exported, settings: dict[str, Any]) -> None:
    pipeline, folder, _ = exported
    runner = Runner(folder)
    settings = {"threshold": runner.threshold} | settings
    for name, value in settings.items():
        setattr(runner, name, value)
    source = draw_photo(70, 58, 3, seed=4)
    expected = pipeline.replace(sensitivity=0.5, **settings)(source, seed=5)
    assert_close(runner(source).alpha, expected.alpha[0, 0].numpy())
    assert_close(runner(source).restored, expected.restored)


@compositions
def test_a_mask_of_ones_own_is_filled_as_in_the_pipeline(exported: Exported, tmp_path: Path) -> None:
    pipeline, folder, _ = exported
    source, mask = draw_photo(90, 71, 3), np.zeros((90, 71), bool)
    mask[30:50, 20:40] = True
    Image.fromarray(mask).save(tmp_path / "mask.png")
    expected = pipeline.restore(source, corruption_mask=mask).restored
    for given in (mask, mask.astype(np.uint8), tmp_path / "mask.png"):
        assert_close(Runner(folder).restore(source, corruption_mask=given).restored, expected)
    assert_close(load(folder).restore(source, corruption_mask=mask).restored, expected)
    with pytest.raises(ValueError, match="a mask of 90 x 71 pixels does not fit a photo of 71 x 90"):
        Runner(folder).restore(source, corruption_mask=mask.T)


def test_an_empty_mask_changes_nothing(plain: Exported) -> None:
    source = draw_photo(20, 30, 3)
    result = Runner(plain[1]).restore(source, corruption_mask=np.zeros((20, 30), bool))
    assert (result.restored == source).all()
    assert not result.alpha.any()


def test_running_imports_no_torch(plain: Exported, tmp_path: Path) -> None:
    Image.fromarray(draw_photo(40, 60, 3, seed=3)).save(tmp_path / "photo.png")
    program = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "onnx", "onnxscript", "attrs", "pluggy", "yaml"):
            raise ImportError(f"{{name}} is not to be imported")

sys.meta_path.insert(0, Blocked())
import hcl_onnx
assert "onnxruntime" not in sys.modules
from hcl_onnx.cli import main
status = main(["run", {str(tmp_path / "photo.png")!r}, "--model", {str(plain[1])!r}, "-o", {str(tmp_path)!r}])
assert "torch" not in sys.modules
raise SystemExit(status)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    paths = json.loads(done.stdout)
    expected = Runner(plain[1])(tmp_path / "photo.png")
    assert (np.asarray(Image.open(paths["restored"])) == expected.restored).all()
    assert (np.asarray(Image.open(paths["mask"])) == expected.corruption_mask * 255).all()


def test_without_hcl_sdk_the_command_names_the_package_to_install(plain: Exported) -> None:
    program = f"""
import sys

sys.modules["hcl_sdk"] = None
from hcl_onnx.cli import main
raise SystemExit(main(["run", "photo.png", "--model", {str(plain[1])!r}]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install --no-deps hcl_sdk" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "I;16", "CMYK", "RGB;16"])
def test_files_of_every_mode_come_back_as_from_the_pipeline(plain: Exported, tmp_path: Path, mode: str) -> None:
    pipeline, folder, _ = plain
    if mode == "RGB;16":
        Photo.open(draw_photo(33, 47, 3).astype(np.uint16) * 257).save(tmp_path / "photo.png")
    elif mode == "I;16":
        Image.fromarray(draw_photo(33, 47).astype(np.uint16) * 257).save(tmp_path / "photo.png")
    else:
        Image.fromarray(draw_photo(33, 47, 3)).convert(mode).save(
            tmp_path / f"photo.{'tif' if mode == 'CMYK' else 'png'}"
        )
    (file,) = tmp_path.iterdir()
    mask = np.zeros((33, 47), bool)
    mask[5:20, 10:30] = True
    ours = Runner(folder).restore(file, corruption_mask=mask)
    expected = pipeline.restore(file, corruption_mask=mask)
    assert expected.composited is not None
    white = np.iinfo(ours.restored.dtype).max
    np.testing.assert_allclose(ours.restored / white, expected.composited.pixels / white, atol=1.01 / 255)
    paths, others = ours.save(tmp_path / "ours"), expected.save(tmp_path / "expected")
    assert {what: path.name for what, path in paths.items()} == {what: path.name for what, path in others.items()}
    assert (Photo.open(paths["restored"]).pixels == ours.restored).all()
    assert paths["mask"].read_bytes() == others["mask"].read_bytes()


def test_the_command_names_failed_photos_and_continues(
    plain: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(draw_photo(12, 17, 3)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"nothing")
    photos = [str(tmp_path / name) for name in ("bad.png", "good.png")]
    assert main(["run", *photos, "--model", str(plain[1]), "-o", str(tmp_path / "out"), "--detect"]) == 1
    captured = capsys.readouterr()
    assert "bad.png" in captured.err
    assert json.loads(captured.out)["photo"] == photos[1]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["good_mask.png"]
    assert main(["run", photos[1], "--model", str(tmp_path / "none")]) == 1
    assert "there is no such folder" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["run", *photos, "--model", str(plain[1]), "--mask", photos[1]])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / MANIFEST).unlink(), "holds no hcl_onnx.json"),
        (lambda folder: (folder / MANIFEST).write_text("{"), "is not JSON"),
        (lambda folder: (folder / MANIFEST).write_text('{"format": 9}'), "expected format 1, got 9"),
        (lambda folder: (folder / MANIFEST).write_text('{"format": 1}'), "lacks version, precision"),
        (lambda folder: (folder / RESTORER).unlink(), "holds no restorer.onnx"),
        (lambda folder: (folder / DETECTOR).write_bytes((folder / DETECTOR).read_bytes()[:-9]), "damaged or was"),
    ],
)
def test_damaged_folders_are_refused_with_the_reason(
    plain: Exported, tmp_path: Path, damage: Callable[[Path], Any], message: str
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(plain[1], folder)
    damage(folder)
    for use in (Runner, load):
        with pytest.raises(ModelError, match=message):
            use(folder)


def test_a_folder_from_before_there_was_a_peak_threshold_is_used_without_one(plain: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(plain[1], folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["config"]["peak_threshold"]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    runner, source = Runner(folder), draw_photo(40, 60, 3, seed=3)
    found = runner.detect(source)
    assert found.corruption_mask.any()
    assert (found.corruption_mask == (found.confidence > runner.threshold)).all()
    assert_close(load(folder).detect(source).corruption_mask[0, 0].numpy(), found.corruption_mask)


def test_a_folder_with_any_name_loads(plain: Exported, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        shutil.copytree(plain[1], folder)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    source = draw_photo(50, 60, 3)
    assert_close(load(folder)(source).restored, load(plain[1])(source).restored)


def test_components_refuse_wrong_models_with_the_reason(plain: Exported, tmp_path: Path) -> None:
    (tmp_path / "cut.onnx").write_bytes((plain[1] / RESTORER).read_bytes()[:500])
    with pytest.raises(ModelError, match="there is no such file"):
        OnnxEncoder(model=str(tmp_path / "none.onnx"))
    for cls in (OnnxEncoder, OnnxRestorer):
        with pytest.raises(ModelError, match="damaged or not an ONNX model"):
            cls(model=str(tmp_path / "cut.onnx"))
    with pytest.raises(ModelError, match="no part 'encoder'"):
        OnnxEncoder(model=str(plain[1] / RESTORER))
    with pytest.raises(ModelError, match="expected a restorer of format 1, got a detector"):
        OnnxRestorer(model=str(plain[1] / DETECTOR))
    other = PyramidSpec(channels=(3, 8), strides=(2, 4))
    with pytest.raises(ValueError, match="takes maps of"):
        OnnxHead(model=str(plain[1] / DETECTOR)).bind(other)


def test_a_restorer_of_features_refuses_others_and_none(published: Exported) -> None:
    other = PyramidSpec(channels=(3, 8), strides=(2, 4))
    with pytest.raises(ValueError, match="takes maps of"):
        OnnxRestorer(model=str(published[1] / RESTORER)).bind(other)
    with pytest.raises(ValueError, match="there is no detector"):
        Pipeline(restorer=OnnxRestorer(model=str(published[1] / RESTORER)))


@compositions
def test_the_conformance_kit_passes(exported: Exported) -> None:
    folder = exported[1]
    detector, restorer = str(folder / DETECTOR), str(folder / RESTORER)
    spec = OnnxEncoder(model=detector).spec
    check_encoder(lambda: OnnxEncoder(model=detector))
    check_head(lambda: OnnxHead(model=detector).bind(spec))
    check_restorer(lambda: OnnxRestorer(model=restorer).bind(spec))


def test_components_are_copied_and_pickled(plain: Exported) -> None:
    encoder = OnnxEncoder(model=str(plain[1] / DETECTOR))
    image = torch.rand(1, 3, 20, 30)
    for other in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        assert torch.equal(other(image).maps[0], encoder(image).maps[0])


@compositions
def test_a_loaded_export_can_be_saved_and_loaded_again(exported: Exported, tmp_path: Path) -> None:
    pipeline = load(exported[1])
    pipeline.save_pretrained(tmp_path)
    again = Pipeline.from_pretrained(tmp_path)
    assert again.to_config()["plugins"] == {"hcl-onnx": "0.1.0"}
    source = draw_photo(33, 47, 3)
    assert (again(source).restored == pipeline(source).restored).all()


def test_a_frozen_exported_encoder_serves_another_head(plain: Exported) -> None:
    encoder = OnnxEncoder(model=str(plain[1] / DETECTOR))
    detector = Detector(encoder=encoder, interaction=Identity(), head=ProjectionHead(dim=8))
    detector(torch.rand(1, 3, 20, 30)).embeddings[0].sum().backward()
    assert all(p.grad is not None for p in detector.head.projections[0].parameters())


@component
class OneConvolution(Restorer):
    """Traced in no time."""

    def build(self, spec: PyramidSpec | None) -> None:
        self.layer = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, image: torch.Tensor, detection: Detection) -> torch.Tensor:
        return self.layer(torch.cat([image, detection.corruption_mask.to(image.dtype)], dim=1)).sigmoid()


@pytest.fixture
def restoration(hcl_registry: Registry) -> Pipeline:
    """A pipeline without detector."""
    hcl_registry.restorer("one-convolution", OneConvolution)
    torch.manual_seed(1)
    return Pipeline(restorer=OneConvolution())


def test_restoration_alone(restoration: Pipeline, tmp_path: Path) -> None:
    export(restoration, tmp_path, sizes=[(1, 9, 12)])
    source, mask = draw_photo(20, 30, 3), np.ones((20, 30), bool)
    expected = restoration.restore(source, corruption_mask=mask)
    assert_close(Runner(tmp_path).restore(source, corruption_mask=mask).restored, expected.restored)
    with pytest.raises(ModelError, match="no detector was exported"):
        Runner(tmp_path)(source)
    assert load(tmp_path).detector is None


@pytest.mark.slow
def test_a_fill_from_ever_farther_away_agrees_at_small_and_at_large_sizes(tmp_path: Path) -> None:
    torch.manual_seed(2)
    restorer = ResidualUNet(channels=(4, 8), depths=(0, 0))
    nn.init.normal_(restorer.last.weight, std=0.1)  # at first it is zero, and what the network sees has no influence
    export(Pipeline(restorer=restorer), tmp_path)
    exported = load(tmp_path).restorer
    for batch, height, width in [(3, 2, 5), (1, 257, 3), (2, 150, 400), (1, 512, 1536), (1, 1030, 1300)]:
        image = torch.rand(batch, 3, height, width)
        hole = torch.zeros(batch, 1, height, width, dtype=torch.bool)
        hole[..., height // 8 : height * 7 // 8, width // 8 : width * 7 // 8] = True
        for mask in (hole, torch.ones_like(hole)):
            detection = Detection.from_mask(mask)
            with torch.no_grad():
                expected = restorer(image, detection)
            torch.testing.assert_close(exported(image, detection), expected, atol=1e-4, rtol=0)


@component
class ByTheMean(Restorer):
    """What an export cannot hold: a decision on a value."""

    def build(self, spec: PyramidSpec | None) -> None:
        pass

    def forward(self, image: torch.Tensor, detection: Detection) -> torch.Tensor:
        return image if image.mean() > 0.5 else 1 - image


def test_components_that_cannot_be_exported_are_named(hcl_registry: Registry, tmp_path: Path) -> None:
    hcl_registry.restorer("by-the-mean", ByTheMean)
    with pytest.raises(ExportError, match="the restorer cannot be exported"):
        export(Pipeline(restorer=ByTheMean()), tmp_path)
    with pytest.raises(ModelError, match=r"holds no hcl_onnx\.json"):
        Runner(tmp_path)


def test_an_export_that_differs_is_not_written(restoration: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"restorer.onnx at \[1, 9, 12\] by"):
        export(restoration, tmp_path, sizes=[(1, 9, 12)], tolerance=0.0)
    assert not (tmp_path / MANIFEST).exists()


def test_eight_bits_stay_near_and_work_in_both_ways(plain: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "int8"
    shutil.copytree(plain[1], folder)
    photos = [draw_photo(60, 80, 3, seed=s) for s in range(4)]
    quantize(folder, photos)
    assert (folder / DETECTOR).read_bytes() != (plain[1] / DETECTOR).read_bytes()
    operators = {node.op_type for node in list_nodes(folder)}
    assert "QuantizeLinear" in operators
    source = draw_photo(50, 70, 3, seed=9)
    before, after = Runner(plain[1]).detect(source).confidence, Runner(folder).detect(source).confidence
    assert 0 < np.abs(before - after).mean() < 0.1
    assert_close(load(folder).detect(source).confidence[0, 0].numpy(), after)
    with pytest.raises(ValueError, match="is int8 already"):
        quantize(folder, photos)
    with pytest.raises(ValueError, match="needs photos"):
        quantize(plain[1], [])


def list_nodes(folder: Path) -> Any:
    import onnx

    return onnx.load(folder / DETECTOR).graph.node


def test_a_restorer_from_yaml_needs_no_more_than_its_file(plain: Exported) -> None:
    pipeline = Pipeline.from_config(f"restorer: {{use: hcl-onnx/restorer, model: '{plain[1] / RESTORER}'}}\n")
    image, mask = torch.rand(1, 3, 20, 30), torch.rand(1, 1, 20, 30) > 0.5
    ours = plain[0].restorer(image, Detection.from_mask(mask))
    torch.testing.assert_close(pipeline.restorer(image, Detection.from_mask(mask)), ours, atol=1e-5, rtol=0)


def test_the_plugin_is_found_and_gives_its_names() -> None:
    (report,) = [r for r in registry.plugins if r.distribution == "hcl-onnx"]
    assert (report.status, report.error) == ("ok", "")
    assert report.names == ("hcl-onnx/encoder", "hcl-onnx/head", "hcl-onnx/restorer")
