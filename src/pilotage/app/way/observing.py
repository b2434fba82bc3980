"""What is seen of a way at one look: its runs, the word of other systems, environments, gates, windows and freezes.

What cannot be read is left out, with a warning in the log: the machine takes nothing unknown for passed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.stages.blobs import Blobs
from pilotage.adapters.stages.ports import Runs, StageResult, Word, open_awaited
from pilotage.app.project import Project
from pilotage.app.snapshot import calendar_facts
from pilotage.app.way.places import places_of
from pilotage.engine.records import ways
from pilotage.engine.records.ways import StoredWay
from pilotage.model.calendar import Calendar
from pilotage.model.clock import day_of
from pilotage.model.errors import PilotageError
from pilotage.model.text import line
from pilotage.model.way import Artifact, AwaitStage, EnvironmentStage, RunStage, StageStatus
from pilotage.rollout.windows import in_words, outside_windows, reigning
from pilotage.way.entry import environments_of
from pilotage.way.seen import Carried, Refused, RunSeen, RunStatus, WaySeen, WordSeen, WordStatus

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
ARTIFACTS = "artifacts"
"""The folder of what was built, in the state's."""

_NO_CALENDAR: Calendar | None = None
_ASK_EVERY = 10.0
"""Seconds between two questions to another system, or to the readiness gates: both cost requests."""

_LONGEST, _MOST = 500, 100
"""Characters of a text of another system, and how much of its evidence is kept."""

_EARLIER = 30
"""Earlier ways in which a stage may have passed."""


@dataclass
class Memory:
    """What a worker remembers of one way between looks; all of it can be found out again."""

    refused: dict[str, Refused] = field(default_factory=dict)
    carried: Mapping[str, Carried] | None = None
    again: dict[str, float] = field(default_factory=dict)
    """When to ask again, monotonic, by what is asked."""
    words: dict[str, WordSeen] = field(default_factory=dict)
    unready: dict[str, str] = field(default_factory=dict)

    def may_ask(self, what: str, every: float = _ASK_EVERY) -> bool:
        """Whether it is time to ask this again; counts as asked."""
        if self.again.get(what, 0.0) > time.monotonic():
            return False
        self.again[what] = time.monotonic() + every
        return True


def observe(project: Project, stored: StoredWay, runs: Runs, memory: Memory) -> WaySeen:
    """Everything that the next decision about the way may need."""
    way, store, now = stored.way, project.store, project.clock.now()
    if memory.carried is None:
        memory.carried = _carried(project, stored)
    calendar = _calendar(project, now)
    return WaySeen(
        runs=_read(lambda: _runs(stored, runs), {}),
        words=_words(project, stored, memory),
        places=_read(lambda: places_of(store, way, stored.state), {}),
        refused=dict(memory.refused),
        unready=_unready(project, stored, memory),
        closed=_read(lambda: outside_windows(calendar_facts(calendar), now), None) if calendar else None,
        frozen=_frozen(project, stored, calendar, now),
        carried=memory.carried,
        before=ways.before(store.engine, stored),
    )


def _read(what: Callable[[], _T], otherwise: _T) -> _T:
    try:
        return what()
    except (AdapterError, OSError, ValueError) as error:
        _log.warning("cannot be observed: %s", error)
        return otherwise


# ── runs and words ─────────────────────────────────────────────────────────────────────────────────────────


def _runs(stored: StoredWay, runs: Runs) -> dict[tuple[str, int], RunSeen]:
    """Every attempt that left a trace; the current ones that left none are absent. Raises AdapterError."""
    found = {(one.stage, one.attempt): _run(one) for one in runs.results()}
    for stage, at in zip(stored.way.stages, stored.state.stages, strict=True):
        if isinstance(stage, RunStage) and at.status is StageStatus.RUNNING:
            found.setdefault((stage.name, at.attempt), RunSeen(status=RunStatus.ABSENT))
    return found


def _run(one: StageResult) -> RunSeen:
    return RunSeen(
        status=RunStatus(one.status.value),
        detail=line(one.detail, _LONGEST),
        artifacts=one.artifacts,
        evidence=one.evidence,
        left=one.left,
    )


