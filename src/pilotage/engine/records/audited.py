"""Which changes of which tables the audit log shows, by their columns; secrets and bulk are in none of them.

Every table of the store is here or under UNAUDITED (a test compares them with the tables that there are).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Shown:
    """keys: columns that name the row, in words for `object` · columns: what else is shown of it."""

    keys: tuple[str, ...]
    columns: tuple[str, ...] = ()
    reason: str = ""
    """The column with the person's words."""


AUDITED: Mapping[str, Shown] = {
    "rollout": Shown(
        keys=("id",),
        columns=(
            "service", "environment", "version", "old", "kind", "strategy", "plan_hash", "actor", "preserved",
        ),
    ),
    "commands": Shown(keys=("rollout", "kind"), columns=("actor", "full"), reason="reason"),
    "freezes": Shown(
        keys=("name",), columns=("service", "environment", "begins", "ends", "actor", "lifted_by"), reason="reason"
    ),
    "signatures": Shown(
        keys=("version", "item"),
        columns=("service", "environment", "kind", "role", "actor", "until", "plan", "artifact"), reason="comment",
    ),
    "followups": Shown(
        keys=("id",),
        columns=("service", "description", "owner", "due", "criterion", "priority", "done_by", "outcome"),
    ),
    "announcements": Shown(
        keys=("version", "item"), columns=("service", "environment", "state", "title", "text", "due", "actor"),
        reason="reason",
    ),
    "reports": Shown(
        keys=("id",), columns=("service", "environment", "version", "kind", "state", "decided_by"), reason="reason"
    ),
    "schedules": Shown(
        keys=("version",), columns=("service", "environment", "release_date", "emergency", "actor"), reason="dropped"
    ),
    "activities": Shown(
        keys=("schedule", "item"), columns=("owner", "assignee", "due", "state", "actor"), reason="note"
    ),
    "meetings": Shown(
        keys=("uid",),
        columns=("kind", "service", "environment", "version", "begins", "state", "attended", "absent", "actor"),
    ),
    "outreach_answers": Shown(
        keys=("version", "account"), columns=("service", "environment", "actor"), reason="words"
    ),
    "ways": Shown(keys=("id",), columns=("service", "version", "author")),
    "way_commands": Shown(keys=("way", "kind"), columns=("stage", "actor"), reason="reason"),
    "boardings": Shown(keys=("train", "commit"), columns=("service", "title", "role", "actor"), reason="reason"),
    "wave_moves": Shown(
        keys=("tenant",), columns=("service", "environment", "wave", "until", "actor"), reason="reason"
    ),
    "environments": Shown(keys=("service", "environment"), columns=("home", "home_name")),
    "persons": Shown(keys=("name",), columns=("email", "issuer", "subject", "groups", "emergency", "disabled_at")),
    "passkeys": Shown(keys=("id",), columns=("person", "name")),
    "sessions": Shown(keys=("person",), columns=("proof", "expires_at", "agent")),
    "tokens": Shown(
        keys=("id",), columns=("kind", "owner", "name", "grants", "created_by", "expires_at", "revoked_at", "purpose")
    ),
    "grants": Shown(keys=("holder",), columns=("holder_kind", "role", "service", "environment")),
    "custom_roles": Shown(keys=("name",), columns=("permissions",)),
}  # fmt: skip

ALWAYS = frozenset({"persons", "passkeys", "sessions", "tokens", "grants", "custom_roles"})
"""Changes of these are shown even if nobody said what they are doing."""

UNAUDITED: Mapping[str, str] = {
    "plans": "content by hash; the rollout names it",
    "snapshots": "content by hash; the rollout names it",
    "failures": "counts of failed attempts; each attempt is a row of the log",
    "judge_states": "sums of the judge",
    "live_views": "what was observed last",
    "events": "a chain of their own",
    "way_events": "a chain of their own",
    "heads": "signed heads of chains",
    "leases": "which worker works where",
    "outbox": "messages; their states are in the log of deliveries",
    "salts": "random, of one day",
    "readings": "figures that checks reported",
    "seen_days": "what was seen of services",
    "trends": "what was measured of rollouts",
    "publications": "where notes were published, by the worker",
    "links": "one-time secrets; what they lead to is audited",
    "audit": "the log itself",
    "answers_once": "answers kept for repeated requests",
    "hook_answers": "what code hosts heard of rollouts",
    "outcomes": "what became of forecasts, by the worker",
    "feed": "the order of events, for streams",
    "feed_heads": "how far that order is",
}
SENSED: Mapping[str, tuple[str, ...]] = {
    "persons": ("password", "totp", "recovery", "ssh_keys"),
    "passkeys": ("public_key",),
}
"""Secret or bulky columns, of which the log says only that they changed."""
