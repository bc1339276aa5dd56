"""Names -> components and weights.

A :class:`Registry` holds what the built-ins, the installed plugins and the running script registered. Importing this
module, and listing its contents, imports neither torch nor any component.
"""

from hcl_sdk.registry._entries import (
    BUILTIN_DISTRIBUTION,
    COMPONENT_KINDS,
    KINDS_AND_WEIGHTS,
    SCRIPT_DISTRIBUTION,
    Entry,
    PluginError,
    PluginReport,
    RegistryError,
    UnknownNameError,
    check_no_clash,
    normalize,
)
from hcl_sdk.registry._explain import suggest_package
from hcl_sdk.registry._registry import Registry

__all__ = [
    "BUILTIN_DISTRIBUTION",
    "COMPONENT_KINDS",
    "KINDS_AND_WEIGHTS",
    "SCRIPT_DISTRIBUTION",
    "Entry",
    "PluginError",
    "PluginReport",
    "Registry",
    "RegistryError",
    "UnknownNameError",
    "check_no_clash",
    "normalize",
    "suggest_package",
]
