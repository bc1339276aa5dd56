"""``hcl components``."""

from __future__ import annotations

import click


@click.command()
@click.argument("name", required=False)
def components(name: str | None) -> None:
    """List what pipelines are made of; with NAME, the fields of one component.

    With its defaults, ranges and description. A NAME may be qualified: package/name.
    """
    from hcl_sdk.cli._listing import all_components, one_component

    click.echo(all_components() if name is None else one_component(name))
