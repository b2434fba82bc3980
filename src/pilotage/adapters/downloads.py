"""Fetches large files over HTTP: bounded, resumed where an earlier try was cut off, with few redirects followed."""

from __future__ import annotations

import http.client
import time
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

from pilotage.adapters.http import IN_TARGETS, Connection, cause
from pilotage.adapters.ports import AdapterError

_CHUNK = 256 * 1024
_REDIRECTS = 5
_WITHIN = 900.0
"""Seconds for one file."""
_TEXT = 1 << 20
_MOVED = (301, 302, 303, 307, 308)


class Missing(AdapterError):
    """The server says that there is no such file, or that this client may not have it."""


def is_url(where: str) -> bool:
    return where.startswith(("http://", "https://"))


def fetch(url: str, path: Path, *, most: int, within: float = _WITHIN) -> None:
    """Append what is missing of the file at `url` to `path`. Raises AdapterError, OSError."""
    have = path.stat().st_size if path.exists() else 0
    connection, answer = _opened("GET", url, within, {"Range": f"bytes={have}-"} if have else {})
    try:
        if answer.status == 416:
            return  # there is nothing more
        if have and answer.status == 200:
            path.unlink()  # the server begins anew
            have = 0
        with path.open("ab") as file:
            while chunk := _chunk(answer, url, have):
                have += len(chunk)
                if have > most:
                    path.unlink()
                    raise AdapterError(f"{url} is larger than {most >> 20} MB")
                file.write(chunk)
        if answer.length:
            raise AdapterError(f"{url} was cut off after {have} bytes")
    finally:
        connection.close()


def _chunk(answer: http.client.HTTPResponse, url: str, have: int) -> bytes:
    try:
        return answer.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise AdapterError(f"{url} was cut off after {have} bytes: {cause(error, _WITHIN)}") from error


def text(url: str, within: float = 10.0) -> str:
    """A small file. Raises AdapterError."""
    connection, answer = _opened("GET", url, within, {})
    try:
        return answer.read(_TEXT).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise AdapterError(f"{url} does not respond: {cause(error, within)}") from error
    finally:
        connection.close()


def lacks(url: str, within: float = 3.0) -> str:
    """Why the file at `url` cannot be had; empty where its server says that it is there."""
    try:
        connection, _ = _opened("HEAD", url, within, {})
        connection.close()
    except AdapterError as error:
        return str(error)
    return ""


def _opened(
    method: str, url: str, within: float, headers: dict[str, str]
) -> tuple[Connection, http.client.HTTPResponse]:
    """The answer's head. Raises AdapterError for any other than a good one."""
    until, place = time.monotonic() + within, url
    for _ in range(_REDIRECTS + 1):
        connection, answer = _asked(method, place, max(0.1, until - time.monotonic()), headers)
        if answer.status not in _MOVED:
            break
        connection.close()
        there = urljoin(place, answer.getheader("Location", ""))
        if not is_url(there) or (place.startswith("https:") and not there.startswith("https:")):
            raise AdapterError(f"{url} leads to {there[:200]!r}, which is not followed")
        place = there
    else:
        raise AdapterError(f"{url} leads from one address to the next without an end")
    if answer.status in (200, 206, 416):
        return connection, answer
    connection.close()
    kind = Missing if answer.status in (401, 403, 404, 410) else AdapterError
    raise kind(f"{url} answered {answer.status}")


def _asked(
    method: str, url: str, within: float, headers: dict[str, str]
) -> tuple[Connection, http.client.HTTPResponse]:
    try:
        parts = urlsplit(url)
        connection = Connection(parts.scheme, parts.hostname or "", parts.port, unquote(parts.netloc), within)
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=IN_TARGETS)
        connection.request(method, target, headers={"Connection": "close", "User-Agent": "pilotage", **headers})
        return connection, connection.getresponse()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise AdapterError(f"{url} does not respond: {cause(error, within)}") from error
