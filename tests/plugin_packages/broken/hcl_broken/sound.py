"""Registers fine; what it registers is not all what it should be."""

from hcl_sdk import hookimpl


@hookimpl
def hcl_register(registry):
    registry.head("missing-module", "hcl_broken.nowhere:Head")
    registry.head("missing-class", "hcl_broken.sound:Head")
    registry.head("not-a-component", "pathlib:Path")
    registry.head("wrong-kind", "hcl_blur.restorer:BlurFill")
    registry.weights("missing-folder", "hcl_broken:no/such/folder")
