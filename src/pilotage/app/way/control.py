"""Commands to a way: each is recorded, answered by the worker within a second or two, and its answer awaited."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.engine.records import ways
from pilotage.engine.records.home import here
from pilotage.engine.records.store import StoreConflict
from pilotage.engine.records.ways import TOO_LATE, StoredWay
from pilotage.model.actor import Actor
from pilotage.model.errors import Conflict, Forbidden
from pilotage.model.way import EnvironmentStage, WayStage, WayStatus
from pilotage.model.way_command import WayCommandKind
from pilotage.way.commands import forbidden

_ANSWER_DEADLINE = 15.0
_OF_A_STAGE = (WayCommandKind.APPROVE, WayCommandKind.PROMOTE, WayCommandKind.RETRY)
"""Commands that mean the stage that was current when they were given, and never the next one."""


class WayEnd(StrEnum):
    """What became of a command."""

    DONE = "done"
    REFUSED = "refused"
    TOO_LATE = "too-late"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, kw_only=True)
class WayAnswer:
    """sentence: the worker's answer."""

    version: str
    status: WayStatus
    end: WayEnd
    sentence: str = ""


@dataclass(frozen=True, kw_only=True)
class WayRequest:
    """version: empty for the way that was started last · stage: that the person saw; empty for the current one."""

    kind: WayCommandKind
    version: str = ""
    stage: str = ""
    reason: str = ""


class StageMoved(Conflict):
    """The way is at another stage than the one that the person saw: nothing was done."""


@dataclass(frozen=True, kw_only=True)
class WayAsked:
    """number: of the command, which a worker answers; None where the way was over, with the sentence that says so."""

    stored: StoredWay
    number: int | None
    sentence: str = ""


def ask_way(project: Project, actor: str, request: WayRequest) -> WayAnswer:
    """Record a command and wait until it is answered, for 15 s at most. Raises Unclear, Forbidden."""
    asked = record_way(project, actor, request, meant(project, request.version))
    if asked.number is None:
        return WayAnswer(
            version=asked.stored.way.version, status=asked.stored.state.status, end=WayEnd.TOO_LATE,
            sentence=asked.sentence,
        )  # fmt: skip
    return _answer(project, asked.stored, asked.number)


def record_way(project: Project, actor: str, request: WayRequest, stored: StoredWay) -> WayAsked:
    """Record a command, and see that a worker answers it. Raises Forbidden."""
    index = stored.state.current
    stage = stored.way.stages[index] if index is not None else None
    who = _permitted(project, actor, request.kind, stage)
    asks = request.kind is WayCommandKind.APPROVE and stage is not None and stage.entry.approvals
    if asks and stage is not None and (why := forbidden(stored.way, stage, who)):
        raise Forbidden(why)
    here_now = stage.name if stage is not None and request.kind in _OF_A_STAGE else ""
    try:
        number = ways.command(
            project.store, stored.way.id, request.kind, actor, stage=request.stage or here_now, reason=request.reason
        )
    except StoreConflict as late:
        return WayAsked(stored=stored, number=None, sentence=str(late))
    if stored.place.id == here(project.directory).id:
        project.ensure_worker()
    else:
        project.warn(f"the way of {stored.way.version} runs on {stored.place.name}: its worker handles this")
    return WayAsked(stored=stored, number=number)


def record_at_stage(project: Project, actor: str, request: WayRequest, identity: str) -> WayAsked:
    """As `record_way`, of a way by its id, only while it is at the stage that the person saw; an abort, which means the
    same whatever happens meanwhile, at any. Raises KeyError, StageMoved, Forbidden."""
    stored = ways.get(project.store.engine, identity)
    index = stored.state.current
    now = stored.way.stages[index].name if index is not None else ""
    if stored.state.status.final:
        raise StageMoved(f"the way of {stored.way.version} has ended, {stored.state.status}: nothing was done")
    if request.stage != now and request.kind is not WayCommandKind.ABORT:
        raise StageMoved(
            f"the way of {stored.way.version} is at {now or 'its end'}, and you saw it at "
            f"{request.stage or 'no stage'}: nothing was done"
        )
    return record_way(project, actor, request, stored)


_NEEDS: Mapping[WayCommandKind, Permission] = {
    WayCommandKind.APPROVE: Permission.APPROVE, WayCommandKind.ABORT: Permission.TAKE_BACK,
}  # fmt: skip


def needed_for(kind: WayCommandKind) -> Permission:
    return _NEEDS.get(kind, Permission.COMMAND)


def places_of_command(kind: WayCommandKind, stage: WayStage | None) -> tuple[str, ...]:
    """Environments in which a command's permission is needed: those of the stage that it is about. Of the whole way,
    the empty name, which only a role for all environments covers."""
    if kind not in _OF_A_STAGE or not isinstance(stage, EnvironmentStage):
        return ("",)
    return stage.environments


def _permitted(project: Project, actor: str, kind: WayCommandKind, stage: WayStage | None) -> Actor:
    """Raises Forbidden."""
    found = [project.require(actor, needed_for(kind), place) for place in places_of_command(kind, stage)]
    return found[0]


def _answer(project: Project, stored: StoredWay, number: int) -> WayAnswer:
    until, end, said = time.monotonic() + _ANSWER_DEADLINE, WayEnd.UNANSWERED, ""
    while time.monotonic() < until and not said:
        said = ways.outcome(project.store.engine, number) or ""
        if not said:
            time.sleep(0.05)
    if said:
        end = WayEnd.REFUSED if said.startswith("refused") else WayEnd.DONE
        end = WayEnd.TOO_LATE if said.startswith(TOO_LATE) else end
    now = ways.get(project.store.engine, stored.way.id)
    return WayAnswer(version=stored.way.version, status=now.state.status, end=end, sentence=said)


def meant(project: Project, version: str = "") -> StoredWay:
    """The way of a version that was started last, or of any. Raises Unclear where there is none."""
    service = project.service_name
    found = ways.newest(project.store.engine, service, version) if project.has_store else None
    if found is None:
        of = f" of {version}" if version else ""
        raise Unclear(f"{service} has no way{of} yet: start one with `pilotage way start VERSION`")
    return found
