"""What this package adds to hcl_sdk. Importing this module imports neither Gradio nor torch."""

from hcl_sdk import hookimpl

api_version = 1


@hookimpl
def hcl_add_commands(commands):
    commands.add(
        "page",
        "hcl_gradio.cli:page",
        summary="Open a page in the browser to restore photos with.",
    )
