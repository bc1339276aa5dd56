from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from hcl_sdk import ConvNeXtEncoder, Detector, GatedUNet, Identity, Pipeline, ProjectionHead, SoftKMeans
from hcl_sdk.cli import main


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(
            encoder=ConvNeXtEncoder(channels=(6, 8), depths=(1, 1), kernel_size=3),
            interaction=Identity(),
            head=ProjectionHead(dim=6),
            clusterer=SoftKMeans(one_class=False),
        )
        return Pipeline(detector, GatedUNet(dim=4, multipliers=(1, 2)), device="cpu")


@pytest.fixture(scope="session")
def weights(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def hcl(weights: Path) -> Callable[..., Result]:
    """Runs the command on the CPU with small weights; says what it printed where the exit status is another one."""

    def run(command: str, *arguments: object, status: int = 0) -> Result:
        options = ["--weights", weights, "--device", "cpu"] if command in ("detect", "restore", "quickstart") else []
        result = CliRunner().invoke(main, [command, *map(str, [*options, *arguments])])
        unexpected = None if isinstance(result.exception, SystemExit) else result.exception
        assert unexpected is None, result.output
        assert result.exit_code == status, result.output
        return result

    return run
