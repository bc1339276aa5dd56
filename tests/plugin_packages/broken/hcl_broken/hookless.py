"""Forgot to mark its hook."""


def hcl_register(registry):
    registry.head("unmarked", "hcl_broken.hookless:Unmarked")
