"""Shards of samples in tar files."""

from __future__ import annotations

import gzip
import os
import pickle
from pathlib import Path

import pytest
from photo_files import draw_gray, encode_mask, encode_photo, list_names, read_grays, write_shard

from hcl_sdk import SampleError
from hcl_sdk.data import (
    FolderDataset,
    WebDataset,
)


def test_shards_are_read_at_any_place(tmp_path: Path) -> None:
    write_shard(
        tmp_path / "s-0.tar", {f"{i}.png": encode_photo((i, i, i)) for i in range(3)} | {"0.json": b"{}", "x.cls": b"1"}
    )
    write_shard(tmp_path / "s-10.tar", {"b/7.jpg": encode_photo((70, 70, 70), suffix="JPEG", size=(64, 48))})
    write_shard(tmp_path / "s-2.tar", {"5.png": encode_photo((50, 50, 50)), "broken.jpg": b"not a photo"})
    for path in (tmp_path, tmp_path / "s-*.tar"):
        dataset = pickle.loads(pickle.dumps(WebDataset(path=str(path), shorter_side=24)))
        assert list_names(dataset) == [
            "s-0.tar/0",
            "s-0.tar/1",
            "s-0.tar/2",
            "s-2.tar/5",
            "s-2.tar/broken",
            "s-10.tar/b/7",
        ]
        assert [int(dataset[i].image[0, 0, 0]) for i in (5, 0, 3, 2)] == [70, 0, 50, 2]
        assert dataset[5].image.shape == (24, 32, 3)
        with pytest.raises(SampleError, match=r"s-2\.tar/broken"):
            dataset[4]


def test_reading_waits_for_regular_files_only(tmp_path: Path) -> None:
    draw_gray(tmp_path / "photos" / "a.png")
    os.mkfifo(tmp_path / "photos" / "b.png")
    (tmp_path / "photos" / "c.png").symlink_to("/dev/zero")
    dataset = FolderDataset(path=str(tmp_path / "photos"))
    assert dataset[0].image.shape == (8, 12, 3)
    for i in (1, 2):
        with pytest.raises(SampleError, match=r"[bc]\.png: this is not a regular file"):
            dataset[i]
    os.mkfifo(tmp_path / "a.tar")
    with pytest.raises(ValueError, match=r"a\.tar' is not a regular file"):
        WebDataset(path=str(tmp_path / "a.tar"))


def test_shards_of_pairs(tmp_path: Path) -> None:
    files = {
        "1.jpg": encode_photo((9, 9, 9), suffix="JPEG"),
        "1.mask.png": encode_mask(),
        "1.clean.png": encode_photo((5, 5, 5)),
    }
    write_shard(tmp_path / "a.tar", files)
    sample = WebDataset(path=str(tmp_path / "a.tar"))[0]
    assert (sample.image[0, 0, 0], sample.clean[0, 0, 0], sample.corruption_mask.mean()) == (9, 5, 0.25)
    write_shard(tmp_path / "a.tar", files | {"1.mask.png": encode_mask(white=False)})
    with pytest.raises(ValueError, match=r"masks in .*a\.tar' cover 75 % of the photo .* corrupted='black'"):
        WebDataset(path=str(tmp_path / "a.tar"))
    assert WebDataset(path=str(tmp_path / "a.tar"), corrupted="black")[0].corruption_mask.mean() == 0.25


def test_a_mask_in_a_shard_that_cannot_be_read_is_reported_by_its_sample_alone(tmp_path: Path) -> None:
    files = {
        "1.png": encode_photo((1,) * 3),
        "1.mask.png": b"bad",
        "2.png": encode_photo((2,) * 3),
        "2.mask.png": encode_mask(),
    }
    write_shard(tmp_path / "a.tar", files)
    dataset = WebDataset(path=str(tmp_path / "a.tar"))
    with pytest.raises(SampleError, match=r"a\.tar/1\.mask"):
        dataset[0]
    assert dataset[1].corruption_mask.mean() == 0.25


def test_shards_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(b"x" * 2000)
    with pytest.raises(ValueError, match="not an uncompressed tar file, or is damaged"):
        WebDataset(path=str(tmp_path))
    write_shard(tmp_path / "bad.tar", {"1.json": b"{}"})
    with pytest.raises(ValueError, match="expected photos"):
        WebDataset(path=str(tmp_path))


def test_a_shard_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.tar").mkdir()
    with pytest.raises(ValueError, match=r"folder\.tar' is not a regular file; expected an uncompressed tar file"):
        WebDataset(path=str(tmp_path / "*.tar"))


def test_shards_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    for number, folder in enumerate(("a", "b")):
        (tmp_path / folder).mkdir()
        write_shard(tmp_path / folder / "s.tar", {"1.png": encode_photo((number,) * 3)})
    dataset = WebDataset(path=str(tmp_path / "*" / "s.tar"))
    assert list_names(dataset) == ["a/s.tar/1", "b/s.tar/1"]
    assert read_grays(dataset) == [0, 1]
    (tmp_path / "b" / "s.tar").unlink()
    with pytest.raises(SampleError, match=r"b/s\.tar/1: .*No such file"):
        dataset[1]


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ({"1.jpg": b""}, "two files that are the photo of '1'"),
        ({"2.mask.png": b""}, r"2 of 3 samples are without a mask: s\.tar/1, s\.tar/3"),
        ({"2.png": b"", "2.clean.jpg": b""}, "2 of 3 samples are without a clean"),
        ({"2.json": b"", "4.mask.png": b"", "4.clean.png": b""}, r"1 of 3 samples are without a photo: s\.tar/4"),
    ],
)
def test_shards_whose_samples_lack_parts_are_refused(tmp_path: Path, added: dict[str, bytes], message: str) -> None:
    write_shard(
        tmp_path / "s.tar", {"1.png": b"", "3.png": b"", "2.png" if "2.mask.png" in added else "0.txt": b""} | added
    )
    with pytest.raises(ValueError, match=message):
        WebDataset(path=str(tmp_path))


def test_a_shard_that_is_damaged_in_the_middle_or_cut_is_refused(tmp_path: Path) -> None:
    write_shard(tmp_path / "s.tar", {f"{i}.png": encode_photo((i, i, i)) for i in range(6)})
    whole = (tmp_path / "s.tar").read_bytes()
    assert len(WebDataset(path=str(tmp_path))) == 6
    step = 512 + -(-len(encode_photo((1, 1, 1))) // 512) * 512
    for damaged in (
        whole[: 3 * step + 100] + b"\xff" * 60 + whole[3 * step + 160 :],
        whole[: 3 * step - 100],
        gzip.compress(whole),
    ):
        (tmp_path / "s.tar").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"s\.tar' is not an uncompressed tar file, or is damaged"):
            WebDataset(path=str(tmp_path))
    (tmp_path / "s.tar").write_bytes(whole[: 3 * step])  # without the two empty blocks at the end, as some write it
    assert len(WebDataset(path=str(tmp_path))) == 3
