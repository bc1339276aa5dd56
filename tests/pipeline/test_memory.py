"""What is held in memory."""

from __future__ import annotations

import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest
from known_parts import Flat, FlatFromFeatures, draw_noise, draw_stained_photo, make_known_pipeline
from torch import Tensor

from hcl_sdk import Pipeline


def measure_bytes(value: Any) -> int:
    """With all of the memory that its tensors are views of."""
    return len(pickle.dumps(value))


@pytest.mark.parametrize("kind", [Flat, FlatFromFeatures])
def test_results_of_a_list_match_those_of_single_photos(kind: type[Flat]) -> None:
    photo, _ = draw_stained_photo(96, 128)
    pipeline = make_known_pipeline(kind(), dilate=1)
    results = pipeline([photo] * 4, batch_size=4)
    for result in results:
        assert result.detection is not None
        assert result.detection.pyramid is None
        assert result.detection.embeddings == ()
        assert len(result.detection.scales) == len(result.detection.masks) == 2
    alone = measure_bytes(pipeline(photo))
    assert measure_bytes(results) < 4.2 * alone
    # As its docstring says: photos, confidence, mask and alpha; detection at strides 1 and 2; what was filled.
    assert alone < (3 + 3 + 5 + 4 + 25 + 12) * 96 * 128


@pytest.mark.parametrize("kind", [Flat, FlatFromFeatures])
def test_nothing_of_a_batch_is_left_when_the_next_one_begins(kind: type[Flat]) -> None:
    features: list[weakref.ref[Tensor]] = []
    pipeline = make_known_pipeline(kind())
    assert pipeline.detector is not None
    assert pipeline.restorer is not None

    def remember(*args: Any) -> None:
        features.extend(weakref.ref(m) for m in args[-1].maps)

    def look(*_: Any) -> None:
        assert isinstance(pipeline.restorer, Flat)
        pipeline.restorer.calls.clear()
        gc.collect()
        assert not any(feature() is not None for feature in features)

    pipeline.detector.encoder.register_forward_hook(remember)
    pipeline.detector.encoder.register_forward_pre_hook(look)
    results = pipeline([draw_stained_photo()[0]] * 3, batch_size=1)
    assert len(features) == 6
    look()
    assert len(results) == 3


def test_a_small_region_of_a_large_photo_takes_little() -> None:
    mask = np.zeros((600, 500), bool)
    mask[100:104, 400:404] = True
    photo = draw_noise(600, 500)
    result = Pipeline(restorer=Flat(), device="cpu").restore(photo, corruption_mask=mask)
    assert measure_bytes(result) < (3 + 3 + 5 + 4) * 600 * 500 + 12 * 132**2 + 5000
    assert result.raw is not None
    assert result.raw.shape == (1, 3, 600, 500)
    assert np.array_equal(result.raw[0, :, mask].unique(), [0.5])
    far = (result.raw[0].permute(1, 2, 0).numpy() * 255)[:, :200]
    assert np.array_equal(far.round(), photo[:, :200])
