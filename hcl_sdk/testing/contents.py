"""The checks of contents."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hcl_sdk.interfaces import Content
from hcl_sdk.testing import common
from hcl_sdk.testing.inputs import SIZES, images
from hcl_sdk.testing.kit import Fault, checks
from hcl_sdk.testing.state import RandomState, other_random_state
from hcl_sdk.testing.subject import ContentSubject


def paints_pictures_of_any_size(subject: ContentSubject) -> None:
    """From 1 x 1 on, a picture of the photo's size comes out: uint8, RGB, or RGB and opacity."""
    content = subject.make()
    for size in SIZES:
        painted = _paint(content, photo(size))
        where = f"for a photo of {size[0]} x {size[1]}"
        if not isinstance(painted, np.ndarray):
            raise Fault(f"{where}, paint returns a {type(painted).__name__} and no array")
        if painted.shape not in ((*size, 3), (*size, 4)):
            raise Fault(f"{where}, paint returns an array {list(painted.shape)}; expected {[*size, 3]} or {[*size, 4]}")
        if painted.dtype != np.uint8:
            raise Fault(f"{where}, paint returns {painted.dtype}; expected uint8")


def photo_is_left_alone(subject: ContentSubject) -> None:
    """Neither the photo nor the mask nor the other photos are modified."""
    content, image, mask, other = subject.make(), photo((17, 33)), _mask((17, 33)), photo((21, 18), 5)
    before = [array.copy() for array in (image, mask, other)]
    content.paint(image, mask, np.random.default_rng(2), lambda: other)
    for name, a, b in zip(("image", "corruption_mask", "another photo"), before, (image, mask, other), strict=True):
        if not np.array_equal(a, b):
            raise Fault(f"{name} is modified")


def generator_decides(subject: ContentSubject) -> None:
    """Generators of one seed give the same picture, whatever the global random state is and what was painted before."""
    content = subject.make()
    painted = []
    for seed in (1, 2):
        with other_random_state(seed):
            painted.append(np.copy(_paint(content, photo((48, 64)))))
    if not np.array_equal(painted[0], painted[1]):
        raise Fault("two generators of one seed give two pictures; draw from rng alone")
    other = photo((48, 64), 3)
    used, new = (_paint(each, other, seed=6) for each in (content, subject.make()))
    if not np.array_equal(used, new):
        raise Fault("the picture depends on those that were painted before; draw each from its rng alone")


def random_state_is_left_alone(subject: ContentSubject) -> None:
    """The global random states of torch, numpy and Python are not used."""
    content = subject.make()
    state = RandomState()
    _paint(content, photo((48, 64)))
    drawn_from = state.changed()
    if drawn_from:
        raise Fault(f"it draws from the global random state of {', '.join(drawn_from)}; draw from rng alone")


def survives_pickling(subject: ContentSubject) -> None:
    """It can be sent to the processes that prepare images, and paints the same there."""
    content = subject.make()
    pictures = [_paint(each, photo((48, 64))) for each in (content, common.pickled(content))]
    if not np.array_equal(pictures[0], pictures[1]):
        raise Fault("its copy in another process paints another picture")


def photo(size: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    """A photo ``[H, W, 3]``."""
    return (images(*size, batch=1, seed=seed)[0].permute(1, 2, 0) * 255).round().byte().numpy().copy()


def _mask(size: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(size, np.bool_)
    mask[size[0] // 4 :, : size[1] // 2 + 1] = True
    return mask


def _paint(content: Content, image: NDArray[np.uint8], seed: int = 2) -> NDArray[np.uint8]:
    size = image.shape[0], image.shape[1]
    return content.paint(image, _mask(size), np.random.default_rng(seed), lambda: photo((21, 18), 5))


CHECKS = checks(
    common.entry_module_imports_no_torch,
    common.configuration_round_trips,
    common.unknown_keys_are_refused,
    paints_pictures_of_any_size,
    photo_is_left_alone,
    generator_decides,
    random_state_is_left_alone,
    survives_pickling,
)
