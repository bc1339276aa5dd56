"""Nodes for ComfyUI: load weights, find what does not belong in images, fill it."""
# ruff: noqa: N999

from hcl_comfyui.nodes import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
