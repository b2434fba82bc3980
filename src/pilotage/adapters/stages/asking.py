"""Asks a code host or another system for its word: bounded, without redirects, and no earlier than it wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from pilotage.adapters.http import Answer, exchange, json_of
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.queries.asking import Throttle
from pilotage.adapters.secrets import Secret, concealed
from pilotage.model.json import Json
from pilotage.model.text import line

_MOST = 16 << 20
_LONGEST_PAUSE = 3700.0
"""Seconds: limits of code hosts are those of an hour."""
_SHOWN = 200
_MOVED = (301, 302, 303, 307, 308)


@dataclass(frozen=True, kw_only=True)
class System:
    """headers: plain ones · hidden: references to secrets, by header; a value may begin with a word such as `Bearer`
    before its reference · waits: seconds for an answer."""

    name: str
    headers: Mapping[str, str]
    hidden: Mapping[str, str]
    secrets: Callable[[str], Secret]
    waits: float = 10.0

    def ask(self, url: str, absent: tuple[int, ...] = ()) -> Json:
        """The JSON of a 200 answer; None where the status is one of `absent`. Raises AdapterError."""
        throttle = _throttle(self.name, tuple(sorted(self.hidden.items())))
        throttle.check()
        secret = {name: self._filled(value) for name, value in self.hidden.items()}
        known = {part for value in secret.values() for part in (value, *value.split())}
        try:
            answer = exchange("GET", url, self.waits, {**self.headers, **secret}, most=_MOST)
        except AdapterError as error:
            raise AdapterError(concealed(str(error), known)) from None
        throttle.learn(_plain(answer))
        if answer.status in absent:
            return None
        if answer.status == 200:
            return json_of(answer.body, url)
        throttle.check()
        said = line(concealed(answer.body[: 4 * _SHOWN].decode(errors="replace"), known), _SHOWN)
        raise AdapterError(f"{url} answered {answer.status}{_cure(answer)}{f' ({said})' if said else ''}")

    def _filled(self, value: str) -> str:
        before, _, name = value.rpartition("secret://")
        return before + self.secrets(f"secret://{name}").reveal()


@cache
def _throttle(name: str, _: tuple[tuple[str, str], ...]) -> Throttle:
    """One for each system and token, whoever asks."""
    return Throttle(name, _LONGEST_PAUSE)


def _plain(answer: Answer) -> Answer:
    """GitHub says with 403, too, that there were too many requests: then it names when to come back."""
    limited = "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining", "").strip() == "0"
    return replace(answer, status=429) if answer.status == 403 and limited else answer


def _cure(answer: Answer) -> str:
    if answer.status in (401, 403, 404):
        return ": the token may be missing, or lack permissions"
    if answer.status in _MOVED:
        return f": it moved to {answer.headers.get('location', 'elsewhere')[:200]}; correct the configuration"
    return ""
