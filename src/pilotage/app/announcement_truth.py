"""Whether what an announcement says is so: nothing is announced as coming that is there, or as there that is not.

Only Pilotage's own words are held against the records: a person who wrote a text answers for it.
"""

from __future__ import annotations

from enum import StrEnum

from pilotage.engine.records.store import Store
from pilotage.model.errors import Conflict
from pilotage.model.plan import Plan
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Status


class Untrue(Conflict):
    """The announcement would be false now."""


class Claim(StrEnum):
    """What an announcement says of its release."""

    COMING = "coming"
    UNDER_WAY = "under way"
    OUT = "out"
    TAKEN_BACK = "taken back"


CLAIMS = {
    Claim.COMING: (
        "internal_notice", "release_announcement", "documentation_updates", "webinar_scheduling",
        "support_team_briefing", "it_leadership_briefing", "end_user_guides", "executive_briefing",
        "tenant_wave_notice",
    ),
    Claim.UNDER_WAY: ("internal_start", "status_page_start", "tenant_wave_start"),
    Claim.OUT: (
        "internal_done", "status_page_done", "social_media", "in_app_notification", "customer_success_outreach",
        "success_metrics", "customer_feedback", "follow_up_webinar", "end_user_feedback", "tenant_wave_done",
    ),
    Claim.TAKEN_BACK: ("rollback_notice",),
}  # fmt: skip
_CLAIM_OF = {item: claim for claim, items in CLAIMS.items() for item in items}

_UNDER_WAY = (Status.PROGRESSING, Status.HOLDING, Status.PAUSED)


def check_true(store: Store, plan: Plan, item: str, text: str, *, later: bool) -> None:
    """later: it goes out at a time to come, by when a release may be under way or out. Raises Untrue."""
    if why := untrue(store, plan, item, text, later=later):
        raise Untrue(f"{item} would be false: {why}. Edit it (`pilotage announce edit`), or skip it")


def untrue(store: Store, plan: Plan, item: str, text: str, *, later: bool = False) -> str:
    """Why the announcement would be false; empty where nothing is known against it."""
    if "[date]" in text:
        return "the release has no date. Name it with --date"
    rollout = _rollout(store, plan)
    serving = store.serving(plan.service, plan.environment)
    serves = bool(serving) and serving[0] == plan.version
    status = rollout.status if rollout else None
    match _CLAIM_OF.get(item):
        case Claim.COMING if serves or (status and status in _UNDER_WAY):
            return f"{plan.version} {'serves' if serves else 'is rolling out'} in {plan.environment} already"
        case Claim.UNDER_WAY if status not in _UNDER_WAY and not (later and not serves):
            return f"no rollout of {plan.version} is in progress in {plan.environment}"
        case Claim.OUT if not serves and not (later and status in (None, Status.QUEUED, *_UNDER_WAY)):
            return f"{plan.version} does not serve all users in {plan.environment}"
        case Claim.TAKEN_BACK if status is not Status.ROLLED_BACK:
            return f"{plan.version} was not rolled back in {plan.environment}"
        case _:
            return ""


def _rollout(store: Store, plan: Plan) -> RolloutSummary | None:
    """The newest of this version there."""
    known = store.history(plan.service, plan.environment, limit=100)
    return next((rollout for rollout in known if rollout.version == plan.version), None)
