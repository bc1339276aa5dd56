"""The contract is stable: a plugin that was written for api_version 1 when that was new works as it did then.

``plugin_packages/vintage`` has a component of every kind, and weights that were saved with them. It is never changed,
except to add what a later version of the interface allows, under another name: where a test here fails, hcl_sdk has
broken plugins that people have published.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from installing import PACKAGES, environment, run, run_program

from hcl_sdk.interfaces import KINDS
from hcl_sdk.plugins import API_VERSION, SUPPORTED

VINTAGE = PACKAGES / "vintage"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return environment(tmp_path_factory.mktemp("vintage"), [VINTAGE])


def read_result(python: str, program: str) -> Any:
    done = run_program(python, program, HCL_STRICT_PLUGINS="1", PYTHONWARNINGS="error::FutureWarning")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_present_version_is_supported_and_is_not_going() -> None:
    assert SUPPORTED[API_VERSION] == ""
    assert max(SUPPORTED) == API_VERSION


def test_the_old_plugin_gives_a_component_of_every_kind(python: Any) -> None:
    names = read_result(
        python,
        """
        import json
        from hcl_sdk.plugins import registry
        print(json.dumps([[e.kind, e.name] for e in registry.list_entries() if e.distribution == "hcl-vintage"]))
        """,
    )
    assert {kind for kind, _ in names} == {*KINDS, "weights"}


def test_the_old_plugin_passes_the_checks_of_today(python: Any) -> None:
    done = run(python, "-m", "hcl_sdk.cli", "plugins", "check", "hcl-vintage", HCL_STRICT_PLUGINS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "13 components and weights" in done.stdout
    assert "failed" not in done.stdout


def test_old_weights_load_and_find_the_same_regions(python: Any) -> None:
    found = read_result(
        python,
        """
        import json
        from hcl_sdk import Pipeline
        from hcl_vintage.data import Ramps

        pipeline = Pipeline.from_pretrained("hcl-vintage/small", device="cpu")
        photo = Ramps()[1].image
        result = pipeline(photo)
        print(json.dumps({
            "confidence": float(result.confidence.mean()),
            "corrupted": int(result.corruption_mask.sum()),
            "restored": float(result.restored.mean()),
            "restorer": repr(pipeline.restorer),
            "plugins": pipeline.to_config()["plugins"],
        }))
        """,
    )
    # Recorded when the weights were saved.
    assert found["confidence"] == pytest.approx(0.470276, abs=1e-4)
    assert found["corrupted"] == pytest.approx(148, abs=8)
    assert found["restored"] == pytest.approx(68.4317, abs=0.2)
    assert found["restorer"] == "FromFeatures()"
    assert found["plugins"] == {"hcl-vintage": "1.0.0"}


def test_old_components_are_trained(python: Any) -> None:
    log = read_result(
        python,
        """
        import json
        from pathlib import Path
        from hcl_sdk.training import Trainer, load_run

        pipeline, recipe = load_run({
            "pipeline": {
                "detector": {
                    "encoder": "hcl-vintage/plain", "interaction": "hcl-vintage/addition",
                    "head": "hcl-vintage/linear", "clusterer": "hcl-vintage/farthest",
                },
                "restorer": "hcl-vintage/from-features",
            },
            "data": {
                "dataset": "hcl-vintage/ramps",
                "corruption": {"rules": [{"shapes": ["hcl-vintage/disk"], "contents": ["hcl-vintage/stripes"]}]},
                "size": 24,
                "workers": 0,
            },
            "detection": {"losses": ["hcl-vintage/separation"]},
            "restoration": {"losses": ["hcl-vintage/charbonnier", "hcl-vintage/critic"]},
            "steps": 2, "batch_size": 2, "log_every": 1, "save_every": 2,
        }, device="cpu")
        Trainer(pipeline, recipe).fit(Path("run"), progress=False)
        print(json.dumps([json.loads(line) for line in Path("run/log.jsonl").read_text().splitlines()]))
        """,
    )
    assert len(log) >= 2
    assert {"loss/detection/separation", "loss/restoration/charbonnier", "loss/restoration/critic"} <= set(log[-1])
