"""Creating components as planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hcl_sdk.config._check import ComponentPlan, DictPlan, PlainPlan, Plan
from hcl_sdk.config._errors import ConfigError, Problems, get_message


def make(plan: Plan) -> Any:
    """Create the value of a plan.

    Raises:
        ConfigError: naming every component that refused its values, such as a detector with incompatible parts.
    """
    if isinstance(plan, PlainPlan):
        return plan.value
    if isinstance(plan, DictPlan):
        return make_all(plan.items)
    if isinstance(plan, ComponentPlan):
        values = make_all(plan.fields)
        try:
            return plan.cls(**values)
        except (ImportError, TypeError, ValueError) as error:  # ImportError: a package that a component needs
            raise ConfigError([(plan.path, get_message(error))]) from error
    return tuple(make_all(dict(enumerate(plan.items))).values())


def make_all(plans: Mapping[Any, Plan]) -> dict[Any, Any]:
    """Create the values of several plans; one that fails does not hide the others' problems.

    Raises:
        ConfigError: like :func:`make`.
    """
    problems = Problems()
    made: dict[Any, Any] = {}
    for key, plan in plans.items():
        with problems.collect():
            made[key] = make(plan)
    problems.check()
    return made
