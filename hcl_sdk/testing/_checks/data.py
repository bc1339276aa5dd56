"""The checks of shapes, contents and datasets."""

from __future__ import annotations

from typing import Any

import numpy as np

from hcl_sdk.errors import describe_error
from hcl_sdk.interfaces import Sample
from hcl_sdk.testing._expect import require
from hcl_sdk.testing._inputs import SIZES, draw_photo
from hcl_sdk.testing._report import Fault
from hcl_sdk.testing._state import change_random_state
from hcl_sdk.testing._subjects import ContentSubject, DatasetSubject, GeneratorSubject, ShapeSubject, draw_damage

_LOOKED_AT = 8
"""Number of samples to check, so that a large dataset does not take long."""


def draws_masks_of_any_size(subject: ShapeSubject) -> None:
    """From 1 x 1 on, ``draw`` returns a bool array of the requested size."""
    shape = subject.make()
    for size in SIZES:
        what = f"for a size of {size[0]} x {size[1]}, draw returns"
        _require_array(shape.draw(size, np.random.default_rng(1)), (size,), np.bool_, "bool, True = corrupted", what)


def paints_content_of_any_size(subject: ContentSubject) -> None:
    """From 1 x 1 on, ``paint`` returns a uint8 array of the photo's size: RGB, or RGB and opacity."""
    content = subject.make()
    for size in SIZES:
        what = f"for a photo of {size[0]} x {size[1]}, paint returns"
        _require_array(subject.paint(content, size, seed=2), ((*size, 3), (*size, 4)), np.uint8, "uint8", what)


def _require_array(array: Any, shapes: tuple[tuple[int, ...], ...], dtype: type, values: str, what: str) -> None:
    require(isinstance(array, np.ndarray), f"{what} a {type(array).__name__} instead of an array")
    expected = " or ".join(str(list(shape)) for shape in shapes)
    require(array.shape in shapes, f"{what} an array {list(array.shape)}; expected {expected}")
    require(array.dtype == dtype, f"{what} {array.dtype}; expected {values}")


def photo_is_left_alone(subject: ContentSubject) -> None:
    """Neither the photo nor the mask nor the other photos are modified."""
    content, image, mask, other = subject.make(), draw_photo((17, 33)), draw_damage((17, 33)), draw_photo((21, 18), 5)
    before = [array.copy() for array in (image, mask, other)]
    content.paint(image, mask, np.random.default_rng(2), lambda: other)
    for name, a, b in zip(("image", "corruption_mask", "another photo"), before, (image, mask, other), strict=True):
        require(np.array_equal(a, b), f"{name} is modified")


def generator_decides(subject: GeneratorSubject[Any]) -> None:
    """Generators with the same seed give the same result, whatever the global random state and earlier calls."""
    component, results = subject.make(), []
    for seed in (1, 2):
        with change_random_state(seed):
            results.append(subject.use(component, seed=5))
    require(np.array_equal(*results), "two generators with the same seed give different results; draw from rng alone")
    for seed in (6, 7):  # by an instance that has drawn before, and by a new one
        used, new = (subject.use(each, seed=seed) for each in (component, subject.make()))
        require(np.array_equal(used, new), "the result depends on earlier calls; draw each from its rng alone")


def samples_are_there(subject: DatasetSubject) -> None:
    """Every index below the length gives a sample with an image; the length itself raises IndexError."""
    dataset = subject.make()
    count = len(dataset)
    require(count, "it has no samples")
    for index in sorted({*range(min(count, _LOOKED_AT)), count - 1}):
        try:
            sample = dataset[index]
        except IndexError as error:
            raise Fault(f"its length is {count}, and dataset[{index}] raises {describe_error(error)}") from error
        require(isinstance(sample, Sample), f"sample {index} is a {type(sample).__name__} instead of a Sample")
    try:
        dataset[count]
    except IndexError:
        return
    raise Fault(f"its length is {count}, and dataset[{count}] raises no IndexError")


def names_tell_samples_apart(subject: DatasetSubject) -> None:
    """Every sample has a unique name, the same at each call."""
    dataset = subject.make()
    names = [dataset.name(index) for index in range(min(len(dataset), 1000))]
    require(all(isinstance(name, str) and name for name in names), f"expected names, got {names[:3]}")
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, f"several samples are called {', '.join(twice[:3])}")
    require(names == [dataset.name(index) for index in range(len(names))], "names change from call to call")


def samples_repeat(subject: DatasetSubject) -> None:
    """A sample is the same at each call, even after the arrays of an earlier call were modified."""
    dataset = subject.make()
    for index in range(min(len(dataset), _LOOKED_AT)):
        first = subject.use(dataset, index)
        kept = {what: np.copy(array) for what, array in first.items()}
        for array in first.values():
            if array is not None and array.flags.writeable:
                array[...] = ~array
        for what, again in subject.use(dataset, index).items():
            same = np.array_equal(kept[what], again)
            require(same, f"the {what} of sample {index} is another at the second call")
