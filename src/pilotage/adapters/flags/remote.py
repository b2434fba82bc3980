"""Calls of a flag provider's REST API: one deadline, one way to wait when the provider limits requests, one sentence
for each refusal.

A call takes a few seconds at most and is never repeated here: the next look asks again. While the provider limits
requests, calls fail at once with the seconds that are left. Only an urgent call, which turns a flag off, is still sent.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pilotage.adapters import http
from pilotage.adapters.alone import alone_in
from pilotage.adapters.fence import Fence
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.secrets import Secret, concealed
from pilotage.adapters.taken_back import refuse_older_ramp
from pilotage.model.flag import Ramp
from pilotage.model.json import Json, WrongJson, find

TIMEOUT = 3.0
"""Seconds of a whole call."""
KEPT = 3.0
"""Seconds for which a reading is used again, so that looks do not use up the provider's limit of requests."""

_MOST = 4 << 20
"""Bytes of an answer: a flag with many individual targets is large."""
_SAID = 200
"""Characters of the provider's own words in a sentence."""
_LONGEST_WAIT = 60.0
"""Seconds without a call, whatever the provider asks for."""
_SHORTEST_WAIT = 1.0

T = TypeVar("T")


class ProviderRefused(AdapterError):
    """A flag provider answered with an error. The message says what to do."""

    def __init__(self, what: str, *, status: int, cure: str = "") -> None:
        """status: of HTTP."""
        super().__init__(what, cure=cure)
        self.status = status


class ProviderLimits(ProviderRefused):
    """A flag provider limits requests for some seconds."""


class ChangedMeanwhile(ProviderRefused):
    """Someone else changed the flag at the same time. Nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Where a provider's API is, and how it speaks."""

    name: str
    """As people write it: `LaunchDarkly`."""
    url: str
    token: str
    """Reference to the secret."""
    authorization: Callable[[Secret], Mapping[str, str]]
    """The headers that show the token."""
    resets: Callable[[Mapping[str, str]], float | None] = lambda _: None
    """Seconds after which the next request may be sent, by the provider's own headers (names in lower case)."""
    message: tuple[str, ...] = ("message",)
    """Where an error's words are in its JSON."""


class Remote:
    """One provider, with one token."""

    def __init__(self, provider: Provider, secrets: Callable[[str], Secret]) -> None:
        self._provider, self._secrets = provider, secrets
        self._limited_until = 0.0

    def call(
        self,
        method: str,
        path: str,
        content: Json = None,
        *,
        doing: str,
        needs: str = "",
        missing: str = "",
        headers: Mapping[str, str] | None = None,
        accepted: Collection[int] = (),
        urgent: bool = False,
    ) -> http.Answer:
        """The answer, if its status is 2xx or among `accepted`.

        doing: for sentences, such as `read flag checkout` · needs: what the token must be allowed · missing: what is
        not there if the answer is 404 · urgent: sent even while the provider limits requests.
        Raises AdapterError, which never shows the token.
        """
        name = self._provider.name
        left = self._limited_until - time.monotonic()
        if left > 0 and not urgent:
            raise ProviderLimits(f"{name} limits requests: cannot {doing} for another {left:.0f} s", status=429)
        secret = self._secrets(self._provider.token)
        if not (secret.reveal().isascii() and secret.reveal().isprintable()):
            # The HTTP client would show it in its error.
            raise AdapterError(f"{self._provider.token} is no token: it has characters that no header can carry")
        sent = b"" if content is None else json.dumps(content).encode()
        given = {"Accept": "application/json", **({"Content-Type": "application/json"} if sent else {})}
        given |= {**(headers or {}), **self._provider.authorization(secret)}
        answer = http.exchange(method, self._provider.url + path, TIMEOUT, given, sent, most=_MOST)
        if 200 <= answer.status < 300 or answer.status in accepted:
            return answer
        raise self.refusal(answer, doing=doing, needs=needs, missing=missing)

    def said(self, answer: http.Answer) -> str:
        """The provider's own words in an error: one line, bounded, without the token."""
        return _words(answer, self._provider.message, self._secrets(self._provider.token))

    def refusal(self, answer: http.Answer, *, doing: str, needs: str = "", missing: str = "") -> ProviderRefused:
        """The error that an answer means. The words are those of `call`."""
        name, status = self._provider.name, answer.status
        words = self.said(answer)
        what = f"{name} refused to {doing} ({status}{': ' + words if words else ''})"
        match status:
            case 401 | 403:
                cure = f"the token {self._provider.token} must be valid and have {needs or 'permission'}"
                return ProviderRefused(what, status=status, cure=cure)
            case 404:
                return ProviderRefused(f"{name} has no {missing}" if missing else what, status=status)
            case 409 | 412:
                return ChangedMeanwhile(
                    f"{name} did not {doing}: it was changed at the same time ({status})", status=status
                )
            case 429:
                wait = self._wait(answer.headers)
                self._limited_until = time.monotonic() + wait
                return ProviderLimits(
                    f"{name} limits requests (429): cannot {doing} for another {wait:.0f} s", status=status
                )
            case _ if status >= 500:
                return ProviderRefused(f"{name} is not available ({status}): cannot {doing}", status=status)
        return ProviderRefused(what, status=status)

    def _wait(self, headers: Mapping[str, str]) -> float:
        """Seconds: `Retry-After`, or the provider's own headers, whichever is longer."""
        wished = [seconds(headers.get("retry-after")), self._provider.resets(headers)]
        return min(max([_SHORTEST_WAIT, *(one for one in wished if one is not None)]), _LONGEST_WAIT)


