"""Pages of a list: an opaque cursor says where the next one begins, so that what is new moves nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlencode

import msgspec

from pilotage.model.errors import Invalid
from pilotage.web.route import Asked, Query

_T = TypeVar("_T")

Limit = Annotated[int, msgspec.Meta(ge=1, le=200)]
Cursor = Annotated[str, msgspec.Meta(max_length=500)]


class PageQuery(Query, frozen=True, kw_only=True):
    """after: `next` of the page before · limit: most entries of a page."""

    after: Cursor = ""
    limit: Limit = 50


def position_of(cursor: str) -> str:
    """What `cursor_at` was made of; empty for the first page. Raises Invalid."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (ValueError, binascii.Error):
        raise Invalid("this is no cursor: take `next` of the page before") from None


def cursor_at(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def link(asked: Asked, following: str) -> Mapping[str, str]:
    """The header that names the next page."""
    if not following:
        return {}
    query = {**dict(asked.request.query_params), "after": following}
    return {"Link": f'<{asked.request.url.path}?{urlencode(query)}>; rel="next"'}


def part_of(every: Sequence[_T], query: PageQuery, name: Callable[[_T], object]) -> tuple[Sequence[_T], str]:
    """The entries of a page, and `next`; empty on the last one. name: that an entry keeps for ever. Raises Invalid."""
    begin, after = 0, position_of(query.after)
    if query.after:
        begin = next((number for number, one in enumerate(every, 1) if str(name(one)) == after), 0)
        if not begin:
            raise Invalid("this cursor belongs to another list, or its last entry is gone: begin with the first page")
    shown = every[begin : begin + query.limit]
    more = begin + query.limit < len(every)
    return shown, cursor_at(str(name(shown[-1]))) if more else ""
