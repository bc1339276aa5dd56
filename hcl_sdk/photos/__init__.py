"""Photos as users hand them in: found in folders, read, composited, written; masks, and the regions of masks.

A *photo* is what a user hands in; an *image* is a tensor. This room works on numpy and imports torch only where a
tensor is made, so that it also serves where there is no torch.
"""
