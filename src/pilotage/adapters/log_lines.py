"""What a log line looks like: as text, or as one JSON object a line (PILOTAGE_LOG=json). Secrets are never in it."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

from pilotage.model.text import plain

VARIABLE = "PILOTAGE_LOG"
"""Environment variable: `json` or `text`."""

_LONGEST, _LONGEST_TRACEBACK = 4_000, 20_000
_SECRETS = (
    (re.compile(r"(://[^\s:/@]{0,200}:)[^\s@/]{1,200}@"), r"\1***@"),
    (re.compile(r"(?i)\b(bearer|basic)(\s{1,5})[\w.~+/=-]{6,4000}"), r"\1\2***"),
    (re.compile(r"\bpilotage_[a-z]{2,10}_\w{8,400}", re.ASCII), "***"),
    (
        re.compile(r"(?i)\b(password|passwd|secret|token|api[-_]?key)(['\"]?\s{0,5}[=:]\s{0,5}['\"]?)[^\s'\",;&]{3,400}"),
        r"\1\2***",
    ),
)  # fmt: skip
"""Passwords in addresses, credentials of headers, tokens of Pilotage, and what is named like one of these."""


@dataclass(frozen=True, kw_only=True)
class About:
    """Which rollout a line is about; the rest is empty before it was read."""

    rollout: str
    service: str = ""
    environment: str = ""
    version: str = ""


_about: ContextVar[About | None] = ContextVar("about", default=None)
_traces: dict[str, str] = {}
_MOST_TRACES = 5_000


@contextmanager
def logged_about(about: About) -> Iterator[None]:
    """Lines that this thread writes meanwhile are about a rollout."""
    token = _about.set(about)
    try:
        yield
    finally:
        _about.reset(token)


def note_trace(rollout: str, trace: str) -> None:
    """Lines about the rollout name its trace from now on."""
    if len(_traces) >= _MOST_TRACES:
        _traces.clear()
    _traces[rollout] = trace


def context() -> dict[str, str]:
    """What the present line is about; `trace_id` where the rollout is traced."""
    about = _about.get()
    if about is None:
        return {}
    trace = _traces.get(about.rollout)
    found = {name: value for name, value in vars(about).items() if value}
    return found | ({"trace_id": trace} if trace else {})


def without_secrets(text: str) -> str:
    """The text with *** in the place of what looks like a secret."""
    for pattern, put in _SECRETS:
        text = pattern.sub(put, text)
    return text


def wants_json() -> bool:
    return os.environ.get(VARIABLE, "").strip().lower() == "json"


def formatter() -> logging.Formatter:
    """The one that the environment names."""
    return JsonLines() if wants_json() else TextLines("%(asctime)s %(levelname)s %(name)s %(message)s")


class TextLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """What a line says beside its sentence."""
    found = getattr(record, "fields", None)
    if not isinstance(found, dict):
        return {}
    return {
        str(name): without_secrets(plain(value, _LONGEST)) if isinstance(value, str) else value
        for name, value in found.items()
    }


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message; rollout, service, environment, version and trace_id where it is
    about one; error with the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        found: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(), "logger": record.name,
            "message": without_secrets(plain(record.getMessage(), _LONGEST)), **context(),
            **_fields(record), "thread": record.threadName or "", "pid": record.process or 0,
        }  # fmt: skip
        if record.exc_info:
            found["error"] = without_secrets(plain(self.formatException(record.exc_info), _LONGEST_TRACEBACK))
        return json.dumps(found, ensure_ascii=False)
