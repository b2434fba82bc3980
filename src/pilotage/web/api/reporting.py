"""Reports: periods, releases, retrospectives, incidents, release notes, and a version from its commit to its users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from pilotage.app import notes
from pilotage.app.followup_looks import look_report
from pilotage.app.incidents import incident_report
from pilotage.app.notes_publishing import published_notes
from pilotage.app.overviews import incident_overview, period_overview
from pilotage.app.periods import period_report
from pilotage.app.permissions import Permission
from pilotage.app.release_report import release_report
from pilotage.app.repository import asked_of_git
from pilotage.app.retrospectives import retrospective
from pilotage.app.way.tracing import trace
from pilotage.model.output.base import Output, Part
from pilotage.model.output.release_report import ReleaseReportOutput
from pilotage.model.output.reports import (
    IncidentOutput,
    NotesOutput,
    OverviewOutput,
    PeriodReportOutput,
    RetrospectiveOutput,
)
from pilotage.model.output.trace import TraceOutput
from pilotage.model.timestamp import timestamp
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.keeping import PeriodQuery
from pilotage.web.api.wishes import Text
from pilotage.web.cursor import PageQuery, link, part_of
from pilotage.web.route import Asked, Query, Route

_SERVICE = "/api/v1/services/{service}"
Reader = Literal["technical", "executive", "business"]


class ReportQuery(PeriodQuery, frozen=True, kw_only=True):
    """since: a day, or so long ago, such as `30d` · until: the last day; empty for today · audience: who reads it."""

    audience: Reader = "technical"


class ReleaseReportQuery(Query, frozen=True, kw_only=True):
    """after: how long after its completion, such as `7d`; at most 35 days · audience: who reads it."""

    after: Annotated[str, msgspec.Meta(max_length=20)] = "7d"
    audience: Reader = "technical"


class NotesQuery(Query, frozen=True, kw_only=True):
    """range: commits, as `A..B`; empty for all since the last version · version: of the release; empty for the next one
    · audience: who reads them · scheme: of version numbers · path: only changes to this path · tag_prefix: of the tags
    that are versions."""

    range: Annotated[str, msgspec.Meta(max_length=400)] = ""
    version: Text = ""
    audience: Literal["developer", "user", "executive"] = "developer"
    scheme: Literal["semver", "pep440", "calver"] = "semver"
    path: Annotated[str, msgspec.Meta(max_length=400)] = ""
    tag_prefix: Text = ""


class NextVersionAnswer(Output, frozen=True, kw_only=True):
    """The version that the changes ask for."""

    version: str


class PublicationPart(Part, frozen=True, kw_only=True):
    """Notes that were published somewhere, or will be."""

    version: str
    place: str
    stage: str
    state: str
    at: str
    """When they were published, or are due."""
    address: str
    """Where they are; empty before."""
    error: str
    """Why not yet; empty otherwise."""


class PublicationsAnswer(Output, frozen=True, kw_only=True):
    """Publications of a service's notes, newest first."""

    publications: tuple[PublicationPart, ...]
    next: str
    """For `after`; empty on the last page."""


def _report(asked: Asked) -> Response:
    query = asked.query_as(ReportQuery)
    made = period_report(asked.project, asked.params["environment"], query.since, query.until, query.audience)
    return json_answer(made.output)


def _retrospective(asked: Asked) -> Response:
    query = asked.query_as(PeriodQuery)
    return json_answer(retrospective(asked.project, asked.params["environment"], query.since, query.until).output)


def _compared(command: str) -> Callable[[Asked], Response]:
    def answer(asked: Asked) -> Response:
        query = asked.query_as(PeriodQuery)
        places = asked.project.environments()
        return json_answer(period_overview(asked.project, places, query.since, query.until, command).output)

    return answer


def _incidents(asked: Asked) -> Response:
    return json_answer(incident_overview(asked.project, asked.project.environments()).output)


def _release(asked: Asked) -> Response:
    query, where = asked.query_as(ReleaseReportQuery), asked.params
    made = release_report(asked.project, where["environment"], where["version"], query.after, query.audience)
    return json_answer(made.output)


def _incident(asked: Asked) -> Response:
    rollout = asked.site.store.look_up(asked.params["rollout"])
    project = asked.site.for_(asked.who, rollout.service)
    return json_answer(incident_report(project, rollout.environment, rollout.id).output)


