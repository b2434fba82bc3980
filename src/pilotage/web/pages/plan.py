"""Plans: made by a form, read, compared with another, and deployed as they were read."""

from __future__ import annotations

from datetime import date

from starlette.responses import RedirectResponse, Response

from pilotage.app import planning
from pilotage.app.permissions import Permission
from pilotage.app.project import Unclear
from pilotage.model.errors import Conflict, Invalid, NotReady, PilotageError
from pilotage.model.plan import Plan
from pilotage.render.plan_page import first_screen
from pilotage.render.sections import headline
from pilotage.web.pages.page import page
from pilotage.web.pages.plan_view import approval_of, charts_of, parts_of, pill_of_plan, steps_of
from pilotage.web.pages.rollout_view import pill_of
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Audience, Kind, Query, Route


class FormQuery(Query, frozen=True, kw_only=True):
    """Values that the form begins with."""

    service: str = ""
    environment: str = ""
    version: str = ""


def _form(asked: Asked) -> Response:
    return _shown_form(asked, asked.query_as(FormQuery))


def _shown_form(asked: Asked, given: FormQuery, error: str = "", status: int = 200, day: str = "") -> Response:
    places = [
        (service, environment)
        for service, environments in asked.project.names.environments.items()
        for environment in environments
        if asked.may(Permission.PLAN, service, environment)
    ]
    wanted = f"{given.service}/{given.environment}" if given.environment else next(
        (f"{service}/{place}" for service, place in places if service == given.service), ""
    )  # fmt: skip
    return page(
        asked, "plan_form.html.j2", status, places=places, wanted=wanted, version=given.version, error=error, day=day,
    )  # fmt: skip


def _make(asked: Asked) -> Response:
    service, _, environment = asked.form.get("place", "").partition("/")
    version, day = asked.form.get("version", "").strip(), asked.form.get("date", "").strip()
    given = FormQuery(service=service, environment=environment, version=version[:200])
    try:
        if environment not in asked.project.names.environments.get(service, ()):
            raise Invalid("choose a service and an environment")
        project = asked.site.for_(asked.who, service)
        plan = planning.make(project, asked.who.name, environment, version, _day(day))
    except (Invalid, Unclear, ValueError) as error:
        return _shown_form(asked, given, str(error), 400, day[:20])
    return RedirectResponse(f"{asked.site.root}/plans/{plan.hash}", 303)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid(f"{text[:20]!r} is not a day such as 2026-12-04") from None


def _plan(asked: Asked) -> Plan:
    return planning.called(asked.project, asked.params["plan"])


def _page(asked: Asked) -> Response:
    return _shown(asked, _plan(asked))


def _shown(asked: Asked, plan: Plan, status: int = 200, refused: str = "") -> Response:
    project = asked.site.for_(asked.who, plan.service)
    queue, lacks = planning.queue_of(project, plan), planning.lacks(project, plan)
    outdated = planning.outdated(queue, plan)
    return page(
        asked, "plan.html.j2", status, plan=plan, title=headline(plan), first=first_screen(plan), lacks=lacks,
        pill=pill_of_plan(plan, lacks, outdated), rail=steps_of(plan), approval=approval_of(plan), outdated=outdated,
        parts=parts_of(plan), charts=charts_of(plan), refused=refused, queue=queue,
        before=planning.before(project, plan), pill_of=pill_of, asks_readiness=planning.asks_readiness(project, plan),
        may_deploy=asked.may(Permission.DEPLOY, plan.service, plan.environment) and not (plan.stopped_by or outdated),
    )  # fmt: skip


def _json(asked: Asked) -> Response:
    return Response(_plan(asked).to_json(), media_type="application/json")


def _difference(asked: Asked) -> Response:
    """To another plan, or to the one that the environment had last."""
    plan = _plan(asked)
    named = asked.params.get("other") or planning.before(asked.project, plan)
    if named is None:
        raise NotFound(f"{plan.environment} had no other plan before this one")
    other = planning.called(asked.project, named)
    if not asked.sees(other.service, other.environment):
        raise NotFound(f"there is no plan {named}")
    return page(
        asked, "plan_difference.html.j2", plan=plan, other=other, title=headline(plan),
        changes=planning.changes(other, plan),
    )  # fmt: skip


def _deploy(asked: Asked) -> Response:
    """Whatever keeps it from starting is said on the page of the plan, and nothing has happened."""
    plan = _plan(asked)
    project = asked.site.for_(asked.who, plan.service)
    try:
        begun = planning.deploy_as_read(
            project, asked.who.name, plan, queue=asked.form.get("queue") == "yes", traceparent=asked.traceparent
        )
    except (Conflict, NotReady, Invalid) as error:
        return _shown(asked, plan, _status(error), str(error))
    if begun.rollout is None:
        return _shown(asked, plan, 200, begun.sentence)
    return RedirectResponse(f"{asked.site.root}/rollouts/{begun.rollout.id}", 303)


def _status(error: PilotageError) -> int:
    return error.http_status


ROUTES = (
    Route(
        method="GET", path="/plan", permission=Audience.SIGNED_IN, answer=_form, kind=Kind.PAGE, query=FormQuery,
        summary="Plan a release.",
    ),
    Route(
        method="POST", path="/plan", permission=Audience.SIGNED_IN, answer=_make, kind=Kind.FORM,
        summary="Make a plan; its service and environment are fields of the form.",
    ),
    Route(
        method="GET", path="/plans/{plan}.json", permission=Permission.READ, answer=_json, kind=Kind.PAGE,
        summary="A plan as JSON.",
    ),
    Route(
        method="GET", path="/plans/{plan}", permission=Permission.READ, answer=_page, kind=Kind.PAGE,
        summary="A plan: decision, dates, what happens, who is needed.",
    ),
    Route(
        method="GET", path="/plans/{plan}/diff", permission=Permission.READ, answer=_difference, kind=Kind.PAGE,
        summary="What differs from the plan that the environment had last.",
    ),
    Route(
        method="GET", path="/plans/{plan}/diff/{other}", permission=Permission.READ, answer=_difference,
        kind=Kind.PAGE, summary="What differs from another plan.",
    ),
    Route(
        method="POST", path="/plans/{plan}/deploy", permission=Permission.DEPLOY, answer=_deploy, kind=Kind.FORM,
        summary="Roll out exactly this plan.",
    ),
)  # fmt: skip