def _words(project: Project, stored: StoredWay, memory: Memory) -> dict[str, WordSeen]:
    """Of the stage that awaits one now. The last answer holds until the next question."""
    for stage, at in zip(stored.way.stages, stored.state.stages, strict=True):
        if not isinstance(stage, AwaitStage) or at.status is not StageStatus.RUNNING:
            continue
        if memory.may_ask(f"word {stage.name}"):
            memory.words.pop(stage.name, None)
            try:
                asked = open_awaited(stage.section, provenance=stage.provenance, folder=project.folder)
                said = asked.ask(stored.way.commit, stored.way.version, stored.state.artifacts)
                memory.words[stage.name] = _word(said)
            except (AdapterError, OSError) as error:
                _log.warning("%s: %s is unknown: %s", stored.way.id, stage.name, error)
        return dict(memory.words)
    return {}


def _word(said: Word) -> WordSeen:
    """As it may be recorded and shown: what others write can be long, and no text at all."""
    return WordSeen(
        status=WordStatus(said.status.value),
        detail=line(said.detail, _LONGEST),
        evidence=tuple(
            replace(one, where=line(one.where, _LONGEST), sentence=line(one.sentence, _LONGEST))
            for one in said.evidence[:_MOST]
        ),
    )


# ── gates ──────────────────────────────────────────────────────────────────────────────────────────────────


def _unready(project: Project, stored: StoredWay, memory: Memory) -> dict[str, str]:
    """Of the environments of the stage that waits, if its entry wants them ready."""
    index = stored.state.current
    if index is None or not stored.way.stages[index].entry.ready:
        return {}
    for name in environments_of(stored.way, index):
        if memory.may_ask(f"ready {name}"):
            memory.unready.pop(name, None)
            try:
                memory.unready[name] = _why_unready(project, stored, name)
            except (PilotageError, OSError) as error:
                _log.warning("%s: whether it is ready for %s is unknown: %s", stored.way.id, name, error)
    return dict(memory.unready)


def _why_unready(project: Project, stored: StoredWay, environment: str) -> str:
    from pilotage.app.known_risk import planned
    from pilotage.app.plan import PlanRequest
    from pilotage.app.readiness.assessment import assess_readiness
    from pilotage.app.readiness.assessment import in_words as missing

    plan = planned(project, environment, PlanRequest(stored.way.version, today=project.today))
    found = assess_readiness(project, stored.way.author, plan)
    return "" if found.ready else missing(found)


def _calendar(project: Project, now: float) -> Calendar | None:
    from pilotage.config.calendars import calendar_of

    day = day_of(now, project.loaded.configuration.calendar.timezone)
    return _read(lambda: calendar_of(project.loaded, day), _NO_CALENDAR)


def _frozen(project: Project, stored: StoredWay, calendar: Calendar | None, now: float) -> dict[str, str]:
    """Freezes that hold now, in words: the calendar's, and those that were declared for an environment."""
    if calendar is None:
        return {"": "the calendar cannot be read, so a freeze may hold"}
    found = reigning(calendar.freezes, now)
    frozen = {"": in_words(found, calendar.zone)} if found else {}
    for stage in stored.way.stages:
        for name in stage.environments if isinstance(stage, EnvironmentStage) else ():
            declared = reigning(project.store.freezes.of(stored.way.service, name, now), now)
            if declared is not None:
                frozen[name] = in_words(declared, calendar.zone)
    return frozen


# ── earlier ways ───────────────────────────────────────────────────────────────────────────────────────────


def _carried(project: Project, stored: StoredWay) -> dict[str, Carried]:
    """Stages that passed in earlier ways of the service, by fingerprint; of several the newest."""
    found, blobs = dict[str, Carried](), Blobs(project.directory / ARTIFACTS)
    for earlier in ways.listed(project.store.engine, stored.way.service, _EARLIER):
        if earlier.created_at >= stored.created_at:
            continue
        for stage, at in zip(earlier.way.stages, earlier.state.stages, strict=True):
            if not at.fingerprint or not at.status.good:
                continue
            made = earlier.state.artifacts if isinstance(stage, RunStage) and (stage.artifacts or stage.images) else ()
            if not all(one.image or _is_whole(blobs, one) for one in made):
                continue  # what it built was pruned, or is damaged: it is built again
            origin = at.carried_from or earlier.way.id
            found.setdefault(at.fingerprint, Carried(way=origin, artifacts=made, evidence=at.evidence))
    return found


def _is_whole(blobs: Blobs, artifact: Artifact) -> bool:
    try:
        blobs.verified(artifact.digest, artifact.name)
    except AdapterError:
        return False
    return True