def _looked_back(cadence: str) -> Callable[[Asked], Response]:
    return lambda asked: json_answer(look_report(asked.project, cadence).output)


def _trace(asked: Asked) -> Response:
    return json_answer(trace(asked.project, asked.params["version"]).output)


def _notes_wanted(asked: Asked) -> notes.NotesRequest:
    query = asked.query_as(NotesQuery)
    return notes.NotesRequest(
        range=query.range or None, paths=(query.path,) if query.path else (), scheme=query.scheme,
        version=query.version or None, audience=query.audience, tag_prefix=query.tag_prefix or None,
    )  # fmt: skip


def _notes(asked: Asked) -> Response:
    with asked_of_git():
        found = notes.notes_for(asked.project, _notes_wanted(asked))
    return json_answer(notes.report_of(found).output)


def _next_version(asked: Asked) -> Response:
    with asked_of_git():
        version = notes.next_version_of(asked.project, _notes_wanted(asked))
    return json_answer(NextVersionAnswer(version=version))


def _published(asked: Asked) -> Response:
    shown, following = part_of(published_notes(asked.project), asked.query_as(PageQuery), lambda one: one.id)
    parts = tuple(
        PublicationPart(
            version=one.version, place=one.place.value, stage=one.stage.value, state=one.state.value,
            at=timestamp(one.at or one.due), address=one.address, error=one.error,
        )
        for one in shown
    )  # fmt: skip
    answer = PublicationsAnswer(publications=parts, next=following)
    return json_answer(answer, headers=link(asked, following))


ROUTES = (
    Route(
        method="GET", path=f"{PLACE}/report", permission=Permission.READ, answer=_report, query=ReportQuery,
        gives=PeriodReportOutput, summary="Report on a period of an environment.",
    ),
    Route(
        method="GET", path=f"{PLACE}/retrospective", permission=Permission.READ, answer=_retrospective,
        query=PeriodQuery, gives=RetrospectiveOutput, summary="Write the fact sheet of a retrospective.",
    ),
    Route(
        method="GET", path=f"{PLACE}/releases/{{version}}/report", permission=Permission.READ, answer=_release,
        query=ReleaseReportQuery, gives=ReleaseReportOutput,
        summary="Report on a release, and on what changed in the time after it.",
    ),
    *(
        Route(
            method="GET", path=f"{_SERVICE}/{name}", permission=Permission.READ, answer=_compared(command),
            query=PeriodQuery, gives=OverviewOutput, summary=f"Compare the environments of a service: {what}.",
        )
        for name, command, what in (
            ("report", "report", "a period"), ("dora", "dora", "DORA's metrics"),
            ("retrospective", "retro", "a retrospective's facts"),
        )
    ),
    Route(
        method="GET", path=f"{_SERVICE}/incidents", permission=Permission.READ, answer=_incidents,
        gives=OverviewOutput, summary="List the incidents of a service's environments.",
    ),
    Route(
        method="GET", path="/api/v1/rollouts/{rollout}/incident", permission=Permission.READ, answer=_incident,
        gives=IncidentOutput, summary="Report on a rollout that was rolled back or failed.",
    ),
    *(
        Route(
            method="GET", path=f"{_SERVICE}/followups/{cadence}-report", permission=Permission.READ,
            answer=_looked_back(cadence), gives=RetrospectiveOutput,
            summary=f"Write the {cadence} report on follow-up actions.",
        )
        for cadence in ("weekly", "monthly", "quarterly", "yearly")
    ),
    Route(
        method="GET", path=f"{_SERVICE}/releases/{{version}}/trace", permission=Permission.READ, answer=_trace,
        gives=TraceOutput, summary="Show a version from its commit to its users.",
    ),
    Route(
        method="GET", path=f"{_SERVICE}/notes", permission=Permission.READ, answer=_notes, query=NotesQuery,
        gives=NotesOutput, summary="Write release notes from the commits of a range.",
    ),
    Route(
        method="GET", path=f"{_SERVICE}/notes/next-version", permission=Permission.READ, answer=_next_version,
        query=NotesQuery, gives=NextVersionAnswer, summary="Say which version the changes ask for.",
    ),
    Route(
        method="GET", path=f"{_SERVICE}/notes/published", permission=Permission.READ, answer=_published,
        query=PageQuery, gives=PublicationsAnswer, summary="List the notes that were published, or will be.",
    ),
)  # fmt: skip
