"""Alerts that fire now, as an Alertmanager tells them, or a Prometheus alone."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from pilotage.adapters.http import get_json
from pilotage.adapters.ports import AdapterError
from pilotage.model.alert import FiringAlert
from pilotage.model.json import Json, WrongJson, find, list_at, object_at, optional, text_at

_PATIENCE = 5.0
"""Seconds for an answer."""


def firing_alerts(alertmanager: str | None, prometheus: str | None, severity: str) -> tuple[FiringAlert, ...]:
    """Every alert of that severity that fires. With an Alertmanager those that are silenced or inhibited are left out;
    a Prometheus alone knows no silences. Raises AdapterError."""
    if alertmanager:
        wanted = quote(f'severity="{severity}"')
        base = alertmanager.rstrip("/")
        read = get_json(f"{base}/api/v2/alerts?active=true&silenced=false&inhibited=false&filter={wanted}", _PATIENCE)
        return _alerts(read, base, "startsAt")
    base = (prometheus or "").rstrip("/")
    read = get_json(f"{base}/api/v1/alerts", _PATIENCE)
    firing = [one for one in _listed(read, base) if find(one, "state") == "firing"]
    return tuple(one for one in _alerts(firing, base, "activeAt") if one.labels.get("severity") == severity)


def _listed(read: Json, base: str) -> list[Json]:
    try:
        return list(list_at(read, "data", "alerts"))
    except WrongJson:
        raise AdapterError(f"{base} did not return a list of alerts") from None


def _alerts(read: Json, base: str, since: str) -> tuple[FiringAlert, ...]:
    try:
        return tuple(_alert(one, since) for one in list_at(read))
    except (WrongJson, ValueError):
        raise AdapterError(f"{base} did not return a list of alerts") from None


def _alert(one: Json, since: str) -> FiringAlert:
    """Raises WrongJson and ValueError."""
    labels = {name: value for name, value in object_at(one, "labels").items() if isinstance(value, str)}
    began = datetime.fromisoformat(text_at(one, since)).timestamp()
    return FiringAlert(labels=labels, since=began, summary=optional(text_at, one, "annotations", "summary") or "")
