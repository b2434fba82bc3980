"""Evidence that Pilotage has itself: its records of earlier releases, its configuration, and the current target."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

from pilotage.app.readiness.files import few
from pilotage.app.readiness.remote import CheckContext
from pilotage.model.clock import day_of
from pilotage.model.events import RollbackStarted, RolledBack
from pilotage.model.json import JsonObject, WrongJson, entries, find, object_at, optional, text_at
from pilotage.model.observation import Observation
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import BadEvidence, Evidence
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import Status
from pilotage.model.schedule import Requirement
from pilotage.readiness import parity
from pilotage.readiness.evidence import json_of, text_of

_LISTENS = 2.0
"""Seconds for which a metrics source is listened to."""

_MOST_LISTENED = 20.0
"""Seconds, where synthetic requests are rare."""


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
    allowed = f" except for {', '.join(case.section.allowed_differences)}" if case.section.allowed_differences else ""
    return Evidence("parity", True, f"{staging} is configured like {here}{allowed}")


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


def _monitoring(case: CheckContext, _item: Requirement) -> Evidence:
    """The metrics source answers, with samples of what serves there now."""
    from pilotage.engine.execution.description import describe
    from pilotage.engine.execution.targets import open_target

    place = case.rehearsal
    serving = case.store.serving(case.plan.service, place)
    if not serving:
        return Evidence("monitoring", False, f"no version serves {place} yet, so there are no metrics")
    section = case.loaded.configuration.environments[place]
    target = open_target(case.store.directory, describe(section, case.folder.root), case.plan.service, place, token=0)
    listens = _LISTENS
    if target.synthetic and section.synthetic:
        # Long enough for two of them, however rare they are wanted.
        listens = min(max(_LISTENS, 2 / section.synthetic.requests_per_second), _MOST_LISTENED)
    first = target.metrics.observe(serving[:1], None)
    try:
        until = time.monotonic() + listens
        while (left := until - time.monotonic()) > 0:
            if target.synthetic:
                target.synthetic.keep_up()
            time.sleep(min(left, 1.0))
        seen = target.metrics.observe(serving[:1], first.cursor).of(serving[0])
    finally:
        if target.synthetic:
            target.synthetic.stop()
    words, samples = _heard(seen, ours=target.synthetic is not None)
    words = f"{words} to {serving[0]} in {place} within {listens:g} s"
    if samples:
        return Evidence("monitoring", True, words)
    cure = "" if target.synthetic else "; `synthetic:` sends requests to an environment without users"
    return Evidence("monitoring", False, f"{words}: no samples, so nothing can be judged{cure}")


def _heard(seen: Observation, *, ours: bool) -> tuple[str, int]:
    """The number of observed requests, with whose they were, in words and as a number."""
    if not ours:
        return f"{seen.requests} requests", seen.requests
    if seen.synthetic is None:
        return f"{seen.requests} requests, including Pilotage's synthetic requests,", seen.requests
    sent = seen.synthetic.requests
    return f"{seen.requests} user requests and {sent} synthetic requests", seen.requests + sent


def _window(case: CheckContext, item: Requirement) -> Evidence:
    if item.requirement == "none required":
        return Evidence("window", True, "the strategy needs no downtime")
    windows = case.loaded.configuration.calendar.windows
    if not windows:
        return Evidence("window", False, "the release closes the service, and no maintenance window is configured")
    shown = [f"{', '.join(w.days)} {w.start}–{w.end}" for w in windows]
    return Evidence("window", True, f"windows: {few(shown)}")


def _flag(case: CheckContext, _item: Requirement) -> Evidence:
    """The release's flag is off, has an owner and a removal date, and no other flag is past its own."""
    section = case.loaded.configuration.environments[case.plan.environment].flag
    if section is None:
        return Evidence("flag", False, "no flag is configured: add flag: {file: flags.json, key: NAME}")
    from pilotage.adapters.flags.flagd_adapter import FlagdSection

    if not isinstance(section, FlagdSection):
        return Evidence("flag", False, f"a {section.kind} flag has no owner and no removal date that Pilotage can read")
    every = replace(case.folder, max_age=float("inf"), since=0.0)
    content, document = every.read(section.file)
    try:
        flags = entries(object_at, json_of(text_of(content, section.file), section.file), "flags")
        mine = flags[section.key]
        today = day_of(case.now, case.loaded.configuration.calendar.timezone)
        past = [name for name, flag in flags.items() if (day := _removal(flag)) and day < today]
        owner, removal = find(mine, "metadata", "owner"), _removal(mine)
    except (KeyError, WrongJson) as error:
        raise BadEvidence(f"{section.file} has no flag {section.key} in flagd format: {error}") from None
    except (ValueError, RecursionError) as error:
        raise BadEvidence(f"{section.file}: {error}") from None
    wrong = []
    if not owner:
        wrong.append(f"{section.key} has no owner")
    if removal is None:
        wrong.append(f"{section.key} has no removal date")
    if mine.get("defaultVariant") != "off" or mine.get("targeting"):
        wrong.append(f"{section.key} is not off")
    wrong += [f"{name} is past its removal date {_removal(flags[name])}" for name in past]
    if wrong:
        return Evidence("flag", False, few(wrong), (document,))
    words = f"{section.key} is off, owned by {owner}, to be removed by {removal}"
    return Evidence("flag", True, words, (document,))


def _removal(flag: JsonObject) -> date | None:
    given = optional(text_at, flag, "metadata", "removeBy")
    return date.fromisoformat(given) if given else None


OURS: Mapping[str, Callable[[CheckContext, Requirement], Evidence]] = {
    "environment_parity": _parity, "deployment_automation": _automation, "monitoring_instrumentation": _monitoring,
    "rollback_mechanism": _rollback, "maintenance_window_scheduled": _window, "flag_registered": _flag,
}  # fmt: skip
"""By the item."""
