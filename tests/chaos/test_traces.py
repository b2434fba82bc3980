"""R32: the trace of a rollout is whole, and nothing is in it twice, wherever the worker is killed; over a real socket
to OpenTelemetry's own protocol."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pilotage.app.telemetry import Traces
from pilotage.engine.records.store import Store
from pilotage.model.events import Paused, Resumed
from pilotage.model.span import Span
from pilotage.report.spans import Traced, spans_of
from tests.receiving.otlp import Otlp, otlp, plain

from .harness import Case, begun, run
from .test_two_workers import wait

pytestmark = pytest.mark.real


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Otlp]:
    with otlp() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=ops")
        yield found


def expected(store: Store, rollout: str) -> tuple[Span, ...]:
    one = store.look_up(rollout)
    about = Traced(
        id=one.id, service=one.service, environment=one.environment, version=one.version, strategy=one.strategy
    )
    return spans_of(about, store.events(rollout))


@pytest.mark.parametrize("seed", [3, 4])
def test_a_killed_worker_loses_no_span_and_none_is_there_twice(seed: int, tmp_path: Path, receiver: Otlp) -> None:
    outcome = run(Case.of(seed, "canary", 6), tmp_path)
    assert not outcome.problems
    store = Store(tmp_path)
    Traces(tmp_path).work(store)
    wanted = {span.id: span for span in expected(store, outcome.rollout.id)}
    got = {span.span_id.hex(): span for span in receiver.spans}
    assert set(got) == set(wanted)
    roots = [span for span in got.values() if not span.parent_span_id]
    assert [span.name for span in roots] == [f"RUN deploy service to {outcome.rollout.environment}"]
    assert {span.parent_span_id.hex() for span in got.values()} <= {"", *got}
    assert len({span.trace_id for span in got.values()}) == 1
    for identity, span in got.items():
        # A span that was sent twice was the same both times, so a receiver keeps one.
        assert len({one.SerializeToString() for one in receiver.spans if one.span_id == span.span_id}) == 1
        assert span.end_time_unix_nano == int(wanted[identity].end * 1e9)
    sent = len(receiver.spans)
    Traces(tmp_path).work(store)
    assert len(receiver.spans) == sent
    store.close()


def test_it_has_the_attributes_of_the_conventions_and_continues_the_trace_of_ci(
    tmp_path: Path, receiver: Otlp, controllers: Callable[[], int]
) -> None:
    from pilotage.model.events import TraceContinued

    trace, caller = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    rollout = begun(tmp_path, "canary", more=(TraceContinued(trace_id=trace, span_id=caller).record(),))
    controllers()
    wait(tmp_path, rollout, lambda r: r.state.status.final)
    store = Store(tmp_path)
    Traces(tmp_path).work(store)
    spans = {span.span_id: span for span in receiver.spans}.values()
    assert {span.trace_id.hex() for span in spans} == {trace}
    (root,) = (span for span in spans if span.name.startswith("RUN deploy"))
    assert root.parent_span_id.hex() == caller
    about = plain(root.attributes)
    assert about["cicd.pipeline.run.id"] == about["deployment.id"] == rollout
    assert about["cicd.pipeline.result"] == "success"
    assert about["deployment.status"] == "succeeded"
    steps = [plain(span.attributes) for span in spans if span is not root]
    assert all({"cicd.pipeline.task.name", "cicd.pipeline.task.run.id"} <= one.keys() for one in steps)
    assert {"deploy", "test"} & {one.get("cicd.pipeline.task.type") for one in steps}
    assert receiver.headers["api-key"] == "secret"
    assert receiver.resources[-1]["service.name"] == "pilotage"
    assert receiver.resources[-1]["deployment.environment.name"] == "ops"
    store.close()


def test_what_the_receiver_does_not_take_is_sent_again(tmp_path: Path, receiver: Otlp) -> None:
    receiver.refuse = 400
    outcome = run(Case(1, "canary", "good", ()), tmp_path)
    store = Store(tmp_path)
    Traces(tmp_path).work(store)
    assert receiver.turned_away
    assert not receiver.spans
    receiver.refuse = 0
    Traces(tmp_path).work(store)
    assert len(receiver.spans) == len(expected(store, outcome.rollout.id))
    store.close()


def test_nothing_of_it_is_loaded_where_no_variable_names_a_receiver() -> None:
    said = "import sys; from pilotage.app.worker import jobs; from pathlib import Path; jobs(Path('.')); "
    said += "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_pause_is_a_span_within_its_step() -> None:
    from pilotage.model.events import Completed, RolloutStarted, StepStarted
    from pilotage.model.record import Recorded
    from pilotage.model.rollout import Mode

    story = (
        RolloutStarted(
            plan_hash="0", mode=Mode.FULL, version="2", stable_version="1", environment="production", actor="ada"
        ),
        StepStarted(step="weight-25%", finished_step="scale-25%", weight_percent=25.0, title="send 25%"),
        Paused(actor="ada", reason="lunch"),
        Resumed(actor="ada"),
        Completed(step="bake", version="2"),
    )  # fmt: skip
    recorded = [
        Recorded("r", n, float(10 * n), one.type, one.sentence, one.data, "", "") for n, one in enumerate(story, 1)
    ]
    spans = spans_of(Traced(id="r", service="s", environment="e", version="2", strategy="canary"), recorded)
    shown = [(one.name, one.start, one.end, one.outcome.value) for one in spans]
    assert shown == [
        ("scale-25%", 10.0, 20.0, "ok"), ("paused", 30.0, 40.0, "unset"), ("weight-25%", 20.0, 50.0, "ok"),
        ("RUN deploy s to e", 10.0, 50.0, "ok"),
    ]  # fmt: skip
    assert spans[1].parent == spans[2].id
    assert spans[2].parent == spans[3].id


def test_metrics_and_logs_arrive_too_and_a_log_line_is_in_its_trace(
    tmp_path: Path, receiver: Otlp, monkeypatch: pytest.MonkeyPatch
) -> None:
    import logging

    from pilotage.adapters.log_lines import About, logged_about
    from pilotage.adapters.telemetry.logs import LogSender
    from pilotage.app.telemetry_metrics import SentMetrics, interval

    outcome = run(Case(1, "canary", "good", ()), tmp_path)
    store = Store(tmp_path)
    (tmp_path / "telemetry.json").unlink(missing_ok=True)  # this process sends all, and so knows the trace
    Traces(tmp_path).work(store)
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "2500")
    assert interval() == 2.5
    sent = SentMetrics()
    sent.work(store)
    sent.work(store)
    (ended,) = [
        point for point in receiver.metrics["pilotage_rollouts_ended"].sum.data_points
        if plain(point.attributes)["status"] == "completed"
    ]  # fmt: skip
    assert ended.as_double == 1
    (statements,) = receiver.metrics["pilotage_store_statement_seconds"].histogram.data_points
    assert sum(statements.bucket_counts) == statements.count > 0
    assert receiver.metrics["pilotage_store_statement_seconds"].unit == "s"
    handler = LogSender()
    record = logging.LogRecord("pilotage", logging.ERROR, "", 1, "password=%s is wrong", ("hunter22",), None)
    with logged_about(About(rollout=outcome.rollout.id, service="shop")):
        handler.handle(record)
    handler.flush()
    (line,) = receiver.logs
    assert line.body.string_value == "password=*** is wrong"
    assert plain(line.attributes)["pilotage.rollout"] == outcome.rollout.id
    (root,) = [span for span in receiver.spans if span.name.startswith("RUN deploy")]
    assert (line.trace_id, line.span_id) == (root.trace_id, root.span_id)
    store.close()
