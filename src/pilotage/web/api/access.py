"""People, groups and service accounts with their roles; custom roles; why somebody may do something."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.access import roles
from pilotage.app.access.output import access_output, invitations_output, role_output
from pilotage.app.access.why import permission_called, why
from pilotage.app.identity import links
from pilotage.app.permissions import Permission
from pilotage.model.access import Grant, HolderKind
from pilotage.model.errors import Invalid
from pilotage.model.output.access import AccessOutput, ChangedOutput, InvitationsOutput, RoleOutput, WhyOutput
from pilotage.web.answers import json_answer
from pilotage.web.route import Asked, Audience, Body, Query, Route


class BadKind(Invalid):
    """A grant is for a person, a group or a service account."""


class GrantBody(Body, frozen=True, kw_only=True):
    """kind: `person`, `group` or `service` · grant: such as `deployer@shop/production`."""

    kind: str
    holder: str
    grant: str


class RoleBody(Body, frozen=True, kw_only=True):
    """permissions: such as `freeze` or `take-back`."""

    permissions: tuple[str, ...]


class NothingBody(Body, frozen=True, kw_only=True):
    """Nothing."""


class WhyQuery(Query, frozen=True, kw_only=True):
    """actor: empty for oneself · action: such as `take-back`."""

    actor: str = ""
    action: str = "deploy"
    service: str = ""
    environment: str = ""


def holder_kind(word: str) -> HolderKind:
    """Raises BadKind."""
    if word not in set(HolderKind):
        raise BadKind(f"a grant is for a {', '.join(HolderKind)}, not for a {word!r}")
    return HolderKind(word)


def _overview(asked: Asked) -> Response:
    return json_answer(access_output(roles.overview(asked.project, asked.who.name)))


def _give(asked: Asked) -> Response:
    body = asked.body_as(GrantBody)
    changed = roles.give(
        asked.project, asked.who.name, holder_kind(body.kind), body.holder, Grant.read(body.grant)
    )  # fmt: skip
    return json_answer(ChangedOutput(changed=changed))


def _take_away(asked: Asked) -> Response:
    body = asked.body_as(GrantBody)
    changed = roles.take_away(
        asked.project, asked.who.name, holder_kind(body.kind), body.holder, Grant.read(body.grant)
    )  # fmt: skip
    return json_answer(ChangedOutput(changed=changed))


def _save_role(asked: Asked) -> Response:
    made = roles.make_role(asked.project, asked.who.name, asked.params["role"], asked.body_as(RoleBody).permissions)
    return json_answer(role_output(made.name, made.permissions, custom=True))


def _delete_role(asked: Asked) -> Response:
    return json_answer(ChangedOutput(changed=roles.delete_role(asked.project, asked.who.name, asked.params["role"])))


def _disable(asked: Asked) -> Response:
    roles.disable(asked.project, asked.who.name, asked.params["person"], disabled=True)
    return json_answer(ChangedOutput(changed=True))


def _enable(asked: Asked) -> Response:
    roles.disable(asked.project, asked.who.name, asked.params["person"], disabled=False)
    return json_answer(ChangedOutput(changed=True))


def _invitations(asked: Asked) -> Response:
    return json_answer(invitations_output(links.pending(asked.project)))


def _withdraw(asked: Asked) -> Response:
    links.withdraw(asked.project, asked.params["invitation"])
    return json_answer(ChangedOutput(changed=True))


def _why(asked: Asked) -> Response:
    query = asked.query_as(WhyQuery)
    found = why(
        asked.project, asked.who.name, query.actor or asked.who.name, permission_called(query.action), query.service,
        query.environment,
    )  # fmt: skip
    return json_answer(found)


ROUTES = (
    Route(
        method="GET", path="/api/v1/access", permission=Permission.MANAGE_PEOPLE, answer=_overview,
        summary="List people, roles, and who has which role where.", gives=AccessOutput,
    ),
    Route(
        method="POST", path="/api/v1/access/grants", permission=Permission.MANAGE_PEOPLE, answer=_give,
        takes=GrantBody, summary="Give a role.", gives=ChangedOutput,
        about="/api/v1/access",
    ),
    Route(
        method="POST", path="/api/v1/access/grants/revoke", permission=Permission.MANAGE_PEOPLE, answer=_take_away,
        takes=GrantBody, summary="Take a role away.", gives=ChangedOutput,
        about="/api/v1/access",
    ),
    Route(
        method="POST", path="/api/v1/access/roles/{role}", permission=Permission.MANAGE_PEOPLE, answer=_save_role,
        takes=RoleBody, summary="Make or change a role of your own.", gives=RoleOutput,
        about="/api/v1/access",
    ),
    Route(
        method="POST", path="/api/v1/access/roles/{role}/delete", permission=Permission.MANAGE_PEOPLE,
        answer=_delete_role, takes=NothingBody, summary="Delete a role of your own.", gives=ChangedOutput,
        about="/api/v1/access",
    ),
    Route(
        method="POST", path="/api/v1/access/people/{person}/disable", permission=Permission.MANAGE_PEOPLE,
        answer=_disable, takes=NothingBody, summary="Disable an account.", gives=ChangedOutput,
        about="/api/v1/access",
    ),
    Route(
        method="POST", path="/api/v1/access/people/{person}/enable", permission=Permission.MANAGE_PEOPLE,
        answer=_enable, takes=NothingBody, summary="Enable an account again.", gives=ChangedOutput,
        about="/api/v1/access",
    ),
    Route(
        method="GET", path="/api/v1/access/invitations", permission=Permission.MANAGE_PEOPLE, answer=_invitations,
        summary="List invitations and links for new passwords that nobody has used yet.", gives=InvitationsOutput,
    ),
    Route(
        method="POST", path="/api/v1/access/invitations/{invitation}/revoke", permission=Permission.MANAGE_PEOPLE,
        answer=_withdraw, takes=NothingBody, summary="Withdraw an invitation.", gives=ChangedOutput,
    ),
    Route(
        method="GET", path="/api/v1/access/why", permission=Audience.SIGNED_IN, answer=_why, query=WhyQuery,
        summary="Say why somebody may do something, or what is missing.", gives=WhyOutput,
    ),
)  # fmt: skip
