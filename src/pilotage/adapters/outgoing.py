"""Requests to addresses that a configuration names: resolved once, no private address unless allowed, no redirects.

A name is resolved here, every address it has is checked, and the connection goes to the address that was checked: what
a name server says a moment later leads nowhere else. A whole exchange takes at most `TIMEOUT` seconds, however slowly
the answer comes. Errors name the host, never the address's path, which may be a secret.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

from pilotage.adapters.addresses import is_metadata, is_public
from pilotage.adapters.deadline import Deadline
from pilotage.adapters.header_values import is_header
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.resolving import Unresolved, addresses
from pilotage.model.json import JsonObject

TIMEOUT = 10.0
"""Seconds from the first packet to the last."""
_MOST = 1_000_000
"""Bytes of an answer that are read."""
_IN_PATHS = "%/:=&?~+!$,;'@()*[]"


class Undelivered(AdapterError):
    """A receiver did not accept a message.

    permanent: whether it never will · retry_after: seconds that it asked for · so_far: what the attempt has done of its
    work, for the next one.
    """

    def __init__(
        self, sentence: str, *, permanent: bool = False, retry_after: float | None = None,
        so_far: JsonObject | None = None,
    ) -> None:  # fmt: skip
        super().__init__(sentence)
        self.permanent, self.retry_after, self.so_far = permanent, retry_after, so_far


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def post(url: str, body: bytes, headers: Mapping[str, str], *, private: bool = False) -> Answer:
    """As `send`, with POST."""
    return send("POST", url, body, headers, private=private)


def send(method: str, url: str, body: bytes, headers: Mapping[str, str], *, private: bool = False) -> Answer:
    """What a receiver answers with 2xx. Raises Undelivered: permanent for what it will never take (4xx other than 408
    and 429), with its own wish where it is busy (429, 503)."""
    parts, port = _parts(url)
    if wrong := next((name for name, value in headers.items() if not is_header(value)), ""):
        raise Undelivered(f"the header {wrong} holds what no header can, such as a line break", permanent=True)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    target = quote(f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", safe=_IN_PATHS)
    shown = f"[{host}]" if ":" in host else host
    named = shown if port in (80, 443) else f"{shown}:{port}"
    with Deadline(TIMEOUT) as deadline:
        address = checked(host, port, private=private, within=deadline.left)
        try:
            sent = {**headers, "Host": named, "Accept-Encoding": "identity"}
            server = host if secure else None
            found, content = _exchange(deadline, (address, port), server, (method, target), body, sent)
        except (OSError, http.client.HTTPException) as error:
            words = f" within {TIMEOUT:g} s" if deadline.late else f": {_cause(error)}"
            raise Undelivered(f"{named} does not answer{words}") from None
        if deadline.late:
            raise Undelivered(f"{named} does not answer within {TIMEOUT:g} s")
    if 200 <= found.status < 300:
        return Answer(found.status, content)
    again = found.headers.get("Retry-After", "")
    permanent = 300 <= found.status < 500 and found.status not in (408, 429)
    known = again.isascii() and again.isdigit() and len(again) < 9
    raise Undelivered(
        f"{named} answered {found.status}", permanent=permanent, retry_after=float(again) if known else None
    )


def _cause(error: Exception) -> str:
    return "SSLError" if isinstance(error, ssl.SSLError) else type(error).__name__


def _parts(url: str) -> tuple[SplitResult, int]:
    """The address and its port. Raises Undelivered for what is no address of http or https."""
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Undelivered("its address cannot be read: it is like https://example.org/path", permanent=True) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Undelivered("its address is not one of http or https", permanent=True)
    return parts, port


def _exchange(
    deadline: Deadline,
    place: tuple[str, int],
    server: str | None,
    asked: tuple[str, str],
    body: bytes,
    headers: Mapping[str, str],
) -> tuple[http.client.HTTPResponse, bytes]:
    """asked: method and target · server: the name that a certificate must be for, None without TLS. Raises OSError and
    HTTPException."""
    connection = http.client.HTTPConnection(*place)
    plain = deadline.connect(*place)
    try:
        connection.sock = plain
        if server is not None:
            connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=server)
        connection.request(*asked, body=body, headers=dict(headers))
        answer = connection.getresponse()
        return answer, answer.read(_MOST)
    finally:
        connection.close()
        plain.close()


def checked(host: str, port: int, *, private: bool, within: float = TIMEOUT) -> str:
    """An address of the host, found out in so many seconds. Raises Undelivered when it has none, when any of them is
    not public and none but public ones are allowed, and whenever a cloud's metadata is there."""
    try:
        found = addresses(host, port, within)
    except Unresolved as error:
        raise Undelivered(str(error)) from None
    except (OSError, UnicodeError, ValueError, OverflowError):
        raise Undelivered(f"{host} has no address") from None
    named = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in named:
        if is_metadata(address):
            raise Undelivered(
                f"{host} leads to {address}, which is not public: clouds tell secrets there", permanent=True
            )
        if not private and not is_public(address):
            raise Undelivered(
                f"{host} leads to {address}, which is not public: allow_private_network: true allows it", permanent=True
            )
    return named[0]
