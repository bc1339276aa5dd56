"""Parts of several packages in one pipeline: composed from YAML, trained, saved, and loaded elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hcl_sdk import Pipeline
from hcl_sdk.config import load_yaml
from hcl_sdk.training import Trainer, load_run

RUN = """
pipeline:
  detector:
    encoder:
      use: hcl-transformers/transformers
      config: {{model_type: convnext, hidden_sizes: [8, 16, 24, 32], depths: [1, 1, 1, 1]}}
      out_indices: [1, 2, 3]
    interaction: top-down
    head: {{use: projection, dim: 8}}
    clusterer: {{use: soft-kmeans, classifier: false, one_class: false}}
  restorer: {{use: hcl-opencv/telea, radius: 4}}
  dilate: 1
data: {{dataset: {{use: folder, path: {photos}}}, size: 32, workers: 0}}
detection:
  losses: [hierarchical]
steps: 10
batch_size: 2
"""

LOAD = """
import sys
import numpy as np
from hcl_sdk import Pipeline
result = Pipeline.from_pretrained(sys.argv[1], device="cpu")(np.load(sys.argv[2]))
np.savez(sys.argv[3], mask=result.corruption_mask.numpy(), restored=result.restored)
"""

UNINSTALLED = """
import importlib.metadata
installed = importlib.metadata.distributions
importlib.metadata.distributions = lambda **kw: (d for d in installed(**kw) if d.metadata["Name"] != "{package}")
version = importlib.metadata.version
def version_of(name):
    if name == "{package}":
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)
importlib.metadata.version = version_of
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights of a pipeline after ten steps, and a photo."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("composition")
    (folder / "photos").mkdir()
    rng = np.random.default_rng(0)
    for i in range(4):
        noise = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        noise.resize((48, 48), Image.Resampling.BICUBIC).save(folder / "photos" / f"{i}.png")
    np.save(folder / "photo.npy", np.asarray(Image.open(folder / "photos" / "0.png")))

    torch.manual_seed(0)
    pipeline, recipe = load_run(load_yaml(RUN.format(photos=json.dumps(str(folder / "photos")))), device="cpu")
    assert pipeline.detector is not None
    before = {name: tensor.clone() for name, tensor in pipeline.detector.state_dict().items()}
    outcome = Trainer(pipeline, recipe).fit(folder / "run", progress=False)
    assert (outcome.step, outcome.finished) == (10, True)
    assert outcome.pipeline.detector is not None
    after = outcome.pipeline.detector.state_dict()
    for part in ("encoder.backbone.embeddings", "encoder.backbone.encoder.stages.2", "interaction.", "head."):
        assert any(not torch.equal(after[name], before[name]) for name in after if name.startswith(part)), part
    return folder


def load_elsewhere(
    trained: Path, name: str, program: str = LOAD, **environment: str
) -> subprocess.CompletedProcess[str]:
    arguments = [str(trained / "run" / "weights"), str(trained / "photo.npy"), str(trained / f"{name}.npz")]
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


def test_another_process_with_all_packages_gives_the_same_output(trained: Path) -> None:
    done = load_elsewhere(trained, "elsewhere")
    assert done.returncode == 0, done.stderr
    found = np.load(trained / "elsewhere.npz")
    expected = Pipeline.from_pretrained(trained / "run" / "weights", device="cpu")(np.load(trained / "photo.npy"))
    assert found["mask"].any()
    assert np.array_equal(found["mask"], expected.corruption_mask.numpy())
    assert np.array_equal(found["restored"], expected.restored)


@pytest.mark.parametrize(
    ("package", "missing", "part"),
    [
        ("hcl-opencv", "disabled", "restorer.use: unknown restorer"),
        ("hcl-transformers", "disabled", "detector.encoder.use: unknown encoder"),
        ("hcl-transformers", "uninstalled", "detector.encoder.use: unknown encoder"),
    ],
)
def test_a_process_where_one_package_is_missing_says_which(
    trained: Path, package: str, missing: str, part: str
) -> None:
    if missing == "disabled":
        done = load_elsewhere(trained, missing, HCL_DISABLE_PLUGINS=package)
        why = f"it would come from the plugin {package} 0.1.0, which is disabled"
    else:
        done = load_elsewhere(trained, missing, UNINSTALLED.format(package=package) + LOAD)
        why = f"the package {package} is not installed: pip install {package}"
    assert done.returncode != 0
    assert f"{part} '{package}/" in done.stderr
    assert why in done.stderr
    assert not (trained / f"{missing}.npz").exists()


def test_the_weights_name_the_packages_that_they_need(trained: Path) -> None:
    config = json.loads((trained / "run" / "weights" / "config.json").read_text())
    assert config["plugins"] == {"hcl-opencv": "0.1.0", "hcl-transformers": "0.1.0"}
