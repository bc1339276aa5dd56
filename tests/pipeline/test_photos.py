"""What a photo may be, and that it comes back as what it came as."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from known_parts import draw_noise, draw_stained_photo, make_known_pipeline
from PIL import Image
from torch import Tensor

import hcl_sdk
from hcl_sdk import Pipeline


def test_corruption_is_found_and_filled_and_nothing_else_changes() -> None:
    photo, mask = draw_stained_photo()
    before = photo.copy()
    result = make_known_pipeline()(photo)
    assert np.array_equal(photo, before)
    assert np.array_equal(result.corruption_mask[0, 0].numpy(), mask)
    assert ((result.confidence[0, 0].numpy() > 0.99) == mask).all()
    assert np.array_equal(result.restored[~mask], photo[~mask])
    assert (result.restored[mask] == 128).all()
    assert np.array_equal(result.alpha[0, 0].numpy(), mask)  # type: ignore[index]
    assert result.composited is not None
    assert result.detection is not None


@pytest.mark.parametrize("kind", ["path", "text", "image", "array", "tensor", "batched tensor", "uint8 tensor"])
def test_a_photo_comes_back_in_its_own_type(kind: str, tmp_path: Path) -> None:
    photo, mask = draw_stained_photo()
    Image.fromarray(photo).save(tmp_path / "photo.png")
    tensor = torch.from_numpy(photo).permute(2, 0, 1)
    source: Any = {
        "path": tmp_path / "photo.png",
        "text": str(tmp_path / "photo.png"),
        "image": Image.fromarray(photo),
        "array": photo,
        "tensor": tensor / 255,
        "batched tensor": tensor[None] / 255,
        "uint8 tensor": tensor,
    }[kind]
    restored = make_known_pipeline()(source).restored
    if isinstance(source, Tensor):
        assert restored.shape == source.shape
        assert restored.dtype == source.dtype
        outside = torch.from_numpy(~mask).expand_as(source)
        assert torch.equal(restored[outside], source[outside])
        filled = restored[~outside].float() / (255 if source.dtype == torch.uint8 else 1)
        assert (filled - 0.5).abs().max() < 0.01
    else:
        assert isinstance(restored, np.ndarray if kind == "array" else Image.Image)
        assert np.array_equal(np.asarray(restored)[~mask], photo[~mask])
        assert (np.asarray(restored)[mask] == 128).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "CMYK", "P", "1", "I;16"])
def test_pixels_outside_stay_bit_identical_in_every_mode(mode: str) -> None:
    photo, mask = draw_stained_photo()
    if mode == "I;16":
        source = Image.fromarray(draw_noise(24, 32, 1)[..., 0].astype(np.uint16) * 257)
    else:
        source = Image.fromarray(np.concatenate([photo, draw_noise(24, 32, 1)], axis=2)).convert(mode)
    expected = {"P": "RGBA" if source.has_transparency_data else "RGB", "1": "L"}.get(mode, mode)
    restored = make_known_pipeline().restore(source, corruption_mask=mask).restored
    assert restored.mode == expected
    assert restored.size == source.size
    old, new = np.asarray(source.convert(expected) if mode in ("P", "1") else source), np.asarray(restored)
    assert np.array_equal(old[~mask], new[~mask])
    assert not np.array_equal(old[mask], new[mask])


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 5000), (257, 383)])
def test_photos_of_odd_sizes(tiny_pipeline: Pipeline, size: tuple[int, int]) -> None:
    photo = draw_noise(*size)
    result = tiny_pipeline(photo)
    assert result.confidence.shape == result.corruption_mask.shape == (1, 1, *size)
    outside = ~result.corruption_mask[0, 0].numpy()
    assert result.restored.shape == photo.shape
    assert np.array_equal(result.restored[outside], photo[outside])


def test_restore_takes_one_photo_and_others_a_list() -> None:
    photo, mask = draw_stained_photo()
    pipeline = make_known_pipeline()
    for several in ([photo, photo], (photo,), (each for each in [photo])):
        with pytest.raises(TypeError, match=r"restore takes one photo and its corruption_mask; got a .*restore_folder"):
            pipeline.restore(several, corruption_mask=[mask])  # pyright: ignore[reportArgumentType]
    for call in (pipeline, pipeline.detect):
        with pytest.raises(TypeError, match=r"got generator; pass several photos as a list, list\(photos\)"):
            call(each for each in [photo])  # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.mark.parametrize("photo", [3, None, {"a": 1}])
def test_other_inputs_than_photos_are_refused(tiny_pipeline: Pipeline, photo: Any) -> None:
    with pytest.raises(TypeError, match="a photo is a path"):
        tiny_pipeline(photo)


def test_bytes_and_open_files_are_photos(tmp_path: Path) -> None:
    photo, mask = draw_stained_photo()
    Image.fromarray(photo).save(tmp_path / "a.png")
    contents = (tmp_path / "a.png").read_bytes()
    pipeline = make_known_pipeline()
    expected = np.asarray(pipeline(tmp_path / "a.png").restored)
    sources: tuple[Any, ...] = (contents, bytearray(contents), io.BytesIO(contents))
    for source in sources:
        np.testing.assert_array_equal(np.asarray(pipeline(source).restored), expected)
    with (tmp_path / "a.png").open("rb") as file:
        np.testing.assert_array_equal(np.asarray(pipeline([file, contents])[0].restored), expected)
    Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "m.png")
    result = pipeline.restore(contents, corruption_mask=(tmp_path / "m.png").read_bytes())
    assert (result.corruption_mask[0, 0].numpy() == mask).all()
    with (tmp_path / "a.png").open(encoding="latin-1") as file, pytest.raises(TypeError, match="mode 'rb'"):
        pipeline(file)  # pyright: ignore[reportArgumentType, reportCallIssue]
    with pytest.raises(hcl_sdk.PhotoError, match="the bytes: this is not a photo"):
        pipeline(b"no photo")


def test_a_url_is_refused_with_a_remedy() -> None:
    with pytest.raises(hcl_sdk.PhotoError, match=r"https://a\.b/c\.png: URLs are not read; download it first"):
        make_known_pipeline()("https://a.b/c.png")


def test_a_photo_that_is_not_there_is_named(tiny_pipeline: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.png"):
        tiny_pipeline(tmp_path / "nowhere.png")
