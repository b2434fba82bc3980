"""Channels. One explicit table: kind → the module and class that deliver; imported when something is sent."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from pilotage.adapters.ports import Notifier

_CHANNELS = {
    "slack": ("slack", "Slack"), "email": ("email", "Email"), "pagerduty": ("pagerduty", "PagerDuty"),
    "teams": ("teams", "Teams"), "webhook": ("webhook", "Webhook"), "cdevents": ("cdevents", "CDEvents"),
    "apprise": ("apprise", "Apprise"),
}  # fmt: skip


def open_channel(section: Mapping[str, Any]) -> Notifier:
    """The notifier of a section of `notify`, as plain data. Its secrets are resolved at each sending."""
    module, name = _CHANNELS[section["kind"]]
    made: Notifier = getattr(import_module(f"pilotage.adapters.notify.{module}"), name)(section)
    return made
