"""R32: a deployment that CI asks for is a part of CI's trace, from the shell over the worker to a real receiver, and the
worker's log is JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pilotage.model.json import text_at
from tests.databases import eventually
from tests.receiving.otlp import otlp, plain

from .conftest import Shop

pytestmark = pytest.mark.real
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_r32_a_deployment_continues_the_trace_of_ci(
    make_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    with otlp() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "500")
        monkeypatch.setenv("PILOTAGE_LOG", "json")
        monkeypatch.setenv("TRACEPARENT", f"00-{TRACE}-{CALLER}-01")
        shop = make_shop()
        shop.run("deploy", shop.release("1.0"), "--detach")
        shop.wait_end()
        eventually(lambda: [span for span in receiver.spans if span.name == "RUN deploy shop to production"], 60)
        (root,) = {span.span_id: span for span in receiver.spans if span.parent_span_id.hex() == CALLER}.values()
        assert root.trace_id.hex() == TRACE
        assert plain(root.attributes)["deployment.status"] == "succeeded"
        told = [one for one in shop.json("events") if text_at(one, "type") == "trace-continued"]
        assert [text_at(one, "data", "trace_id") for one in told] == [TRACE]
        eventually(lambda: "pilotage_rollouts_ended" in receiver.metrics, 60)
    for line in shop.log().splitlines():
        assert json.loads(line)["level"]
