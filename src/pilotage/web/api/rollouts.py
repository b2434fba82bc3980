"""Rollouts: lists, one of them, and the commands that people give it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from starlette.responses import Response

from pilotage.app.commands import outcome_of, submit_to
from pilotage.app.explain import explained
from pilotage.app.permissions import Permission
from pilotage.app.requests import CommandRequest
from pilotage.model.output.base import Output
from pilotage.model.output.rollouts import EventOutput, ExplanationOutput, RolloutOutput
from pilotage.model.record import RolloutSummary
from pilotage.model.rollout import CommandKind
from pilotage.render.outputs import event_output, explanation_output, rollout_outputs
from pilotage.web.answers import json_answer
from pilotage.web.api.releasing import PlanAnswer, plan_answer
from pilotage.web.preconditions import require_version, version_of
from pilotage.web.route import Asked, Audience, Body, Made, Query, Route, Sharing, Turn

_ONE = "/api/v1/rollouts/{rollout}"


class RolloutsAnswer(Output, frozen=True, kw_only=True):
    """Rollouts under way."""

    rollouts: tuple[RolloutOutput, ...]


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


def _under_way(asked: Asked) -> Response:
    store = asked.site.store
    found = [one for one in store.active() if asked.sees(one.service, one.environment)]
    views = store.live_views([one.id for one in found])
    return json_answer(RolloutsAnswer(rollouts=rollout_outputs(found, views)))


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
        turn=Turn.OWN, remade=_remade,
    )  # fmt: skip


def _remade(asked: Asked, made: Made) -> Response:
    """Of a command that was recorded before its server died."""
    numbers = [int(identity) for kind, identity in made if kind == "command"]
    got = outcome_of(asked.project, asked.site.store.look_up(asked.params["rollout"]), numbers[-1])
    return json_answer(CommandAnswer(version=got.version, end=got.end.value, sentence=got.sentence))


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
        method="GET", path="/api/v1/rollouts", permission=Audience.SIGNED_IN, answer=_under_way,
        shared=Sharing.ROLES,
        summary="List the rollouts under way.", gives=RolloutsAnswer,
    ),
    Route(
        method="GET", path=_ONE, permission=Permission.READ, answer=_one,
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
