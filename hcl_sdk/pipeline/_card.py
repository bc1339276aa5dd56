"""The model card that is written next to weights."""

from __future__ import annotations

from torch import nn


def write_card(parts: nn.ModuleDict) -> str:
    """Write the text of the model card of a detector, a restorer or both."""
    parameters = sum(parameter.numel() for parameter in parts.parameters())
    restores = "restorer" in parts
    does, call = "Finds the regions of a photo that do not belong in it and fills them", '("photo.jpg")'
    if not restores:
        does, call = "Finds the regions of a photo that do not belong in it", '.detect("photo.jpg")'
    elif "detector" not in parts:
        does, call = (
            "Fills the masked regions of a photo",
            '.restore("photo.jpg", corruption_mask="mask.png")',
        )
    return f"""---
library_name: hcl_sdk
pipeline_tag: {"image-to-image" if restores else "image-segmentation"}
tags: [blind-image-inpainting, image-restoration]
---

# Blind image inpainting with hcl_sdk

{does}; {parameters / 1e6:.2f} million parameters.

```python
from hcl_sdk import Pipeline

result = Pipeline.from_pretrained("path or org/name of these weights"){call}
result.save("result")
```

Data, training and results: to be filled in by whoever trained these weights.
"""
