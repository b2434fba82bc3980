"""Command lines of clients: `pilotage` on another machine, with PILOTAGE_SERVER."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import ClassVar

import msgspec
from starlette.responses import Response, StreamingResponse

from pilotage.app.remote.carrying import Workplace, carry_out
from pilotage.engine.records.last_room import StoreFull
from pilotage.model.errors import PilotageError
from pilotage.model.shell import Ended, Message, Said, SentFile, ShellRequest
from pilotage.web.once import has_key
from pilotage.web.route import Asked, Audience, Body, Pace, Route
from pilotage.web.streamed_once import Line, carried_out_once

_ABORT, _MEDIA = "abort", "application/x-ndjson"
_log = logging.getLogger(__name__)


class ShellBody(Body, frozen=True, kw_only=True):
    """A command line without its first word. files: those that the words name · columns: width of the terminal in
    characters · traceparent: the trace that asks, such as that of a CI job."""

    words: tuple[str, ...]
    files: tuple[SentFile, ...] = ()
    stdin: str = ""
    columns: int = 0
    traceparent: str = ""

    as_they_come: ClassVar[frozenset[str]] = frozenset({"words", "files", "stdin"})


async def _carry_out(asked: Asked) -> Response:
    body = asked.body_as(ShellBody)
    request = ShellRequest(
        words=body.words, stdin=body.stdin, columns=body.columns, files=body.files,
        traceparent=body.traceparent,
    )  # fmt: skip
    lines = _lines(carry_out(Workplace(config=asked.site.project.config), asked.who, request))
    if has_key(asked):
        try:
            return await carried_out_once(asked, lines, _MEDIA)
        except StoreFull:
            if _ABORT not in body.words:
                raise  # only an abort finds room on a full disk, and twice does no harm
    return StreamingResponse((line.text async for line in lines), media_type=_MEDIA)


async def _lines(messages: AsyncIterator[Message]) -> AsyncIterator[Line]:
    try:
        async for message in messages:
            yield _line(message)
    except PilotageError as error:
        yield _line(Said(stream="err", text=f"pilotage: {error}\n"))
        yield _line(Ended(status=error.exit_status))
    except Exception:
        # The answer has begun: without a last line, a client could not tell this from a lost connection.
        _log.exception("a client's command line failed")
        yield _line(Said(stream="err", text="pilotage: an internal error of the server\n"))
        yield _line(Ended(status=1))
    finally:
        await messages.aclose()  # type: ignore[attr-defined]  # an async generator


def _line(message: Message) -> Line:
    return Line(text=msgspec.json.encode(message) + b"\n", last=isinstance(message, Ended))


ROUTES = (
    Route(
        method="POST", path="/api/v1/shell", permission=Audience.SIGNED_IN, answer=_carry_out, takes=ShellBody,
        media=_MEDIA, keeps=True, pace=Pace.URGENT,
        summary="Carry out a command line; the answer is a line of JSON for everything that it says.",
    ),
)  # fmt: skip
