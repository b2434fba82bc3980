"""Commands to a way: each is recorded, answered by the worker within a second or two, and its answer awaited."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from pilotage.app.permissions import Permission
from pilotage.app.project import Project, Unclear
from pilotage.engine.records import ways
from pilotage.engine.records.home import here
from pilotage.engine.records.store import StoreConflict
from pilotage.engine.records.ways import TOO_LATE, StoredWay
from pilotage.model.errors import Forbidden
from pilotage.model.way import WayStatus
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


def ask_way(project: Project, actor: str, request: WayRequest) -> WayAnswer:
    """Record a command and wait until it is answered, for 15 s at most. Raises Unclear, Forbidden."""
    stored = meant(project, request.version)
    undoes = request.kind is WayCommandKind.ABORT
    who = project.require(actor, Permission.TAKE_BACK if undoes else Permission.COMMAND)
    index = stored.state.current
    if request.kind is WayCommandKind.APPROVE and index is not None:
        stage = stored.way.stages[index]
        if stage.entry.approvals and (why := forbidden(stored.way, stage, who)):
            raise Forbidden(why)
    here_now = stored.way.stages[index].name if index is not None and request.kind in _OF_A_STAGE else ""
    try:
        number = ways.command(
            project.store, stored.way.id, request.kind, actor, stage=request.stage or here_now, reason=request.reason
        )
    except StoreConflict as late:
        return WayAnswer(
            version=stored.way.version, status=stored.state.status, end=WayEnd.TOO_LATE, sentence=str(late)
        )
    if stored.place.id == here(project.directory).id:
        project.ensure_worker()
    else:
        project.warn(f"the way of {stored.way.version} runs on {stored.place.name}: its worker handles this")
    return _answer(project, stored, number)


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
