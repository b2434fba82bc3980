"""One-time links: the owner's account, an invitation, a new password."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.identity import links
from pilotage.app.permissions import People
from pilotage.engine.records.links import Link, LinkPurpose
from pilotage.engine.records.persons import NameTaken
from pilotage.model.access import ANYWHERE, Grant, Proof
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
        owner=found.purpose is LinkPurpose.OWNER, gives=_gives(found),
        fixed=str(found.about.get("name", "")), name=name, refused=str(refused or ""),
    )  # fmt: skip


def _gives(link: Link) -> str:
    """The roles that an invitation gives, in a sentence; empty of any other link."""
    if link.purpose is not LinkPurpose.INVITATION:
        return ""
    given = " and ".join(f"{one.role} {_where(one)}" for one in links.granted(link))
    by = str(link.about.get("by", ""))
    invites = f"{by} invites you" if by else "You are invited"
    return f"{invites} as {given}." if given else f"{invites}, without a role yet: an admin can give you one."


def _where(grant: Grant) -> str:
    places = [one for one in (grant.service, grant.environment) if one != ANYWHERE]
    return f"of {' in '.join(places)}" if places else "everywhere"


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
