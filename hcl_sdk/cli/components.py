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
    from hcl_sdk.cli._listing import describe_component, show_components

    if name is None:
        show_components()
    else:
        click.echo(describe_component(name))
