"""From photos to masks and restored photos.

``_pipeline`` is what is called, configured and saved; ``_flow`` is what then happens to a photo, from the detector to
the result; ``_schema`` says what a configuration may hold, and ``_card`` what the model card says.
"""

from hcl_sdk.pipeline._pipeline import Pipeline, detect, restore

__all__ = ["Pipeline", "detect", "restore"]
