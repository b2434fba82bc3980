"""Turn codes of an authenticator app on and off."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.identity import second_factor
from pilotage.app.identity.sealing import opened, seal_for
from pilotage.engine.records.persons import Person
from pilotage.model.access import Proof
from pilotage.model.errors import PilotageError
from pilotage.web.pages.account import PATH, own, renewed
from pilotage.web.pages.page import page
from pilotage.web.route import Asked, Audience, Kind, Route

_LIFETIME = 900
"""Seconds between the QR code and the first code."""


def _shown(asked: Asked) -> Response:
    return _drawn(asked, own(asked).person, second_factor.new_secret())


def _drawn(asked: Asked, person: Person, secret: str, refused: PilotageError | None = None) -> Response:
    import segno

    address = second_factor.address_of(secret, person.name, asked.request.url.hostname or "")
    sealed = seal_for(asked.project).close(
        "new-totp", {"secret": secret, "person": person.id}, asked.project.clock.now()
    )  # fmt: skip
    return page(
        asked, "account_code.html.j2", 200 if refused is None else refused.http_status, refused=str(refused or ""),
        picture=segno.make(address, error="m").svg_data_uri(scale=4, border=4, light="#fff"), address=address,
        typed=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)), sealed=sealed,
    )  # fmt: skip


def _turn_on(asked: Asked) -> Response:
    person = own(asked).person
    begun = opened(asked.project, "new-totp", asked.form.get("sealed", ""), _LIFETIME)
    if begun is None or begun.get("person") != person.id:
        return _shown(asked)
    secret = str(begun["secret"])
    try:
        codes = second_factor.turn_on(asked.project, person, secret, asked.form.get("code", ""))
    except second_factor.WrongCode as error:
        return _drawn(asked, person, secret, error)
    answer = page(asked, "account_recovery.html.j2", codes=codes)
    for name, value in renewed(asked, person, Proof.PASSWORD_AND_CODE).raw_headers:
        if name == b"set-cookie":
            answer.raw_headers.append((name, value))
    return answer


def _turn_off(asked: Asked) -> Response:
    found = own(asked)
    second_factor.turn_off(asked.project, found.person)
    return renewed(asked, found.person, found.session.proof)


ROUTES = (
    Route(
        method="GET", path=f"{PATH}/code", permission=Audience.SIGNED_IN, answer=_shown, kind=Kind.PAGE,
        summary="Show a QR code for an authenticator app.",
    ),
    Route(
        method="POST", path=f"{PATH}/code", permission=Audience.SIGNED_IN, answer=_turn_on, kind=Kind.FORM,
        summary="Turn codes of an authenticator app on, and show recovery codes once.",
    ),
    Route(
        method="POST", path=f"{PATH}/code/remove", permission=Audience.SIGNED_IN, answer=_turn_off, kind=Kind.FORM,
        summary="Turn codes of an authenticator app off.",
    ),
)  # fmt: skip
