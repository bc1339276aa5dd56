"""The conformance kit: does a component keep the promises of its kind?

The names below are imported when first used, so that pytest can load the plugin in this package without torch.
``__init__.pyi`` is the one list of them.
"""

from hcl_sdk._lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(
    __spec__, {"checks_for": "list_checks", "page_blocks": "read_blocks", "isolated_registry": "isolate_registry"}
)
