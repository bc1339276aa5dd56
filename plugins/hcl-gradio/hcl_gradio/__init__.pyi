from .limits import Limits as Limits
from .page import make_page as make_page
from .server import serve as serve

__all__ = ["Limits", "make_page", "serve"]
