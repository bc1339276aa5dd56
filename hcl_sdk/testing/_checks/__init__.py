"""The checks of components, kind by kind; a check is a function of the component under test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hcl_sdk.testing._checks import clusterers, data, every, losses, modules, pyramids, restorers, weights
from hcl_sdk.testing._report import Check

_LEARNING = (modules.gradients_reach_every_parameter, modules.state_round_trips)
_NETWORK = (*modules.SHARED, modules.half_precision, *_LEARNING, modules.exports)
_PYRAMID = (modules.batch_equals_single_images, *_NETWORK)
_DATA = (every.random_state_is_left_alone, every.survives_pickling)

_OF_KIND: dict[str, tuple[Callable[[Any], None], ...]] = {
    "encoder": (pyramids.spec_is_true, *_PYRAMID),
    "interaction": (modules.binds_once, pyramids.spec_is_true, *_PYRAMID, pyramids.gradients_reach_the_encoder),
    "head": (
        modules.binds_once,
        pyramids.embeddings_are_unit_vectors,
        *_PYRAMID,
        pyramids.gradients_reach_the_encoder,
    ),
    "clusterer": (
        modules.binds_once,
        clusterers.clusters_are_valid,
        clusterers.assignment_is_to_the_second_center,
        clusterers.only_candidates_are_clustered,
        clusterers.logits_fit_centers,
        modules.batch_equals_single_images,
        *modules.SHARED,
        *_LEARNING,
        modules.exports,
    ),
    "restorer": (
        modules.binds_once,
        restorers.gives_images_of_any_size,
        restorers.mask_polarity,
        restorers.known_pixels_stay,
        modules.batch_equals_single_images,
        *_NETWORK,
    ),
    "loss": (
        losses.gives_one_number,
        losses.batch_is_mean_of_images,
        losses.weight_is_left_to_the_trainer,
        losses.gradients_reach_the_model,
        losses.better_results_cost_less,
        *modules.SHARED,
        *_LEARNING,
    ),
    "shape": (data.draws_masks_of_any_size, data.generator_decides, *_DATA),
    "content": (data.paints_content_of_any_size, data.photo_is_left_alone, data.generator_decides, *_DATA),
    "dataset": (data.samples_are_there, data.names_tell_samples_apart, data.samples_repeat, *_DATA),
}

CHECKS: dict[str, tuple[Check, ...]] = {
    **{kind: tuple(map(Check, (*every.CHECKS, *checks))) for kind, checks in _OF_KIND.items()},
    "weights": tuple(map(Check, weights.CHECKS)),
}
"""The checks of every kind, in the order in which they run."""

RENAMED = {"paints_pictures_of_any_size": "paints_content_of_any_size"}
"""Former names of checks, which ``expected_failures`` may still use, and their current names."""
