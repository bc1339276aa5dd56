"""The checks of shapes."""

from __future__ import annotations

import numpy as np

from hcl_sdk.testing import common
from hcl_sdk.testing.inputs import SIZES
from hcl_sdk.testing.kit import Fault, checks
from hcl_sdk.testing.state import RandomState, other_random_state
from hcl_sdk.testing.subject import ShapeSubject


def draws_masks_of_any_size(subject: ShapeSubject) -> None:
    """From 1 x 1 on, what is drawn is a bool array of the size that was asked for."""
    shape = subject.make()
    for size in SIZES:
        mask = shape.draw(size, np.random.default_rng(1))
        where = f"for a size of {size[0]} x {size[1]}"
        if not isinstance(mask, np.ndarray):
            raise Fault(f"{where}, draw returns a {type(mask).__name__} and no array")
        if mask.shape != size:
            raise Fault(f"{where}, draw returns an array {list(mask.shape)}")
        if mask.dtype != np.bool_:
            raise Fault(f"{where}, draw returns {mask.dtype}; expected bool, True = corrupted")


def generator_decides(subject: ShapeSubject) -> None:
    """Generators of one seed give the same mask, whatever the global random state is and what was drawn before."""
    shape = subject.make()
    drawn = []
    for seed in (1, 2):
        with other_random_state(seed):
            drawn.append(np.copy(shape.draw((48, 64), np.random.default_rng(5))))
    if not np.array_equal(drawn[0], drawn[1]):
        raise Fault("two generators of one seed give two masks; draw from rng alone")
    for seed in (6, 7):  # by the one that has drawn before, and by a new one
        used, new = (each.draw((48, 64), np.random.default_rng(seed)) for each in (shape, subject.make()))
        if not np.array_equal(used, new):
            raise Fault("the mask depends on those that were drawn before; draw each from its rng alone")


def random_state_is_left_alone(subject: ShapeSubject) -> None:
    """The global random states of torch, numpy and Python are not used."""
    shape = subject.make()
    state = RandomState()
    shape.draw((48, 64), np.random.default_rng(5))
    drawn_from = state.changed()
    if drawn_from:
        raise Fault(f"it draws from the global random state of {', '.join(drawn_from)}; draw from rng alone")


def survives_pickling(subject: ShapeSubject) -> None:
    """It can be sent to the processes that prepare images, and draws the same there."""
    shape = subject.make()
    again = common.pickled(shape)
    masks = [each.draw((48, 64), np.random.default_rng(5)) for each in (shape, again)]
    if not np.array_equal(masks[0], masks[1]):
        raise Fault("its copy in another process draws another mask")


CHECKS = checks(
    common.entry_module_imports_no_torch,
    common.configuration_round_trips,
    common.unknown_keys_are_refused,
    draws_masks_of_any_size,
    generator_decides,
    random_state_is_left_alone,
    survives_pickling,
)
