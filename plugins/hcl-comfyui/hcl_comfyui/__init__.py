"""Nodes for ComfyUI: load weights, find what does not belong in images, fill it."""
# ruff: noqa: N999

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hcl_comfyui.nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]


def __getattr__(name: str) -> Any:
    """The nodes are imported, and torch with them, when they are asked for: hcl_sdk only looks at `plugin`."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hcl_comfyui import nodes

    return getattr(nodes, name)
