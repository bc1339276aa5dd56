"""The base of every component: an attrs class that is also an ``nn.Module`` if it may have weights.

The attrs fields of a component *are* its configuration. They are typed, validated, keyword-only and read-only, so that
Python, YAML and ``config.json`` are three spellings of one thing and ``repr(component)`` is the code that makes it.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import typing
from abc import abstractmethod
from collections.abc import Callable, Hashable
from typing import Any, ClassVar, Self, TypeVar

import attrs
import torch
from torch import nn

from hcl_sdk.errors import check_keywords
from hcl_sdk.interfaces.typecheck import adapt, find_problems, is_configurable

C = TypeVar("C", bound="type[Configurable]")


class _Unbound:
    """Placeholder for a neighbor; a class, so that it keeps its identity in copies and pickles."""


class Configurable:
    """Base of everything that a configuration can express: components, and groups of them.

    Subclasses are decorated with :func:`component`, which turns their annotations into attrs fields. Those without
    weights (shapes, contents, datasets ...) derive from this class alone and are plain attrs classes; they do one-time
    preparation in ``__attrs_post_init__``.

    Raises:
        TypeError: on instantiation, if the class was not decorated with :func:`component`, or has another decorator on
            top: attrs' own decorators silently lose the parameters of an ``nn.Module``.
    """

    kind: ClassVar[str]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if not is_decorated(cls):
            raise TypeError(
                f"{cls.__qualname__} is a component, but not decorated with @hcl_sdk.component alone; "
                f"write @hcl_sdk.component, and no other class decorator, above 'class {cls.__name__}'"
            )
        check_keywords(cls.__name__, kwargs, [field.name for field in attrs.fields(cls)])  # type: ignore[arg-type]
        return super().__new__(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _list_field_names(type(self)) and (
            name in self.__dict__ or name in self.__dict__.get("_modules", ())
        ):
            raise AttributeError(
                f"{type(self).__name__}.{name} is read-only: a component's fields are its configuration. "
                f"Use attrs.evolve(component, {name}=...) to create a modified copy."
            )
        if not isinstance(value, nn.Module | torch.Tensor):
            self._check_spelling(name)
        super().__setattr__(name, value)

    def _check_spelling(self, name: str) -> None:
        """Raise ``AttributeError`` if a new attribute looks like a misspelled field, which would have no effect."""
        cls = type(self)
        fields = _list_field_names(cls)
        if name.startswith("_") or name in fields or name in self.__dict__ or hasattr(cls, name):
            return
        if any(name in self.__dict__.get(group, ()) for group in ("_parameters", "_buffers", "_modules")):
            return
        near = difflib.get_close_matches(name, fields, n=1, cutoff=0.8)
        if near and name not in _list_mentioned(cls):
            raise AttributeError(f"{cls.__name__} has no field {name!r}; did you mean {near[0]!r}?")

    def __delattr__(self, name: str) -> None:
        if name in _list_field_names(type(self)):
            raise AttributeError(f"{type(self).__name__}.{name} is read-only: fields are the configuration")
        super().__delattr__(name)


class Component(Configurable, nn.Module):
    """Base of every component that has, or may have, weights.

    Layers are created in ``build`` (see the abstract class of each kind), never in the class body, and annotated there
    too.
    """

    def __attrs_pre_init__(self) -> None:
        super().__init__()


class Bindable(Component):
    """A component whose layers depend on its neighbor and are therefore created when the parts are composed.

    Until :meth:`bind` has been called, ``forward`` and ``load_state_dict`` raise ``RuntimeError``.
    """

    def __attrs_pre_init__(self) -> None:
        super().__attrs_pre_init__()
        self._bound_to: Any = _Unbound
        self._refusals = (
            self.register_forward_pre_hook(_refuse_unbound),
            self.register_load_state_dict_pre_hook(_refuse_unbound),
        )

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError as error:
            if self.__dict__.get("_bound_to") is _Unbound:
                raise AttributeError(f"{error} yet: it must be bound to its neighbor first") from None
            raise

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
                f"its layers fit only the former. Create another {type(self).__name__} for the latter."
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
    """Turn a class into a component: its annotations become keyword-only, validated, read-only configuration fields.

    When a component is created, every value is checked against its annotation (``64`` is an int; ``"64"``, ``True`` and
    ``64.0`` are not; a list is converted to a tuple), then by the validators given to ``attrs.field``. Allowed
    annotations: ``bool``, ``int``, ``float``, ``str``, ``Literal``, ``tuple`` of these, unions of these, ``dict`` from
    strings to these; and a component, a ``tuple`` of components of any length, or None instead of either.

    Raises:
        TypeError: if the class is not a component, defines its own ``__init__`` or ``__attrs_post_init__``, lacks a
            field that its kind requires, or has a field that cannot be configuration: of an unsupported type, with a
            name that begins with ``_`` or hides an attribute of ``nn.Module`` or of its kind, with a mutable default,
            with an alias, or with ``init=False``.

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
    if not (isinstance(cls, type) and issubclass(cls, Configurable)):
        raise TypeError(f"@component is for classes of a component kind (Encoder, Head, ...), not for {cls!r}")
    if "__init__" in cls.__dict__:
        raise TypeError(
            f"{cls.__qualname__} defines its own __init__; declare fields and make layers in build() instead"
        )
    if "__attrs_post_init__" in cls.__dict__ and issubclass(cls, Component) and hasattr(cls, "build"):
        raise TypeError(
            f"{cls.__qualname__} defines its own __attrs_post_init__, which would keep build() from being called; "
            f"make layers in build(), and check fields with validators"
        )
    made = attrs.define(
        cls,
        eq=False,
        slots=False,
        kw_only=True,
        auto_attribs=True,
        on_setattr=attrs.setters.NO_OP,
        field_transformer=_check_fields,
    )
    for name, value in cls.__dict__.items():
        if isinstance(value, nn.Module | torch.Tensor):
            raise TypeError(
                f"{cls.__qualname__}.{name} is made in the class body, so all instances would share it and it would "
                f"neither be saved nor trained; make layers in build()"
            )
    for base in cls.__mro__[: cls.__mro__.index(Configurable)]:
        for name in _list_declared(base):
            if not hasattr(made, name) and name not in _list_field_names(made):
                raise TypeError(f"{cls.__qualname__} needs a field {name!r}, as every {base.__qualname__} does")
    made.__hcl_component__ = made.__init__, made.__attrs_attrs__  # type: ignore[attr-defined]
    return made


