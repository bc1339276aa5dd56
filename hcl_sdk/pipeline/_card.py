"""The model card that is written beside weights."""

from __future__ import annotations


def write_card(*, detects: bool, restores: bool, parameters: int) -> str:
    """Write the text of a pipeline's model card.

    Args:
        detects, restores: whether the pipeline has a detector, a restorer.
        parameters: the number of parameters of both.
    """
    does, call = "Finds the regions of a photo that do not belong in it and fills them", '("photo.jpg")'
    if not restores:
        does, call = "Finds the regions of a photo that do not belong in it", '.detect("photo.jpg")'
    elif not detects:
        does, call = (
            "Fills the regions of a photo that a mask says",
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
