"""Sends spans to a receiver by OTLP over HTTP. Address, headers, certificates and timeouts are OTEL_ variables."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from pilotage.adapters.telemetry.resource import SCOPE, resource
from pilotage.model.span import Outcome, Span

_STATUS = {Outcome.UNSET: StatusCode.UNSET, Outcome.OK: StatusCode.OK, Outcome.ERROR: StatusCode.ERROR}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class SpanSender:
    """Sends spans; says whether the receiver took them. May wait as long as OTEL_EXPORTER_OTLP_TIMEOUT says."""

    def __init__(self) -> None:
        self._exporter, self._resource = OTLPSpanExporter(), resource()

    def send(self, spans: Sequence[Span]) -> bool:
        made = [_readable(one, self._resource) for one in spans]
        return self._exporter.export(made) is SpanExportResult.SUCCESS


def _readable(span: Span, own: Resource) -> ReadableSpan:
    return ReadableSpan(
        name=span.name, context=_context(span.trace, span.id),
        parent=_context(span.trace, span.parent, remote=span.entry) if span.parent else None,
        resource=own, attributes=dict(span.attributes),
        events=[Event(one.name, dict(one.attributes), _nanoseconds(one.at)) for one in span.happenings],
        kind=SpanKind.SERVER if span.entry else SpanKind.INTERNAL,
        status=Status(_STATUS[span.outcome], span.reason or None), start_time=_nanoseconds(span.start),
        end_time=_nanoseconds(span.end), instrumentation_scope=InstrumentationScope(*SCOPE),
    )  # fmt: skip


def _context(trace: str, span: str, *, remote: bool = False) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=remote, trace_flags=_SAMPLED)


def _nanoseconds(at: float) -> int:
    return int(at * 1e9)
