"""Evidence in the state of announcements: what is approved, scheduled or delivered, and the draft of the notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from pilotage.adapters.ports import AdapterError
from pilotage.app.announcement_text import facts_of, text_of
from pilotage.app.announcements import announcements_of
from pilotage.app.readiness.files import few
from pilotage.app.readiness.remote import CheckContext
from pilotage.app.waves import has_waves, outdated, wanted_of
from pilotage.engine.records.moments import NOTICE
from pilotage.model.announcement import Announced, State
from pilotage.model.errors import Invalid
from pilotage.model.readiness import BadEvidence, Evidence
from pilotage.model.schedule import Requirement
from pilotage.model.wording import counted, within
from pilotage.readiness.gates import WAVES

FEATURES = ("release_announcement", "social_media", "in_app_notification")
"""Announcements that tell customers what is new."""

NOTICES = ("internal_notice", "release_announcement", "it_leadership_briefing", "tenant_wave_notice")
"""The first notice that each kind of stakeholder gets."""

_SETTLED = (State.WAITING, State.SCHEDULED, State.SENT, State.SKIPPED)
"""It will go out by itself, has gone out, or somebody decided against it."""

_NOTES = "release_notes_publication"
_TENANTS = "tenant_wave_notice"


def _communication(case: CheckContext, _item: Requirement) -> Evidence:
    """Somebody decided on each message of the calendar."""
    every = announcements_of(case.store, case.plan)
    # The notice of a rollback goes out by itself.
    drafts = [one.item for one in every if one.state is State.DRAFT and not one.own and one.item != NOTICE]
    if drafts:
        words = f"{len(drafts)} of {len(every)} announcements are drafts: {few([within(one) for one in drafts])}"
        return Evidence("announcements", False, words)
    counted = Counter("edited" if one.state is State.DRAFT else str(one.state) for one in every)
    return Evidence("announcements", True, ", ".join(f"{number} {state}" for state, number in counted.items()))


def _features(case: CheckContext, _item: Requirement) -> Evidence:
    """Whatever tells customers of new features will go out by itself, or has gone out."""
    mine = _those(case, FEATURES)
    open_ = [f"{one.item} is {one.state}" for one in mine if one.state not in _SETTLED]
    if open_:
        return Evidence("announcements", False, few(open_))
    return Evidence("announcements", True, few([f"{one.item} is {_ended(one)}" for one in mine]))


def _tenants(case: CheckContext, _item: Requirement) -> Evidence:
    """Tenants received the notice of their wave."""
    return _delivered(_those(case, (_TENANTS,)))


def _waves(case: CheckContext, item: Requirement) -> Evidence | None:
    """The plan has the waves of today, wishes included, and their notices go out by themselves. None where the
    environment has no waves, or a document says who agreed: then a person signs."""
    given, place = case.section.evidence.get(item.id), case.plan.environment
    if (given is not None and given.document) or not has_waves(case.loaded, place):
        return None
    if case.plan.first:
        said = f"first deployment to {place}: all tenants get it at once"
        return Evidence("first release", True, said, required=False)
    zone = ZoneInfo(case.loaded.configuration.calendar.timezone)
    today = datetime.fromtimestamp(case.now, zone).date()
    moves = case.store.wave_moves.of(case.plan.service, place)
    try:
        changed = outdated(case.plan, wanted_of(case.loaded, place, moves, today))
    except (Invalid, AdapterError) as error:
        return Evidence(WAVES, False, str(error))
    if not case.plan.waves or changed:
        return Evidence(WAVES, False, changed or "the plan has no waves: make it again")
    drafts = [one.item for one in _those(case, (_TENANTS,)) if one.state is State.DRAFT]
    if drafts:
        named = few([within(one) for one in drafts])
        return Evidence(WAVES, False, f"{named} is a draft: approve it with `pilotage announce approve {drafts[0]}`")
    told = counted(sum(len(wave.members) for wave in case.plan.waves), "tenant")
    waves = counted(len(case.plan.waves), "wave")
    return Evidence(WAVES, True, f"{waves} with {told} and the rest, and their notices")


def notice(case: CheckContext) -> Evidence:
    """The maintenance window was announced: the first notice of each kind of stakeholder was delivered."""
    return _delivered(_those(case, NOTICES))


def _delivered(wanted: Sequence[Announced]) -> Evidence:
    missing, arrived = list[str](), list[str]()
    for one in wanted:
        if one.state is not State.SENT:
            missing.append(f"{one.item} is {_ended(one)}")
            continue
        if one.told:
            arrived.append(f"{one.item} was delivered through {few(list(one.told))}")
        else:
            missing.append(f"{one.item} has not arrived through any channel")
    return Evidence("delivery", not missing, few(missing or arrived))


def _notes(case: CheckContext, item: Requirement) -> Evidence | None:
    """The draft that people read and sign: another draft voids the signature. None where a document is named."""
    given = case.section.evidence.get(item.id)
    if given is not None and given.document:
        return None
    (found,) = _those(case, (_NOTES,))
    if found.state is State.SKIPPED:
        return Evidence("draft", False, f"{_NOTES} is {_ended(found)}")
    text = draft_of(case, found).strip()
    if not found.own and "\n" not in text:
        raise BadEvidence(f"the draft lists no changes: tag the versions in git, or `pilotage announce edit {_NOTES}`")
    digest = sha256(text.encode()).hexdigest()
    return Evidence("draft", True, f"draft {digest[:12]} of {len(text.splitlines())} lines", digest=digest)


def _migration(case: CheckContext, item: Requirement) -> Evidence | None:
    """A document says what users must do; what it says is checked by whoever signs it."""
    given = case.section.evidence.get(item.id)
    return None if given is not None and given.document else Evidence("document", False, "no document is named")


def draft_of(case: CheckContext, announced: Announced) -> str:
    """The text of an announcement as it would go out now. Raises BadTemplate."""
    configuration = case.loaded.configuration
    folder = case.loaded.folder / configuration.templates if configuration.templates else None
    facts = facts_of(case.store, case.loaded, case.plan)
    return text_of(announced, facts, folder, configuration.language)


def _those(case: CheckContext, names: Sequence[str]) -> tuple[Announced, ...]:
    return tuple(one for one in announcements_of(case.store, case.plan) if one.item in names)


def _ended(one: Announced) -> str:
    return f"{one.state} by {one.actor}: {one.reason}" if one.state is State.SKIPPED else str(one.state)


BY_STATE: Mapping[str, Callable[[CheckContext, Requirement], Evidence | None]] = {
    "communication_plan": _communication, "feature_announcements": _features, "release_notes": _notes,
    "tenant_notices": _tenants, "tenant_waves": _waves, "migration_plan": _migration,
}  # fmt: skip
"""By the item; None where other evidence replaces it."""
