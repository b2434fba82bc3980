"""Figures from any JSON over HTTP. A query is a line: a path, where the number is, and for POST a body:

/stats?version=2.4.0 $.checkout.rate
POST /_search $.hits.total.value {"size": 0}
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from pilotage.adapters.ports import AdapterError
from pilotage.adapters.queries.asking import DEADLINE, MOST_VALUES, Asking, check_age
from pilotage.model.finding import Finding
from pilotage.model.json import Json
from pilotage.model.json_path import BadPath, JsonPath

_LINE = re.compile(r"(?:(GET|POST)\s+)?(/\S*)\s+(\$\S*)(?:\s+(.+))?", re.DOTALL)
_IN_PATHS = "/%:?[]@!$&'()*+,;=-._~"
_EXAMPLE = "/stats?version={version} $.rate"


@dataclass(frozen=True, kw_only=True)
class Request:
    """path: with its query string · number: where it is in the answer."""

    method: str = "GET"
    path: str
    number: JsonPath
    body: str = ""


def parse(text: str) -> Request:
    """Raises AdapterError with what is wrong."""
    found = _LINE.fullmatch(text.strip())
    if found is None:
        raise AdapterError(f"{text[:80]!r} is not a path and where the number is, such as {_EXAMPLE!r}")
    method, path, number, body = found.groups()
    if body and method != "POST":
        raise AdapterError("only a POST has a body")
    try:
        return Request(method=method or "GET", path=path, number=JsonPath(number), body=body or "")
    except BadPath as error:
        raise AdapterError(str(error)) from None


class JsonQueries:
    """The Queries port. base: paths are put after it · time: where the answer says how old it is, if it does · max_age:
    seconds."""

    def __init__(self, asking: Asking, base: str, *, time: JsonPath | None, max_age: float) -> None:
        self._asking, self._base, self._time, self._max_age = asking, base.rstrip("/"), time, max_age

    def query(self, text: str) -> tuple[float, ...]:
        """Every number at the place. Raises AdapterError, also where the answer is too old."""
        asked = parse(text)
        answer = self._asking.json(asked.method, self._base + quote(asked.path, safe=_IN_PATHS), asked.body.encode())
        if self._time is not None:
            check_age(self._base, _moment(self._time.first_in(answer), self._time.text), self._max_age, time.time())
        return tuple(
            number for one in asked.number.all_in(answer, MOST_VALUES) if (number := _number(one, asked)) is not None
        )

    def examine(self) -> Iterator[Finding]:
        """What `doctor` says: which paths there are, it cannot know."""
        from pilotage.adapters.http import exchange

        try:
            secret = {name: self._asking.secrets(one).reveal() for name, one in self._asking.headers.items()}
            status = exchange("GET", f"{self._base}/", DEADLINE, {**self._asking.plain, **secret}).status
        except AdapterError as error:
            yield Finding("FAIL", "queries", f"{error}: correct its url or its headers")
            return
        if status in (401, 403):
            yield Finding("FAIL", "queries", f"{self._base} answered {status}: correct its headers")
        else:
            yield Finding("PASS", "queries", f"{self._base} answers")


def _number(found: Json, asked: Request) -> float | None:
    """None for null. Some systems write numbers as text. Raises AdapterError for anything else."""
    if found is None:
        return None
    if isinstance(found, int | float | str) and not isinstance(found, bool):
        try:
            return float(found)
        except (ValueError, OverflowError):
            pass
    raise AdapterError(f"{asked.number.text} of {asked.path} is {str(found)[:40]!r}, not a number")


def _moment(found: Json, where: str) -> float:
    """Unix seconds: from seconds, milliseconds, or ISO 8601. Raises AdapterError."""
    try:
        if isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found):
            return found / 1000 if found > 1e11 else float(found)
        if isinstance(found, str):
            read = datetime.fromisoformat(found.strip())
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        pass
    raise AdapterError(f"{where} says no time, but {str(found)[:40]!r}")
