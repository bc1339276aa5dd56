"""The checks of data sets."""

from __future__ import annotations

import numpy as np

from hcl_sdk.errors import describe_error
from hcl_sdk.interfaces import Sample
from hcl_sdk.testing import common
from hcl_sdk.testing.kit import Fault, checks
from hcl_sdk.testing.state import RandomState
from hcl_sdk.testing.subject import DatasetSubject

_LOOKED_AT = 8
"""Samples that are looked at, so that a large data set does not take long."""


def samples_are_there(subject: DatasetSubject) -> None:
    """Every index from 0 to the length gives a sample with a picture; beyond there is an IndexError."""
    dataset = subject.make()
    count = len(dataset)
    if count == 0:
        raise Fault("it has no samples")
    for index in sorted({*range(min(count, _LOOKED_AT)), count - 1}):
        try:
            sample = dataset[index]
        except IndexError as error:
            raise Fault(f"its length is {count}, and dataset[{index}] raises {describe_error(error)}") from error
        if not isinstance(sample, Sample):
            raise Fault(f"sample {index} is a {type(sample).__name__} and no Sample")
    try:
        dataset[count]
    except IndexError:
        return
    raise Fault(f"its length is {count}, and dataset[{count}] raises no IndexError")


def names_tell_samples_apart(subject: DatasetSubject) -> None:
    """Every sample has a name of its own, the same at each call."""
    dataset = subject.make()
    names = [dataset.name(index) for index in range(min(len(dataset), 1000))]
    if not all(isinstance(name, str) and name for name in names):
        raise Fault(f"expected names, got {names[:3]}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Fault(f"several samples are called {', '.join(twice[:3])}")
    if names != [dataset.name(index) for index in range(len(names))]:
        raise Fault("names change from call to call")


def samples_repeat(subject: DatasetSubject) -> None:
    """A sample is the same at each call, also after somebody painted on it."""
    dataset = subject.make()
    for index in range(min(len(dataset), _LOOKED_AT)):
        first = dataset[index]
        kept = _copied(first)
        for array in _arrays(first):
            if array.flags.writeable:
                array[...] = ~array
        for what, a, b in zip(("image", "clean", "mask"), kept, _copied(dataset[index]), strict=True):
            same = a is b is None or (a is not None and b is not None and np.array_equal(a, b))
            if not same:
                raise Fault(f"the {what} of sample {index} is another at the second call")


def random_state_is_left_alone(subject: DatasetSubject) -> None:
    """The global random states of torch, numpy and Python are not used."""
    dataset = subject.make()
    state = RandomState()
    dataset[0]
    drawn_from = state.changed()
    if drawn_from:
        raise Fault(f"it draws from the global random state of {', '.join(drawn_from)}")


def survives_pickling(subject: DatasetSubject) -> None:
    """It can be sent to the processes that read samples, and gives the same there."""
    dataset = subject.make()
    again = common.pickled(dataset)
    if len(again) != len(dataset):
        raise Fault(f"its copy in another process has {len(again)} samples, not {len(dataset)}")
    if not np.array_equal(again[0].image, dataset[0].image):
        raise Fault("its copy in another process gives another image")


def _arrays(sample: Sample) -> list[np.ndarray]:
    return [array for array in (sample.image, sample.clean, sample.corruption_mask) if array is not None]


def _copied(sample: Sample) -> list[np.ndarray | None]:
    return [None if a is None else a.copy() for a in (sample.image, sample.clean, sample.corruption_mask)]


CHECKS = checks(
    common.entry_module_imports_no_torch,
    common.configuration_round_trips,
    common.unknown_keys_are_refused,
    samples_are_there,
    names_tell_samples_apart,
    samples_repeat,
    random_state_is_left_alone,
    survives_pickling,
)
