"""Adds a command that its package has, so that it gives nothing at all."""

from hcl_sdk import hookimpl


@hookimpl
def hcl_add_commands(commands):
    commands.add("other", "hcl_hooks.commands:count")
    commands.add("count", "hcl_hooks.commands:count")


@hookimpl
def hcl_before_save(folder):
    (folder / "never").touch()
