"""What every component is: an attrs class that is also an ``nn.Module``.

The attrs fields of a component *are* its configuration. They are typed, validated, keyword-only and read-only, so that
Python, YAML and ``config.json`` are three spellings of one thing and ``repr(component)`` is the code that makes it.
"""

from __future__ import annotations

import functools
import inspect
import typing
from abc import abstractmethod
from collections.abc import Hashable
from typing import Any, ClassVar, Self, TypeVar

import attrs
import torch
from torch import nn

from hcl_sdk.interfaces.typecheck import problems

C = TypeVar("C", bound="type[Component]")


class _Unbound:
    """Stands for a neighbor until there is one; a class, so that copies and pickles know it again."""


class Component(nn.Module):
    """Base of every component that has, or may have, weights.

    Subclasses are decorated with :func:`component`; the decorator turns their annotations into attrs fields. Layers are
    made in ``build`` (see the abstract class of each kind), never in the class body, and annotated there as well.

    Raises:
        TypeError: on instantiation, if the class was not decorated with :func:`component`, or decorated with something
            else on top of it: attrs' own decorators lose the parameters of an ``nn.Module`` without a word.
    """

    kind: ClassVar[str]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if not is_decorated(cls):
            raise TypeError(
                f"{cls.__qualname__} is a component, but not decorated with @hcl_sdk.component alone; "
                f"write @hcl_sdk.component, and no other class decorator, above 'class {cls.__name__}'"
            )
        return super().__new__(cls)

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _field_names(type(self)) and (name in self.__dict__ or name in self.__dict__.get("_modules", ())):
            raise AttributeError(
                f"{type(self).__name__}.{name} is read-only: a component's fields are its configuration. "
                f"Use attrs.evolve(component, {name}=...) to make a changed copy."
            )
        super().__setattr__(name, value)


class Bindable(Component):
    """A component whose layers depend on its neighbor, so that they are made when the pieces are put together.

    Until :meth:`bind` was called, ``forward`` and ``load_state_dict`` raise ``RuntimeError``.
    """

    def __attrs_pre_init__(self) -> None:
        super().__attrs_pre_init__()
        self._bound_to: Any = _Unbound
        self._refusals = (
            self.register_forward_pre_hook(_refuse_unbound),
            self.register_load_state_dict_pre_hook(_refuse_unbound),
        )

    @property
    def is_bound(self) -> bool:
        """Whether the layers have been made."""
        return self._bound_to is not _Unbound

    def _bind(self, neighbor: Hashable) -> None:
        """Call ``build(neighbor)`` once; do nothing for the same ``neighbor``, raise ``ValueError`` for another."""
        if not self.is_bound:
            self.build(neighbor)
            self._bound_to = neighbor
            for refusal in self._refusals:
                refusal.remove()
        elif self._bound_to != neighbor:
            raise ValueError(
                f"{type(self).__name__} is already bound to {self._bound_to} and cannot be bound to {neighbor}: "
                f"its layers fit the first only. Make another {type(self).__name__} for the second."
            )

    @abstractmethod
    def build(self, neighbor: Any, /) -> None:
        """Make the layers that fit ``neighbor``."""


def _refuse_unbound(module: Bindable, *_: Any) -> None:
    raise RuntimeError(
        f"{type(module).__name__} has no layers yet: it must be bound to its neighbor first, "
        f"which Detector and Pipeline do when they are made (or call .bind(...) yourself)"
    )


