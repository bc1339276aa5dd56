"""Running pipelines of hcl_sdk on a cluster, with Ray Data.

The public names, listed in ``__init__.pyi``, are imported when first used: importing this module imports neither Ray
nor torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
