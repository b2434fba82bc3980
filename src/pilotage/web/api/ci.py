"""CI jobs get a token for an hour instead of their id-token."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app.access import ci_jobs
from pilotage.model.output.base import Output
from pilotage.model.timestamp import timestamp
from pilotage.web.answers import json_answer
from pilotage.web.client import address_of
from pilotage.web.route import Asked, Audience, Body, Route


class ExchangeBody(Body, frozen=True, kw_only=True):
    """id_token: as GitHub, GitLab or another issuer gave it to the job."""

    id_token: str


class JobTokenAnswer(Output, frozen=True, kw_only=True):
    """A token for one job."""

    text: str
    """Send it as `Authorization: Bearer …`, or set PILOTAGE_TOKEN."""
    account: str
    grants: tuple[str, ...]
    expires_at: str


def _exchange(asked: Asked) -> Response:
    address = address_of(asked.request)
    made = ci_jobs.exchange(asked.project, asked.body_as(ExchangeBody).id_token, address)
    return json_answer(
        JobTokenAnswer(
            text=made.text, account=made.account, grants=tuple(one.text for one in made.grants),
            expires_at=timestamp(made.expires),
        )
    )  # fmt: skip


ROUTES = (
    Route(
        method="POST", path="/api/v1/ci/exchange", permission=Audience.ANYONE, answer=_exchange, takes=ExchangeBody,
        summary="Exchange a CI job's id-token for a token of an hour.", gives=JobTokenAnswer, secret=True,
    ),
)  # fmt: skip
