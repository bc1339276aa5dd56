"""The command ``hcl`` in processes of its own that start at once: forked from one that has imported what takes long."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["hcl_sdk.training", "hcl_sdk.losses", "hcl_sdk.published"])


class Hcl:
    """A running ``hcl``, the first of a process group; what it prints goes to files in ``logs``, or to ``stdout``."""

    def __init__(
        self,
        arguments: Sequence[str],
        logs: Path,
        variables: Mapping[str, str] | None = None,
        *,
        stdout: Path | None = None,
    ) -> None:
        self._logs = logs
        logs.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **(variables or {})}
        outputs = (stdout or logs / "stdout", logs / "stderr")
        self.process: ForkServerProcess = SERVER.Process(
            target=_run, args=(arguments, os.getcwd(), outputs, environment)
        )
        self.process.start()

    @property
    def pid(self) -> int:
        """Of the process, and of its group."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.is_alive()

    def wait(self) -> int:
        """Wait for its end, and return the exit status."""
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode

    @property
    def stdout(self) -> str:
        """What it has printed."""
        return (self._logs / "stdout").read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        """What it has said on the side."""
        return (self._logs / "stderr").read_text(encoding="utf-8")


def _run(arguments: Sequence[str], folder: str, outputs: Sequence[Path], environment: dict[str, str]) -> None:
    import torch

    from hcl_sdk.cli import main

    for number, output in enumerate(outputs, start=1):
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    sys.stdout.reconfigure(errors="strict")  # pyright: ignore[reportAttributeAccessIssue]  # as in most locales
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    main(list(arguments), prog_name="hcl")


def run_ranks(arguments: Sequence[str], logs: Path, *, processes: int = 2) -> list[Hcl]:
    """Run ``hcl`` as a launcher of several processes does, and wait: each is told its rank by the environment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = []
    for rank in range(processes):
        variables = {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "WORLD_SIZE": str(processes),
            "LOCAL_WORLD_SIZE": str(processes),
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "ACCELERATE_MIXED_PRECISION": "no",
            "ACCELERATE_DYNAMO_BACKEND": "NO",
        }
        started.append(Hcl(arguments, logs / str(rank), variables))
    while any(one.is_running for one in started):
        for one in started:
            one.process.join(0.05)
            if one.process.exitcode not in (None, 0):  # the others would wait for it
                for other in started:
                    other.process.terminate()
    return started


def launch(arguments: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """``accelerate launch`` with two processes, whose option for several is called --multi_gpu on a CPU as well."""
    launched = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    launched += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command = [*launched, "-m", "hcl_sdk.cli", *arguments]
    return subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False, **options
    )
