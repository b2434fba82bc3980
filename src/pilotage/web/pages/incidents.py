"""What went wrong and what is left to do: incidents with their reports, follow-ups, users' reports and feedback."""

from __future__ import annotations

from datetime import date

from starlette.responses import RedirectResponse, Response

from pilotage.app.commands import End
from pilotage.app.followups import add_followup, finish
from pilotage.app.harm import confirm, dismiss
from pilotage.app.incidents import incident_report
from pilotage.app.permissions import Permission
from pilotage.app.trouble import trouble
from pilotage.model.errors import Invalid
from pilotage.model.followup import FollowUp
from pilotage.model.output.reports import IncidentOutput
from pilotage.model.output.rollouts import HistoryOutput
from pilotage.render.outputs import rollout_outputs
from pilotage.web.answers import json_answer
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Pace, Route, Sharing

_PRIORITIES = ("high", "medium", "low")


class NoAction(Invalid):
    """A form about a follow-up or a report lacks something."""


def _list(asked: Asked) -> Response:
    found = trouble(asked.project, asked.sees)
    names = asked.project.names.environments
    return page(
        asked, "incidents.html.j2", found=found, priorities=_PRIORITIES,
        adds=[one for one in names if asked.may(Permission.FOLLOW_UP, one)],
        finishes=lambda service: asked.may(Permission.FOLLOW_UP, service),
        decides=lambda service: asked.may(Permission.DECIDE_REPORT, service),
    )  # fmt: skip


def _list_json(asked: Asked) -> Response:
    found = trouble(asked.project, asked.sees).incidents
    return json_answer(
        HistoryOutput(rollouts=rollout_outputs(found, asked.site.store.live_views([r.id for r in found])))
    )


def _incident(asked: Asked) -> Response:
    rollout = asked.site.store.look_up(asked.params["rollout"])
    document = incident_report(asked.site.for_(asked.who, rollout.service), rollout.environment, rollout.id).document
    return page(asked, "incident.html.j2", document=document, rollout=rollout)


def _incident_json(asked: Asked) -> Response:
    rollout = asked.site.store.look_up(asked.params["rollout"])
    return json_answer(
        incident_report(asked.site.for_(asked.who, rollout.service), rollout.environment, rollout.id).output
    )


# ── what people do ─────────────────────────────────────────────────────────────────────────────────────────


def _number(asked: Asked) -> int:
    text = asked.params["number"]
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise NoAction(f"{text[:20]!r} is no number")
    return int(text)


def _word(asked: Asked, name: str, what: str) -> str:
    text = asked.form.get(name, "").strip()[:1000]
    if not text:
        raise NoAction(f"{what} is missing")
    return text


def _add(asked: Asked) -> Response:
    due = _word(asked, "due", "the day on which it is due")
    try:
        date.fromisoformat(due)
    except ValueError:
        raise NoAction(f"{due!r} is not a day such as 2026-12-01") from None
    priority = asked.form.get("priority", "medium")
    if priority not in _PRIORITIES:
        raise NoAction(f"the priority is {', '.join(_PRIORITIES)}, not {priority[:20]!r}")
    action = FollowUp(
        0, _word(asked, "description", "what is to be done"), _word(asked, "owner", "who does it"), due,
        _word(asked, "criterion", "how anybody sees that it is done"), priority,
        asked.form.get("release", "").strip()[:100],
    )  # fmt: skip
    add_followup(asked.project, asked.who.name, action)
    return RedirectResponse(f"{asked.site.root}/incidents#actions", 303)


def _finish(asked: Asked) -> Response:
    finish(asked.project, asked.who.name, _number(asked), _word(asked, "outcome", "what came of it"))
    return RedirectResponse(f"{asked.site.root}/incidents#actions", 303)


def _confirm(asked: Asked) -> Response:
    done = confirm(asked.project, asked.who.name, _number(asked), asked.form.get("reason", "").strip()[:500])
    answered = done.answer is not None and done.answer.end is End.DONE
    said = done.advice or ("it is rolled back" if answered else "the rollback is recorded; no worker has answered yet")
    return page(asked, "report_confirmed.html.j2", report=done.report, said=said)


def _dismiss(asked: Asked) -> Response:
    dismiss(asked.project, asked.who.name, _number(asked), _word(asked, "reason", "the reason"))
    return RedirectResponse(f"{asked.site.root}/incidents#reports", 303)


ROUTES = (
    Route(
        method="GET", path="/incidents", permission=Audience.SIGNED_IN, answer=_list, kind=Kind.PAGE,
        shared=Sharing.IDENTITY,
        summary="Rollouts that were undone, open follow-ups, users' reports and feedback.",
    ),
    Route(
        method="GET", path="/incidents.json", permission=Audience.SIGNED_IN, answer=_list_json, kind=Kind.PAGE,
        shared=Sharing.IDENTITY,
        summary="Rollouts that were undone, as JSON.", gives=HistoryOutput,
    ),
    Route(
        method="GET", path="/incidents/{rollout}.json", permission=Permission.READ, answer=_incident_json,
        kind=Kind.PAGE, summary="The report of an incident as JSON.", gives=IncidentOutput,
    ),
    Route(
        method="GET", path="/incidents/{rollout}", permission=Permission.READ, answer=_incident, kind=Kind.PAGE,
        summary="The report of an incident.",
    ),
    Route(
        method="POST", path="/followups/{service}", permission=Permission.FOLLOW_UP, answer=_add, kind=Kind.FORM,
        summary="Add a follow-up.",
    ),
    Route(
        method="POST", path="/followups/{service}/{number}/done", permission=Permission.FOLLOW_UP, answer=_finish,
        kind=Kind.FORM, summary="Finish a follow-up.",
    ),
    Route(
        method="POST", path="/harm/{service}/{number}/confirm", permission=Permission.DECIDE_REPORT, pace=Pace.URGENT,
        answer=_confirm, kind=Kind.FORM, summary="Confirm a user's report; what rolls out is rolled back.",
    ),
    Route(
        method="POST", path="/harm/{service}/{number}/dismiss", permission=Permission.DECIDE_REPORT,
        answer=_dismiss, kind=Kind.FORM, summary="Dismiss a user's report.",
    ),
)  # fmt: skip
