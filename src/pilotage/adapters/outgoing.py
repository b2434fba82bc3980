"""Requests to addresses that a configuration names: resolved once, no private address unless allowed, no redirects.

A name is resolved here, every address it has is checked, and the connection goes to the address that was checked: what
a name server says a moment later leads nowhere else. Errors name the host, never the address's path, which may be a
secret.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3

from pilotage.adapters.ports import AdapterError

TIMEOUT = 10.0
_MOST = 1_000_000


class Undelivered(AdapterError):
    """A receiver did not take it. permanent: nor will it · retry_after: seconds that it asked for."""

    def __init__(self, sentence: str, *, permanent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.permanent, self.retry_after = permanent, retry_after


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def post(url: str, body: bytes, headers: Mapping[str, str], *, private: bool = False) -> Answer:
    """What a receiver answers with 2xx. Raises Undelivered: permanent for what it will never take (4xx other than 408
    and 429), with its own wish where it is busy (429, 503)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    if parts.scheme not in ("http", "https") or not host:
        raise Undelivered("its address is not one of http or https", permanent=True)
    port = parts.port or (443 if secure else 80)
    address = checked(host, port, private=private)
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    named = host if port in (80, 443) else f"{host}:{port}"
    pool: urllib3.HTTPConnectionPool
    if secure:
        pool = urllib3.HTTPSConnectionPool(address, port, server_hostname=host, assert_hostname=host)
    else:
        pool = urllib3.HTTPConnectionPool(address, port)
    try:
        with pool:
            answer = pool.urlopen(
                "POST", target, body=body, headers={**headers, "Host": named}, timeout=TIMEOUT, retries=False,
                redirect=False, preload_content=False,
            )  # fmt: skip
            content = answer.read(_MOST)
            answer.release_conn()
    except urllib3.exceptions.HTTPError as error:
        raise Undelivered(f"{named} does not answer: {type(error).__name__}") from None
    if 200 <= answer.status < 300:
        return Answer(answer.status, content)
    again = answer.headers.get("Retry-After", "")
    permanent = 300 <= answer.status < 500 and answer.status not in (408, 429)
    raise Undelivered(
        f"{named} answered {answer.status}", permanent=permanent, retry_after=float(again) if again.isdigit() else None
    )


def checked(host: str, port: int, *, private: bool) -> str:
    """An address of the host. Raises Undelivered when it has none, or when any of them is not public and none but
    public ones are allowed."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Undelivered(f"{host} has no address") from None
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in addresses:
        if not private and not ipaddress.ip_address(address).is_global:
            raise Undelivered(
                f"{host} leads to {address}, which is not public: private: true allows it", permanent=True
            )
    return addresses[0]
