"""A client of the event stream."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.web.site import Client


@dataclass(frozen=True)
class Heard:
    """One event. id: empty outside the order."""

    id: str
    event: str
    data: Any


class Stream:
    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self._answer = answer
        self.status = answer.status

    def next(self) -> Heard | None:
        """The next event, waited for; None at the end of the stream."""
        fields: dict[str, str] = {}
        while line := self._answer.readline().decode():
            name, _, value = line.rstrip("\n").partition(": ")
            if not line.strip():
                if "event" in fields:
                    return Heard(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
                fields = {}
            elif name:
                fields[name] = value
        return None

    def until(self, event: str) -> list[Heard]:
        """Everything up to the first event of this name, with it."""
        found = list[Heard]()
        while not found or found[-1].event != event:
            heard = self.next()
            assert heard is not None, f"the stream ended before {event}: {found}"
            found.append(heard)
        return found


@contextlib.contextmanager
def following(client: Client, query: str = "", **headers: str) -> Iterator[Stream]:
    own = {"Sec-Fetch-Site": "same-origin", "Cookie": client.cookie} if client.cookie else {}
    if client.token:
        own["Authorization"] = f"Bearer {client.token}"
    connection = http.client.HTTPConnection("127.0.0.1", client.served.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", f"/api/v1/events{query}", headers={**own, **headers})
        answer = connection.getresponse()
        yield Stream(answer)
        answer.close()
