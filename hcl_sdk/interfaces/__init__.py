"""The abstract components and the values that pass between them."""

from hcl_sdk.interfaces.base import Bindable, Component, component, device_of, field_type
from hcl_sdk.interfaces.kinds import KINDS, Clusterer, Encoder, Head, Interaction, Restorer
from hcl_sdk.interfaces.validators import as_many_as
from hcl_sdk.interfaces.values import Clusters, Detection, Pyramid, PyramidSpec, ScaleDetection, check_mask, pool_mask

__all__ = [
    "KINDS",
    "Bindable",
    "Clusterer",
    "Clusters",
    "Component",
    "Detection",
    "Encoder",
    "Head",
    "Interaction",
    "Pyramid",
    "PyramidSpec",
    "Restorer",
    "ScaleDetection",
    "as_many_as",
    "check_mask",
    "component",
    "device_of",
    "field_type",
    "pool_mask",
]
