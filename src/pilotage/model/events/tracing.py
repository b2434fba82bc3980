"""Which trace of OpenTelemetry a rollout belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.events.occurrence import Occurrence
from pilotage.model.message import Severity


@dataclass(frozen=True, kw_only=True)
class TraceContinued(Occurrence, tag="trace-continued", severity=Severity.PROGRESS):
    """The deployment was requested within a trace, such as that of a CI job. The rollout's spans continue it."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """The caller's span, 16 hexadecimal digits."""

    @property
    def sentence(self) -> str:
        return f"continues trace {self.trace_id}"
