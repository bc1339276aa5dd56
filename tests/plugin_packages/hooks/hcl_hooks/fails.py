"""Fails when something is saved."""

from hcl_sdk import hookimpl


@hookimpl(tryfirst=True)
def hcl_before_save(folder):
    (folder / "tried").touch()
    raise OSError(f"the license server\ndoes not answer for {folder.name}")
