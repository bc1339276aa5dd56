"""What ComfyUI looks for in a folder below ``custom_nodes``."""
# ruff: noqa: N999  # ComfyUI names its folders like this

from hcl_comfyui import NODE_CLASS_MAPPINGS, NODE_DISPLAY_NAME_MAPPINGS

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"]
