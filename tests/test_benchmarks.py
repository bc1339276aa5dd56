"""What the scripts in benchmarks/ train and measure is what this version understands."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from hcl_sdk.config import build, describe, load_yaml, override
from hcl_sdk.data import FolderDataset
from hcl_sdk.evaluation import Benchmark
from hcl_sdk.training import load_run

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"


def script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for their module there
    spec.loader.exec_module(module)
    return module


train = script(BENCHMARKS / "default_weights/train.py")
generalization = script(BENCHMARKS / "generalization/run.py")
compared = load_yaml(BENCHMARKS / "generalization/recipe.yaml")


@pytest.fixture
def photos(tmp_path: Path) -> str:
    for i in range(2):
        noise = np.random.default_rng(i).integers(256, size=(40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
    return str(tmp_path)


@pytest.mark.parametrize("stage", train.STAGES, ids=lambda stage: stage.name)
def test_the_stages_of_the_default_weights_can_be_trained(stage, photos):
    fields = [f"data.dataset.path={photos}", f"validation.dataset.path={photos}", *stage.fields]
    if stage.after:
        assert stage.after in [other.name for other in train.STAGES[: train.STAGES.index(stage)]]
        fields.append("pipeline=default")
    mapping = override(load_yaml(BENCHMARKS / "default_weights" / stage.recipe), [*fields, f"steps={stage.steps}"])
    mapping["validation"].pop("baselines", None)  # of another package
    _, recipe = load_run(mapping, device="cpu")
    assert recipe.steps == stage.steps
    assert (recipe.detection is None) == stage.name.startswith("restorer")


def test_the_research_weights_can_be_trained(photos):
    recipe = load_yaml(ROOT / "plugins/hcl-weights/training/recipe.yaml")
    load_run(override(recipe, [f"data.dataset.path={photos}", f"validation.dataset.path={photos}"]), device="cpu")


@pytest.mark.parametrize("way", [name for name, way in compared["ways"].items() if "trained_as" not in way])
def test_the_ways_of_the_comparison_can_be_trained(way, photos):
    for run in generalization.runs([way]):
        configured = override(generalization.configuration(compared, run, 10), [f"data.dataset.path={photos}"])
        _, recipe = load_run(configured, device="cpu")
        assert recipe.data.corruption.rules


def test_parts_of_other_photos_alone_are_those_of_the_benchmark(photos):
    dataset = FolderDataset(path=photos)
    alone = build({**load_yaml(BENCHMARKS / "default_weights/photo.yaml"), "dataset": describe(dataset)}, Benchmark)
    whole = [c for c in Benchmark(dataset=dataset).contaminations if c.content_name == "photo"]
    assert [describe(c) for c in alone.contaminations] == [describe(c) for c in whole]
