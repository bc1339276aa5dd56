"""From photos to masks and restored photos.

``_pipeline`` has the class that is called, configured and saved, ``_default`` the one-liners with the default
weights. ``_finder`` takes photos to masks: it runs the detector, ``_resizing`` has the sizes for that,
``_confidence`` what is made of its output, ``_masks`` the masks. ``_filler`` takes masks to restored photos,
``_refinement`` refines the fills. ``_batches`` handles lists of photos; ``_suspect`` finds the most suspicious part
that was not found. ``_parts`` makes and binds the two parts, ``_changes`` replaces them. ``_options`` has the
keywords of calls, ``_needs`` what they require of the parts, ``_schema`` the keys of configurations, ``_card`` the
model card.
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
