"""What settings and keys of `pilotage.yaml` were called before they got the words of the trade.

The loader refuses an old name and says the new one. What was stored under old names (plans, the configuration of a
rollout, channels of messages) is read as if it had been written with the new ones; it is never rewritten, for plans are
signed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pilotage.model.answers import SHORT_NAMES
from pilotage.model.json import Json, JsonObject

SETTINGS: Mapping[str, str] = {
    "advance.error_rate": "success_criteria.error_rate",
    "advance.p95": "success_criteria.response_time_p95",
    "advance.satisfaction": "success_criteria.user_satisfaction",
    "alerts.canary_health": "alerts.canary_health_score",
    "approval.author": "approval.allow_author",
    "big_bang.check_deadline": "big_bang.check_timeout",
    "big_bang.replace_deadline": "big_bang.replace_timeout",
    "big_bang.window": "big_bang.maintenance_window",
    "blue_green.approval": "blue_green.require_approval",
    "blue_green.approval_deadline": "approval.timeout",
    "blue_green.approval_timeout": "approval.timeout",
    "blue_green.check_deadline": "blue_green.check_timeout",
    "blue_green.start_deadline": "blue_green.health_check_timeout",
    "blue_green.switch_deadline": "blue_green.switch_timeout",
    "blue_green.watch_duration": "blue_green.bake_duration",
    "canary.approval": "canary.require_approval",
    "canary.approval_deadline": "approval.timeout",
    "canary.approval_timeout": "approval.timeout",
    "canary.min_requests": "analysis.min_requests",
    "canary.mirror_share": "canary.mirror_weight",
    "canary.reaction_time": "canary.detection_time",
    "canary.start_deadline": "canary.health_check_timeout",
    "canary.switch_deadline": "canary.switch_timeout",
    "hold.answer_deadline": "hold.decision_timeout",
    "hold.duration": "hold.timeout",
    "hold.then": "hold.on_timeout",
    "judge.false_rollback": "analysis.false_positive_rate",
    "judge.min_requests": "analysis.min_requests",
    "judge.second_try": "analysis.retry_once",
    "judge.tolerated_ratio": "analysis.max_ratio",
    "judge.warm_up": "analysis.warmup_duration",
    "limits.conversion_loss": "rollback_triggers.conversion_loss",
    "limits.cpu_factor": "rollback_triggers.cpu_factor",
    "limits.error_rate": "rollback_triggers.error_rate",
    "limits.external_latency_factor": "rollback_triggers.external_service_latency_factor",
    "limits.latency_factor": "rollback_triggers.response_time_factor",
    "limits.memory_factor": "rollback_triggers.memory_factor",
    "limits.pool_used": "rollback_triggers.connection_pool_utilization",
    "limits.rollback_auto": "rollback_auto",
    "limits.session_loss": "rollback_triggers.session_loss",
    "pause.deadline": "pause.timeout",
    "rollback.deadline": "rollback.timeout",
    "rollback.possible": "rollback.enabled",
    "rolling.batch": "rolling.batch_size",
    "rolling.check_deadline": "rolling.check_timeout",
    "rolling.health_timeout": "rolling.health_check_timeout",
    "rolling.wait": "rolling.wait_time_between_batches",
    "rollout.tick": "rollout.interval",
    "success_criteria.min_latency_difference": "analysis.min_response_time_difference",
    "success_criteria.min_latency_share": "analysis.min_response_time_share",
    "toggle.bake_duration": "feature_toggle.bake_duration",
    "toggle.drain_duration": "feature_toggle.drain_duration",
    "toggle.flag_deadline": "feature_toggle.flag_timeout",
    "toggle.flag_removal": "feature_toggle.flag_removal_delay",
    "toggle.percentages": "feature_toggle.percentages",
    "toggle.stage_duration": "feature_toggle.phase_duration",
    "toggle.start_deadline": "feature_toggle.health_check_timeout",
    "urgent.watch": "emergency.phase_duration",
}
"""Numbers of the plan, old path to new."""

_PROGRAM = {"environment": "env", "pass_environment": "pass_env"}
_COMMAND = {**_PROGRAM, "run": "command", "deadline": "timeout"}
_ROUTER = {**_COMMAND, "can": "capabilities", "grain": "weight_granularity"}

KEYS: Mapping[str, Mapping[str, str]] = {
    "": {"accept": "accepted_conflicts", "when_busy": "on_conflict"},
    "answers": SHORT_NAMES,
    "audit.anchors.* (webhook)": {"private": "allow_private_network"},
    "calendar": {"closes": "workday_end", "opens": "workday_start", "zone": "timezone", "zones": "team_timezones"},
    "calendar.freezes.*": {
        "begins": "start",
        "ends": "end",
        "first": "first_day",
        "last": "last_day",
        "lasts": "duration",
        "rule": "rrule",
        "starts": "start",
    },
    "calendar.windows.*": {"closes": "end", "opens": "start"},
    "environments.*.analysis": {"every": "interval"},
    "environments.*.analysis.queries (command)": _COMMAND,
    "environments.*.checks.*.*": {**_PROGRAM, "run": "command", "times": "requests"},
    "environments.*.flag": {"metrics": "metrics_path"},
    "environments.*.flag (command)": _COMMAND,
    "environments.*.fleet (command)": {**_COMMAND, "can": "capabilities", "health": "health_check_path"},
    "environments.*.fleet (process)": {**_PROGRAM, "health": "health_check_path", "stop_deadline": "stop_timeout"},
    "environments.*.metrics (command)": {**_COMMAND, "can": "capabilities"},
    "environments.*.probes.*": {
        **_PROGRAM,
        "every": "interval",
        "failures": "failure_threshold",
        "run": "command",
    },
    "environments.*.router (command)": _ROUTER,
    "environments.*.routers.* (command)": _ROUTER,
    "environments.*.synthetic": {"per_second": "requests_per_second"},
    "notify.*": {"private": "allow_private_network", "quiet": "quiet_hours", "severity": "min_severity"},
    "notify.* (command)": _COMMAND,
    "notify.* (email)": {"security": "encryption", "user": "username"},
    "notify.* (slack)": {"api": "api_url", "webhook": "webhook_url"},
    "notify.* (teams)": {"webhook": "webhook_url"},
    "notify.*.quiet_hours": {"below": "min_severity", "closes": "end", "opens": "start", "zone": "timezone"},
    "people.*": {"also": "aliases"},
    "readiness": {"differs": "allowed_differences", "rehearsed": "max_drill_age"},
    "readiness.evidence.*": {
        "accept": "accepted_findings",
        "at_least": "min_coverage",
        "rules": "alert_rules",
        "slower": "max_slowdown",
    },
    "readiness.evidence.*.reviews": {"host": "code_host"},
    "report": {"business": "business_metrics"},
    "services.*": {"after": "depends_on"},
    "status_page": {"address": "url"},
}
"""Keys of `pilotage.yaml`, old to new, by their place. `*` is any name or number; a place ends with `(kind, …)` where
only sections of those kinds have the key. Each service of several has `environments` as the root has."""

PLACEHOLDERS: Mapping[str, Mapping[str, str]] = {
    "environments.*.analysis.rules.*.query": {"{new}": "{version}", "{old}": "{stable_version}"},
    "environments.*.checks.*.*.command.*": {"{old}": "{stable_version}"},
    "environments.*.checks.*.*.http": {"{old}": "{stable_version}"},
}
"""What is filled into values, old to new, by the place of the value."""

VARIABLES = ("readiness.evidence.*.reviews.token",)
"""Places of values that were the name of an environment variable, and are references to a secret."""

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Renamed:
    """path: place of the old name, by the old names · now: the same place by today's · before, after: the names; of a
    value, the replaced text."""

    path: Path
    now: Path
    before: str
    after: str

    @property
    def within(self) -> bool:
        """Whether it is in a value, and is no key."""
        return self.path[-1] != self.before


def renamed(data: Json, place: str = "") -> tuple[Json, tuple[Renamed, ...]]:
    """A copy of `data`, which is at `place` of `pilotage.yaml`, with today's names; and each old name that was in it,
    parents first. place: such as `environments.*`; empty for the whole file."""
    found: list[Renamed] = []
    return _walk(data, tuple(place.split(".")) if place else (), (), (), found), tuple(found)


def renamed_key(path: str) -> str:
    """Today's form of a path such as `environments.router.deadline`, in which names of environments, services and
    channels are left out; the path itself where no part of it was renamed."""
    now: list[str] = []
    for word in path.split("."):
        here = [name for name in now if name != "services"]
        names = (names for pattern, _, names in _PLACES if [part for part in pattern if part != "*"] == here)
        now.append(next((found[word] for found in names if word in found), word))
    return ".".join(now)


def name_of_today(path: Path, section: Json) -> str:
    """What an old key of `section` is called now; empty if it never was one. path: of the key, in the whole file."""
    place = tuple("*" if isinstance(part, int) else part for part in path[:-1])
    names = dict(_names_at(place, section)) if isinstance(section, Mapping) else {}
    return names.get(str(path[-1]), "")


def _walk(data: Json, place: tuple[str, ...], path: Path, now: Path, found: list[Renamed]) -> Json:
    if isinstance(data, list | tuple):
        return [_walk(item, (*place, "*"), (*path, at), (*now, at), found) for at, item in enumerate(data)]
    if isinstance(data, str):
        return _filled_in(data, place, path, now, found)
    if not isinstance(data, Mapping):
        return data
    changed: dict[str, Json] = {}
    names = dict(_names_at(place, data))
    for key, value in data.items():
        new = names.get(key, key)
        new = key if new in data else new  # both names: the old one is unknown, and the file is refused for it
        if new != key:
            found.append(Renamed((*path, key), (*now, new), key, new))
        changed[new] = _walk(value, (*place, str(new)), (*path, key), (*now, new), found)
    return changed


def _filled_in(text: str, place: tuple[str, ...], path: Path, now: Path, found: list[Renamed]) -> str:
    if any(_matches(pattern, place) for pattern in _VARIABLES) and _VARIABLE.fullmatch(text):
        found.append(Renamed(path, now, text, f"secret://env/{text}"))
        return f"secret://env/{text}"
    for pattern, names in _PLACEHOLDERS:
        for before, after in names.items():
            if before in text and _matches(pattern, place):
                found.append(Renamed(path, now, before, after))
                text = text.replace(before, after)
    return text


def _names_at(place: tuple[str, ...], section: JsonObject) -> Iterator[tuple[str, str]]:
    """Old and new name of each key that was renamed in the section at `place`."""
    for pattern, kinds, names in _PLACES:
        if _matches(pattern, place) and (not kinds or section.get("kind") in kinds):
            yield from names.items()


def _matches(pattern: tuple[str, ...], place: tuple[str, ...]) -> bool:
    if place[:1] == ("services",) and len(place) > 2:
        place = place[2:]  # each service has environments, as the root has
    return len(pattern) == len(place) and all(p in ("*", part) for p, part in zip(pattern, place, strict=True))


def _places() -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Mapping[str, str]]]:
    for place, names in (*KEYS.items(), ("environments.*.overrides", SETTINGS)):
        where, _, kinds = place.partition(" (")
        yield tuple(where.split(".")) if where else (), tuple(kinds.rstrip(")").split(", ")) if kinds else (), names


_PLACES: Sequence[tuple[tuple[str, ...], tuple[str, ...], Mapping[str, str]]] = tuple(_places())
_VARIABLES = tuple(tuple(place.split(".")) for place in VARIABLES)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACEHOLDERS = tuple((tuple(place.split(".")), names) for place, names in PLACEHOLDERS.items())
