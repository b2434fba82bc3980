"""An alert given to an Alertmanager, and whether it reached its receivers.

Its API tells which receivers an alert is routed to, and its own metrics how many notifications each integration sent.
Nothing tells that of one alert alone: on a busy Alertmanager another alert's notification may count.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from urllib.parse import quote

from pilotage.adapters.http import get, get_json, post
from pilotage.adapters.ports import AdapterError
from pilotage.model.json import WrongJson, list_at, text_at
from pilotage.model.timestamp import timestamp

_PATIENCE = 5.0
"""Seconds for an answer."""
_SENT, _FAILED = "alertmanager_notification_requests_total", "alertmanager_notification_requests_failed_total"


def give(alertmanager: str, labels: Mapping[str, str], summary: str, ends: float) -> None:
    """Have it fire an alert until `ends`, Unix seconds; one in the past resolves it. Raises AdapterError."""
    alert = {"labels": dict(labels), "annotations": {"summary": summary}, "endsAt": timestamp(ends)}
    body = json.dumps([alert]).encode()
    status, said = post(f"{alertmanager.rstrip('/')}/api/v2/alerts", _PATIENCE, body)
    if status != 200:
        raise AdapterError(f"{alertmanager} did not take the alert ({status}): {said[:200].decode(errors='replace')}")


def receivers_of(alertmanager: str, name: str, value: str) -> tuple[str, ...]:
    """Receivers to which it routes the alert with this label; none where it does not know the alert, or silences it.
    Raises AdapterError."""
    wanted = quote(f'{name}="{value}"')
    shown = "silenced=false&inhibited=false"
    read = get_json(f"{alertmanager.rstrip('/')}/api/v2/alerts?{shown}&filter={wanted}", _PATIENCE)
    try:
        found = [receiver for alert in list_at(read) for receiver in list_at(alert, "receivers")]
        return tuple(dict.fromkeys(text_at(one, "name") for one in found))
    except WrongJson:
        raise AdapterError(f"{alertmanager} did not return a list of alerts") from None


def notifications(alertmanager: str) -> tuple[Counter[str], Counter[str]]:
    """Notifications by integration, such as `slack`, since it started: tried, and failed. Raises AdapterError."""
    page = get(f"{alertmanager.rstrip('/')}/metrics", _PATIENCE).decode(errors="replace")
    tried, failed = Counter[str](), Counter[str]()
    for line in page.splitlines():
        name, _, rest = line.partition("{")
        if name in (_SENT, _FAILED):
            labels, _, value = rest.rpartition("} ")
            integration = labels.partition('integration="')[2].partition('"')[0]
            (tried if name == _SENT else failed)[integration] += int(float(value))
    return tried, failed


def alertmanagers_of(prometheus: str) -> tuple[str, ...]:
    """Addresses of the Alertmanagers to which a Prometheus sends its alerts. Raises AdapterError."""
    read = get_json(f"{prometheus.rstrip('/')}/api/v1/alertmanagers", _PATIENCE)
    try:
        return tuple(text_at(one, "url") for one in list_at(read, "data", "activeAlertmanagers"))
    except WrongJson:
        raise AdapterError(f"{prometheus} did not return its Alertmanagers") from None