def is_decorated(cls: type[Configurable]) -> bool:
    """Whether :func:`component` was the last decorator of this very class, not just of one of its bases.

    Another class decorator on top would generate its own constructor or comparisons.
    """
    init, fields = cls.__dict__.get("__hcl_component__", (None, None))
    untouched = cls.__eq__ is object.__eq__ and cls.__hash__ is object.__hash__
    return init is cls.__init__ and fields is getattr(cls, "__attrs_attrs__", None) and untouched


def get_device(module: nn.Module) -> torch.device:
    """Return the device of a module's first parameter or buffer; the CPU if it has none."""
    for tensor in (*module.parameters(), *module.buffers()):
        return tensor.device
    return torch.device("cpu")


def _check_fields(cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Reject fields that cannot be configuration, and add type checks to the others."""
    own = inspect.get_annotations(cls)
    return [_check_field(cls, field) if field.name in own else field for field in fields]


def _check_field(cls: type, field: attrs.Attribute[Any]) -> attrs.Attribute[Any]:
    where = f"field {cls.__qualname__}.{field.name}"
    inherited = any(field.name in _list_field_names(base) for base in cls.__mro__[1:])
    if field.name.startswith("_"):
        raise TypeError(f"{where}: a field is part of the configuration; its name cannot begin with an underscore")
    if not inherited and (field.name == "training" or any(field.name in base.__dict__ for base in cls.__mro__[1:])):
        raise TypeError(f"{where} hides an attribute that components already have; choose another name")
    if not field.init or field.alias not in (None, field.name):
        raise TypeError(f"{where} must be an argument under its own name: neither init=False nor an alias can be saved")
    if isinstance(field.default, nn.Module | list | dict | set):
        raise TypeError(
            f"{where}: the default {type(field.default).__name__} would be shared by all instances; "
            f"use attrs.field(factory=...), and a tuple for a sequence"
        )
    try:
        hint = get_field_type(cls, field.name)
    except NameError as error:
        raise TypeError(f"{where}: its type is not known where the class is defined: {error}") from error
    if not is_configurable(hint, Configurable):
        raise TypeError(
            f"{where} cannot be of type {field.type}; a field is a bool, int, float, str, Literal, a tuple or union of "
            f"these, a dict from str to these, a component, a tuple[..., ...] of components, or None in their place. "
            f"Layers are made and annotated in build()"
        )
    validators = [_check_type] if field.validator is None else [_check_type, field.validator]
    converters: list[Any] = [] if field.converter is None else [field.converter]
    if "tuple" in str(hint):
        converters.append(functools.partial(_accept_lists, hint))
    converter = attrs.converters.pipe(*converters) if converters else None
    return field.evolve(validator=_Checks(tuple(validators)), converter=converter)


@attrs.frozen
class _Checks:
    """Run validators one after the other, like ``attrs.validators.and_``; errors carry only their message."""

    _validators: tuple[Callable[[Any, attrs.Attribute[Any], Any], Any], ...]

    def __call__(self, instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        try:
            for validator in self._validators:
                validator(instance, attribute, value)
        except (TypeError, ValueError) as error:
            if not any(isinstance(part, attrs.Attribute) for part in error.args[1:]):
                raise
            # Some of attrs' validators append the field, the expectation and the value to the message.
            raise (TypeError if isinstance(error, TypeError) else ValueError)(error.args[0]) from None


def _accept_lists(hint: Any, value: Any) -> Any:
    """Convert a list to a tuple if the field is a tuple; its elements are checked later."""
    return adapt(value, hint) if isinstance(value, list | tuple) else value


def _check_type(instance: Configurable, attribute: attrs.Attribute[Any], value: Any) -> None:
    # Not type(instance): a stand-in, while a configuration is checked, has the true class here.
    cls = instance.__class__
    for path, message in find_problems(value, get_field_type(cls, attribute.name)):
        raise TypeError(f"{cls.__name__}.{attribute.name}{path}: {message}")


@functools.cache
def get_field_type(cls: type, name: str) -> Any:
    """Return the resolved annotation of a field of a component class."""
    for base in cls.__mro__:
        if name in inspect.get_annotations(base):
            return typing.get_type_hints(base)[name]
    raise AttributeError(f"{cls.__qualname__} has no field {name!r}")


def _list_declared(cls: type) -> list[str]:
    """List the fields that an abstract class declares but does not define: its subclasses must have them."""
    if attrs.has(cls):
        return []
    return [name for name, hint in inspect.get_annotations(cls).items() if "ClassVar" not in str(hint)]


@functools.cache
def _list_mentioned(cls: type) -> frozenset[str]:
    """List the names in the code of a class's methods, among them the attributes that it gives itself."""
    own = cls.__mro__[: cls.__mro__.index(Configurable)]
    methods = [inspect.unwrap(method) for base in own for method in vars(base).values() if inspect.isfunction(method)]
    return frozenset(name for method in methods for name in method.__code__.co_names)


def _list_field_names(cls: type) -> frozenset[str]:
    return frozenset(a.name for a in getattr(cls, "__attrs_attrs__", ()))
