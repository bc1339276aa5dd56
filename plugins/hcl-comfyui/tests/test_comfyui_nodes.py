"""The nodes, loaded as ComfyUI's loader loads a folder of custom nodes and called as its executor calls them."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from hcl_sdk import Pipeline
from hcl_sdk.testing import run_page

FOLDER = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def nodes() -> dict[str, type]:
    """What is found in the folder, whose name is no name of a module."""
    name = str(FOLDER).replace(".", "_x_")
    spec = importlib.util.spec_from_file_location(name, FOLDER / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    assert set(module.NODE_DISPLAY_NAME_MAPPINGS) == set(module.NODE_CLASS_MAPPINGS)
    return module.NODE_CLASS_MAPPINGS


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.from_pretrained("default", device="cpu")


def execute(node: type, **given: Any) -> tuple[Any, ...]:
    """Call a node with what is given, and the defaults of its widgets for the rest."""
    declared = node.INPUT_TYPES()  # pyright: ignore[reportAttributeAccessIssue]
    inputs = {key: options[0]["default"] for key, (_, *options) in declared["required"].items() if options}
    unknown = set(given) - set(declared["required"]) - set(declared.get("optional", {}))
    assert not unknown
    outputs = getattr(node(), node.FUNCTION)(**(inputs | given))  # pyright: ignore[reportAttributeAccessIssue]
    assert isinstance(outputs, tuple)
    assert len(outputs) == len(node.RETURN_TYPES) == len(node.RETURN_NAMES)  # pyright: ignore
    for kind, output in zip(node.RETURN_TYPES, outputs, strict=True):  # pyright: ignore
        check_output(kind, output)
    return outputs


def check_output(kind: str, output: Any) -> None:
    if kind in ("IMAGE", "MASK"):
        assert isinstance(output, Tensor)
        assert output.dtype == torch.float32
        assert output.ndim == {"IMAGE": 4, "MASK": 3}[kind]
        assert output.min() >= 0
        assert output.max() <= 1


def draw_batch(count: int = 2) -> Tensor:
    """Photos with a white bar in different places, smaller ones of the sample in the package."""
    with (files("hcl_sdk") / "assets/sample.jpg").open("rb") as file:
        photo = Image.open(file).convert("RGB").resize((96, 72), Image.Resampling.LANCZOS)
    image = torch.from_numpy(np.array(photo)).float()[None].repeat(count, 1, 1, 1) / 255
    for i in range(count):
        image[i, 20 + 10 * i : 24 + 10 * i, 10:80] = 1.0
    return image


def test_every_node_declares_the_attributes_comfyui_needs(nodes: dict[str, Any]) -> None:
    assert set(nodes) == {"HCLLoadWeights", "HCLDetect", "HCLRestore"}
    for node in nodes.values():
        declared = node.INPUT_TYPES()
        names = {**declared["required"], **declared.get("optional", {})}
        assert set(inspect.signature(getattr(node, node.FUNCTION)).parameters) - {"self"} == set(names)
        for kind, *options in names.values():
            assert kind in {"IMAGE", "MASK", "FLOAT", "STRING", "HCL_PIPELINE"}
            if kind == "FLOAT":
                assert options[0]["min"] <= options[0]["default"] <= options[0]["max"]
        assert node.CATEGORY == "image/hcl_sdk"


def test_weights_are_loaded_by_name(nodes: dict[str, Any], pipeline: Pipeline) -> None:
    (loaded,) = execute(nodes["HCLLoadWeights"])
    assert loaded.to_config() == pipeline.to_config()
    with pytest.raises(ValueError, match="nothing-like-this"):
        execute(nodes["HCLLoadWeights"], weights="nothing-like-this")


def test_detect_gives_the_masks_that_the_pipeline_finds(nodes: dict[str, Any], pipeline: Pipeline) -> None:
    image = draw_batch()
    mask, confidence = execute(nodes["HCLDetect"], pipeline=pipeline, image=image, sensitivity=0.7)
    assert mask.shape == confidence.shape == (2, 72, 96)
    for i in range(2):
        expected = pipeline.detect(image[i].movedim(-1, 0), sensitivity=0.7)
        assert torch.equal(mask[i], expected.corruption_mask[0, 0].float())
        assert torch.equal(confidence[i], expected.confidence[0, 0])


def test_restore_fills_the_mask_and_nothing_else(nodes: dict[str, Any], pipeline: Pipeline) -> None:
    image = draw_batch()
    mask = (image[..., 0] == 1).float()
    restored, filled = execute(nodes["HCLRestore"], pipeline=pipeline, image=image, mask=mask, dilate=0.0, feather=0.0)
    assert torch.equal(filled, mask)
    assert torch.equal(restored[mask == 0], image[mask == 0])
    assert (restored[mask == 1] < 0.95).float().mean() > 0.9
    for i in range(2):
        expected = pipeline.restore(image[i].movedim(-1, 0), corruption_mask=mask[i], dilate=0, feather=0, texture=1)
        assert torch.equal(restored[i].movedim(-1, 0), expected.restored)


def test_without_a_mask_found_regions_are_filled(nodes: dict[str, Any], pipeline: Pipeline) -> None:
    image = draw_batch(1)
    restored, filled = execute(nodes["HCLRestore"], pipeline=pipeline, image=image)
    expected = pipeline(image[0].movedim(-1, 0))
    assert torch.equal(filled[0], expected.corruption_mask[0, 0].float())
    assert torch.equal(restored[0].movedim(-1, 0), expected.restored)
    given, _ = execute(nodes["HCLRestore"], pipeline=pipeline, image=image, dilate=9.0, feather=0.0, texture=0.0)
    exact = pipeline(image[0].movedim(-1, 0), dilate=9, feather=0, texture=0)
    assert torch.equal(given[0].movedim(-1, 0), exact.restored)
    assert not torch.equal(given, restored)


def test_with_its_confidence_a_mask_that_was_found_grows_where_edges_are_soft(
    nodes: dict[str, Any], pipeline: Pipeline
) -> None:
    image = draw_batch(1)
    mask = (image[..., 0] == 1).float()
    confidence = (0.9 * mask).clamp(min=0.01)
    hard, _ = execute(nodes["HCLRestore"], pipeline=pipeline, image=image, mask=mask)
    same, _ = execute(nodes["HCLRestore"], pipeline=pipeline, image=image, mask=mask, confidence=confidence)
    assert torch.equal(same, hard)
    confidence[:, 12:32] = confidence[:, 12:32].clamp(min=0.45)  # a band of hesitation, 8 rows above and below
    soft, _ = execute(nodes["HCLRestore"], pipeline=pipeline, image=image, mask=mask, confidence=confidence)
    assert ((soft != image).any(-1) & (hard == image).all(-1)).any()
    exact = {"mask": mask, "confidence": confidence, "dilate": pipeline.dilate}
    told, _ = execute(nodes["HCLRestore"], pipeline=pipeline, image=image, **exact)
    assert torch.equal(told, hard)


def test_one_mask_is_for_all_images_and_is_brought_to_their_size(nodes: dict[str, Any], pipeline: Pipeline) -> None:
    image = draw_batch()
    empty = torch.zeros(1, 64, 64)  # what ComfyUI hands on where an image file has no transparency
    restored, filled = execute(nodes["HCLRestore"], pipeline=pipeline, image=image, mask=empty)
    assert torch.equal(restored, image)
    assert not filled.any()
    half = torch.zeros(36, 48)
    half[:, 24:] = 1
    _, filled = execute(nodes["HCLRestore"], pipeline=pipeline, image=image, mask=half)
    assert filled.shape == (2, 72, 96)
    assert filled[..., 50:].all()
    assert not filled[..., :46].any()
    with pytest.raises(ValueError, match="expected 1 mask or as many as there are images, 2; got 3"):
        execute(nodes["HCLRestore"], pipeline=pipeline, image=image, mask=torch.zeros(3, 72, 96))


def test_the_readme_prints_the_shown_output() -> None:
    assert run_page(FOLDER / "README.md") == 1
