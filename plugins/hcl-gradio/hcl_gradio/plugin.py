"""Adds `hcl page` to hcl_sdk. Importing this module imports neither Gradio nor torch."""

from hcl_sdk import hookimpl
from hcl_sdk.plugins import Commands

api_version = 1


@hookimpl
def hcl_add_commands(commands: Commands) -> None:
    commands.add("page", "hcl_gradio.cli:page", summary="Open a page for restoring photos in the browser.")
