"""Carries a POST with an `Idempotency-Key` out once, however often a client sends it and whichever server dies."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Iterator, Mapping

from starlette.responses import Response

from pilotage.app.permissions import Permission
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.records.at_work import Key
from pilotage.engine.records.last_room import StoreFull
from pilotage.engine.records.once import LEASE, Entry, Found, Superseded
from pilotage.model.errors import Invalid, PilotageError
from pilotage.web.in_turn import in_turn
from pilotage.web.problem import Refused, problem_answer, problem_of
from pilotage.web.route import Asked, Kind

HEADER = "idempotency-key"
_TEXT = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')
_SECONDS = 1


class KeyReused(Refused):
    """This Idempotency-Key was sent with another request."""

    exit_status, http_status = 7, 422


class StillRunning(Refused):
    """The first request with this Idempotency-Key is still at work."""

    code = "request-running"
    exit_status, http_status = 7, 409

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(_SECONDS)}


class AnswerLost(Refused):
    """The request with this Idempotency-Key was carried out, but its answer exists no more."""

    exit_status, http_status = 7, 409


def applies(asked: Asked) -> bool:
    """Whether the request carries a key that counts."""
    return has_key(asked) and asked.route.method == "POST" and asked.route.kind is Kind.API


def has_key(asked: Asked) -> bool:
    return HEADER in asked.request.headers and asked.identity is not None


def carry_out_once(asked: Asked) -> Response:
    """Raises KeyReused, StillRunning, AnswerLost, Invalid, StoreFull, and whatever the route's function raises."""
    key, repeatable = key_of(asked), asked.route.remade is not None
    try:
        entry = asked.site.once.begin(key, hash_of(asked), asked.site.store.clock.now(), repeatable=repeatable)
    except StoreFull:
        if asked.route.permission is not Permission.TAKE_BACK:
            raise
        return _taken_back(asked)
    require_mine(entry)
    if entry.found is Found.ANSWERED:
        return again(asked, entry)
    if entry.found is Found.CUT_OFF:
        return _kept(asked, key, _remade(asked, entry))
    try:
        reach("request-begun")
        return _kept(asked, key, _worked(asked, key))
    finally:
        asked.site.once.ended(key)


def _taken_back(asked: Asked) -> Response:
    """Without a word of it under the key: on a full disk there is room for the abort alone, and twice does no harm."""
    with in_turn(asked):
        answer = asked.route.answer(asked)
    assert isinstance(answer, Response)
    return answer


def require_mine(entry: Entry) -> None:
    """Raises KeyReused, StillRunning."""
    if entry.found is Found.OTHER:
        raise KeyReused("this Idempotency-Key was used for another request; make a new one")
    if entry.found is Found.RUNNING:
        raise StillRunning("the first request with this Idempotency-Key is still at work; ask again")


def _worked(asked: Asked, key: Key) -> Response:
    once = asked.site.once
    try:
        with renewed(asked, key), once.at_work(key), in_turn(asked):
            answer = asked.route.answer(asked)
            assert isinstance(answer, Response)
            reach("request-acted")
    except BaseException as error:
        if isinstance(error, PilotageError) and not isinstance(error, Superseded) and error.http_status < 500:
            refusal = problem_answer(problem_of(error))
            once.refuse(key, refusal.status_code, _headers_of(refusal), bytes(refusal.body).decode())
        once.release(key)
        raise
    return answer


def _headers_of(answer: Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in ("content-type", "location", "etag") if name in answer.headers}


def _kept(asked: Asked, key: Key, answer: Response) -> Response:
    body = "" if asked.route.secret else bytes(answer.body).decode()
    asked.site.once.answer(key, answer.status_code, _headers_of(answer), body)
    reach("answer-kept")
    return answer


def again(asked: Asked, entry: Entry) -> Response:
    if asked.route.secret and entry.status < 400:
        raise AnswerLost("this request was carried out; its answer has a secret, which is shown once")
    return Response(entry.body, entry.status, headers={**entry.headers, "Idempotency-Replayed": "true"})


def _remade(asked: Asked, entry: Entry) -> Response:
    """The answer of a request whose server died, from what it had recorded."""
    if entry.made and asked.route.remade is not None:
        return asked.route.remade(asked, entry.made)
    where = asked.route.about or "what it changes"
    raise AnswerLost(f"this request was carried out, but its server died before it answered: look at {where}")


@contextlib.contextmanager
def renewed(asked: Asked, key: Key) -> Iterator[None]:
    """Other servers see that this one still works on it."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(LEASE / 3):
            with contextlib.suppress(Exception):
                asked.site.once.renew(key, asked.site.store.clock.now())

    threading.Thread(target=renew, daemon=True, name="renew").start()
    try:
        yield
    finally:
        over.set()


def key_of(asked: Asked) -> Key:
    """Raises Invalid."""
    text = asked.request.headers[HEADER].strip()
    found = _TEXT.fullmatch(text)
    if found is None:
        raise Invalid("an Idempotency-Key has 1 to 255 printable ASCII characters without spaces and quotes")
    return Key(who=f"{asked.who.kind}:{asked.who.name}", text=found[1])


def hash_of(asked: Asked) -> str:
    request = asked.request
    parts = (request.method, request.url.path, request.url.query)
    return hashlib.sha256("\0".join(parts).encode() + b"\0" + asked.raw).hexdigest()