@typing.dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(attrs.field,))
def component(cls: C) -> C:
    """Make a component of a class: its annotations become keyword-only, validated, read-only configuration fields.

    Every value is checked against its annotation when the component is made (``64`` is an int, ``"64"``, ``True`` and
    ``64.0`` are not), then by the validators given with ``attrs.field``. Allowed annotations: ``bool``, ``int``,
    ``float``, ``str``, ``Literal``, ``tuple`` of these, optional ones, and other components.

    Raises:
        TypeError: if the class is not a component, writes its own ``__init__``, has a field whose name begins with
            ``_`` or hides an attribute of ``nn.Module`` or of its kind, or a default that instances would share.

    Example:
        >>> import hcl_sdk
        >>> @hcl_sdk.component
        ... class Doubled(hcl_sdk.Interaction):
        ...     factor: float = 2.0
        ...     spec = None
        ...     def build(self, spec):
        ...         self.spec = spec
        ...     def forward(self, pyramid):
        ...         return pyramid.with_maps([self.factor * m for m in pyramid.maps])
        >>> Doubled()
        Doubled(factor=2.0)
    """
    if not (isinstance(cls, type) and issubclass(cls, Component)):
        raise TypeError(f"@component is for classes of a component kind (Encoder, Head, ...), not for {cls!r}")
    if "__init__" in cls.__dict__:
        raise TypeError(
            f"{cls.__qualname__} writes its own __init__; declare fields and make layers in build() instead"
        )
    inherited = {name for base in cls.__mro__[1:] if attrs.has(base) for name in _field_names(base)}
    for name, annotation in inspect.get_annotations(cls).items():
        if "ClassVar" not in str(annotation):
            _check_field(cls, name, name in inherited)
    made = attrs.define(
        cls,
        eq=False,
        slots=False,
        kw_only=True,
        auto_attribs=True,
        on_setattr=attrs.setters.NO_OP,
        field_transformer=_with_type_checks,
    )
    made.__hcl_component__ = made.__init__, made.__attrs_attrs__  # type: ignore[attr-defined]
    return made


def is_decorated(cls: type[Component]) -> bool:
    """Whether :func:`component` was the last to decorate this very class, not just one that it derives from.

    Another class decorator on top would write a constructor, or comparisons, of its own.
    """
    init, fields = cls.__dict__.get("__hcl_component__", (None, None))
    return init is cls.__init__ and fields is getattr(cls, "__attrs_attrs__", None)


def device_of(module: nn.Module) -> torch.device:
    """The device of a module's first parameter or buffer; the CPU for a module without any."""
    for tensor in (*module.parameters(), *module.buffers()):
        return tensor.device
    return torch.device("cpu")


def _check_field(cls: type[Component], name: str, inherited: bool) -> None:
    where = f"field {cls.__qualname__}.{name}"
    if name.startswith("_"):
        raise TypeError(f"{where}: a field is part of the configuration, its name cannot begin with an underscore")
    if not inherited and (name == "training" or any(name in base.__dict__ for base in cls.__mro__[1:])):
        raise TypeError(f"{where} hides an attribute that components already have; choose another name")
    default = cls.__dict__.get(name)
    if isinstance(default, nn.Module | list | dict | set):
        raise TypeError(
            f"{where}: the default {type(default).__name__} would be shared by all instances; "
            f"use attrs.field(factory=...), and a tuple for a sequence"
        )


def _with_type_checks(cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    def checked(field: attrs.Attribute[Any]) -> attrs.Attribute[Any]:
        if field.validator is None:
            return field.evolve(validator=_check_type)
        if _checks_type(field.validator):  # inherited from a component
            return field
        return field.evolve(validator=attrs.validators.and_(_check_type, field.validator))

    return [checked(field) for field in fields]


def _checks_type(validator: Any) -> bool:
    return validator is _check_type or _check_type in getattr(validator, "_validators", ())


def _check_type(instance: Component, attribute: attrs.Attribute[Any], value: Any) -> None:
    for path, message in problems(value, field_type(type(instance), attribute.name)):
        raise TypeError(f"{type(instance).__name__}.{attribute.name}{path}: {message}")


@functools.cache
def field_type(cls: type, name: str) -> Any:
    """The resolved annotation of a field of a component class."""
    for base in cls.__mro__:
        if name in inspect.get_annotations(base):
            return typing.get_type_hints(base)[name]
    raise AttributeError(f"{cls.__qualname__} has no field {name!r}")


def _field_names(cls: type) -> frozenset[str]:
    return frozenset(a.name for a in getattr(cls, "__attrs_attrs__", ()))
