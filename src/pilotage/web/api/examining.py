"""Whether everything works: checks of an environment, test messages and test alerts, logs, dashboards."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from pilotage.app import dashboards
from pilotage.app.alert_test import try_alert
from pilotage.app.channels import try_out
from pilotage.app.doctor import examine
from pilotage.app.logs import logs_of
from pilotage.app.permissions import Permission
from pilotage.model.output.base import Output, Part
from pilotage.model.output.hosts import LogLineOutput
from pilotage.model.output.records import CheckedOutput, DoctorOutput
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.wishes import Text
from pilotage.web.route import Asked, Body, Query, Route


class LogsQuery(Query, frozen=True, kw_only=True):
    """version, instance: of which alone; empty for all · lines: last ones of each instance."""

    version: Text = ""
    instance: Text = ""
    lines: Annotated[int, msgspec.Meta(ge=0, le=5000)] = 20


class TryBody(Body, frozen=True, kw_only=True):
    """channel: that gets the message; empty for all that operators read."""

    channel: Text = ""


class AlertBody(Body, frozen=True, kw_only=True):
    """timeout_seconds: within which the alert has to arrive; Alertmanager waits for its `group_wait` first."""

    timeout_seconds: Annotated[float, msgspec.Meta(ge=1, le=300)] = 90.0


class PushBody(Body, frozen=True, kw_only=True):
    """folder: title of the folder in Grafana; empty for the general one · overwrite: also what somebody changed."""

    folder: Text = ""
    overwrite: bool = False


class LogsAnswer(Output, frozen=True, kw_only=True):
    """Last lines of instances, those of one instance after the other's."""

    lines: tuple[LogLineOutput, ...]


class TriedPart(Part, frozen=True, kw_only=True):
    """A channel that got a test message."""

    channel: str
    error: str
    """Empty if it took the message."""


class TriedAnswer(Output, frozen=True, kw_only=True):
    """Channels that got a test message."""

    channels: tuple[TriedPart, ...]


class AlertAnswer(Output, frozen=True, kw_only=True):
    """A test alert that arrived."""

    alertmanager: str
    receivers: tuple[str, ...]
    """To which Alertmanager routed it."""
    integrations: tuple[str, ...]
    """Through which it sent a notification, such as `slack`."""
    duration_seconds: float


class DashboardAnswer(Output, frozen=True, kw_only=True):
    """A dashboard of an environment."""

    dashboard: msgspec.Raw
    """As Grafana imports it."""


class PushedAnswer(Output, frozen=True, kw_only=True):
    """A dashboard that was saved."""

    url: str
    """Its address in Grafana."""


def _doctor(asked: Asked) -> Response:
    found = examine(asked.project, asked.params["environment"])
    checked = (CheckedOutput(result=one.result, subject=one.what, sentence=one.sentence) for one in found)
    return json_answer(DoctorOutput(findings=tuple(checked)))


def _logs(asked: Asked) -> Response:
    query = asked.query_as(LogsQuery)
    found = logs_of(asked.project, asked.params["environment"], query.version, query.instance)
    lines = tuple(
        LogLineOutput(instance=one.instance, version=one.version, text=one.text) for one in found.last(query.lines)
    )
    return json_answer(LogsAnswer(lines=lines))


def _try_channels(asked: Asked) -> Response:
    tried = try_out(asked.project, asked.who.name, asked.body_as(TryBody).channel or None)
    return json_answer(TriedAnswer(channels=tuple(TriedPart(channel=name, error=error) for name, error in tried)))


def _try_alert(asked: Asked) -> Response:
    found = try_alert(asked.project, asked.params["environment"], asked.body_as(AlertBody).timeout_seconds)
    return json_answer(
        AlertAnswer(
            alertmanager=found.alertmanager, receivers=found.receivers, integrations=found.integrations,
            duration_seconds=round(found.took, 3),
        )
    )  # fmt: skip


def _dashboard(asked: Asked) -> Response:
    content = msgspec.json.encode(dashboards.dashboard_of(asked.project, asked.params["environment"]))
    return json_answer(DashboardAnswer(dashboard=msgspec.Raw(content)))


def _push(asked: Asked) -> Response:
    body = asked.body_as(PushBody)
    url = dashboards.push(asked.project, asked.params["environment"], body.folder, overwrite=body.overwrite)
    return json_answer(PushedAnswer(url=url))


ROUTES = (
    Route(
        method="GET", path=f"{PLACE}/doctor", permission=Permission.CONFIGURE, answer=_doctor, gives=DoctorOutput,
        summary="Check the server's machine, pilotage.yaml, and what an environment needs.",
    ),
    Route(
        method="GET", path=f"{PLACE}/logs", permission=Permission.READ, answer=_logs, query=LogsQuery,
        gives=LogsAnswer, summary="Show what instances wrote, without values of secrets.",
    ),
    Route(
        method="POST", path="/api/v1/messages/test", permission=Permission.CONFIGURE, answer=_try_channels,
        takes=TryBody, gives=TriedAnswer, summary="Send a test message to operators, or through a channel.",
    ),
    Route(
        method="POST", path=f"{PLACE}/alerts/test", permission=Permission.CONFIGURE, answer=_try_alert,
        takes=AlertBody, gives=AlertAnswer, summary="Send a test alert, and wait until it arrives.",
    ),
    Route(
        method="GET", path=f"{PLACE}/dashboard", permission=Permission.CONFIGURE, answer=_dashboard,
        gives=DashboardAnswer, summary="Give a dashboard of each version's figures, for Grafana.",
    ),
    Route(
        method="POST", path=f"{PLACE}/dashboard/push", permission=Permission.CONFIGURE, answer=_push, takes=PushBody,
        gives=PushedAnswer, summary="Save the dashboard in the Grafana of `notify`.",
    ),
)  # fmt: skip
