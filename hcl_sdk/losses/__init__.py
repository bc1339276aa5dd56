"""Losses, which training minimizes: of detection and of restoration.

The names below are imported when first used; ``__init__.pyi`` is the one list of them.
"""

from hcl_sdk._lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__spec__)
