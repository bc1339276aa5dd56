"""The published networks: their configurations, and the checkpoints that the authors' code writes.

The authors' code has masks the other way round (1 = valid). What is converted here follows this package's convention,
True = corrupted.
"""

from hcl_sdk.published._checkpoint import ConversionError
from hcl_sdk.published._convert import Conversion, convert, load_published
from hcl_sdk.published._presets import preset, presets, settings_to_config

__all__ = [
    "Conversion",
    "ConversionError",
    "convert",
    "load_published",
    "preset",
    "presets",
    "settings_to_config",
]
