from __future__ import annotations

import platform
import re
import subprocess
import sys

import accelerate
import pytest
import torch

from hcl_sdk.runtime import (
    autocast,
    check_precision,
    explain_crowding,
    pick_device,
    take_share,
    warn_of_crowding,
)


def test_without_an_accelerator_the_cpu_is_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert pick_device() == torch.device("cpu")
    assert pick_device("cpu") == pick_device(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(ValueError, match=r"'cuda:1' is not available here; available: cpu"):
        pick_device("cuda:1")
    with pytest.raises(ValueError, match=r"'meta' is not available here; available: cpu"):
        pick_device("meta")


def test_with_an_accelerator_it_is_picked_by_the_rank_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert pick_device() == torch.device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert pick_device() == torch.device("cuda:3")
    assert pick_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match=r"'cuda:2' is not available here; there are 2"):
        pick_device("cuda:2")
    with pytest.raises(ValueError, match=r"'mps' is not available here; available: cuda"):
        pick_device("mps")


def test_invalid_devices_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected a device such as 'cpu' or 'cuda:0', got 'gpu'"):
        pick_device("gpu")


@pytest.mark.parametrize("precision", ["no", "fp16", "bf16"])
def test_precisions_are_known_by_name(precision: str) -> None:
    assert check_precision(precision) == precision


@pytest.mark.parametrize("precision", ["fp32", "", "BF16", None, 16])
def test_another_precision_is_refused(precision: object) -> None:
    with pytest.raises(ValueError, match=f"expected precision 'no', 'fp16', 'bf16', got {precision!r}"):
        check_precision(precision)  # type: ignore[arg-type]


def test_autocast_sets_the_precision_and_no_more() -> None:
    a = torch.rand(4, 4)
    with autocast(torch.device("cpu"), "bf16"):
        assert (a @ a).dtype == torch.bfloat16
        with autocast(torch.device("cpu"), "no"):
            assert (a @ a).dtype == torch.float32
    with autocast(torch.device("cpu"), "no"):
        assert (a @ a).dtype == torch.float32


def test_a_process_on_its_own_works_on_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr(accelerate, "PartialState", None)  # would fail if it was made
    assert take_share(range(5)) == [0, 1, 2, 3, 4]  # type: ignore[comparison-overlap]
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert take_share(["a"]) == ["a"]


@pytest.mark.parametrize("processes", [2, 3, 8])
def test_processes_share_the_work_without_gaps_or_duplicates(monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    items, shares = [f"photo{i}" for i in range(7)], []
    for index in range(processes):

        class State:
            process_index, num_processes = index, processes

            def __init__(self, **options: object) -> None:
                pass

        monkeypatch.setattr(accelerate, "PartialState", State)
        shares.append(take_share(items))
    assert sorted(sum(shares, [])) == items  # noqa: RUF017
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(
    ("threads", "processes", "processors", "said"),
    [
        (1, None, 1, None),
        (4, None, 4, None),
        (4, 1, 4, None),
        (1, 4, 4, None),
        (2, 2, 4, None),
        (4, None, 2, "4 threads compete for 2 processors, which makes them many times slower: set OMP_NUM_THREADS=2"),
        (
            2,
            2,
            2,
            "2 processes with 2 threads each compete for 2 processors, which makes them many times slower: "
            "set OMP_NUM_THREADS=1",
        ),
        (3, 2, 5, "2 processes with 3 threads each compete for 5 processors, .*: set OMP_NUM_THREADS=2"),
        (1, 4, 2, "4 processes with 1 threads each .*: start at most 2 processes"),
        (2, 3, 1, "compete for 1 processor, .*: set OMP_NUM_THREADS=1 and start at most 1 processes"),
    ],
)
def test_more_threads_than_processors_give_a_warning_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    threads: int,
    processes: int | None,
    processors: int,
    said: str | None,
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr("hcl_sdk.runtime.count_processors", lambda: processors)
    for name in ("LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    if processes is not None:
        monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
    why = explain_crowding(torch.device("cpu"))
    assert why is None if said is None else re.search(said, str(why))
    assert explain_crowding(torch.device("cuda:0")) is None
    warn_of_crowding.cache_clear()
    for _ in range(2):
        warn_of_crowding(torch.device("cpu"))
    assert caplog.messages == ([] if why is None else [why])  # once
    monkeypatch.setenv("LOCAL_RANK", "1")
    warn_of_crowding.cache_clear()
    warn_of_crowding(torch.device("cpu"))
    assert len(caplog.messages) == (0 if why is None else 1)  # the first process says it for all
    warn_of_crowding.cache_clear()


HOLD_AND_FREE = """
import sys
from pathlib import Path
from hcl_sdk.runtime import release_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

held = [bytes(65536) for _ in range(1600)]  # each too small for a mapping of its own
last = held[-1]  # which keeps the rest from being given back
full = resident()
del held
before = resident()
release_memory()
print(full - before, full - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
def test_memory_kept_by_the_c_library_is_released() -> None:
    run = subprocess.run([sys.executable, "-c", HOLD_AND_FREE], capture_output=True, text=True, check=True)
    kept, given = map(int, run.stdout.split())
    assert kept < 0.2 * given
    assert given > 60e6
