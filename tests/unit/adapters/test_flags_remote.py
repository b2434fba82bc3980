"""Calls of a flag provider (R16): one sentence for each refusal, limits that are kept, and a token that nobody sees."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import pytest

from pilotage.adapters.flags import remote
from pilotage.adapters.flags.remote import ChangedMeanwhile, Provider, ProviderLimits, ProviderRefused, Remote
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret
from tests.rest_server import Answered, Asked, RestServer, serving

TOKEN = "api-hush-1234"


class Echo(RestServer):
    """Answers what it was asked."""

    def take(self, asked: Asked) -> Answered:
        return Answered(body={"asked": asked.path, "token": asked.headers.get("authorization")})


@pytest.fixture
def server() -> Iterator[RestServer]:
    with serving(Echo()) as made:
        yield made


def remote_at(url: str, token: str = TOKEN) -> Remote:
    provider = Provider(
        name="Flagman",
        url=url,
        token="secret://env/FLAG_TOKEN",
        authorization=lambda secret: {"Authorization": secret.reveal()},
        resets=lambda headers: remote.seconds(headers.get("x-reset")),
    )
    return Remote(provider, lambda _: Secret(token))


def asked_for(api: Remote, *, urgent: bool = False) -> bytes:
    return api.call("GET", "/flag", doing="read flag checkout", needs="the role reader", urgent=urgent).body


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (400, r"refused to read flag checkout \(400: no such thing\)"),
        (401, "the token secret://env/FLAG_TOKEN must be valid and have the role reader"),
        (403, "the token secret://env/FLAG_TOKEN must be valid and have the role reader"),
        (409, "it was changed at the same time"),
        (429, "limits requests"),
        (503, r"Flagman is not available \(503\)"),
    ],
)
def test_each_refusal_says_what_to_do(server: RestServer, status: int, sentence: str) -> None:
    server.fail_next(Answered(status=status, body={"message": "no\n such \x1b thing"}))
    with pytest.raises(ProviderRefused, match=sentence) as raised:
        asked_for(remote_at(server.url))
    assert raised.value.status == status
    assert isinstance(raised.value, ChangedMeanwhile) == (status == 409)


@pytest.mark.parametrize(("headers", "wait"), [({"Retry-After": "7"}, "7 s"), ({"X-Reset": "9"}, "9 s"), ({}, "1 s")])
def test_while_the_provider_limits_requests_only_an_urgent_one_is_sent(
    server: RestServer, headers: dict[str, str], wait: str
) -> None:
    api = remote_at(server.url)
    server.fail_next(Answered(status=429, headers=headers))
    with pytest.raises(ProviderLimits, match=wait):
        asked_for(api)
    with pytest.raises(ProviderLimits):
        asked_for(api)
    assert len(server.asked) == 1
    assert b"/flag" in asked_for(api, urgent=True)


def test_a_token_is_in_no_error_whatever_the_provider_answers(server: RestServer) -> None:
    server.fail_next(Answered(status=400, body={"message": f"bad header {TOKEN}"}))
    for api in (remote_at(server.url), remote_at(server.url, f"{TOKEN}\r\nX-Evil: 1")):
        with pytest.raises(AdapterError) as raised:
            asked_for(api)
        assert TOKEN not in "".join(traceback.format_exception(raised.value))
    assert len(server.asked) == 1
