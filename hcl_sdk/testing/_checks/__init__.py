"""The checks of components, kind by kind; a check is a function of the component under test."""

from __future__ import annotations

from hcl_sdk.testing._checks import clusterers, data, every, losses, modules, pyramids, restorers, weights
from hcl_sdk.testing._report import Check

_LEARNING = (modules.gradients_reach_every_parameter, modules.state_round_trips)
_DATA = (every.random_state_is_left_alone, every.survives_pickling)

CHECKS: dict[str, tuple[Check, ...]] = {
    kind: tuple(map(Check, functions))
    for kind, functions in {
        "encoder": (
            *every.CHECKS,
            pyramids.spec_is_true,
            modules.batch_equals_single_images,
            *modules.SHARED,
            modules.half_precision,
            *_LEARNING,
            modules.exports,
        ),
        "interaction": (
            *every.CHECKS,
            modules.binds_once,
            pyramids.spec_is_true,
            modules.batch_equals_single_images,
            *modules.SHARED,
            modules.half_precision,
            *_LEARNING,
            pyramids.gradients_reach_the_encoder,
            modules.exports,
        ),
        "head": (
            *every.CHECKS,
            modules.binds_once,
            pyramids.embeddings_are_unit_vectors,
            modules.batch_equals_single_images,
            *modules.SHARED,
            modules.half_precision,
            *_LEARNING,
            pyramids.gradients_reach_the_encoder,
            modules.exports,
        ),
        "clusterer": (
            *every.CHECKS,
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
            *every.CHECKS,
            modules.binds_once,
            restorers.gives_images_of_any_size,
            restorers.mask_polarity,
            restorers.known_pixels_stay,
            modules.batch_equals_single_images,
            *modules.SHARED,
            modules.half_precision,
            *_LEARNING,
            modules.exports,
        ),
        "loss": (
            *every.CHECKS,
            losses.gives_one_number,
            losses.batch_is_mean_of_images,
            losses.weight_is_left_to_the_trainer,
            losses.gradients_reach_the_model,
            losses.better_results_cost_less,
            *modules.SHARED,
            *_LEARNING,
        ),
        "shape": (*every.CHECKS, data.draws_masks_of_any_size, data.generator_decides, *_DATA),
        "content": (
            *every.CHECKS,
            data.paints_content_of_any_size,
            data.photo_is_left_alone,
            data.generator_decides,
            *_DATA,
        ),
        "dataset": (
            *every.CHECKS,
            data.samples_are_there,
            data.names_tell_samples_apart,
            data.samples_repeat,
            *_DATA,
        ),
        "weights": (weights.folder_is_complete, weights.photos_are_processed, weights.batch_equals_single_images),
    }.items()
}
"""The checks of every kind, in the order in which they run."""

RENAMED = {"paints_pictures_of_any_size": "paints_content_of_any_size"}
"""Former names of checks, which ``expected_failures`` may still use, and their current names."""
