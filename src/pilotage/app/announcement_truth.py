"""Whether what an announcement says is so: nothing is announced as coming that is there, or as there that is not.

Only Pilotage's own words are held against the records: a person who wrote a text answers for it.
"""

from __future__ import annotations

from pilotage.engine.records.moments import moment_of
from pilotage.engine.records.store import Store
from pilotage.model.announcement import Released
from pilotage.model.errors import Conflict
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Status
from pilotage.model.schedule import After
from pilotage.plan.claims import CLAIM_OF, Claim


class Untrue(Conflict):
    """The announcement would be false now."""


_NO_FORM = "it asks for an answer, and names no form. Configure `intake`, or write your own"
_NO_MEETING = (
    "it invites to a webinar, and names no address. Set `meetings.webinar_link`, or write the address of your own"
)
_LINKED = {
    "customer_feedback": _NO_FORM,
    "end_user_feedback": _NO_FORM,
    "webinar_scheduling": _NO_MEETING,
    "follow_up_webinar": _NO_MEETING,
}
"""Announcements that are worth nothing without an address."""

_UNDER_WAY = (Status.PROGRESSING, Status.HOLDING, Status.PAUSED)
_WAITS = {
    Claim.UNDER_WAY: ". `--on start` sends it when the rollout starts",
    Claim.OUT: ". `--on completed` sends it once the release is complete",
}


def check_true(store: Store, release: Released, item: str, text: str, after: After = After.NOTHING) -> None:
    """Raises Untrue."""
    if why := untrue(store, release, item, text, after):
        way = _WAITS.get(CLAIM_OF.get(item, Claim.COMING), "")
        raise Untrue(f"{item} would be false: {why}. Edit it (`pilotage announce edit`), or skip it{way}")


def untrue(store: Store, release: Released, item: str, text: str, after: After = After.NOTHING) -> str:
    """Why the announcement would be false; empty where nothing is known against it. after: the moment that its calendar
    gives it, later than usual where its lead had passed (C11)."""
    if item in _LINKED and "://" not in text:
        return _LINKED[item]
    if "[date]" in text:
        return "the release has no date. Name it with --date"
    version, environment = release.version, release.environment
    rollout = newest(store, release)
    serving = store.serving(release.service, environment)
    serves = bool(serving) and serving[0] == version
    status = rollout.status if rollout else None
    match CLAIM_OF.get(item):
        case Claim.COMING if after is After.NOTHING and (serves or (status and status in _UNDER_WAY)):
            return f"{version} {'serves' if serves else 'is rolling out'} in {environment} already"
        case Claim.UNDER_WAY if status not in _UNDER_WAY:
            return f"no rollout of {version} is in progress in {environment}"
        case Claim.OUT if not serves and not _came(store, release, After.COMPLETED):
            return f"{version} does not serve all users in {environment}"
        case Claim.TAKEN_BACK if status is not Status.ROLLED_BACK:
            return f"{version} was not rolled back in {environment}"
        case _:
            return ""


def _came(store: Store, release: Released, moment: After) -> bool:
    with store.engine.connect() as connection:
        return moment_of(connection, release, moment) is not None


def newest(store: Store, release: Released) -> RolloutSummary | None:
    """The newest rollout of this version there."""
    known = store.history(release.service, release.environment, limit=100)
    return next((rollout for rollout in known if rollout.version == release.version), None)
