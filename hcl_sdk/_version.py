"""The version of the installed package; a module of its own, because looking it up takes a while."""

from importlib.metadata import version

__version__: str = version("hcl_sdk")
"""The version of hcl_sdk that is installed, such as ``"0.1.0"``."""
