"""Command lines of clients: `pilotage` on another machine, with PILOTAGE_SERVER."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import msgspec
from starlette.responses import Response, StreamingResponse

from pilotage.app.remote.carrying import Workplace, carry_out
from pilotage.model.errors import PilotageError
from pilotage.model.shell import Ended, Said, SentFile, ShellRequest
from pilotage.web.route import Asked, Audience, Body, Route

_log = logging.getLogger(__name__)


class ShellBody(Body, frozen=True, kw_only=True):
    """A command line without its first word. files: those that the words name · columns: width of the terminal in
    characters · traceparent: the trace that asks, such as that of a CI job."""

    words: tuple[str, ...]
    files: tuple[SentFile, ...] = ()
    stdin: str = ""
    columns: int = 0
    traceparent: str = ""


async def _carry_out(asked: Asked) -> Response:
    body = asked.body_as(ShellBody)
    request = ShellRequest(
        words=body.words, stdin=body.stdin, columns=body.columns, files=body.files,
        traceparent=body.traceparent,
    )  # fmt: skip
    messages = carry_out(Workplace(config=asked.site.project.config), asked.who, request)

    async def lines() -> AsyncIterator[bytes]:
        try:
            async for message in messages:
                yield msgspec.json.encode(message) + b"\n"
        except PilotageError as error:
            yield msgspec.json.encode(Said(stream="err", text=f"pilotage: {error}\n")) + b"\n"
            yield msgspec.json.encode(Ended(status=error.exit_status)) + b"\n"
        except Exception:
            # The answer has begun: without a last line, a client could not tell this from a lost connection.
            _log.exception("a client's command line failed")
            yield msgspec.json.encode(Said(stream="err", text="pilotage: an internal error of the server\n")) + b"\n"
            yield msgspec.json.encode(Ended(status=1)) + b"\n"
        finally:
            await messages.aclose()  # type: ignore[attr-defined]  # an async generator

    return StreamingResponse(lines(), media_type="application/x-ndjson")


ROUTES = (
    Route(
        method="POST", path="/api/v1/shell", permission=Audience.SIGNED_IN, answer=_carry_out, takes=ShellBody,
        media="application/x-ndjson",
        summary="Carry out a command line; the answer is a line of JSON for everything that it says.",
    ),
)  # fmt: skip
