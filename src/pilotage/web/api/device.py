"""Signs a command line in (`pilotage login`): the flow of RFC 8628, with JSON."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.identity import devices
from pilotage.model.output.base import Output
from pilotage.web.answers import json_answer
from pilotage.web.entering import came_from
from pilotage.web.route import Asked, Audience, Body, Route


class LoginBody(Body, frozen=True, kw_only=True):
    """host: name of the machine, shown to the person who says yes."""

    host: str = ""


class LoginAnswer(Output, frozen=True, kw_only=True):
    """A login that waits for a person."""

    secret: str
    """With which the command line asks for its token."""
    code: str
    """What the person compares."""
    page: str
    """The path of the page on which the person says yes."""
    expires_in: int
    """Seconds."""
    interval: int
    """Seconds between two questions for the token."""


class SecretBody(Body, frozen=True, kw_only=True):
    """secret: from the answer to the first request."""

    secret: str


class TokenAnswer(Output, frozen=True, kw_only=True):
    """The token of a command line, shown once."""

    token: str


class WhoAnswer(Output, frozen=True, kw_only=True):
    """Who asks, as the server sees it."""

    name: str
    proof: str
    """How the identity was proven."""
    grants: tuple[str, ...]
    """Roles and where they count."""


def _ask(asked: Asked) -> Response:
    made = devices.ask(asked.site.store, asked.body_as(LoginBody).host)
    page = f"{asked.site.root}/login/device?code={made.code}"
    answer = LoginAnswer(
        secret=made.secret, code=made.code, page=page, expires_in=int(devices.LIFETIME), interval=2
    )  # fmt: skip
    return json_answer(answer, 201)


def _token(asked: Asked) -> Response:
    return json_answer(TokenAnswer(token=_taken(asked)))


def _taken(asked: Asked) -> str:
    return devices.token_of(asked.site.store, asked.body_as(SecretBody).secret, came_from(asked).address)


def _who(asked: Asked) -> Response:
    me = asked.who
    return json_answer(WhoAnswer(name=me.name, proof=me.proof.value, grants=tuple(str(one) for one in me.grants)))


ROUTES = (
    Route(
        method="POST", path="/api/v1/login", permission=Audience.ANYONE, answer=_ask, takes=LoginBody,
        gives=LoginAnswer, status=201, summary="Ask to sign a command line in.",
    ),
    Route(
        method="POST", path="/api/v1/login/token", permission=Audience.ANYONE, answer=_token, takes=SecretBody,
        gives=TokenAnswer, summary="Fetch the token, once a person has said yes.",
    ),
    Route(
        method="GET", path="/api/v1/who", permission=Audience.SIGNED_IN, answer=_who, gives=WhoAnswer,
        summary="Show who asks, and which roles count.",
    ),
)  # fmt: skip
