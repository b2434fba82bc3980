"""One-time links: the owner's account, an invitation, a new password."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.identity import links
from pilotage.app.permissions import People
from pilotage.engine.records.links import LinkPurpose
from pilotage.engine.records.persons import NameTaken
from pilotage.model.access import Proof
from pilotage.model.errors import Invalid, PilotageError, Unavailable
from pilotage.web.entering import came_from, enter
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Pace, Route

_TITLES = {
    LinkPurpose.OWNER: "Make the owner's account",
    LinkPurpose.INVITATION: "Make your account",
    LinkPurpose.RECOVERY: "Choose a new password",
}


def _shown(asked: Asked, name: str = "", refused: PilotageError | None = None) -> Response:
    found = links.look_up(asked.site.store, asked.params["secret"])
    return page(
        asked, "link.html.j2", 200 if refused is None else refused.http_status, title=_TITLES[found.purpose],
        owner=found.purpose is LinkPurpose.OWNER, fixed=str(found.about.get("name", "")), name=name,
        refused=str(refused or ""),
    )  # fmt: skip


def _form(asked: Asked) -> Response:
    return _shown(asked)


def _redeem(asked: Asked) -> Response:
    name, password = asked.form.get("name", "").strip(), asked.form.get("password", "")
    try:
        if password != asked.form.get("again", ""):
            raise Invalid("the two passwords are different")
        person = links.redeem(
            asked.site.store, People.of(asked.project.whole), asked.params["secret"], name, password,
            came_from(asked).address,
        )  # fmt: skip
    except (Invalid, NameTaken, Unavailable) as error:
        return _shown(asked, name, error)
    return enter(asked, person, Proof.PASSWORD, "")


ROUTES = (
    Route(
        method="GET", path="/link/{secret}", permission=Audience.ANYONE, answer=_form, kind=Kind.PAGE,
        summary="Show what a one-time link is for.",
    ),
    Route(
        method="POST", path="/link/{secret}", permission=Audience.ANYONE, answer=_redeem, kind=Kind.FORM,
        pace=Pace.SIGN_IN, summary="Use a one-time link: make the account, or set its password.",
    ),
)  # fmt: skip