class Kept(Generic[T]):
    """The last reading, for some seconds. Forget it before and after every write; never conclude from it that a flag
    is off."""

    def __init__(self, seconds: float = KEPT) -> None:
        self._for, self._held, self._forgotten = seconds, list[tuple[float, T]](), 0

    def begin(self) -> tuple[float, int]:
        """Before a reading: what `put` needs, so that a reading that a write overtook is not kept."""
        return time.monotonic(), self._forgotten

    def put(self, value: T, begun: tuple[float, int] | None = None) -> None:
        at, forgotten = begun or self.begin()
        if forgotten == self._forgotten:
            self._held = [(at + self._for, value)]

    def get(self) -> T | None:
        held = self._held
        return held[0][1] if held and time.monotonic() < held[0][0] else None

    def forget(self) -> None:
        self._forgotten += 1
        self._held = []


@contextlib.contextmanager
def writing(fence: Fence, ramp: Ramp) -> Iterator[None]:
    """Hold the target's lock while its flag is written. Raises Fenced; TakenBack if the flag was turned off without the
    store and `ramp` would turn it on."""
    with alone_in(fence.place / "flags"):
        fence.check()
        refuse_older_ramp(fence.place, ramp)
        yield


@contextlib.contextmanager
def understood(where: str) -> Iterator[None]:
    """Say an answer of another form than documented as every other failure of a provider. where: the flag there."""
    try:
        yield
    except WrongJson as error:
        raise AdapterError(f"{where}: the answer cannot be understood: {error}") from None


def seconds(text: str | None) -> float | None:
    """Seconds that a header names; None if it names none."""
    text = (text or "").strip()
    return float(text) if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) < 9 else None


def until_epoch(text: str | None, now: Callable[[], float] = time.time) -> float | None:
    """Seconds until a moment that a header names in milliseconds since 1970; None if it names none."""
    text = (text or "").strip()
    return int(text) / 1000 - now() if text.isascii() and text.isdigit() and len(text) < 16 else None


def _words(answer: http.Answer, where: tuple[str, ...], secret: Secret) -> str:
    try:
        found = find(json.loads(answer.body), *where)
    except (ValueError, RecursionError):
        found = None
    text = found if isinstance(found, str) else answer.body[:_SAID].decode(errors="replace")
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return concealed(line, [secret.reveal()])[:_SAID]
