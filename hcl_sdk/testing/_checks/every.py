"""The checks of components of every kind."""

from __future__ import annotations

import functools
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import SkipTest

import attrs
import numpy as np
import torch

from hcl_sdk.config import ConfigError, build, describe, dump_yaml, load_yaml
from hcl_sdk.errors import describe_error
from hcl_sdk.interfaces import Configurable
from hcl_sdk.plugins import registry
from hcl_sdk.testing._expect import require, require_same
from hcl_sdk.testing._report import Fault
from hcl_sdk.testing._state import RANDOM, State
from hcl_sdk.testing._subjects import Subject


def entry_module_imports_no_torch(subject: Subject[Any]) -> None:
    """Listing what a package provides does not import torch."""
    entry = registry.find_entry(subject.cls)
    if entry is None or entry.distribution == "script":
        raise SkipTest("no installed package registers it")
    distribution = entry.distribution or "hcl-sdk"
    for report in registry.plugins:
        if report.distribution == distribution and report.status == "ok":
            require(
                not _imports_torch(report.value.partition(":")[0]),
                f"{report.value}, the module of {distribution}'s entry point, imports torch; register components as "
                f'text, "package.module:Class", and import in that module',
            )


@functools.cache
def _imports_torch(module: str) -> bool:
    """Whether importing a module imports torch, in a new process."""
    code = "import importlib, sys; importlib.import_module(sys.argv[1]); print('torch' in sys.modules)"
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code, module], capture_output=True, text=True, check=False, env=os.environ | path
    )
    failed = f"importing {module} in a new process fails: {done.stderr.strip()[-500:]}"
    require(done.returncode == 0, failed)
    return done.stdout.strip().endswith("True")


def configuration_round_trips(subject: Subject[Any]) -> None:
    """The configuration, written as YAML and read again, gives an equal component."""
    component = subject.make_unbound()
    with _name_parts(component):
        described = _describe(component)
        again = build(load_yaml(dump_yaml({"it": described}))["it"], component.kind)
        require(describe(again) == described, f"{described} comes back as {describe(again)}")


def unknown_keys_are_refused(subject: Subject[Any]) -> None:
    """A key that is not a field is refused, in Python and in a configuration."""
    component, wrong = subject.make_unbound(), "no_such_field"
    fields = {field.name: getattr(component, field.name) for field in attrs.fields(type(component))}
    with _name_parts(component):
        try:
            type(component)(**fields, **{wrong: 1})
        except TypeError as error:
            if wrong not in str(error):
                raise
        else:
            raise Fault(f"{type(component).__name__}({wrong}=1) is not refused")
        try:
            build({**_describe(component), wrong: 1}, component.kind)
        except ConfigError as error:
            if wrong not in str(error):
                raise
        else:
            raise Fault(f"a configuration with the key {wrong} is not refused")


def _describe(component: Any) -> dict[str, Any]:
    if what := getattr(component, "unspellable", ""):
        raise SkipTest(f"a configuration cannot express {what}")
    return describe(component)


@contextmanager
def _name_parts(component: Configurable) -> Iterator[None]:
    """Register names for parts of the component that have none."""
    with registry.isolate(keep_scripts=True):
        for i, part in enumerate(_walk_parts(component)):
            if getattr(type(part), "kind", None) and registry.find_entry(type(part)) is None:
                getattr(registry, part.kind)(f"under-test-{i}", type(part))
        yield


def _walk_parts(value: Any) -> Iterator[Configurable]:
    if isinstance(value, Configurable):
        yield value
        for field in attrs.fields(type(value)):  # pyright: ignore[reportArgumentType]
            yield from _walk_parts(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _walk_parts(item)


def random_state_is_left_alone(subject: Subject[Any]) -> None:
    """The global random states of torch, NumPy and Python are neither used nor seeded on creation."""
    torch.manual_seed(8_128)
    np.random.seed(8_128)
    random.seed(8_128)
    state = State(RANDOM)
    subject.prepare(subject.make_unbound())
    require(torch.initial_seed() == 8_128, "making it seeds torch's global random state, which is the user's to seed")
    others = ", ".join(name for name in state.list_changed() if name != "torch")  # which weights are drawn from
    require(not others, f"making it seeds or draws from the global random state of {others}; draw from torch's")
    component = subject.make()
    state = State(RANDOM)
    subject.use(component)
    used = ", ".join(state.list_changed())
    require(not used, f"it draws from the global random state of {used}; {subject.random_source}")


def survives_pickling(subject: Subject[Any]) -> None:
    """It can be sent to the processes that prepare images, and does the same there."""
    component = subject.make()
    try:
        again = pickle.loads(pickle.dumps(component))
    except Exception as error:  # any error of the component's parts
        raise Fault(f"it cannot be pickled: {describe_error(error)}") from error
    if hasattr(component, "__len__"):
        counts = f"its copy in another process has {len(again)} samples, not {len(component)}"
        require(len(again) == len(component), counts)
    require_same(subject.use(component), subject.use(again), "in its copy in another process")


CHECKS = (entry_module_imports_no_torch, configuration_round_trips, unknown_keys_are_refused)
