"""`alerts`: test whether alerts arrive."""

from __future__ import annotations

import click

from pilotage.app.project import Project
from pilotage.cli.options import environment_option


@click.group()
def alerts() -> None:
    """Test whether alerts about the service arrive."""


@alerts.command()
@environment_option
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=90.0, show_default=True,
    help="Seconds to wait for a notification. Alertmanager waits for its group_wait first, usually 30 seconds.",
)  # fmt: skip
@click.pass_obj
def test(project: Project, environment: str | None, timeout: float) -> None:
    """Send a test alert, and wait until it arrives.

    The alert is critical and goes to Alertmanager. It has arrived when Alertmanager has notified a receiver. The result
    is evidence for the readiness gate alerting_configuration. No rollout reacts to the test alert. Exits 9 if it does
    not arrive.
    """
    from pilotage.app.alert_test import try_alert

    named = project.environment(environment)
    found = try_alert(project, named, timeout)
    receivers, integrations = ", ".join(found.receivers), ", ".join(found.integrations)
    click.echo(f"✓ {found.alertmanager} notified {receivers} ({integrations}) after {found.took:.0f} s")
