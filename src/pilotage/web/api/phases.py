"""Phases of scheduled releases as people work through them, and their feature freeze."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from pilotage.app import activities, feature_freeze
from pilotage.app.activities import WorkRequest
from pilotage.app.permissions import Permission
from pilotage.app.phase_output import release_output
from pilotage.app.repository import asked_of_git
from pilotage.model.activity import NotTracked, TrackedRelease
from pilotage.model.errors import Invalid
from pilotage.model.output.base import Output, Part
from pilotage.model.output.phases import PhasesOutput
from pilotage.render.phase_tasks import to_phase_tasks
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.wishes import Name, PlanBody, Revisions, Words, planned_by
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Body, Query, Route

_ALL = f"{PLACE}/phases"
_ONE = f"{_ALL}/{{version}}"
_Names = Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=100)]


class RangeQuery(Query, frozen=True, kw_only=True):
    """range: commits, as `A..B`; B is HEAD where it is left out."""

    range: Revisions


class AssignBody(Body, frozen=True, kw_only=True):
    """items: activities, milestones or phases · person: who does them."""

    items: _Names
    person: Name


class FinishBody(Body, frozen=True, kw_only=True):
    """items: activities, milestones or phases · reason: why they are done · decision: of `go_no_go_decision` alone."""

    items: _Names
    reason: Words
    decision: Literal["", "go", "no-go"] = ""


class ReopenBody(Body, frozen=True, kw_only=True):
    """items: activities, milestones or phases · reason: why they are open again."""

    items: _Names
    reason: Words


class DropBody(Body, frozen=True, kw_only=True):
    """reason: kept with the release."""

    reason: Words


class RefusedCommit(Part, frozen=True, kw_only=True):
    """A commit that came after the feature freeze."""

    commit: str
    subject: str
    why: str


class FreezeAnswer(Output, frozen=True, kw_only=True):
    """Whether commits may enter a release that is frozen."""

    commits: int
    frozen: tuple[str, ...]
    """A sentence for each release that is frozen."""
    let_in: tuple[str, ...]
    """A sentence for each commit that may enter nevertheless."""
    refused: tuple[RefusedCommit, ...]
    note: str
    """What else is worth knowing; empty for nothing."""


def _listed(asked: Asked) -> Response:
    """As the worker has recorded it: a GET looks at nothing new."""
    found = activities.all_tracked(asked.project, asked.params["environment"])
    return json_answer(PhasesOutput(releases=tuple(release_output(asked.project, one) for one in found)))


def _one(asked: Asked) -> Response:
    return _shown(asked)


def _shown(asked: Asked, status: int = 200, version: str = "") -> Response:
    found = _tracked(asked, version or asked.params["version"])
    return json_answer(PhasesOutput(releases=(release_output(asked.project, found),)), status)


def _track(asked: Asked) -> Response:
    body = asked.body_as(PlanBody)
    activities.track(asked.project, asked.who.name, planned_by(asked, body))
    asked.project.ensure_worker()
    return _shown(asked, 201, body.version)


def _tasks(asked: Asked) -> Response:
    found = _tracked(asked, asked.params["version"])
    today = activities.today_of(asked.project, found).isoformat()
    sentence = activities.forecast_of(asked.project, found).sentence
    content = to_phase_tasks(found, today, sentence, asked.project.moment)
    return Response(content, media_type="text/calendar")


def _check(asked: Asked) -> Response:
    first, dots, last = asked.query_as(RangeQuery).range.partition("..")
    if not dots or not first:
        raise Invalid("range is two commits, such as origin/main..HEAD")
    project = asked.project
    with asked_of_git():
        found = feature_freeze.check_range(
            project, project.folder, first, last or "HEAD", asked.params["environment"]
        )  # fmt: skip
    refused = tuple(RefusedCommit(commit=one.commit, subject=one.subject, why=one.why) for one in found.refused)
    return json_answer(
        FreezeAnswer(
            commits=found.commits, frozen=tuple(found.frozen), let_in=tuple(found.let_in), refused=refused,
            note=found.note,
        )
    )  # fmt: skip


def _tracked(asked: Asked, version: str) -> TrackedRelease:
    """Raises NotFound."""
    try:
        return activities.tracked_here(asked.project, asked.params["environment"], version)
    except NotTracked as error:
        raise NotFound(str(error)) from None


def _request(asked: Asked, names: tuple[str, ...] = (), note: str = "", go: bool | None = None) -> WorkRequest:
    where = asked.params
    return WorkRequest(version=where["version"], names=names, environment=where["environment"], note=note, go=go)


def _assign(asked: Asked) -> Response:
    body = asked.body_as(AssignBody)
    activities.assign(asked.project, asked.who.name, _request(asked, body.items), body.person)
    return _shown(asked)


def _finish(asked: Asked) -> Response:
    body = asked.body_as(FinishBody)
    go = None if not body.decision else body.decision == "go"
    activities.finish(asked.project, asked.who.name, _request(asked, body.items, body.reason, go))
    return _shown(asked)


def _reopen(asked: Asked) -> Response:
    body = asked.body_as(ReopenBody)
    activities.reopen(asked.project, asked.who.name, _request(asked, body.items, body.reason))
    return _shown(asked)


def _drop(asked: Asked) -> Response:
    activities.drop(asked.project, asked.who.name, _request(asked, note=asked.body_as(DropBody).reason))
    return _listed(asked)


def _work(name: str, answer: Callable[[Asked], Response], takes: type[Body], summary: str) -> Route:
    return Route(
        method="POST", path=f"{_ONE}/{name}", permission=Permission.WORK_PHASE, answer=answer, takes=takes,
        gives=PhasesOutput, about=_ONE, summary=summary,
    )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path=_ALL, permission=Permission.READ, answer=_listed, gives=PhasesOutput,
        summary="List the releases that people work on, as last recorded.",
    ),
    Route(
        method="POST", path=_ALL, permission=Permission.WORK_PHASE, answer=_track, takes=PlanBody,
        gives=PhasesOutput, status=201, about=_ALL, summary="Track the phases of a version, or move its dates.",
    ),
    Route(
        method="GET", path=f"{PLACE}/feature-freeze", permission=Permission.READ, answer=_check, query=RangeQuery,
        gives=FreezeAnswer, summary="Say which commits may not enter after a feature freeze.",
    ),
    Route(
        method="GET", path=_ONE, permission=Permission.READ, answer=_one, gives=PhasesOutput,
        summary="Show the phases of a version, as last recorded.",
    ),
    Route(
        method="GET", path=f"{_ONE}/tasks.ics", permission=Permission.READ, answer=_tasks, media="text/calendar",
        summary="Show what is to do for a version as calendar tasks.",
    ),
    _work("assign", _assign, AssignBody, "Assign activities to a person."),
    _work("done", _finish, FinishBody, "Record that activities are done."),
    _work("reopen", _reopen, ReopenBody, "Record that activities are not done after all."),
    _work("drop", _drop, DropBody, "Stop tracking a version: no more reminders, and no freeze."),
)  # fmt: skip
