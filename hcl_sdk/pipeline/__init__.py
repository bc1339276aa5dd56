"""From photos to masks and restored photos.

``_pipeline`` has the class that is called, configured and saved, ``_default`` the one-liners with the default weights.
``_flow`` takes photos from the detector to the result, ``_batches`` handles lists of them; ``_suspect`` finds the most
suspicious part that was not found. ``_parts`` makes and binds the two parts, ``_changes`` replaces them. ``_options``
has the keywords of calls, ``_needs`` what they require of the parts, ``_schema`` the keys of configurations, ``_card``
the model card.
"""

from hcl_sdk.pipeline._changes import UntrainedWarning
from hcl_sdk.pipeline._default import detect, restore
from hcl_sdk.pipeline._options import CallOptions, DetectOptions, FillingSettings, FindingSettings
from hcl_sdk.pipeline._pipeline import Pipeline

__all__ = [
    "CallOptions",
    "DetectOptions",
    "FillingSettings",
    "FindingSettings",
    "Pipeline",
    "UntrainedWarning",
    "detect",
    "restore",
]
