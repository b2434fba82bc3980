"""Invite somebody, and let somebody in who is locked out: each makes a one-time link, which is shown once."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.identity import links
from pilotage.app.identity.mailing import can_mail, mail_link
from pilotage.app.permissions import Permission
from pilotage.model.access import AccessRole, Grant
from pilotage.model.errors import PilotageError
from pilotage.web.entering import base
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Kind, Route


def _form(asked: Asked, refused: PilotageError | None = None) -> Response:
    names = asked.project.names.environments
    places = ["", *names, *(f"{service}/{environment}" for service, each in names.items() for environment in each)]
    return page(
        asked, "invite.html.j2", 200 if refused is None else refused.http_status, refused=str(refused or ""),
        places=places, roles=[*AccessRole, *asked.site.store.persons.custom_roles()], form=asked.form,
        mail=can_mail(asked.project),
    )  # fmt: skip


def _invite(asked: Asked) -> Response:
    form = asked.form
    try:
        role = form.get("role", "")
        grants = (Grant.read(f"{role}@{form.get('place', '')}"),) if role else ()
        wanted = links.Invitation(
            name=form.get("name", "").strip(), email=form.get("email", "").strip(), grants=grants,
            emergency="emergency" in form,
        )  # fmt: skip
        secret = links.invite(asked.project, wanted)
    except PilotageError as error:
        return _form(asked, error)
    name, words = wanted.name or "the new person", "It works once, within a week."
    if "mail" not in form:
        return _link(asked, secret, name, words)
    try:
        mail_link(asked.project, wanted.email, name, f"{base(asked)}/link/{secret}")
    except PilotageError as error:
        return _link(asked, secret, name, f"{words} The mail did not go out: {error}.")
    return _link(asked, secret, name, f"{words} It is on its way to {wanted.email}, too.")


def _recover(asked: Asked) -> Response:
    name = asked.form.get("name", "")
    secret = links.recover(asked.project, name)
    ends = "Then codes, passkeys, sessions and command lines end."
    return _link(asked, secret, name, f"It works once, within an hour. {ends}")


def _link(asked: Asked, secret: str, name: str, words: str) -> Response:
    return page(asked, "invite_link.html.j2", address=f"{base(asked)}/link/{secret}", name=name, words=words)


ROUTES = (
    Route(
        method="GET", path="/settings/people/invite", permission=Permission.MANAGE_PEOPLE, answer=_form, kind=Kind.PAGE,
        summary="Show the form to invite somebody.",
    ),
    Route(
        method="POST", path="/settings/people/invite", permission=Permission.MANAGE_PEOPLE, answer=_invite,
        kind=Kind.FORM, summary="Invite somebody: make a link that is shown once.",
    ),
    Route(
        method="POST", path="/settings/people/recover", permission=Permission.MANAGE_PEOPLE, answer=_recover,
        kind=Kind.FORM, summary="Make a link with which somebody sets a new password.",
    ),
)  # fmt: skip
