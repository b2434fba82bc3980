"""What the worker writes down of its troubles: each once a minute, or one that lasts would fill the disk."""

from __future__ import annotations

import logging
import time

from pilotage.adapters.log_lines import formatter
from pilotage.adapters.telemetry.wanted import Signal, wanted

_AGAIN_AFTER = 60.0
"""Seconds after which the same sentence is written once more."""
_MOST_KNOWN = 1000


class NotAgain(logging.Filter):
    """Lets a sentence through once in so many seconds. What it left out is counted where it comes next."""

    def __init__(self, again_after: float = _AGAIN_AFTER) -> None:
        super().__init__()
        self._again_after = again_after
        self._known: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        sentence, now = record.getMessage(), time.monotonic()
        at, left_out = self._known.get(sentence, (None, 0))
        if at is not None and now - at < self._again_after:
            self._known[sentence] = at, left_out + 1
            return False
        if len(self._known) >= _MOST_KNOWN:
            self._known = {known: one for known, one in self._known.items() if now - one[0] < self._again_after}
        if len(self._known) < _MOST_KNOWN:
            self._known[sentence] = now, 0
        if left_out:
            record.msg, record.args = f"{sentence} (repeated {left_out} times)", ()
        return True


def keep_log() -> None:
    """Write warnings and what is worse to standard error, as text or JSON, and where OpenTelemetry's variables name a
    receiver, to it too."""
    logging.basicConfig(level=logging.WARNING)
    if wanted(Signal.LOGS):
        _send_too()
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter())
        handler.addFilter(NotAgain())


def _send_too() -> None:
    try:
        from pilotage.adapters.telemetry.logs import LogSender
    except ImportError as missing:
        logging.getLogger(__name__).warning("no logs by OTLP: %s is missing", missing.name)
        return
    logging.getLogger().addHandler(LogSender())
