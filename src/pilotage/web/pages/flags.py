"""Flags: which there are, who has one now, and the kill switch."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.flag_page import flag_lines, flag_view
from pilotage.app.flags import kill
from pilotage.app.permissions import Permission
from pilotage.model.errors import PilotageError
from pilotage.model.output.flags import FlagOutput
from pilotage.model.traffic import percent
from pilotage.web.answers import json_answer
from pilotage.web.pages.page import page
from pilotage.web.place import NotFound
from pilotage.web.route import Asked, Audience, Kind, Pace, Route, Sharing


def _list(asked: Asked) -> Response:
    return page(asked, "flags.html.j2", flags=flag_lines(asked.project, asked.sees))


def _one(asked: Asked, status: int = 200, said: str = "", killed: str = "") -> Response:
    service, environment = asked.params["service"], asked.params["environment"]
    view = flag_view(asked.project, service, environment)
    if view is None:
        raise NotFound(f"{service} has no flag in {environment}: add `flag:` to the environment in pilotage.yaml")
    return page(
        asked, "flag.html.j2", status, view=view, line=view.line, said=said, killed=killed,
        share=None if view.ramp is None else percent(view.ramp.share),
        may_kill=asked.may(Permission.KILL_FLAG, service, environment),
    )  # fmt: skip


def _json(asked: Asked) -> Response:
    view = flag_view(asked.project, asked.params["service"], asked.params["environment"])
    if view is None or view.ramp is None:
        raise NotFound(view.trouble if view else "no flag is configured there")
    return json_answer(
        FlagOutput(flag=view.line.key, groups=view.ramp.groups, weight_percent=float(percent(view.ramp.share)))
    )  # fmt: skip


def _kill(asked: Asked) -> Response:
    """Off at once, without worker, gate or freeze. What the provider refuses is said on the page."""
    reason = asked.form.get("reason", "").strip()[:500]
    try:
        key, seconds = kill(asked.project, asked.who.name, asked.params["environment"], reason)
    except PilotageError as error:
        if error.http_status == 403:
            raise
        return _one(asked, 503, str(error))
    return _one(asked, killed=f"{key} is off for everyone, read back after {seconds:.1f} s")


_ONE = "/flags/{service}/{environment}"

ROUTES = (
    Route(
        method="GET", path="/flags", permission=Audience.SIGNED_IN, answer=_list, kind=Kind.PAGE,
        shared=Sharing.IDENTITY,
        summary="Flags of all environments, with owner and expiry.",
    ),
    Route(
        method="GET", path=f"{_ONE}.json", permission=Permission.READ, answer=_json, kind=Kind.PAGE,
        summary="Who has a flag now, as JSON.", gives=FlagOutput,
    ),
    Route(
        method="GET", path=_ONE, permission=Permission.READ, answer=_one, kind=Kind.PAGE,
        summary="A flag: who has it, who owns it, when it expires.",
    ),
    Route(
        method="POST", path=f"{_ONE}/kill", permission=Permission.KILL_FLAG, answer=_kill, kind=Kind.FORM,
        pace=Pace.BACK, summary="Turn a flag off for everyone, and roll back what ramps it.",
    ),
)  # fmt: skip
