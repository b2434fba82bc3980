"""An answer that comes a line at a time, for a request that is carried out once (`Idempotency-Key`).

What its command changes is not seen here: it runs in a process of its own. So from its begin on it counts as carried
out, and a request whose server died is never repeated. Of the answer only the last line is kept: the others may have
secrets that are shown once.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from pilotage.engine.records.at_work import Key
from pilotage.engine.records.once import Found
from pilotage.web.once import AnswerLost, again, hash_of, key_of, renewed, require_mine
from pilotage.web.route import Asked


@dataclass(frozen=True, kw_only=True)
class Line:
    """last: the command has ended, and how."""

    text: bytes
    last: bool = False


async def carried_out_once(asked: Asked, lines: AsyncIterator[Line], media: str) -> Response:
    """Raises KeyReused, StillRunning, AnswerLost, Invalid, StoreFull."""
    once, key = asked.site.once, key_of(asked)
    entry = await run_in_threadpool(
        once.begin, key, hash_of(asked), asked.site.store.clock.now(), repeatable=False
    )  # fmt: skip
    require_mine(entry)
    if entry.found is Found.ANSWERED:
        return again(asked, entry)
    if entry.found is Found.CUT_OFF:
        raise AnswerLost(
            "this command was carried out, or interrupted, and its answer is lost: `pilotage status` shows what it did"
        )
    try:
        await run_in_threadpool(once.acts, key)
    except BaseException:
        once.ended(key)
        raise
    return StreamingResponse(_kept(asked, key, lines, media), media_type=media)


async def _kept(asked: Asked, key: Key, lines: AsyncIterator[Line], media: str) -> AsyncIterator[bytes]:
    once, answered = asked.site.once, False
    try:
        with renewed(asked, key):
            async for line in lines:
                if line.last:
                    await run_in_threadpool(once.answer, key, 200, {"content-type": media}, line.text.decode())
                    answered = True
                yield line.text
    finally:
        if not answered:
            # In a thread: whoever stopped listening has cancelled all that this waits for.
            threading.Thread(target=once.release, args=(key,), daemon=True, name="release").start()
        once.ended(key)
