"""Events under the names that earlier versions gave them.

An event is stored for ever, and its hash covers type and data. So a rename changes no stored event: readers translate
it, and its chain is verified over what was stored.
"""

from __future__ import annotations

from collections.abc import Mapping

from pilotage.model.json import Json, JsonObject
from pilotage.model.rollout import RENAMED_CAUSES
from pilotage.model.status import RENAMED_MODES

RENAMED_EVENTS: Mapping[str, str] = {
    "batch-restored": "batch-healthy",
    "batch-returned": "batch-rolled-back",
    "environment-released": "environment-removed",
    "instance-died": "instance-exited",
    "move-done": "rollback-step-completed",
    "person-needed": "intervention-required",
    "preserved": "environment-kept",
    "retried": "step-restarted",
    "second-try": "retry-started",
    "traffic-returned": "traffic-restored",
    "unwatched": "analysis-incomplete",
    "verdict": "verdict-changed",
    "withdrawn": "cancelled",
    "worse-than-the-past": "regression-accepted",
}
"""By the earlier type: today's."""

RENAMED_FIELDS: Mapping[str, Mapping[str, str]] = {
    "rollout-started": {
        "plan": "plan_hash", "pace": "mode", "old": "stable_version", "glass": "emergency_reason",
    },
    "readiness-checked": {"waived": "waivers", "gates": "gate_count"},
    "step-started": {"done": "finished_step", "weight": "weight_percent"},
    "batch-healthy": {"where": "instances"},
    "batch-rolled-back": {"where": "instances"},
    "rollback-step-completed": {"move": "number", "what": "title"},
    "completed": {"how": "caveat"},
    "failed": {"trouble": "error"},
    "step-restarted": {"withdrawn": "traffic_restored"},
    "promoted": {"although": "withdrawal_reason"},
    "approved": {"plan": "plan_hash", "person": "actor", "given": "approvals", "wanted": "approvals_required"},
    "command-refused": {"kind": "command", "why": "reason"},
    "intervention-required": {"old": "stable_version"},
    "verdict-changed": {"kind": "verdict"},
    "hold-started": {
        "share": "weight_percent", "then": "on_timeout", "limit": "timeout_seconds", "detail": "details",
    },
    "hold-ended": {"earlier": "earlier_causes"},
    "instance-exited": {"last": "log_tail"},
    "traffic-diverted": {"share": "weight_percent"},
    "traffic-resumed": {"share": "weight_percent"},
    "traffic-withdrawn": {
        "limit": "timeout_seconds", "excuse": "retry_reason", "awaited": "retry_after", "detail": "details",
    },
    "retry-started": {"tries": "restarts", "after": "failed_metrics"},
    "regression-accepted": {"worse": "regressions"},
    "rollback-started": {"detail": "details"},
    "traffic-restored": {"how": "outcome"},
}  # fmt: skip
"""By today's type: today's name of each field that was renamed."""

_RENAMED_VALUES: Mapping[str, Mapping[object, str]] = {
    "cause": {"deadline": "timeout"},
    "on_timeout": {"goes on unwatched": "continue", "its end": "none"},
}
"""By today's field: today's word for each value that was renamed."""

_RENAMED_ENUMS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("rollout-started", "mode"): RENAMED_MODES,
    **dict.fromkeys(
        [("hold-started", "cause"), ("hold-ended", "cause"), ("hold-ended", "earlier_causes"), ("paused", "cause")],
        RENAMED_CAUSES,
    ),
}
"""As above, by today's type and field: elsewhere the words are names, such as that of a metric."""

_EARLIER: Mapping[str, str] = {today: earlier for earlier, today in RENAMED_EVENTS.items()}


def type_today(type_: str) -> str:
    """Today's name of a stored type."""
    return RENAMED_EVENTS.get(type_, type_)


def types_stored(type_: str) -> tuple[str, ...]:
    """All names under which events of today's `type_` are stored."""
    return (type_, _EARLIER[type_]) if type_ in _EARLIER else (type_,)


def data_today(type_: str, data: JsonObject) -> JsonObject:
    """The data of a stored event under today's names. type_: today's, or the stored one."""
    names = RENAMED_FIELDS.get(type_today(type_), {})
    enums = {field: words for (event, field), words in _RENAMED_ENUMS.items() if event == type_today(type_)}
    found: dict[str, Json] = {}
    for name, value in data.items():
        now = names.get(name, name)
        if now == "weight_percent" and now != name and isinstance(value, int):
            found[now] = value / 10  # It was per mille.
        elif isinstance(value, str):
            word = _RENAMED_VALUES.get(now, {}).get(value, value)
            found[now] = enums.get(now, {}).get(word, word)
        elif isinstance(value, list | tuple) and now in enums:
            found[now] = [enums[now].get(str(one), one) for one in value]
        else:
            found[now] = value
    return found
