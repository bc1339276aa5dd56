"""``python -m hcl_sdk.cli`` is ``hcl``, for programs that start modules, such as ``accelerate launch -m``."""

from hcl_sdk.__main__ import run

run()
