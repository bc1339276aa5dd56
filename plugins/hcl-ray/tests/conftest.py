"""A small Ray cluster on this machine, and a pipeline that is soon done."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from hcl_sdk import ConvNeXtEncoder, Detector, GatedUNet, Identity, Pipeline, ProjectionHead, SoftKMeans

# Before Ray is imported, and for its processes too.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",  # else it writes a token into the home folder
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Ray ends processes that do not answer in time, or while the machine is short of memory, whoever uses it. On a busy
    # machine that is no failure of what is tested.
    "RAY_worker_register_timeout_seconds": "900",
    "RAY_agent_register_timeout_ms": "900000",
    "RAY_health_check_timeout_ms": "300000",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "900",
    "RAY_memory_monitor_refresh_ms": "0",
    "RAY_worker_niceness": "0",  # else its workers get hardly any time beside other programs
}


def start_ray(folder: str, **options: Any) -> None:
    """Start a cluster on this machine; anew where its processes take longer than the 30 s that Ray waits for them."""
    import ray

    for attempt in range(5):
        try:
            ray.init(num_gpus=0, include_dashboard=False, _temp_dir=folder, **options)
        except Exception as error:  # Ray has no class of its own for it
            ray.shutdown()
            if attempt == 4 or "timed out during startup" not in str(error):
                raise
        else:
            return


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    import ray

    threads = os.environ.pop("OMP_NUM_THREADS", None)  # Ray gives each process as many as it has cores
    with tempfile.TemporaryDirectory(prefix="ray") as folder:  # of pytest's, sockets would have too long a name
        start_ray(folder, num_cpus=2, object_store_memory=200_000_000)
        yield
        ray.shutdown()
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = threads


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("weights")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = ConvNeXtEncoder(channels=(4,), depths=(1,), kernel_size=3)
        clusterer = SoftKMeans(one_class=False, iterations=1)
        detector = Detector(encoder=encoder, interaction=Identity(), head=ProjectionHead(dim=4), clusterer=clusterer)
        Pipeline(detector, GatedUNet(dim=2, multipliers=(1, 2)), device="cpu").save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def pipeline(weights: str) -> Pipeline:
    return Pipeline.from_pretrained(weights, device="cpu")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twenty photos of noise with a bright box, of two sizes."""
    folder = tmp_path_factory.mktemp("drawn")
    files = []
    for seed in range(20):
        values = np.random.default_rng(seed).integers(0, 100, (48, 48 - 8 * (seed % 2), 3), dtype=np.uint8)
        values[10:25, 8:20] = (250, 20, 240)
        files.append(folder / f"{seed}.png")
        Image.fromarray(values).save(files[-1])
    return files


@pytest.fixture(scope="session")
def bad(drawn: list[Path]) -> list[bytes]:
    """Contents of files that are not photos, or are truncated."""
    whole = drawn[0].read_bytes()
    return [b"", b"not a photo", whole[: len(whole) // 2], whole[:8]]
