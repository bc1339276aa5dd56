"""Photos as users pass them in: finding, reading, compositing and writing them; masks and the regions of masks.

A *photo* is what a user passes in; an *image* is a tensor. These modules work on NumPy arrays and import torch only
where a tensor is created, so they can also be used without torch.
"""
