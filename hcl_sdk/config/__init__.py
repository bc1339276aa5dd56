"""Components <-> plain mappings <-> YAML.

A component is written as ``{use: name, field: value, ...}``, or just ``name`` if all its fields have their defaults.
Values are not coerced (``"64"`` is not 64), and all problems in a configuration are reported at once.

A configuration passes through these modules in this order: text is read (``_yaml``), values are set from the command
line (``_override``), everything is checked against the types of the fields (``_check``), and only then are components
created (``_make``). ``_describe`` is the reverse.
"""

from hcl_sdk._renamed import redirect
from hcl_sdk.config._build import build, make_converter, structure
from hcl_sdk.config._describe import describe, list_plugins_used
from hcl_sdk.config._errors import ConfigError, Problem
from hcl_sdk.config._hints import FieldsOf
from hcl_sdk.config._override import override
from hcl_sdk.config._yaml import dump_yaml, load_yaml

__all__ = [
    "ConfigError",
    "FieldsOf",
    "Problem",
    "build",
    "describe",
    "dump_yaml",
    "list_plugins_used",
    "load_yaml",
    "make_converter",
    "override",
    "structure",
]


redirect(__name__, {"plugins_used": "list_plugins_used"})
