"""Asks a system that somebody else runs: within a deadline, with secrets by reference, and not while it throttles."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pilotage.adapters.http import Answer, exchange, json_of
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret, concealed
from pilotage.model.json import Json
from pilotage.model.text import line

DEADLINE = 5.0
"""Seconds of a whole answer, as the port says."""
MOST = 4 << 20
"""Bytes of an answer."""
MOST_VALUES = 1000
"""Values of an answer."""
_PAUSE, _LONGEST_PAUSE = 10.0, 300.0
_THROTTLED = (429, 503)
_RESETS = ("retry-after", "x-ratelimit-reset", "ratelimit-reset")
_SHOWN = 200
_AHEAD = 60.0
"""Seconds for which another clock may be ahead of ours."""


class Throttled(AdapterError):
    """The system wants to be asked later; it is not asked before."""


class Stale(AdapterError):
    """The newest figure is too old to say anything about now."""


class Throttle:
    """When one system may be asked again. Any thread. longest: seconds of a pause, whatever the system asks for."""

    def __init__(self, name: str, longest: float = _LONGEST_PAUSE) -> None:
        self._name, self._until, self._longest, self._lock = name, 0.0, longest, threading.Lock()

    def check(self) -> None:
        """Raises Throttled."""
        with self._lock:
            left = self._until - time.monotonic()
        if left > 0:
            raise Throttled(f"{self._name} throttles requests: the next one is sent in {left:.0f} s")

    def learn(self, answer: Answer) -> None:
        """From the headers of an answer: RFC 9110's Retry-After, and the usual headers of rate limits."""
        given = next((answer.headers[name] for name in _RESETS if name in answer.headers), "")
        seconds = _seconds(given)
        if answer.status in _THROTTLED:
            self._pause(seconds if seconds is not None else _PAUSE)
        elif answer.headers.get("x-ratelimit-remaining", "").strip() == "0" and seconds:
            self._pause(seconds)

    def _pause(self, seconds: float) -> None:
        with self._lock:
            self._until = max(self._until, time.monotonic() + min(max(seconds, 1.0), self._longest))


def _seconds(given: str) -> float | None:
    """Seconds from now; some systems name the moment in Unix seconds."""
    try:
        found = float(given)
    except ValueError:
        return None
    return found - time.time() if found > 1e9 else max(found, 0.0)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """One system. name: for sentences · headers: references to secrets, by header · refused: what to do when it does
    not accept the credentials."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    plain: Mapping[str, str] = field(default_factory=dict)
    secrets: Callable[[str], Secret]
    refused: str = "check its credentials"
    throttle: Throttle

    def json(self, method: str, url: str, body: bytes = b"", kind: str = "application/json") -> Json:
        """The parsed body of a 200 answer. Raises AdapterError, Throttled."""
        self.throttle.check()
        secret = {name: self.secrets(reference).reveal() for name, reference in self.headers.items()}
        # A server may repeat the token of `Bearer TOKEN` alone.
        hidden = {part for value in secret.values() for part in (value, *value.split())}
        headers = {"Accept": "application/json", **({"Content-Type": kind} if body else {}), **self.plain, **secret}
        try:
            answer = exchange(method, url, DEADLINE, headers, body, most=MOST)
        except AdapterError as error:
            raise AdapterError(concealed(str(error), hidden)) from None
        self.throttle.learn(answer)
        if answer.status == 200:
            return json_of(answer.body, self.name)
        if answer.status in _THROTTLED:
            self.throttle.check()
        said = line(concealed(answer.body[: 4 * _SHOWN].decode(errors="replace"), hidden), _SHOWN)
        why = f": {self.refused}" if answer.status in (401, 403) else ""
        raise AdapterError(f"{self.name} answered {answer.status}{why}{f' ({said})' if said else ''}")


def check_age(name: str, at: float, max_age: float, now: float) -> None:
    """Raises Stale, also for a time ahead of this machine's clock. at: Unix seconds of the newest figure · max_age:
    seconds."""
    if not at - now <= _AHEAD:
        raise Stale(f"the newest figure of {name} is from the future: compare its clock with this machine's")
    if now - at > max_age:
        raise Stale(f"the newest figure of {name} is {now - at:.0f} s old: more than max_age, {max_age:.0f} s")
