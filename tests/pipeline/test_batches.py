"""Lists of photos: each gives what it gives alone; progress."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from known_parts import draw_noise

from hcl_sdk import Detector, Pipeline, Result, Verdict


def test_lists_of_mixed_sizes_match_single_photos(tiny_pipeline: Pipeline) -> None:
    photos = [
        draw_noise(24, 31, seed=1),
        draw_noise(9, 50, seed=2),
        draw_noise(24, 31, seed=3),
        draw_noise(1, 1),
        draw_noise(24, 31, seed=4),
    ]
    results = tiny_pipeline(photos, seed=5, batch_size=2)
    found = tiny_pipeline.detect(tuple(photos), seed=5)
    assert len(results) == len(found) == 5
    for photo, result, detection in zip(photos, results, found, strict=True):
        alone = tiny_pipeline(photo, seed=5)
        assert torch.allclose(result.confidence, alone.confidence, atol=1e-5)
        assert torch.equal(result.corruption_mask, alone.corruption_mask)
        assert torch.equal(detection.corruption_mask, alone.corruption_mask)
        assert np.abs(result.restored.astype(int) - alone.restored.astype(int)).max() <= 1
        assert result.restored.shape == photo.shape
    assert tiny_pipeline([]) == []
    assert isinstance(tiny_pipeline([photos[0]]), list)
    assert isinstance(tiny_pipeline(photos[0]), Result)


def test_photos_of_a_list_are_looked_at_in_context_as_each_alone(make_detector: Callable[..., Detector]) -> None:
    pipeline = Pipeline(make_detector(verdict=Verdict(dim=4)), detection_size=32, context_size=16)
    photos = [draw_noise(40, 50, seed=1), draw_noise(80, 100, seed=2), draw_noise(33, 37, seed=3)]
    together = pipeline.detect(photos)
    for photo, result in zip(photos, together, strict=True):
        assert torch.allclose(result.confidence, pipeline.detect(photo).confidence, atol=1e-5)


def test_a_list_shows_its_progress_when_asked_and_tells_the_logger(
    tiny_pipeline: Pipeline, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = [draw_noise(9, 12, seed=1), draw_noise(8, 50, seed=2), draw_noise(9, 12, seed=3)]
    with caplog.at_level("INFO", logger="hcl_sdk"):
        quiet = tiny_pipeline.detect(photos)
        assert capsys.readouterr().err == ""
        told = tiny_pipeline.detect(photos, progress=True)
    assert "/3 [" in capsys.readouterr().err
    assert all(torch.equal(a.corruption_mask, b.corruption_mask) for a, b in zip(quiet, told, strict=True))
    said = [record.getMessage() for record in caplog.records if record.name == "hcl_sdk.pipeline"]
    assert said[:3] == [f"photo {i + 1} of 3: {quiet[i]!r}" for i in (0, 2, 1)]


def test_a_batch_of_nothing_is_refused(tiny_pipeline: Pipeline) -> None:
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        tiny_pipeline.detect(draw_noise(4, 4), batch_size=0)
