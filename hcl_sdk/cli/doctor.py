"""``hcl doctor``."""

from __future__ import annotations

import click


@click.command()
def doctor() -> None:
    """Show versions, devices, threads and plugins, and what is wrong with them.

    Paste the output into bug reports. The exit status is 1 if something is wrong.
    """
    from hcl_sdk.cli._diagnosis import diagnose
    from hcl_sdk.cli._tables import show

    facts, plugins, problems = diagnose()
    said = "\n".join(["Wrong:", *(f"- {problem}" for problem in problems)]) if problems else "Nothing wrong was found."
    show(facts, plugins, said)
    if problems:
        raise click.exceptions.Exit(1)
