"""``hcl components``."""

from __future__ import annotations

import click


@click.command()
@click.argument("name", required=False)
def components(name: str | None) -> None:
    """List all components, or describe one.

    Given a NAME, shows the component's description and its fields with types, defaults and ranges. NAME may be
    qualified: package/name.
    """
    from hcl_sdk.cli._listing import all_components, one_component

    click.echo(all_components() if name is None else one_component(name))
