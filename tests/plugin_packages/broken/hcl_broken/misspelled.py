"""Has a hook that does not exist."""

from hcl_sdk import hookimpl


@hookimpl
def hcl_regster(registry):
    registry.head("misspelled", "hcl_broken.misspelled:Misspelled")
