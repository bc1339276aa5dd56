"""From a registered name to the class, or the folder of weights, itself."""

from __future__ import annotations

import atexit
import importlib
import importlib.resources
import inspect
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hcl_sdk.errors import describe_error, locate_error
from hcl_sdk.registry._entries import SCRIPT_DISTRIBUTION, Entry, PluginError
from hcl_sdk.registry._output import mark_plugin_code

if TYPE_CHECKING:
    from hcl_sdk.interfaces import Configurable


def load_class(entry: Entry) -> type[Configurable]:
    """Return the class of an entry, importing it if necessary.

    Raises:
        PluginError: if it cannot be imported or is not a component of the kind that it was registered as.
    """
    if not isinstance(entry.target, str):
        return entry.target
    return load_target(entry, check_component)


def load_target(entry: Entry, check: Callable[[str, Any], object]) -> Any:
    """Import the target of an entry.

    Args:
        entry: an entry whose target is text.
        check: called with the kind and the imported object; raises an error if something is wrong with it.

    Raises:
        PluginError: if it cannot be imported, or the check raises an error.
    """
    module, _, path = entry.target_text.partition(":")
    try:
        with mark_plugin_code():
            value: Any = importlib.import_module(module)
            for part in path.split("."):
                value = getattr(value, part)
        check(entry.kind, value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit, a panic of an extension module ...: no plugin may end the program
        raise PluginError(
            f"{_name_owner(entry)}: cannot be loaded from {entry.target!r}: "
            f"{describe_error(error)}{locate_error(error)}"
        ) from error
    return value


def find_loaded_class(entry: Entry) -> Any:
    """Return the class of an entry if that needs no import; otherwise None."""
    if not isinstance(entry.target, str):
        return entry.target
    module, _, path = entry.target.partition(":")
    value: Any = sys.modules.get(module)
    for part in path.split("."):
        value = getattr(value, part, None)
    return value


def find_weights(entry: Entry) -> Path | str:
    """Find the weights of an entry: a folder, or ``"hub:organization/name"``.

    Raises:
        PluginError: if the folder does not exist.
    """
    target = entry.target_text
    if target.startswith("hub:"):
        return target
    package, _, folder = target.partition(":")
    try:
        resource = importlib.resources.files(package).joinpath(*folder.split("/"))
        path = Path(str(resource))
        if not path.is_dir() and resource.is_dir():
            path = _unpack(package, folder)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(f"{_name_owner(entry)}: cannot be found: {describe_error(error)}") from error
    if not path.is_dir():
        raise PluginError(f"{_name_owner(entry)}: there is no folder {path}")
    return path


@cache
def _unpack(package: str, folder: str) -> Path:
    """Copy a folder out of a package in a zip archive; the copy exists until the program ends."""
    kept = tempfile.TemporaryDirectory(prefix="hcl_sdk-")
    atexit.register(kept.cleanup)
    for file in importlib.resources.files(package).joinpath(*folder.split("/")).iterdir():
        if file.is_file():
            Path(kept.name, file.name).write_bytes(file.read_bytes())
    return Path(kept.name)


def check_component(kind: str, cls: Any) -> None:
    """Raise ``TypeError`` unless ``cls`` is a decorated, complete component class of that kind."""
    from hcl_sdk.interfaces import KINDS, Configurable  # imports torch
    from hcl_sdk.interfaces.base import is_decorated

    base = KINDS[kind]
    if not isinstance(cls, type) or not issubclass(cls, Configurable):
        raise TypeError(f"expected a class derived from hcl_sdk.{base.__name__}, got {cls!r}")
    if not issubclass(cls, base):
        actual = getattr(cls, "kind", None)
        raise TypeError(
            f"expected a class derived from hcl_sdk.{base.__name__}, got {cls.__qualname__}, "
            f"{f'which is of the kind {actual}' if actual else 'which is of no kind'}"
        )
    if not is_decorated(cls):
        raise TypeError(f"{cls.__qualname__} is not decorated with @hcl_sdk.component alone")
    if inspect.isabstract(cls):
        raise TypeError(
            f"{cls.__qualname__} does not implement {', '.join(sorted(getattr(cls, '__abstractmethods__', ())))}"
        )
    if any(field.name == "use" for field in cls.__attrs_attrs__):  # type: ignore[attr-defined]
        raise TypeError(f"{cls.__qualname__} has a field 'use', which in a configuration is the component's name")


def _name_owner(entry: Entry) -> str:
    given = {None: "built-in", SCRIPT_DISTRIBUTION: "script"}.get(entry.distribution, f"plugin {entry.distribution}")
    return f"{given}: {entry.kind} {entry.qualified_name!r}"
