"""The page of people: accounts, groups and service accounts, the roles they have, and roles of one's own."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from pilotage.app.access import roles
from pilotage.app.access.output import access_output
from pilotage.app.auditing import action_of
from pilotage.app.identity import links
from pilotage.app.permissions import Permission
from pilotage.engine.records.roles import Held
from pilotage.model.access import Grant, HolderKind
from pilotage.model.errors import PilotageError
from pilotage.web.api.access import holder_kind
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Kind, Route

_PATH = "/settings/people"
_MAY = "may-"
"""How the names of the ticks begin."""


def _page(asked: Asked) -> Response:
    return _shown(asked)


def _shown(asked: Asked, error: str = "", status: int = 200) -> Response:
    found = roles.overview(asked.project, asked.who.name)
    names = asked.project.names.environments
    places = ["", *names, *(f"{service}/{environment}" for service, each in names.items() for environment in each)]
    people = {
        one.name: [each for each in found.grants if _is(each, HolderKind.PERSON, one.name)] for one in found.people
    }
    others = [one for one in found.grants if one.kind is not HolderKind.PERSON or one.holder not in people]
    return page(
        asked, "people.html.j2", status, people=found.people, held=people, others=others,
        roles=access_output(found).roles, places=places, kinds=list(HolderKind), error=error, form=asked.form,
        permissions={action_of(one): one.value for one in Permission}, chosen=_chosen(asked),
        pending=links.pending(asked.project),
    )  # fmt: skip


def _chosen(asked: Asked) -> tuple[str, ...]:
    """Permissions that were ticked, to be ticked again where the role was refused."""
    return tuple(name.removeprefix(_MAY) for name in asked.form if name.startswith(_MAY))


def _is(held: Held, kind: HolderKind, name: str) -> bool:
    return held.kind is kind and held.holder == name


def _change(asked: Asked) -> Response:
    form, me = asked.form, asked.who.name
    try:
        match form.get("do"):
            case "give":
                grant = Grant.read(f"{form.get('role', '')}@{form.get('place', '')}")
                roles.give(asked.project, me, holder_kind(form.get("kind", "")), form.get("holder", "").strip(), grant)
            case "take":
                grant = Grant.read(form.get("grant", ""))
                roles.take_away(asked.project, me, holder_kind(form.get("kind", "")), form.get("holder", ""), grant)
            case "disable" | "enable" as wanted:
                roles.disable(asked.project, me, form.get("holder", ""), disabled=wanted == "disable")
            case "role":
                roles.make_role(asked.project, me, form.get("name", "").strip(), _chosen(asked))
            case "withdraw":
                links.withdraw(asked.project, form.get("invitation", ""))
            case "delete":
                roles.delete_role(asked.project, me, form.get("name", ""))
    except PilotageError as wrong:
        return _shown(asked, str(wrong), wrong.http_status)
    return RedirectResponse(asked.site.root + _PATH, 303)


ROUTES = (
    Route(
        method="GET", path=_PATH, permission=Permission.MANAGE_PEOPLE, answer=_page, kind=Kind.PAGE,
        summary="Who has which role where.",
    ),
    Route(
        method="POST", path=_PATH, permission=Permission.MANAGE_PEOPLE, answer=_change, kind=Kind.FORM,
        summary="Give or take a role, disable an account, make a role.",
    ),
)  # fmt: skip
