"""The page of a rollout: where it is and how it does, and all that people can do with it."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import RedirectResponse, Response

from pilotage.app.approvers import approval_of, who_may_approve
from pilotage.app.commands import ask, take_out
from pilotage.app.explain import explained
from pilotage.app.permissions import Permission
from pilotage.app.requests import CommandRequest, RollbackRequest
from pilotage.app.rollback import go_back
from pilotage.app.rollout_choices import Choice, Deed, why_not
from pilotage.app.rollout_page import RolloutShown, shown_whole
from pilotage.engine.records.store import StoreConflict
from pilotage.model.errors import Invalid
from pilotage.model.output.rollouts import RolloutOutput
from pilotage.model.record import Rollout, RolloutSummary, Unreadable
from pilotage.model.step_title import title_of
from pilotage.model.text import line
from pilotage.render.outputs import rollout_outputs
from pilotage.web.answers import json_answer
from pilotage.web.pages.metric_view import metrics_of
from pilotage.web.pages.page import clock_of, page
from pilotage.web.pages.rollout_view import (
    ahead_of,
    at_hand,
    crews_of,
    pill_of,
    pill_of_state,
    rail_of,
    traffic_of,
)
from pilotage.web.route import Asked, Kind, Pace, Query, Route, Sharing

_LONGEST_REASON = 500


class LinkQuery(Query, frozen=True, kw_only=True):
    """about: number of the event with the question that a message asked."""

    about: int | None = None


class ShownQuery(Query, frozen=True, kw_only=True):
    """before: events with a lower number · asked: id of the command that was just given."""

    before: int | None = None
    asked: int | None = None


def _summary(asked: Asked) -> RolloutSummary:
    return asked.site.store.look_up(asked.params["rollout"])


def _json(asked: Asked) -> Response:
    found = _summary(asked)
    (shown,) = rollout_outputs([found], asked.site.store.live_views([found.id]))
    return json_answer(shown, headers={"ETag": f'"{found.revision}"'})


def _page(asked: Asked) -> Response:
    query, summary = asked.query_as(ShownQuery), _summary(asked)
    clock = clock_of(asked.site)
    try:
        shown = shown_whole(asked.project, summary.id, clock.words, query.before)
    except Unreadable as error:
        return _unreadable(asked, summary, error)
    given = asked.site.store.given(summary.id, query.asked) if query.asked is not None else None
    return page(
        asked, "rollout.html.j2", 200, shown=shown, given=given, query=query, **_view(asked, shown),
    )  # fmt: skip


def _view(asked: Asked, shown: RolloutShown) -> dict[str, object]:
    rollout, clock = shown.rollout, clock_of(asked.site)
    allowed, project = _allowed(asked, shown), asked.site.for_(asked.who, rollout.service)
    return {
        "approval": approval_of(project, rollout), "not_you": _not_you(asked, shown),
        "rollout": rollout, "pill": pill_of_state(rollout.state), "traffic": traffic_of(rollout),
        "rail": rail_of(rollout, shown.steps, clock), "metrics": metrics_of(shown.verdicts, rollout.plan, shown.course),
        "crews": crews_of(rollout), "ahead": ahead_of(rollout, clock.now), "choices": allowed,
        "at_hand": at_hand(allowed), "step_title": _step_title(rollout),
        "obstacle": next((why for one in shown.choices if (why := _obstacle(asked, shown, one))), ""),
    }  # fmt: skip


def _allowed(asked: Asked, shown: RolloutShown) -> tuple[Choice, ...]:
    """What this person may do: a button that would be refused is absent."""
    return tuple(
        one
        for one in shown.choices
        if asked.may(one.deed.permission, shown.rollout.service, shown.rollout.environment)
        and not _obstacle(asked, shown, one)
    )


def _obstacle(asked: Asked, shown: RolloutShown, choice: Choice) -> str:
    if not asked.may(choice.deed.permission, shown.rollout.service, shown.rollout.environment):
        return ""
    return why_not(asked.site.for_(asked.who, shown.rollout.service), shown.rollout, choice)


def _step_title(rollout: Rollout) -> str:
    state = rollout.state
    return title_of(rollout.plan.steps[state.step], state.new, state.mode)


def _not_you(asked: Asked, shown: RolloutShown) -> str:
    """Why this person's approval would not count, where one is waited for; empty where it would."""
    rollout = shown.rollout
    offered = next((one for one in shown.choices if one.deed is Deed.APPROVE), None)
    if offered is None:
        return ""
    if not asked.may(Permission.APPROVE, rollout.service, rollout.environment):
        return f"Your roles do not include approvals of {rollout.service} in {rollout.environment}."
    return _obstacle(asked, shown, offered)


def _unreadable(asked: Asked, rollout: RolloutSummary, error: Unreadable, status: int = 200) -> Response:
    """Its columns can be read, and its users brought back."""
    return page(
        asked, "rollout_unreadable.html.j2", status, rollout=rollout, error=str(error), pill=pill_of(rollout.status),
        abort=Deed.ABORT.permission,
    )  # fmt: skip


def _why(asked: Asked) -> Response:
    summary = _summary(asked)
    project, words = asked.site.for_(asked.who, summary.service), clock_of(asked.site).words
    found = explained(project, summary.environment, summary.id, words, lambda until, _: words(until))
    return page(asked, "rollout_why.html.j2", rollout=summary, pill=pill_of(summary.status), found=found.explanation)


# ── deeds ──────────────────────────────────────────────────────────────────────────────────────────────────


def _confirm(deed: Deed) -> Callable[[Asked], Response]:
    def answer(asked: Asked) -> Response:
        return _confirmation(asked, deed, changed="" if deed is Deed.ABORT else _answered_already(asked))

    return answer


