"""The abstract components and the values that pass between them."""

from hcl_sdk.interfaces.base import Bindable, Component, Configurable, component, get_device, get_field_type
from hcl_sdk.interfaces.kinds import (
    KINDS,
    AdversarialLoss,
    Clusterer,
    Content,
    Dataset,
    DetectionLoss,
    Encoder,
    Head,
    Interaction,
    Loss,
    RestorationLoss,
    Restorer,
    Shape,
)
from hcl_sdk.interfaces.samples import Sample, SampleError
from hcl_sdk.interfaces.validators import as_many_as
from hcl_sdk.interfaces.values import Clusters, Detection, Pyramid, PyramidSpec, ScaleDetection, check_mask, pool_mask
from hcl_sdk.settings import DAMAGE, Damage

__all__ = [
    "DAMAGE",
    "KINDS",
    "AdversarialLoss",
    "Bindable",
    "Clusterer",
    "Clusters",
    "Component",
    "Configurable",
    "Content",
    "Damage",
    "Dataset",
    "Detection",
    "DetectionLoss",
    "Encoder",
    "Head",
    "Interaction",
    "Loss",
    "Pyramid",
    "PyramidSpec",
    "RestorationLoss",
    "Restorer",
    "Sample",
    "SampleError",
    "ScaleDetection",
    "Shape",
    "as_many_as",
    "check_mask",
    "component",
    "get_device",
    "get_field_type",
    "pool_mask",
]
