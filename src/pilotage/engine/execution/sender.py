"""Sends what the outbox holds, next to the worker's looks and never in their way: a thread for each busy channel."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from pilotage.adapters.clock import SYSTEM
from pilotage.adapters.notifier import Delivery
from pilotage.adapters.notify import open_channel
from pilotage.adapters.outgoing import Undelivered
from pilotage.adapters.ports import AdapterError
from pilotage.engine.execution.failpoints import reach
from pilotage.engine.records import outbox
from pilotage.model.clock import Clock
from pilotage.model.json import JsonObject

_log = logging.getLogger(__name__)
_POLL = 0.2
_CHANNELS = 8
"""Channels served at a time; a dead one occupies one of these places for ten seconds at a time."""

_AFTER_TROUBLE = 2.0


class Sender:
    """Run `serve` until it is stopped. A channel that hangs or fails delays only itself."""

    def __init__(self, engine: Engine, holder: str, stopping: threading.Event, clock: Clock = SYSTEM) -> None:
        self._engine, self._holder, self._stopping, self._clock = engine, holder, stopping, clock
        self._pool = ThreadPoolExecutor(_CHANNELS, thread_name_prefix="send")
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self.serve, name="sender", daemon=True).start()

    def serve(self) -> None:
        while not self._stopping.is_set():
            try:
                for channel in outbox.due(self._engine, self._clock.now()):
                    self._begin(channel)
                self._stopping.wait(_POLL)
            except Exception:
                _log.exception("cannot read the outbox; retrying")
                self._stopping.wait(_AFTER_TROUBLE)

    def _begin(self, channel: str) -> None:
        with self._lock:
            if channel in self._busy:
                return
            self._busy.add(channel)
        self._pool.submit(self._serve_channel, channel)

    def _serve_channel(self, channel: str) -> None:
        try:
            while not self._stopping.is_set() and send_next(self._engine, channel, self._holder, self._clock):
                pass
        except Exception:
            _log.exception("%s: sending failed; retrying", channel)
        finally:
            with self._lock:
                self._busy.discard(channel)


def send_next(engine: Engine, channel: str, holder: str, clock: Clock = SYSTEM) -> bool:
    """Try the channel's next message; False if none may be sent, or it was not sent."""
    letter = outbox.claim(engine, channel, holder, clock.now())
    if letter is None:
        return False
    reach("outbox-claimed")
    known = letter.so_far

    def note(so_far: JsonObject) -> None:
        nonlocal known
        known = so_far
        try:
            outbox.noted(engine, letter, so_far)
        except SQLAlchemyError as error:  # the store is busy: the mail went out all the same
            _log.warning("%s: what has gone out cannot be noted: %s", channel, type(error).__name__)
        reach("outbox-noted")

    try:
        delivery = Delivery(
            message=letter.message, first=letter.first, again=letter.again, so_far=letter.so_far, note=note
        )
        receipt = open_channel(letter.section).send(delivery)
    except AdapterError as error:
        given = error if isinstance(error, Undelivered) else Undelivered(str(error))
        outbox.failed(
            engine, letter, str(error), clock.now(), permanent=given.permanent, retry_after=given.retry_after,
            so_far=given.so_far or known,
        )  # fmt: skip
        _log.warning("%s: %s", channel, error)
        return given.permanent
    except Exception as error:
        # Whatever error a text or a library causes: the row must not stay claimed, and the next one gets its turn.
        outbox.failed(
            engine, letter, f"{type(error).__name__} while sending", clock.now(), permanent=False, retry_after=None,
            so_far=known,
        )  # fmt: skip
        _log.exception("%s: %s", channel, letter.message.key)
        return False
    reach("outbox-sent")
    outbox.delivered(engine, letter, receipt, clock.now())
    reach("outbox-recorded")
    return True
