"""Photos through pipelines of hcl_sdk on a cluster, with Ray Data.

The public names are imported when first used: importing this module imports neither Ray nor torch. ``__init__.pyi`` is
the list of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
