"""A subcommand, and a license beside saved weights."""

import json

from hcl_sdk import hookimpl

api_version = 1


@hookimpl
def hcl_add_commands(commands):
    commands.add("count", "hcl_hooks.commands:count", summary="Count the parameters of weights.")
    commands.add("detect", "hcl_hooks.commands:detect", summary="Has the name of a command of hcl.")
    commands.add("absent", "hcl_hooks.commands:absent", summary="Is not there.")
    commands.add("number", "hcl_hooks.commands:NUMBER", summary="Is no command.")


@hookimpl
def hcl_before_save(pipeline, config, folder):
    parts = [name for name in ("detector", "restorer") if config[name] is not None]
    assert all(getattr(pipeline, name) is not None for name in parts)
    (folder / "LICENSE.json").write_text(json.dumps({"license": "CC0-1.0", "parts": parts}))
    config.clear()
