"""Find the regions of a photo that do not belong in it, fill them, leave every other pixel alone.

The public names below are imported when first used, so that ``import hcl_sdk`` stays fast and imports no torch.
``__init__.pyi`` is the one list of them.
"""

import logging

from hcl_sdk._lazy import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__spec__)

logging.getLogger(__name__).addHandler(logging.NullHandler())  # without a handler of the user's, nothing is printed
