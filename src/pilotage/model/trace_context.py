"""W3C Trace Context: which trace a rollout continues (https://www.w3.org/TR/trace-context/)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class TraceParent:
    """trace: 32 hexadecimal digits · span: 16, of the caller's span."""

    trace: str
    span: str


def parent_of(text: str) -> TraceParent | None:
    """What a `traceparent` header or a TRACEPARENT variable says; None where it is empty or malformed, as the
    specification wants: a tracer starts a trace of its own then."""
    found = _PARENT.fullmatch(text.strip()[:200])
    if found is None or text.startswith("ff") or (text.startswith("00") and len(text.strip()) != 55):
        return None
    trace, span = found.group(1), found.group(2)
    return None if set(trace) == {"0"} or set(span) == {"0"} else TraceParent(trace=trace, span=span)


def own_trace(rollout: str) -> str:
    """The id of the trace of a rollout that continues no other: the same, whoever makes it."""
    return hashlib.sha256(f"pilotage trace {rollout}".encode()).hexdigest()[:32]


def span_id(rollout: str, number: int, kind: str) -> str:
    """Of the span that an event of the rollout opened: the same each time it is exported."""
    return hashlib.sha256(f"pilotage span {rollout} {number} {kind}".encode()).hexdigest()[:16]
