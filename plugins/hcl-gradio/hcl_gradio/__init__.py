"""A page in the browser for restoring photos: drop photos, see what was found, correct it, restore.

``hcl page`` opens it; `make_page` and `serve` are for programs that have a pipeline of their own.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
