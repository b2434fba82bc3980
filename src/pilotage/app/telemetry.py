"""Sends the traces of rollouts to a receiver of OpenTelemetry, after their events were recorded.

A span is made from events, so a killed worker loses none. What was sent is noted in the state folder. A worker that
dies between sending and noting sends a span again with the same ids, so the receiver keeps one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.clock import SYSTEM
from pilotage.adapters.extras import installing
from pilotage.adapters.files import read_leniently, write_json
from pilotage.adapters.log_lines import note_trace
from pilotage.adapters.telemetry.wanted import Signal, wanted
from pilotage.engine.records.store import Store
from pilotage.model.json import WrongJson, entries, number_at, whole_at
from pilotage.model.record import RolloutSummary
from pilotage.report.spans import Traced, spans_of, trace_of

if TYPE_CHECKING:
    from pilotage.adapters.telemetry.traces import SpanSender

_log = logging.getLogger(__name__)
_NOTE = "telemetry.json"
_MARGIN = 600.0
"""Seconds for which a rollout that has ended is looked at again: clocks of several machines differ."""
_BATCH, _AGAIN = 500, 30.0


class Traces:
    """Of the rollouts of one worker's folder."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sender: SpanSender | None = None
        self._off = not wanted(Signal.TRACES)
        self._since, self._sent = _noted(directory)
        if not self._off and not self._since:
            # What ended before telemetry was on is history. Noted at once: a worker may not live until its first send.
            self._since = SYSTEM.now() - _MARGIN
            self._note()
        self._elsewhere: dict[str, float] = {}
        """Rollouts of other places, which are not asked about again until then, by the monotonic clock."""

    def work(self, store: Store) -> None:
        """Send what has ended since the last time. What the receiver does not take is sent again."""
        if self._off or not self._begun():
            return
        now, before = store.clock.now(), (self._since, dict(self._sent))
        for rollout in self._candidates(store):
            if not self._send(store, rollout):
                break
        else:
            self._forget(store, now)
        if (self._since, self._sent) != before:
            self._note()

    def _note(self) -> None:
        write_json(self._directory / _NOTE, {"since": self._since, "sent": self._sent})

    def _begun(self) -> bool:
        if self._sender is None:
            try:
                from pilotage.adapters.telemetry.traces import SpanSender
            except ImportError as missing:
                self._off = True
                _log.warning("no traces: %s is missing; %s", missing.name, installing("telemetry"))
                return False
            self._sender = SpanSender()
        return True

    def _candidates(self, store: Store) -> Iterator[RolloutSummary]:
        """What is under way here or has ended since, and has events that were not looked at."""
        now = store.clock.monotonic()
        self._elsewhere = {one: until for one, until in self._elsewhere.items() if until > now}
        for one in (*store.active(), *store.queued(), *store.ended_since(self._since)):
            if self._sent.get(one.id, 0) >= one.events or one.id in self._elsewhere:
                continue
            home = store.home(self._directory, one.service, one.environment)
            if home is None or home.is_here:
                yield one
            else:
                self._elsewhere[one.id] = now + _AGAIN

    def _send(self, store: Store, rollout: RolloutSummary) -> bool:
        assert self._sender is not None
        recorded = store.events(rollout.id)
        note_trace(rollout.id, trace_of(rollout.id, recorded)[0])
        about = Traced(
            id=rollout.id, service=rollout.service, environment=rollout.environment, version=rollout.version,
            strategy=rollout.strategy,
        )  # fmt: skip
        sent = self._sent.get(rollout.id, 0)
        new = [span for span in spans_of(about, recorded) if span.ended_by > sent]
        for first in range(0, len(new), _BATCH):
            if not self._sender.send(new[first : first + _BATCH]):
                return False
        self._sent[rollout.id] = recorded[-1].number if recorded else 0
        return True

    def _forget(self, store: Store, now: float) -> None:
        """Everything is sent: what ended long ago is asked about no more."""
        since = now - _MARGIN
        if since > self._since:
            kept = {one.id for one in (*store.active(), *store.queued(), *store.ended_since(since))}
            self._since, self._sent = since, {one: n for one, n in self._sent.items() if one in kept}


def _noted(directory: Path) -> tuple[float, dict[str, int]]:
    found = read_leniently(directory / _NOTE)
    try:
        return number_at(found, "since"), entries(whole_at, found, "sent")
    except WrongJson:
        return 0.0, {}
