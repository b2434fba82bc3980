"""Releases: plans, readiness with its signatures, deploying, going back."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from starlette.responses import Response

from pilotage.app.commands import clean_up
from pilotage.app.deploy import deploy
from pilotage.app.homes import attend
from pilotage.app.permissions import Permission
from pilotage.app.readiness.assessment import assess_readiness
from pilotage.app.requests import DeployRequest, RollbackRequest, SignOffRequest, WaiverRequest
from pilotage.app.rollback import go_back
from pilotage.app.signoffs import sign_off, waive
from pilotage.engine.rescue.returning import DeployResult
from pilotage.model.errors import Conflict
from pilotage.model.output.base import Output, Part
from pilotage.model.output.readiness import ReadinessOutput
from pilotage.model.plan import Plan
from pilotage.render.readiness_output import readiness_output
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.wishes import Items, PlanBody, Reason, ShownPlanBody, VersionQuery, Words, planned_by, planned_of
from pilotage.web.preconditions import version_of
from pilotage.web.route import Asked, Body, Made, Pace, Route, Turn


class DeployBody(PlanBody, frozen=True, kw_only=True):
    """version: of the release · day: on which all users have it; null for a plan without a date · done: finished phases
    · accept: conflicts that the plan may have, each with the reason · plan_hash: of the plan
    that you have seen; another one is refused · on_conflict: while another rollout is under way, refuse, queue or
    replace it · break_glass: why freezes and readiness do not count this time · may_undo: deploying the stable version
    may roll back the rollout under way."""

    plan_hash: Annotated[str, msgspec.Meta(max_length=64)] = ""
    on_conflict: Literal["refuse", "queue", "replace"] = "refuse"
    break_glass: Reason = ""
    may_undo: bool = False


class RollbackBody(Body, frozen=True, kw_only=True):
    """to: an earlier version; empty for the last good one · reason: kept with the rollout."""

    to: Annotated[str, msgspec.Meta(max_length=200)] = ""
    reason: Reason = ""


class SignOffBody(PlanBody, frozen=True, kw_only=True):
    """version: of the release · day: on which all users have it; null for a plan without a date · done: finished phases
    · accept: conflicts that the plan may have, each with the reason · role: such as
    `qa-lead` · items: those to sign; none for all of the role · comment: shown with the sign-off."""

    role: Words
    items: Items = ()
    comment: Reason = ""


class WaiverBody(PlanBody, frozen=True, kw_only=True):
    """version: of the release · day: on which all users have it; null for a plan without a date · done: finished phases
    · accept: conflicts that the plan may have, each with the reason · role: the owner of the
    items, or `release-manager` · items: those to waive · until: when it ends, Unix seconds · reason: stays visible."""

    role: Words
    items: Annotated[Items, msgspec.Meta(min_length=1)]
    until: Annotated[float, msgspec.Meta(ge=0, le=1e11)]
    reason: Words


class PlanAnswer(Output, frozen=True, kw_only=True):
    """A plan, and the hash by which it is deployed."""

    plan_hash: str
    stops: bool
    """Whether it may not be executed."""
    plan: msgspec.Raw
    """As `pilotage schema plan` describes it."""


class StartedAnswer(Output, frozen=True, kw_only=True):
    """What was begun."""

    rollout: str | None
    """Id of the rollout; null if there is nothing to do."""
    fresh: bool
    """Whether it began with this request."""
    sentence: str


class SignedPart(Part, frozen=True, kw_only=True):
    """An item, and what became of it."""

    item: str
    done: bool
    sentence: str
    """Why not; empty if it was done."""


class SignedAnswer(Output, frozen=True, kw_only=True):
    """Items that were signed or waived, and those that were not."""

    items: tuple[SignedPart, ...]


class CleanedAnswer(Output, frozen=True, kw_only=True):
    """The failed environment that goes."""

    version: str
    """Empty if none was kept."""


class OtherPlan(Conflict):
    """The release has another plan now than the one that was seen. Look at it again."""


def plan_answer(plan: Plan) -> PlanAnswer:
    return PlanAnswer(plan_hash=plan.hash, stops=bool(plan.stopped_by), plan=msgspec.Raw(plan.to_json().encode()))


def _plan(asked: Asked) -> Response:
    plan = planned_by(asked, asked.body_as(ShownPlanBody))
    return json_answer(plan_answer(plan))


def _readiness(asked: Asked) -> Response:
    plan = planned_of(asked, asked.query_as(VersionQuery))
    found = readiness_output(assess_readiness(asked.project, asked.who.name, plan, keeps=False))
    standing = [(gate.item, gate.status) for gate in found.gates]
    # Beside this there is only when it was checked, and by whom.
    return json_answer(found, headers={"ETag": f'"{version_of(found.plan_hash, standing, found.signatures)}"'})


def _deploy(asked: Asked) -> Response:
    body = asked.body_as(DeployBody)
    plan = planned_by(asked, body)
    if body.plan_hash not in ("", plan.hash):
        raise OtherPlan(f"{body.version} has the plan {plan.hash[:12]} now, and you saw {body.plan_hash[:12]}")
    request = DeployRequest(
        plan=plan, on_conflict=body.on_conflict, emergency_reason=body.break_glass, may_undo=body.may_undo,
        traceparent=asked.traceparent,
    )  # fmt: skip
    return _started(asked, deploy(asked.project, asked.who.name, request))


def _go_back(asked: Asked) -> Response:
    body = asked.body_as(RollbackBody)
    request = RollbackRequest(environment=asked.params["environment"], to=body.to or None, reason=body.reason)
    return _started(asked, go_back(asked.project, asked.who.name, request))


def _started(asked: Asked, result: DeployResult) -> Response:
    if result.rollout is None:
        return json_answer(StartedAnswer(rollout=None, fresh=False, sentence=result.sentence), 202)
    attend(asked.project, result.rollout.service, result.rollout.environment)
    return _begun(asked, result.rollout.id, result.sentence, fresh=result.fresh)


def _begun(asked: Asked, rollout: str, sentence: str, *, fresh: bool) -> Response:
    where = {"Location": f"{asked.site.root}/api/v1/rollouts/{rollout}"}
    return json_answer(StartedAnswer(rollout=rollout, fresh=fresh, sentence=sentence), 202, where)


def _begun_before(asked: Asked, made: Made) -> Response:
    """Of a server that died after it had recorded the rollout, or the rollback of the one under way."""
    rollouts = [identity for kind, identity in made if kind == "rollout"]
    if rollouts:
        found = asked.site.store.look_up(rollouts[-1])
        attend(asked.project, found.service, found.environment)
        return _begun(asked, found.id, f"rolling out {found.version} to {found.environment}", fresh=True)
    newest = asked.project.newest(asked.params["environment"])
    return _begun(asked, newest.id, f"rolling back {newest.version}", fresh=False)


def _sign(asked: Asked) -> Response:
    body = asked.body_as(SignOffBody)
    plan = planned_by(asked, body)
    request = SignOffRequest(plan=plan, role=body.role, items=body.items, comment=body.comment)
    done = sign_off(asked.project, asked.who.name, request)
    signed = [SignedPart(item=one.id, done=True, sentence="") for one in done.signed]
    refused = [SignedPart(item=one.id, done=False, sentence=why) for one, why in done.refused]
    return json_answer(SignedAnswer(items=(*signed, *refused)))


def _waive(asked: Asked) -> Response:
    body = asked.body_as(WaiverBody)
    plan = planned_by(asked, body)
    request = WaiverRequest(plan=plan, items=body.items, role=body.role, until=body.until, reason=body.reason)
    done = waive(asked.project, asked.who.name, request)
    return json_answer(SignedAnswer(items=tuple(SignedPart(item=one.item, done=True, sentence="") for one in done)))


def _clean(asked: Asked) -> Response:
    return json_answer(CleanedAnswer(version=clean_up(asked.project, asked.who.name, asked.params["environment"])))


ROUTES = (
    Route(
        method="POST", path=f"{PLACE}/plan", permission=Permission.PLAN, answer=_plan, takes=ShownPlanBody,
        gives=PlanAnswer, summary="Make the plan of a version; nothing is recorded.",
    ),
    Route(
        method="GET", path=f"{PLACE}/readiness", permission=Permission.READ, answer=_readiness, query=VersionQuery,
        gives=ReadinessOutput, summary="Show whether a version is ready, item by item.",
    ),
    Route(
        method="POST", path=f"{PLACE}/sign-offs", permission=Permission.SIGN_OFF, answer=_sign, takes=SignOffBody,
        about=f"{PLACE}/readiness",
        gives=SignedAnswer, summary="Sign off items of a release.",
    ),
    Route(
        method="POST", path=f"{PLACE}/waivers", permission=Permission.WAIVE, answer=_waive, takes=WaiverBody,
        about=f"{PLACE}/readiness",
        gives=SignedAnswer, summary="Waive items of a release until a time.",
    ),
    Route(
        method="POST", path=f"{PLACE}/deploy", permission=Permission.DEPLOY, answer=_deploy, takes=DeployBody,
        gives=StartedAnswer, status=202, about=PLACE, turn=Turn.IF_MATCH, remade=_begun_before,
        summary="Roll out a version.",
    ),
    Route(
        method="POST", path=f"{PLACE}/rollback", permission=Permission.ROLL_BACK, answer=_go_back, pace=Pace.BACK,
        takes=RollbackBody, gives=StartedAnswer, status=202, about=PLACE, turn=Turn.IF_MATCH,
        remade=_begun_before, summary="Roll back, or return to an earlier version.",
    ),
    Route(
        method="POST", path=f"{PLACE}/cleanup", permission=Permission.CLEAN, answer=_clean, gives=CleanedAnswer,
        summary="Delete a failed environment that was kept.",
    ),
)  # fmt: skip
