"""A receiver of OpenTelemetry on a real socket: OTLP over HTTP, decoded by the protocol's own classes."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Otlp:
    """What was received. refuse: the status to answer everything with, 0 for none · headers: of the last request."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, object]] = field(default_factory=list)
    metrics: dict[str, Metric] = field(default_factory=dict)
    logs: list[LogRecord] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    refuse: int = 0
    turned_away: int = 0

    def take(self, path: str, body: bytes) -> bytes:
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            for of_resource in traces.resource_spans:
                self.resources.append(plain(of_resource.resource.attributes))
                for of_scope in of_resource.scope_spans:
                    self.spans += of_scope.spans
            return bytes(ExportTraceServiceResponse().SerializeToString())
        if path == "/v1/metrics":
            for metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics |= {one.name: one for scope in metrics.scope_metrics for one in scope.metrics}
            return bytes(ExportMetricsServiceResponse().SerializeToString())
        assert path == "/v1/logs", path
        for logs in ExportLogsServiceRequest.FromString(body).resource_logs:
            self.logs += [one for scope in logs.scope_logs for one in scope.log_records]
        return bytes(ExportLogsServiceResponse().SerializeToString())


def plain(attributes: object) -> dict[str, object]:
    """Attributes as a dictionary."""
    return {one.key: _value(one.value) for one in attributes if isinstance(one, KeyValue)}  # type: ignore[attr-defined]


def _value(value: AnyValue) -> object:
    return getattr(value, value.WhichOneof("value") or "string_value")


@contextmanager
def otlp() -> Iterator[Otlp]:
    found = Otlp()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            match self.headers.get("Content-Encoding", ""):
                case "gzip":
                    body = gzip.decompress(body)
                case "deflate":
                    body = zlib.decompress(body)
            assert self.headers["Content-Type"] == "application/x-protobuf"
            found.headers = dict(self.headers)
            if found.refuse:
                found.turned_away += 1
                self.send_response(found.refuse)
                self.end_headers()
                return
            answer = found.take(self.path, body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
