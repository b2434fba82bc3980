"""Rollouts: lists, one of them, and the commands that people give it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from pilotage.app.commands import outcome_of, submit_to
from pilotage.app.explain import explained
from pilotage.app.permissions import Permission
from pilotage.app.requests import CommandRequest
from pilotage.engine.records.overview import places
from pilotage.engine.records.pages import every_rollout
from pilotage.model.errors import Invalid
from pilotage.model.output.base import Output
from pilotage.model.output.rollouts import EventOutput, ExplanationOutput, RolloutOutput
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import CommandKind
from pilotage.model.status import Status
from pilotage.render.outputs import event_output, explanation_output, rollout_outputs
from pilotage.web.answers import json_answer
from pilotage.web.api.releasing import PlanAnswer, plan_answer
from pilotage.web.cursor import PageQuery, cursor_at, link, position_of
from pilotage.web.preconditions import require_version, version_of
from pilotage.web.route import Asked, Audience, Body, Made, Pace, Query, Route, Sharing, Turn

_ONE = "/api/v1/rollouts/{rollout}"


class RolloutsAnswer(Output, frozen=True, kw_only=True):
    """Rollouts that wait their turn."""

    rollouts: tuple[RolloutOutput, ...]


class RolloutsPage(Output, frozen=True, kw_only=True):
    """Rollouts, the last made first."""

    rollouts: tuple[RolloutOutput, ...]
    next: str
    """For `after`; empty on the last page."""


class RolloutsQuery(PageQuery, frozen=True, kw_only=True):
    """status: only those in this status, such as `completed`, or `under-way` for all that roll out; several with
    commas · service, environment: only those of it."""

    status: Annotated[str, msgspec.Meta(max_length=200)] = ""
    service: Annotated[str, msgspec.Meta(max_length=200)] = ""
    environment: Annotated[str, msgspec.Meta(max_length=200)] = ""


class CommandBody(Body, frozen=True, kw_only=True):
    """reason: recorded with the command · full: of promote, skip all remaining analysis · about: number of the event
    with the question that this answers; the command is too late once it is answered."""

    reason: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    full: bool = False
    about: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | None = None


class CommandAnswer(Output, frozen=True, kw_only=True):
    """What became of a command."""

    version: str
    end: str
    """`done`, `refused`, `too-late`, `unanswered` or `unattended`."""
    sentence: str


UNDER_WAY = "under-way"


def _listed(asked: Asked) -> Response:
    query, store = asked.query_as(RolloutsQuery), asked.site.store
    places = _places(asked, query)
    try:
        found = every_rollout(
            store.engine, _statuses(query.status), places, position_of(query.after), query.limit + 1
        )  # fmt: skip
    except KeyError:
        raise Invalid("this cursor belongs to another list") from None
    shown, more = found[: query.limit], len(found) > query.limit
    following = cursor_at(shown[-1].id) if more else ""
    outputs = rollout_outputs(shown, store.live_views([one.id for one in shown]))
    return json_answer(RolloutsPage(rollouts=outputs, next=following), headers=link(asked, following))


def _statuses(text: str) -> tuple[Status, ...]:
    """Raises Invalid."""
    named = [word.strip() for word in text.split(",") if word.strip()]
    known: dict[str, tuple[Status, ...]] = {one.value: (one,) for one in Status}
    known[UNDER_WAY] = tuple(one for one in Status if one is not Status.QUEUED and not one.final)
    if wrong := next((word for word in named if word not in known), None):
        raise Invalid(f"there is no status {wrong!r}; there are {', '.join(known)}")
    return tuple(dict.fromkeys(one for word in named for one in known[word])) or tuple(Status)


def _places(asked: Asked, query: RolloutsQuery) -> list[tuple[str, str]] | None:
    """None where nothing narrows the list."""
    if not query.service and not query.environment and asked.sees(""):
        return None
    return [
        (service, environment) for service, environment in places(asked.site.store.engine)
        if query.service in ("", service) and query.environment in ("", environment)
        and asked.sees(service, environment)
    ]  # fmt: skip


def _one(asked: Asked) -> Response:
    rollout = asked.site.store.look_up(asked.params["rollout"])
    (shown,) = rollout_outputs([rollout], asked.site.store.live_views([rollout.id]))
    return json_answer(shown, headers={"ETag": f'"{_version(rollout)}"'})


class RolloutEventsAnswer(Output, frozen=True, kw_only=True):
    """Events of a rollout."""

    events: tuple[EventOutput, ...]


class EventsAfterQuery(Query, frozen=True, kw_only=True):
    """after: only those with a greater number."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0


