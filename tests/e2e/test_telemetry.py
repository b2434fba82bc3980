"""R32: a deployment that CI asks for is a part of the trace of CI, from the shell over the worker to a real receiver;
the log of the worker is JSON."""

from __future__ import annotations

import json

import pytest

from pilotage.model.json import text_at
from tests.databases import eventually
from tests.receiving.otlp import otlp, plain

from .conftest import Make

pytestmark = pytest.mark.real
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_r32_a_deployment_continues_the_trace_of_ci(shop: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with otlp() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "500")
        monkeypatch.setenv("PILOTAGE_LOG", "json")
        monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-{CALLER}-01")
        one = shop()
        one.run("deploy", one.release("1.0"), "--detach")
        one.wait_end()
        eventually(lambda: [span for span in receiver.spans if span.name == "RUN deploy shop to production"], 60)
        (root,) = {span.span_id: span for span in receiver.spans if span.parent_span_id.hex() == CALLER}.values()
        assert root.trace_id.hex() == TRACE
        assert plain(root.attributes)["deployment.status"] == "succeeded"
        events = [json.loads(line) for line in one.run("events", "--json").splitlines()]
        assert [text_at(event, "data", "trace_id") for event in events if event["type"] == "trace-continued"] == [TRACE]
        eventually(lambda: "pilotage_rollouts_ended" in receiver.metrics, 60)
    for line in one.log().splitlines():
        assert json.loads(line)["level"]