def _answered_already(asked: Asked) -> str:
    """Of a link in a message whose question is no longer the open one."""
    about = asked.query_as(LinkQuery).about
    if about is None or asked.site.store.open_question(asked.params["rollout"]) == about:
        return ""
    return "The question in your message was answered already."


def _confirmation(asked: Asked, deed: Deed, status: int = 200, changed: str = "", reason: str = "") -> Response:
    """What will happen, and the one button that does it. changed: why the form that was sent before did nothing."""
    summary = _summary(asked)
    try:
        shown = shown_whole(asked.project, summary.id, clock_of(asked.site).words)
    except Unreadable as error:
        return _unreadable(asked, summary, error, status)
    choice = next((one for one in _allowed(asked, shown) if one.deed is deed), None)
    if choice is None and not changed:
        status, changed = 409, _why_absent(asked, shown, deed)
    return page(
        asked, "rollout_confirm.html.j2", status, shown=shown, choice=choice, changed=changed, reason=reason,
        **_view(asked, shown),
    )  # fmt: skip


def _why_absent(asked: Asked, shown: RolloutShown, deed: Deed) -> str:
    """Why this page has no button: it would not count, or it is not the time for it."""
    rollout = shown.rollout
    offered = next((one for one in shown.choices if one.deed is deed), None)
    if offered is not None and (obstacle := _obstacle(asked, shown, offered)):
        project = asked.site.for_(asked.who, rollout.service)
        return f"{obstacle} {who_may_approve(project, rollout)}"
    return f"{rollout.version} is {rollout.state.status}: this is not possible now."


def _do(deed: Deed) -> Callable[[Asked], Response]:
    def answer(asked: Asked) -> Response:
        summary, reason = _summary(asked), line(asked.form.get("reason", ""), 10_000)
        if len(reason) > _LONGEST_REASON:
            raise Invalid(f"the reason has {len(reason)} characters; {_LONGEST_REASON} are enough")
        try:
            return _done(asked, deed, summary, reason)
        except StoreConflict as changed:
            return _confirmation(asked, deed, 412, f"Nothing was done: {changed}.", reason)

    return answer


def _done(asked: Asked, deed: Deed, summary: RolloutSummary, reason: str) -> Response:
    """Raises StoreConflict where the rollout is no longer as the form shows it. An abort is never stale."""
    project, actor = asked.site.for_(asked.who, summary.service), asked.who.name
    here = f"{asked.site.root}/rollouts/{summary.id}"
    seen, about = (None, None) if deed is Deed.ABORT else _seen(asked)
    if deed.command is not None:
        request = CommandRequest(
            kind=deed.command, environment=summary.environment, reason=reason, full=asked.form.get("full") == "yes",
            about=about, as_of=seen,
        )  # fmt: skip
        return RedirectResponse(f"{here}?asked={ask(project, actor, summary, request)}", 303)
    newest = asked.site.store.newest(summary.service, summary.environment)
    if seen != (summary.status.value, summary.step) or (deed is Deed.ROLL_BACK and newest and newest.id != summary.id):
        raise StoreConflict(f"{summary.version} is {summary.status}, or another version followed it")
    if deed is Deed.WITHDRAW:
        if not take_out(project, actor, summary):
            raise StoreConflict(f"{summary.version} waits no more")
        return RedirectResponse(here, 303)
    went = go_back(project, actor, RollbackRequest(environment=summary.environment, to=summary.old, reason=reason))
    return RedirectResponse(f"{asked.site.root}/rollouts/{went.rollout.id}" if went.rollout else here, 303)


def _seen(asked: Asked) -> tuple[tuple[str, str], int | None]:
    """Status and step, and the question, that the form was made for."""
    status, _, step = asked.form.get("as_of", "").partition("/")
    about = asked.form.get("about", "")
    if not status or not (about == "" or about.isdecimal()):
        raise Invalid("the form does not say what it was made for: load the page again")
    return (status, step), int(about) if about else None


def _pace(deed: Deed) -> Pace:
    if deed is Deed.ROLL_BACK:
        return Pace.BACK
    return Pace.URGENT if deed in (Deed.ABORT, Deed.PAUSE, Deed.REJECT) else Pace.USUAL


ROUTES = (
    Route(
        method="GET", path="/rollouts/{rollout}.json", permission=Permission.READ, answer=_json,
        shared=Sharing.ROLES,
        kind=Kind.PAGE, summary="A rollout as JSON.", gives=RolloutOutput,
    ),
    Route(
        method="GET", path="/rollouts/{rollout}", permission=Permission.READ, answer=_page, kind=Kind.PAGE,
        shared=Sharing.IDENTITY,
        summary="A rollout: state, traffic, metrics, events and actions.", query=ShownQuery,
    ),
    Route(
        method="GET", path="/rollouts/{rollout}/why", permission=Permission.READ, answer=_why, kind=Kind.PAGE,
        summary="Why a rollout is where it is, and what to do.",
    ),
    *(
        Route(
            method="GET", path=f"/rollouts/{{rollout}}/{deed.value}", permission=deed.permission,
            answer=_confirm(deed), kind=Kind.PAGE, query=LinkQuery, pace=_pace(deed),
            summary=f"What {deed.value} of a rollout would do.",
        )
        for deed in Deed
    ),
    *(
        Route(
            method="POST", path=f"/rollouts/{{rollout}}/{deed.value}", permission=deed.permission, answer=_do(deed),
            kind=Kind.FORM, pace=_pace(deed),
            summary=f"{deed.value.replace('-', ' ').capitalize()}: from the page of a rollout.",
        )
        for deed in Deed
    ),
)  # fmt: skip
