"""The version of the package, stated only here: the metadata, which is made from it, may be missing."""

__version__ = "0.1.0"
"""The version of hcl_sdk, such as ``"0.1.0"``."""
