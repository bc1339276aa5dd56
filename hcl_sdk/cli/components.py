"""``hcl components``."""

from __future__ import annotations

import click


@click.command()
@click.argument("name", required=False)
def components(name: str | None) -> None:
    """List all components or those of a kind, or describe one.

    Given a NAME, shows the component's description and its fields with types, defaults and ranges. NAME may be
    qualified: package/name. Given a kind, such as encoder, lists the components of that kind.
    """
    from hcl_sdk.cli._listing import describe_component, show_components
    from hcl_sdk.registry import KINDS_AND_WEIGHTS

    if name is None or name in KINDS_AND_WEIGHTS:
        show_components(name)
    else:
        click.echo(describe_component(name))
