"""Style sheets, scripts and pictures of the pages, from memory.

Their addresses carry a digest of all of them, so that browsers keep them for good and never mix two versions. Scripts
import each other by relative addresses and thereby share the digest.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FOLDERS = ("render/style", "web/static")
_FOR_GOOD = "public, max-age=31536000, immutable"


@dataclass(frozen=True, kw_only=True)
class Asset:
    """packed: by gzip."""

    media_type: str
    body: bytes
    packed: bytes


@cache
def assets() -> dict[str, Asset]:
    """By name."""
    return dict(_read())


@cache
def digest() -> str:
    whole = hashlib.sha256()
    for name, asset in sorted(assets().items()):
        whole.update(name.encode() + b"\0" + asset.body)
    return whole.hexdigest()[:16]


def asset_answer(request: Request) -> Response:
    """Of `/static/{digest}/{name}`. During an upgrade a page of another version may ask: it gets what there is, but
    must not keep it."""
    asset = assets().get(request.path_params["name"])
    if asset is None:
        return PlainTextResponse("there is no such file", 404)
    keep = _FOR_GOOD if request.path_params["digest"] == digest() else "no-cache"
    headers = {"Cache-Control": keep, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, media_type=asset.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(asset.body, media_type=asset.media_type, headers=headers)


def _read() -> Iterator[tuple[str, Asset]]:
    for folder in _FOLDERS:
        for file in importlib.resources.files("pilotage").joinpath(folder).iterdir():
            media_type = _TYPES.get(file.name.rpartition(".")[2])
            if media_type:
                body = file.read_bytes()
                yield file.name, Asset(media_type=media_type, body=body, packed=gzip.compress(body, mtime=0))
