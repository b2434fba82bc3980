"""Answers of the API, and those that were made before somebody asked."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec
from starlette.responses import Response

from pilotage.model.printed_json import encoded


def json_answer(body: msgspec.Struct, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(encoded(body), status, headers=headers, media_type="application/json")


class Prepared(Response):
    """Its compressed body is at hand. digest: of its body, where that is known too."""

    digest: str = ""

    def packed(self) -> bytes:
        """The body as a gzip file."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Text:
    """One that stays the same as long as the server runs."""

    body: bytes

    @cached_property
    def small(self) -> bytes:
        return gzip.compress(self.body, mtime=0)

    @cached_property
    def digest(self) -> str:
        return digest_of(self.body)


class TextAnswer(Prepared):
    def __init__(self, text: Text, media_type: str, headers: Mapping[str, str]) -> None:
        super().__init__(text.body, media_type=media_type, headers=headers)
        self.digest, self._text = text.digest, text

    def packed(self) -> bytes:
        return self._text.small


def digest_of(body: bytes) -> str:
    """For an ETag."""
    return hashlib.sha256(body).hexdigest()[:20]
