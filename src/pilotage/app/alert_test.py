"""A test alert on the way that real ones take, and the evidence that it arrived."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from pilotage.adapters import alertmanager as am
from pilotage.adapters.files import read_json, set_aside, write_json
from pilotage.adapters.ports import AdapterError
from pilotage.app.project import Project, Unclear
from pilotage.config.monitoring import MonitoringSection
from pilotage.model.alert import CRITICAL, TEST
from pilotage.model.errors import Unavailable
from pilotage.model.json import WrongJson, read_as

_NOTE = "alert-tests.json"
_LASTS = 300.0
"""Seconds after which a test alert ends by itself, where nobody ends it."""
_LOOKS = 0.5
_KNOWN_WITHIN = 10.0
"""Seconds: after a start and after each reload Prometheus knows no Alertmanager for five."""


class NotDelivered(Unavailable):
    """The test alert did not reach a receiver. The message names the part of the path that failed."""


@dataclass(frozen=True, kw_only=True)
class DeliveredAlert:
    """at: Unix seconds · receivers: to which Alertmanager routes the alert · integrations: through which it sent a
    notification meanwhile, such as `slack` · took: seconds until then."""

    at: float
    by: str
    alertmanager: str
    receivers: tuple[str, ...]
    integrations: tuple[str, ...]
    took: float


def try_alert(project: Project, environment: str, timeout: float) -> DeliveredAlert:
    """Send a critical test alert of the service, wait until Alertmanager has told somebody, end it, and keep the result
    as evidence. Raises Unclear without an Alertmanager, NotDelivered after `timeout` seconds or a failure."""
    section = project.loaded.configuration.environments[environment].monitoring
    if section is None or section.alertmanager is None:
        place = project.loaded.place("environments", environment)
        raise Unclear(f"{place}: no Alertmanager: add monitoring: {{alertmanager: http://127.0.0.1:9093}}")
    service, test = project.loaded.configuration.service, uuid.uuid4().hex
    labels = {
        "alertname": "PilotageTest", "service": service, "environment": environment, "severity": CRITICAL, TEST: test,
        "channels": "slack,email,pagerduty,teams",
    }  # fmt: skip
    summary = f"Test by {project.actor}: alerts about {service} in {environment} arrive. Nothing is wrong."
    try:
        _check_prometheus(section)
        began, before = time.monotonic(), am.notifications(section.alertmanager)
        am.give(section.alertmanager, labels, summary, project.store.clock.now() + _LASTS)
        try:
            receivers, integrations = _await(section.alertmanager, test, before, timeout)
        finally:
            am.give(section.alertmanager, labels, summary, project.store.clock.now())
    except AdapterError as error:
        raise NotDelivered(str(error)) from error
    found = DeliveredAlert(
        at=project.store.clock.now(), by=project.actor, alertmanager=section.alertmanager, receivers=receivers,
        integrations=integrations, took=time.monotonic() - began,
    )  # fmt: skip
    _keep(project.directory, f"{service}/{environment}", found)
    return found


def last_delivery(directory: Path, service: str, environment: str) -> DeliveredAlert | None:
    """The last test alert that arrived."""
    return _kept(directory).get(f"{service}/{environment}")


def _check_prometheus(section: MonitoringSection) -> None:
    """Real alerts come from Prometheus: it must know an Alertmanager. Raises NotDelivered."""
    until = time.monotonic() + _KNOWN_WITHIN
    while section.prometheus and not am.alertmanagers_of(section.prometheus):
        if time.monotonic() >= until:
            raise NotDelivered(f"{section.prometheus} sends its alerts to no Alertmanager: name one under `alerting`")
        time.sleep(_LOOKS)


def _await(
    alertmanager: str, test: str, before: tuple[Counter[str], Counter[str]], timeout: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Receivers and integrations. Raises NotDelivered."""
    until, receivers = time.monotonic() + timeout, tuple[str, ...]()
    while True:
        receivers = am.receivers_of(alertmanager, TEST, test) or receivers
        tried, failed = am.notifications(alertmanager)
        if refused := failed - before[1]:
            raise NotDelivered(
                f"{alertmanager} could not notify through {', '.join(sorted(refused))}; its log says why"
            )
        if receivers and (sent := tried - before[0]):
            return receivers, tuple(sorted(sent))
        if time.monotonic() >= until:
            routed = f"routes it to {', '.join(receivers)} and notified nobody" if receivers else "does not show it"
            hint = "; its group_wait may be longer than --timeout" if receivers else "; is it silenced or inhibited?"
            raise NotDelivered(f"no notification within {timeout:g} s: {alertmanager} {routed}{hint}")
        time.sleep(_LOOKS)


def _keep(directory: Path, place: str, found: DeliveredAlert) -> None:
    kept = {name: asdict(one) for name, one in _kept(directory).items()}
    write_json(directory / _NOTE, {**kept, place: asdict(found)})


def _kept(directory: Path) -> dict[str, DeliveredAlert]:
    found = read_json(directory / _NOTE)
    try:
        return {} if found is None else read_as(dict[str, DeliveredAlert], found)
    except WrongJson as error:
        set_aside(directory / _NOTE, f"it was not written by Pilotage: {error}")
        return {}
