"""From photos to masks and restored photos.

``_pipeline`` is what is called, configured and saved, ``_default`` the one-liners with the weights in the package.
``_flow`` takes photos from the detector to the result, ``_batches`` many of them; ``_suspect`` looks for what was
nearly found. ``_parts`` makes and binds the two parts, ``_changes`` replaces them. ``_options`` has the keywords
of calls, ``_needs`` what they require of the parts, ``_schema`` the keys of configurations, ``_card`` the model card.
"""

from hcl_sdk.pipeline._default import detect, restore
from hcl_sdk.pipeline._options import CallOptions, DetectOptions, FillingSettings, FindingSettings
from hcl_sdk.pipeline._pipeline import Pipeline

__all__ = ["CallOptions", "DetectOptions", "FillingSettings", "FindingSettings", "Pipeline", "detect", "restore"]
