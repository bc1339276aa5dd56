"""``hcl plugins check``: does what a package gives keep what its kinds promise?"""

from __future__ import annotations

import click

from hcl_sdk.testing.installed import check_entries, entry_point_outcomes, installed_entries
from hcl_sdk.testing.kit import Outcome, reasons, tally


def check(name: str, verbose: bool) -> None:
    """Print what becomes of every check.

    Raises:
        click.ClickException: if one failed, passed against expectation, or nothing could be checked.
        RegistryError: if nothing is called so.
    """
    entries = installed_entries(name)
    points = entry_point_outcomes(name)
    for line in reasons(points):
        click.echo(line.strip())
    outcomes: list[Outcome] = list(points)
    for report in check_entries(entries):
        click.echo(str(report))
        if verbose:
            for outcome in report.outcomes:
                if outcome.status == "passed":
                    click.echo(f"  passed: {outcome.check}")
        outcomes += report.outcomes
    done = [o for o in outcomes if o.status != "skipped"]
    if len(entries) > 1:
        click.echo(f"\n{len(entries)} components and weights, {tally(outcomes[len(points) :])}")
    if faults := [o for o in outcomes if o.is_fault]:
        raise click.ClickException(f"{len(faults)} failed: {', '.join(dict.fromkeys(o.check for o in faults))}")
    if len(done) == len(points):
        raise click.ClickException(f"nothing of {name} could be checked")
