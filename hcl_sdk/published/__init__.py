"""The published networks: their configurations, and the checkpoints that the authors' code writes.

The authors' code has the opposite mask polarity (1 = valid). Everything converted here follows this package's
convention, True = corrupted.
"""

from hcl_sdk._renamed import redirect
from hcl_sdk.published._checkpoint import ConversionError
from hcl_sdk.published._convert import Conversion, convert, load_published
from hcl_sdk.published._presets import convert_settings, get_preset, list_presets

__all__ = [
    "Conversion",
    "ConversionError",
    "convert",
    "convert_settings",
    "get_preset",
    "list_presets",
    "load_published",
]


redirect(__name__, {"preset": "get_preset", "presets": "list_presets", "settings_to_config": "convert_settings"})
