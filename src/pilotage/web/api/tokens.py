"""Tokens of people and of service accounts."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.access import tokens
from pilotage.app.access.grants_asked import read_grants
from pilotage.app.access.output import token_output, tokens_output
from pilotage.app.permissions import Permission
from pilotage.model.access import HolderKind
from pilotage.model.output.access import NewTokenOutput, RevokedOutput, TokenOutput, TokensOutput
from pilotage.web.answers import json_answer
from pilotage.web.route import Asked, Audience, Body, Route


class TokenBody(Body, frozen=True, kw_only=True):
    """name: what it is for · grants: such as `deployer@shop/production`; empty for all that its owner may · days: until
    it expires."""

    name: str
    grants: tuple[str, ...] = ()
    days: int = tokens.DAYS


class NothingBody(Body, frozen=True, kw_only=True):
    """Nothing."""


class OwnerBody(Body, frozen=True, kw_only=True):
    """owner: a person, or a service account where `service` is true."""

    owner: str
    service: bool = False


def _mine(asked: Asked) -> Response:
    return json_answer(tokens_output(tokens.mine(asked.project, asked.who.name), asked.site.store.clock.now()))


def _of_services(asked: Asked) -> Response:
    return json_answer(tokens_output(tokens.of_services(asked.project, asked.who.name), asked.site.store.clock.now()))


def _request(asked: Asked) -> tokens.TokenRequest:
    body = asked.body_as(TokenBody)
    return tokens.TokenRequest(name=body.name, grants=read_grants(asked.project, body.grants), days=body.days)


def _create(asked: Asked) -> Response:
    return _made(asked, tokens.create(asked.project, asked.who.name, _request(asked)))


def _create_for_service(asked: Asked) -> Response:
    made = tokens.create_for_service(asked.project, asked.who.name, asked.params["account"], _request(asked))
    return _made(asked, made)


def _made(asked: Asked, made: tokens.Made) -> Response:
    token = token_output(made.row, asked.site.store.clock.now())
    return json_answer(NewTokenOutput(text=made.text, token=token), 201)


def _revoke(asked: Asked) -> Response:
    tokens.revoke(asked.project, asked.who.name, asked.params["token"])
    found = asked.site.store.tokens.called(asked.params["token"])
    assert found is not None
    return json_answer(token_output(found, asked.site.store.clock.now()))


def _revoke_all(asked: Asked) -> Response:
    body = asked.body_as(OwnerBody)
    kind = HolderKind.SERVICE if body.service else HolderKind.PERSON
    return json_answer(RevokedOutput(revoked=tokens.revoke_all(asked.project, asked.who.name, body.owner, kind)))


ROUTES = (
    Route(
        method="GET", path="/api/v1/tokens", permission=Audience.SIGNED_IN, answer=_mine,
        summary="List your tokens.", gives=TokensOutput,
    ),
    Route(
        method="POST", path="/api/v1/tokens", permission=Audience.SIGNED_IN, answer=_create, takes=TokenBody,
        summary="Make a token of yours. Its text is shown this once.", gives=NewTokenOutput, status=201, secret=True,
    ),
    Route(
        method="POST", path="/api/v1/tokens/revoke-all", permission=Audience.SIGNED_IN, answer=_revoke_all,
        takes=OwnerBody, summary="Revoke all tokens of a person or a service account.", gives=RevokedOutput,
    ),
    Route(
        method="POST", path="/api/v1/tokens/{token}/revoke", permission=Audience.SIGNED_IN, answer=_revoke,
        takes=NothingBody, summary="Revoke a token.", gives=TokenOutput,
    ),
    Route(
        method="GET", path="/api/v1/service-accounts/tokens", permission=Permission.MANAGE_TOKENS,
        answer=_of_services, summary="List the tokens of service accounts.", gives=TokensOutput,
    ),
    Route(
        method="POST", path="/api/v1/service-accounts/{account}/tokens", permission=Permission.MANAGE_TOKENS,
        answer=_create_for_service, takes=TokenBody, summary="Make a token of a service account.",
        gives=NewTokenOutput, status=201, secret=True,
    ),
)  # fmt: skip
