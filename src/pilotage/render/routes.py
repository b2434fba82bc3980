"""Routes and receivers for Alertmanager: each alert of a plan goes to the channels that it names and `notify` has.

Secrets stay out of the text. A receiver reads them from files: those that `secret://file/…` names, and for others a
file below `SECRETS` that somebody has to write.
"""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.json import Json, JsonObject, find
from pilotage.model.plan import Plan

SECRETS = "/etc/alertmanager/secrets"
_NOBODY = "nobody"
_FILE, _ENV = "secret://file/", "secret://env/"


def to_routes(plan: Plan, notify: Sequence[JsonObject]) -> str:
    """YAML that `amtool check-config` accepts; for a channel of Teams by Alertmanager 0.28 or later. notify: the
    configured channels."""
    import yaml

    named = list(dict.fromkeys(channel for alert in plan.alerts for channel in alert.channels))
    found = {kind: [one for one in notify if one.get("kind") == kind] for kind in named}
    receivers: list[Json] = [{"name": _NOBODY}]
    routes: list[Json] = []
    for kind in (kind for kind in named if found[kind]):
        key, made = _MADE[kind]
        receivers.append({"name": f"pilotage-{kind}", key: [made(section) for section in found[kind]]})
        matchers = [f'service="{plan.service}"', f'environment="{plan.environment}"', f'channels=~"(.*,)?{kind}(,.*)?"']
        routes.append({"matchers": matchers, "receiver": f"pilotage-{kind}", "continue": True})
    route = {"receiver": _NOBODY, "group_by": ["alertname", "service", "environment", "version"], "routes": routes}
    text = yaml.safe_dump({"route": route, "receivers": receivers}, sort_keys=False, allow_unicode=True, width=1000)
    missing = [kind for kind in named if not found[kind]]
    notes = [f"# {plan.service} in {plan.environment}: alerts of its releases, by their channels"]
    if missing:
        notes.append(f"# notify has no channel of the kind {', '.join(missing)}")
    return "\n".join([*notes, text])


def _slack(section: JsonObject) -> JsonObject:
    if section.get("webhook_url"):
        return {"api_url_file": _file(section, "webhook_url"), "send_resolved": True}
    bearer = {"authorization": {"credentials_file": _file(section, "token")}}
    api = f"{section.get('api_url')}/chat.postMessage"
    return {"api_url": api, "channel": section.get("channel"), "http_config": bearer, "send_resolved": True}


def _email(section: JsonObject) -> JsonObject:
    to = find(section, "to")
    found: dict[str, Json] = {
        "to": ", ".join(str(one) for one in to) if isinstance(to, list | tuple) else to,
        "from": section.get("sender"),
        "smarthost": f"{section.get('host')}:{section.get('port')}",
        "require_tls": section.get("encryption") == "starttls",
        "send_resolved": True,
    }
    if section.get("password"):
        found |= {"auth_username": section.get("username"), "auth_password_file": _file(section, "password")}
    return found


def _pagerduty(section: JsonObject) -> JsonObject:
    return {"routing_key_file": _file(section, "routing_key"), "url": section.get("url")}


def _teams(section: JsonObject) -> JsonObject:
    return {"webhook_url_file": _file(section, "webhook_url"), "send_resolved": True}


def _file(section: JsonObject, key: str) -> str:
    """The file that holds the secret."""
    reference = str(section.get(key))
    if reference.startswith(_FILE):
        path = reference.removeprefix(_FILE)
        return path if path.startswith("/") else f"{SECRETS}/{path.rpartition('/')[2]}"
    return f"{SECRETS}/{reference.removeprefix(_ENV)}"


_MADE = {
    "slack": ("slack_configs", _slack),
    "email": ("email_configs", _email),
    "pagerduty": ("pagerduty_configs", _pagerduty),
    "teams": ("msteamsv2_configs", _teams),
}
