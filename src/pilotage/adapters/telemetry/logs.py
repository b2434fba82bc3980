"""Sends log lines to a receiver by OTLP over HTTP, next to where they are written anyway."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from pilotage.adapters.log_lines import context, without_secrets
from pilotage.adapters.telemetry.resource import resource
from pilotage.model.text import plain
from pilotage.model.trace_context import span_id

_LONGEST = 4_000
_SEVERITY = {
    logging.DEBUG: SeverityNumber.DEBUG, logging.INFO: SeverityNumber.INFO, logging.WARNING: SeverityNumber.WARN,
    logging.ERROR: SeverityNumber.ERROR, logging.CRITICAL: SeverityNumber.FATAL,
}  # fmt: skip


class LogSender(logging.Handler):
    """Sends in batches, from a thread of its own; what the receiver does not take within its time is dropped, because
    the log file has it."""

    def __init__(self) -> None:
        super().__init__()
        self._provider = LoggerProvider(resource=resource())
        self._provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
        # What the exporter itself complains about would come back here.
        self.addFilter(lambda record: not record.name.startswith(("opentelemetry", "urllib3", "requests")))

    def emit(self, record: logging.LogRecord) -> None:
        about = context()
        attributes = {f"pilotage.{name}": value for name, value in about.items() if name != "trace_id"}
        if record.exc_info and (error := record.exc_info[1]) is not None:
            attributes |= {"exception.type": type(error).__name__}
            attributes |= {"exception.message": without_secrets(plain(str(error), _LONGEST))}
        self._provider.get_logger(record.name).emit(
            LogRecord(
                timestamp=int(record.created * 1e9), context=_within(about),
                severity_number=_SEVERITY.get(record.levelno, SeverityNumber.INFO), severity_text=record.levelname,
                body=without_secrets(plain(record.getMessage(), _LONGEST)), attributes=attributes,
            )
        )  # fmt: skip

    def flush(self) -> None:
        self._provider.force_flush()


def _within(about: Mapping[str, str]) -> Context | None:
    """The trace that the line belongs to, and the span of the rollout in it."""
    if "trace_id" not in about:
        return None
    span = SpanContext(
        int(about["trace_id"], 16), int(span_id(about["rollout"], 1, "rollout"), 16), is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )  # fmt: skip
    return set_span_in_context(NonRecordingSpan(span))
