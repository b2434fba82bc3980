"""Evidence that Pilotage has itself: its records of earlier releases, its configuration, and the current target."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from pilotage.app.readiness import health, running, states
from pilotage.app.readiness.files import few
from pilotage.app.readiness.remote import CheckContext
from pilotage.model.clock import day_of
from pilotage.model.events import RollbackStarted, RolledBack
from pilotage.model.json import JsonObject, WrongJson, entries, find, object_at, optional, text_at
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import BadEvidence, Document, Evidence
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Status
from pilotage.model.schedule import Requirement
from pilotage.readiness import parity
from pilotage.readiness.evidence import json_of, text_of


def _parity(case: CheckContext, _item: Requirement) -> Evidence:
    staging, here = case.section.staging, case.plan.environment
    if staging is None:
        return Evidence("parity", False, "no staging environment is configured")
    there = case.loaded.configuration.environments
    sections = [there[name].model_dump(mode="json") for name in (staging, here)]
    found = parity.differences(sections[0], sections[1], case.section.allowed_differences)
    if found:
        shown = [f"{path} is {json.dumps(a)} in {staging}, {json.dumps(b)} in {here}" for path, a, b in found]
        return Evidence("parity", False, few(shown))
    differing, compared = running.differing(case, staging)
    if differing:
        return Evidence("parity", False, few(list(differing)))
    allowed = f" except for {', '.join(case.section.allowed_differences)}" if case.section.allowed_differences else ""
    return Evidence("parity", True, f"{staging} is configured like {here}{allowed}; compared: {compared}")


def _automation(case: CheckContext, _item: Requirement) -> Evidence:
    """This version was brought to staging by its plan, or, where there is no staging, another one was brought here."""
    place = case.rehearsal
    done = [
        rollout for rollout in _lately(case, place)
        if rollout.status is Status.COMPLETED
        and (not case.rehearsed_elsewhere or rollout.version == case.plan.version)
    ]  # fmt: skip
    if not done:
        what = case.plan.version if case.rehearsed_elsewhere else "any version"
        within = format_duration(int(case.section.max_drill_age))
        words = f"no deployment of {what} to {place} in the last {within}"
        return Evidence("deployment", False, words)
    last = done[0]
    return Evidence("deployment", True, f"{last.version} was deployed to {place} with plan {last.plan_hash[:12]}")


def _rollback(case: CheckContext, _item: Requirement) -> Evidence:
    """A release that users had already was rolled back for real, and how long that took."""
    for rollout in _lately(case, case.rehearsal):
        if rollout.status is Status.ROLLED_BACK and rollout.old and rollout.reached > 0:
            events = {type(event.what): event for event in case.store.events(rollout.id)}
            begun, ended = events.get(RollbackStarted), events.get(RolledBack)
            if begun and ended:
                took = ended.at - begun.at
                least = case.plan.rollback.timeout
                words = (
                    f"{rollout.version} was rolled back in {rollout.environment} within {took:.1f} s "
                    f"({rollout.id}); the plan allows {format_duration(least)}"
                )
                return Evidence("rollback", took <= least, words)
    within = format_duration(int(case.section.max_drill_age))
    return Evidence("rollback", False, f"no rollback in {case.rehearsal} in the last {within}")


def _lately(case: CheckContext, environment: str) -> list[RolloutSummary]:
    """Its rollouts that ended of late, newest first."""
    since = case.now - case.section.max_drill_age
    known = case.store.history(case.plan.service, environment, limit=200)
    return [rollout for rollout in known if rollout.finished_at is not None and rollout.finished_at >= since]


def _window(case: CheckContext, item: Requirement) -> Evidence:
    if item.requirement == "none required":
        return Evidence("window", True, "the strategy needs no downtime")
    windows = case.loaded.configuration.calendar.windows
    if not windows:
        return Evidence("window", False, "the release closes the service, and no maintenance window is configured")
    shown = [f"{', '.join(w.days)} {w.start}–{w.end}" for w in windows]
    told = states.notice(case)
    return Evidence("window", told.ready, f"windows: {few(shown)}; {told.sentence}")


def _flag(case: CheckContext, _item: Requirement) -> Evidence:
    """The release's flag is off, has an owner and a removal date, and no other flag is past its own. A kill switch
    stays, so it needs no date."""
    section = case.loaded.configuration.environments[case.plan.environment].flag
    if section is None:
        return Evidence("flag", False, "no flag is configured: add flag: {file: flags.json, key: NAME}")
    from pilotage.adapters.flags.flagd_adapter import FlagdSection
    from pilotage.app.flags import stale_of

    stale = [one.sentence for one in stale_of(case.store, case.loaded, case.plan.environment)]
    owner, removal = section.owner, date.fromisoformat(section.expires) if section.expires else None
    wrong, documents = list[str](), tuple[Document, ...]()
    if isinstance(section, FlagdSection):
        in_file = _in_file(case, section.file, section.key)
        owner, removal = owner or in_file.owner, removal or in_file.removal
        wrong, documents = list(in_file.wrong), (in_file.document,)
    if removal is None and section.purpose.expires:
        wrong.insert(0, f"{section.key} has no removal date")
    if not owner:
        wrong.insert(0, f"{section.key} has no owner")
    if wrong or stale:
        return Evidence("flag", False, few([*wrong, *stale]), documents)
    ends = f"to be removed by {removal}" if removal else f"a {section.purpose}, which stays"
    off = "is off, " if documents else ""
    return Evidence("flag", True, f"{section.key} {off}owned by {owner}, {ends}", documents)


@dataclass(frozen=True, kw_only=True)
class _InFile:
    """What a file of definitions says of a flag, and what is wrong there."""

    owner: str
    removal: date | None
    wrong: tuple[str, ...]
    document: Document


def _in_file(case: CheckContext, file: str, key: str) -> _InFile:
    """Raises BadEvidence."""
    every = replace(case.folder, max_age=float("inf"), since=0.0)
    content, document = every.read(file)
    try:
        flags = entries(object_at, json_of(text_of(content, file), file), "flags")
        mine = flags[key]
        today = day_of(case.now, case.loaded.configuration.calendar.timezone)
        past = [name for name, flag in flags.items() if (day := _removal(flag)) and day < today]
        owner, removal = find(mine, "metadata", "owner"), _removal(mine)
    except (KeyError, WrongJson) as error:
        raise BadEvidence(f"{file} has no flag {key} in flagd format: {error}") from None
    except (ValueError, RecursionError) as error:
        raise BadEvidence(f"{file}: {error}") from None
    wrong = [f"{key} is not off"] if mine.get("defaultVariant") != "off" or mine.get("targeting") else []
    wrong += [f"{name} is past its removal date {_removal(flags[name])}" for name in past]
    return _InFile(owner=str(owner or ""), removal=removal, wrong=tuple(wrong), document=document)


def _removal(flag: JsonObject) -> date | None:
    given = optional(text_at, flag, "metadata", "removeBy")
    return date.fromisoformat(given) if given else None


OURS: Mapping[str, Callable[[CheckContext, Requirement], Evidence]] = {
    "environment_parity": _parity, "deployment_automation": _automation,
    "monitoring_instrumentation": health.monitoring,
    "rollback_mechanism": _rollback, "maintenance_window_scheduled": _window, "flag_registered": _flag,
}  # fmt: skip
"""By the item."""