def _queue(asked: Asked) -> Response:
    store = asked.site.store
    found = [one for one in store.queued() if asked.sees(one.service, one.environment)]
    return json_answer(RolloutsAnswer(rollouts=rollout_outputs(found, store.live_views([one.id for one in found]))))


def _events(asked: Asked) -> Response:
    recorded = asked.site.store.events(asked.params["rollout"], asked.query_as(EventsAfterQuery).after)
    return json_answer(RolloutEventsAnswer(events=tuple(event_output(one) for one in recorded)))


def _explanation(asked: Asked) -> Response:
    rollout = asked.site.store.look_up(asked.params["rollout"])
    project = asked.site.for_(asked.who, rollout.service)
    found = explained(project, rollout.environment, rollout.id)
    return json_answer(explanation_output(rollout.id, found.explanation))


def _plan(asked: Asked) -> Response:
    return json_answer(plan_answer(asked.site.store.get(asked.params["rollout"]).plan))


def _version(rollout: RolloutSummary) -> str:
    return version_of(rollout.id, rollout.status, rollout.step)


def _command(kind: CommandKind, permission: Permission) -> Route:
    def answer(asked: Asked) -> Response:
        body, rollout = asked.body_as(CommandBody), asked.site.store.look_up(asked.params["rollout"])
        project = asked.site.for_(asked.who, rollout.service)
        require_version(asked, _version(rollout))
        as_of = (rollout.status.value, rollout.step) if "if-match" in asked.request.headers else None
        request = CommandRequest(
            kind=kind, environment=rollout.environment, reason=body.reason, full=body.full, about=body.about,
            as_of=as_of,
        )  # fmt: skip
        got = submit_to(project, asked.who.name, rollout, request)
        return json_answer(CommandAnswer(version=got.version, end=got.end.value, sentence=got.sentence))

    return Route(
        method="POST", path=f"/api/v1/rollouts/{{rollout}}/{kind.value}", permission=permission, answer=answer,
        summary=f"{kind.value.capitalize()} a rollout.", takes=CommandBody, gives=CommandAnswer, about=_ONE,
        turn=Turn.OWN, remade=_remade, pace=Pace.URGENT if kind in _URGENT else Pace.USUAL,
    )  # fmt: skip


def _remade(asked: Asked, made: Made) -> Response:
    """Of a command that was recorded before its server died."""
    numbers = [int(identity) for kind, identity in made if kind == "command"]
    got = outcome_of(asked.project, asked.site.store.look_up(asked.params["rollout"]), numbers[-1])
    return json_answer(CommandAnswer(version=got.version, end=got.end.value, sentence=got.sentence))


_URGENT = frozenset({CommandKind.ABORT, CommandKind.PAUSE, CommandKind.REJECT})
_COMMANDS = {
    CommandKind.ABORT: Permission.TAKE_BACK,
    CommandKind.PAUSE: Permission.COMMAND,
    CommandKind.RESUME: Permission.COMMAND,
    CommandKind.RETRY: Permission.COMMAND,
    CommandKind.PROMOTE: Permission.COMMAND,
    CommandKind.APPROVE: Permission.APPROVE,
    CommandKind.REJECT: Permission.APPROVE,
}

ROUTES = (
    Route(
        method="GET", path="/api/v1/rollouts", permission=Audience.SIGNED_IN, answer=_listed, query=RolloutsQuery,
        shared=Sharing.ROLES,
        summary="List rollouts, the last made first; `status=under-way` for those that roll out now.",
        gives=RolloutsPage,
    ),
    Route(
        method="GET", path=_ONE, permission=Permission.READ, answer=_one, shared=Sharing.ROLES,
        summary="Show a rollout.", gives=RolloutOutput,
    ),
    Route(
        method="GET", path="/api/v1/queue", permission=Audience.SIGNED_IN, answer=_queue, gives=RolloutsAnswer,
        summary="List the rollouts that wait their turn.",
    ),
    Route(
        method="GET", path=f"{_ONE}/events", permission=Permission.READ, answer=_events, query=EventsAfterQuery,
        gives=RolloutEventsAnswer, summary="List the events of a rollout.",
    ),
    Route(
        method="GET", path=f"{_ONE}/explanation", permission=Permission.READ, answer=_explanation,
        gives=ExplanationOutput, summary="Explain why a rollout waits, failed or was rolled back.",
    ),
    Route(
        method="GET", path=f"{_ONE}/plan", permission=Permission.READ, answer=_plan, gives=PlanAnswer,
        summary="Show the plan that a rollout follows.",
    ),
    *(_command(kind, permission) for kind, permission in _COMMANDS.items()),
)  # fmt: skip
