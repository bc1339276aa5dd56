"""Names -> components and weights.

A :class:`Registry` holds what the built-ins, the installed plugins and the running script registered. Importing this
module, and listing its contents, imports neither torch nor any component.
"""

from hcl_sdk.registry._at_work import find_component_at_work
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
    check_form,
    check_no_clash,
    is_name,
    normalize,
)
from hcl_sdk.registry._explain import suggest_package
from hcl_sdk.registry._loading import load_target
from hcl_sdk.registry._output import mark_own_code, mark_plugin_code, runs_plugin_code
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
    "check_form",
    "check_no_clash",
    "find_component_at_work",
    "is_name",
    "load_target",
    "mark_own_code",
    "mark_plugin_code",
    "normalize",
    "runs_plugin_code",
    "suggest_package",
]
