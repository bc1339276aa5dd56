"""Checkpoints that are damaged are noticed, named and passed over."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
import torch
from runs import RunConfig, assert_same, load_state, train

from hcl_sdk.training import TrainingError
from hcl_sdk.training.checkpoints import CheckpointError, list_checkpoints, read_checkpoint, write_checkpoint

STATE = {"step": 3, "weights": torch.arange(64.0), "names": ["a", "b"]}


def damage(path: Path, how: str) -> None:
    contents = path.read_bytes()
    if how == "halved":
        path.write_bytes(contents[: len(contents) // 2])
    elif how == "without its end":
        path.write_bytes(contents[:-1])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "garbage":
        path.write_bytes(bytes(range(256)) * 8)
    else:
        flip(path, len(contents) // 2)


def flip(path: Path, place: int) -> None:
    contents = bytearray(path.read_bytes())
    contents[place] ^= 4
    path.write_bytes(contents)


KINDS = ["halved", "without its end", "empty", "garbage", "one bit"]


@pytest.mark.parametrize("how", KINDS)
def test_a_damaged_checkpoint_is_named(tmp_path: Path, how: str) -> None:
    path = write_checkpoint(tmp_path, 3, STATE, keep=1)
    damage(path, how)
    with pytest.raises(CheckpointError, match=r"the checkpoint .*step-00000003\.pt is damaged: ."):
        read_checkpoint(path)


def test_flipped_bits_never_change_what_is_loaded(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, 3, STATE, keep=1)
    original = path.read_bytes()
    noticed = 0
    for place in range(0, len(original), 7):
        flip(path, place)
        try:
            assert_same(read_checkpoint(path), STATE)
        except CheckpointError:
            noticed += 1
        path.write_bytes(original)
    assert noticed > 0.9 * len(range(0, len(original), 7))


def test_a_checkpoint_from_before_there_was_a_hash(tmp_path: Path) -> None:
    path = tmp_path / "step-00000003.pt"
    torch.save(STATE, path)
    assert_same(read_checkpoint(path), STATE)
    place = path.read_bytes().index(torch.arange(64.0).numpy().tobytes()) + 30
    flip(path, place)
    with pytest.raises(CheckpointError, match=r"step-00000003\.pt is damaged: wrong checksum of"):
        read_checkpoint(path)


def test_checkpoints_can_be_read_by_torch_alone(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, 3, STATE, keep=1)
    assert_same(torch.load(path, weights_only=True), STATE)


@pytest.mark.parametrize("how", KINDS)
def test_a_run_resumes_from_the_checkpoint_before_a_damaged_one(
    run_config: RunConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    train(run_config("keep=3"), tmp_path / "whole")
    out = tmp_path / "run"
    train(run_config("keep=3", "steps=3"), out)
    damage(out / "checkpoints" / "step-00000003.pt", how)
    assert train(run_config("keep=3"), out).finished
    told = capsys.readouterr().err
    assert "step-00000003.pt is damaged" in told
    assert "the run resumes from step-00000002.pt" in told
    assert (out / "checkpoints" / "step-00000003.damaged").is_file()
    assert_same(load_state(out)["trained"], load_state(tmp_path / "whole")["trained"])


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), r"step-00000002\.pt cannot be read: Permission denied"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "can't allocate memory"),
        (MemoryError("too little"), "too little"),
    ],
    ids=["permission", "allocator", "memory"],
)
def test_a_checkpoint_that_cannot_be_read_now_is_not_taken_for_damaged(
    run_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, said: str
) -> None:
    train(run_config("steps=2"), tmp_path)
    before = {path.name: path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()}

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise raised

    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", refuse)
        with pytest.raises((OSError, RuntimeError, MemoryError), match=said):
            train(run_config(), tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()} == before
    assert train(run_config(), tmp_path).finished


def test_a_run_without_an_intact_checkpoint_is_not_restarted(run_config: RunConfig, tmp_path: Path) -> None:
    train(run_config("steps=2"), tmp_path)
    before = (tmp_path / "log.jsonl").read_bytes()
    for path in list_checkpoints(tmp_path / "checkpoints"):
        damage(path, "halved")
    for _ in range(2):
        with pytest.raises(TrainingError, match=r"step-00000002\.pt is damaged(.|\n)*step-00000001\.pt is damaged"):
            train(run_config(), tmp_path)
    assert (tmp_path / "log.jsonl").read_bytes() == before


def test_only_regular_files_are_checkpoints(run_config: RunConfig, tmp_path: Path) -> None:
    train(run_config("steps=1"), tmp_path)
    (tmp_path / "checkpoints" / "step-00000009.pt").symlink_to("/dev/zero")
    (tmp_path / "checkpoints" / "step-00000008.pt").mkdir()
    assert train(run_config("steps=2"), tmp_path).step == 2
    shutil.rmtree(tmp_path / "checkpoints" / "step-00000008.pt")
