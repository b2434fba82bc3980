"""Sign in with a passkey."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.identity import passkeys
from pilotage.app.identity.policy import policy_of
from pilotage.app.identity.signing_in import WrongCredentials
from pilotage.model.access import Proof
from pilotage.web.entering import base, came_from, enter
from pilotage.web.pages.login import shown
from pilotage.web.route import Asked, Audience, Kind, Route


def _sign_in(asked: Asked) -> Response:
    form = asked.form
    only = policy_of(asked.project).emergency_only
    try:
        person = passkeys.sign_in(
            asked.project, form.get("state", ""), form.get("answer", ""), base(asked), came_from(asked),
            emergency_only=only,
        )  # fmt: skip
    except WrongCredentials as error:
        return shown(asked, form.get("next", ""), "", error)
    return enter(asked, person, Proof.PASSKEY, form.get("next", ""))


ROUTES = (
    Route(
        method="POST", path="/login/passkey", permission=Audience.ANYONE, answer=_sign_in, kind=Kind.FORM,
        summary="Sign in with a passkey.",
    ),
)  # fmt: skip
