"""The source of counts `haproxy` before a real HAProxy: the whole contract, and what only it promises (R28)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.haproxy_runtime import Runtime
from pilotage.adapters.hosts.host import Done
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.metrics.haproxy_adapter import ADAPTER
from pilotage.adapters.metrics.haproxy_log import durations_in
from pilotage.adapters.metrics.log_tail import LogTail, NoLog
from pilotage.adapters.own_requests import SYNTHETIC_HEADER, synthetic_token
from pilotage.adapters.ports import AdapterError, Metrics
from pilotage.app.doctor import _counts
from pilotage.model.json import JsonObject
from pilotage.model.traffic import HeaderRoute, Split, split_between
from pilotage.testing import CountsUnderTest, Version, wait_until
from pilotage.testing.contracts.metrics import MetricsContract

from .haproxy import HAProxyUnderTest, haproxy_in

pytestmark = pytest.mark.real
Versions = Callable[[str], Version]
BOTH = ("2.0", "1.0")
JSON_LOG = (
    'log-format \'{"backend":"%b","server":"%s","status":%ST,"wait":%Tw,"connect":%Tc,"answer":%Tr}\'\n    log global'
)
USUAL_LOG = "option httplog\n    log global"


@pytest.fixture
def log() -> str:
    return ""


@pytest.fixture
def routed(log: str, tmp_path: Path, versions: Versions) -> Iterator[HAProxyUnderTest]:
    """A half-and-half split with testers."""
    with haproxy_in(tmp_path, log=log) as under_test:
        backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
        under_test.take(split_between("2.0", 500, "1.0", (HeaderRoute("X-Release", "canary", "2.0"),)), backends)
        yield under_test


def opened(routed: HAProxyUnderTest, *, log: bool = False) -> Metrics:
    told = {"kind": "haproxy", **({"log": str(routed.operated.log)} if log else {})}
    metrics: Metrics = ADAPTER.open(ADAPTER.section.model_validate(told), routed.context())
    return metrics


class TestHAProxyMetrics(MetricsContract):
    """What holds for every source; below is what only this one promises."""

    @pytest.fixture
    def counts(self, routed: HAProxyUnderTest) -> CountsUnderTest:
        users = {routed.ask(user=f"u{n}"): f"u{n}" for n in range(40)}

        def happen(version: str, well: int, failed: int) -> None:
            for path, times in (("/", well), ("/error", failed)):
                for _ in range(times):
                    assert routed.ask(path, user=users[version]) == version

        def restart() -> None:
            routed.operated.kill()
            routed.operated.start()

        return CountsUnderTest(
            open=lambda: opened(routed),
            happen=happen,
            can=ADAPTER.can(ADAPTER.section.model_validate({"kind": "haproxy"})),
            restart=restart,
            silence=routed.operated.kill,
        )


def test_after_a_reload_it_counts_from_the_start_of_the_new_process(routed: HAProxyUnderTest) -> None:
    metrics = opened(routed)
    for n in range(30):
        routed.ask("/error", user=f"u{n}")
    cursor = metrics.observe(BOTH, metrics.observe(BOTH, None).cursor).cursor
    routed.operated.reload()
    for n in range(20):
        routed.ask(user=f"u{n}")
    reading = metrics.observe(BOTH, json.loads(json.dumps(cursor)))
    assert (sum(o.requests for o in reading.observations), sum(o.errors for o in reading.observations)) == (20, 0)
    assert "was reloaded" in reading.note


def test_counters_that_were_set_back_are_an_error_and_no_restart(routed: HAProxyUnderTest) -> None:
    metrics = opened(routed)
    for n in range(10):
        routed.ask("/error", user=f"u{n}")
    cursor = metrics.observe(BOTH, None).cursor
    Runtime(str(routed.operated.socket)).ask("clear counters all")
    with pytest.raises(AdapterError, match="counters were set back while it ran"):
        metrics.observe(BOTH, cursor)


def test_requests_of_pilotage_and_testers_are_not_users(routed: HAProxyUnderTest) -> None:
    metrics = opened(routed)
    cursor = metrics.observe(BOTH, None).cursor
    token = synthetic_token(routed.directory)
    for n in range(20):
        routed.ask("/error", user=f"u{n}", **{SYNTHETIC_HEADER: token})
        routed.ask("/error", user=f"u{n}", **{"x-release": "canary"})
        routed.ask("/error", user=f"u{n}", **{SYNTHETIC_HEADER: "1"})
    reading = metrics.observe(BOTH, cursor)
    own = [part for version in BOTH if (part := reading.of(version).synthetic)]
    assert (sum(part.requests for part in own), sum(part.errors for part in own)) == (20, 20)
    assert all(part.requests for part in own), "they have the users' weights"
    assert sum(o.requests for o in reading.observations) == 20, "a guessed header hides nobody"


def test_instances_are_counted_apart_and_what_is_refused(routed: HAProxyUnderTest, versions: Versions) -> None:
    one, two = versions("1.0"), versions("1.0")
    routed.take(Split((("1.0", 1000),)), {"1.0": [one.address, two.address]})
    metrics = opened(routed)
    cursor = metrics.observe(["1.0"], None).cursor
    for n in range(30):
        routed.ask(("/", "/missing", "/error")[n % 3], user=f"u{n}")
    seen = metrics.observe(["1.0"], cursor).of("1.0")
    assert {part.instance: part.requests for part in seen.instances if part.requests} == {
        f"127.0.0.1:{one.address[1]}": one.served,
        f"127.0.0.1:{two.address[1]}": two.served,
    }
    assert (seen.requests, seen.errors, seen.refused) == (30, 10, 10)


def test_requests_that_reach_no_instance_are_errors_of_their_version(
    routed: HAProxyUnderTest, versions: Versions
) -> None:
    only = versions("1.0")
    routed.take(Split((("1.0", 1000),)), {"1.0": [only.address]})
    metrics = opened(routed)
    cursor = metrics.observe(BOTH, None).cursor
    only.end()
    assert routed.answer().status == 503
    assert metrics.observe(BOTH, cursor).of("1.0").errors == 1


def test_without_a_log_it_says_that_it_has_no_durations(routed: HAProxyUnderTest) -> None:
    section = ADAPTER.section.model_validate({"kind": "haproxy"})
    assert ADAPTER.can(section).provides == ("application_error_rate",)
    assert opened(routed).observe(BOTH, None).note == "no log, so no durations"


def test_several_haproxys_are_counted_together(routed: HAProxyUnderTest, versions: Versions, tmp_path: Path) -> None:
    there = {"1.0": [versions("1.0").address]}
    with haproxy_in(tmp_path / "second") as other:
        for one in (routed, other):
            one.take(Split((("1.0", 1000),)), there)
        peers = {"edge": routed.directory, "inner": other.directory}
        context = routed.context()
        context = replace(context, peers=replace(context.peers, routers=peers))
        metrics = ADAPTER.open(ADAPTER.section.model_validate({"kind": "haproxy"}), context)
        cursor = metrics.observe(["1.0"], None).cursor
        for one in (routed, other, other):
            one.ask("/error")
        seen = metrics.observe(["1.0"], cursor).of("1.0")
        assert (seen.requests, seen.errors, [part.requests for part in seen.instances]) == (3, 3, [3])
        other.operated.kill()
        with pytest.raises(AdapterError, match="does not answer at"):
            metrics.observe(["1.0"], cursor)


# ── the log ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("log", [JSON_LOG, USUAL_LOG], ids=["json", "httplog"])
def test_durations_come_from_either_log(routed: HAProxyUnderTest) -> None:
    metrics = opened(routed, log=True)
    cursor = metrics.observe(BOTH, None).cursor
    for n in range(12):
        routed.ask("/slow", user=f"u{n}")
    found: list[int] = []

    def all_there() -> bool:
        histograms = [o.durations for o in metrics.observe(BOTH, cursor).observations]
        found[:] = [sum(one.total for one in histograms), sum(one.above(0.05) for one in histograms)]
        return found[0] == 12

    wait_until(all_there, what="the log lacks requests")
    assert found[1] == 12


def test_lines_of_others_and_broken_ones_are_left_out() -> None:
    usual = b'haproxy[1]: 10.0.1.2:3331 [26/Nov/2026:12:14:14.655] www shop-1/%b 2750 - - ---- 1/1/1/1/0 0/0 "GET / "'
    rows = [
        b'<134>Nov 26 lb haproxy: {"backend":"shop-1","server":"a","status":200,"wait":1,"connect":2,"answer":3}',
        usual % b"a_80 10/0/30/69/109 200",
        usual % b"<NOSRV> 0/-1/-1/-1/0 503",
        b'{"backend":"shop-1","server":"a","status":200,"wait":1,"conn',
        b'{"backend":"shop-1","wait":"x","connect":1,"answer":1}',
        b"\xff\xfe" * 20000,
        b'{"backend":' + b"[" * 15000,
    ]
    (histogram,) = durations_in(rows).values()
    assert (histogram.total, histogram.above(0.005), histogram.above(0.075)) == (2, 2, 1)


class _Elsewhere(LocalHost):
    """This machine as another one: through commands alone."""

    name = "elsewhere"

    def run(self, command: Any, **_: Any) -> Done:
        return super().run(command)


@pytest.mark.parametrize("far", [False, True])
def test_no_line_is_lost_or_read_twice_while_the_log_is_rotated(far: bool, tmp_path: Path) -> None:
    """By renaming, as logrotate does, and by copying and emptying."""
    path = tmp_path / "haproxy.log"
    path.write_bytes(b"before\n")
    tail = LogTail(str(path), _Elsewhere(tmp_path) if far else None)
    cursor: JsonObject = tail.end()
    seen: list[bytes] = []

    def look() -> None:
        nonlocal cursor
        rows, following = tail.since(json.loads(json.dumps(cursor)))
        seen.extend(rows)
        cursor = dict(following)

    def write(text: bytes) -> None:
        with path.open("ab") as file:
            file.write(text)

    write(b"1\n2\nhal")
    look()
    write(b"f\n")
    path.rename(tmp_path / "haproxy.log.1")
    with (tmp_path / "haproxy.log.1").open("ab") as late:
        path.touch()
        late.write(b"4\n")
        late.flush()
        look()
        late.write(b"5\n")
    write(b"6\n")
    look()
    path.write_bytes(b"")
    look()
    write(b"7\n")
    look()
    assert seen == [b"1", b"2", b"half", b"4", b"5", b"6", b"7"]
    path.unlink()
    with pytest.raises(NoLog, match="there is no file"):
        tail.since(cursor)


def test_doctor_says_whether_latency_can_be_judged(tmp_path: Path, routed: HAProxyUnderTest) -> None:
    assert ADAPTER.examine
    (tmp_path / "there.log").touch()
    for told, result, sentence in (
        ({}, "WARN", "metrics have no log, so latency is not judged"),
        (
            {"log": str(tmp_path / "none.log")},
            "WARN",
            f"there is no file {tmp_path}/none.log, so latency is not judged",
        ),
        ({"log": str(tmp_path / "there.log")}, "PASS", str(tmp_path / "there.log")),
    ):
        (finding,) = ADAPTER.examine(ADAPTER.section.model_validate({"kind": "haproxy", **told}), routed.context())
        assert (finding.result, finding.sentence.partition(":")[0]) == (result, sentence)


def test_r28_doctor_claims_no_missing_requests_of_a_source_that_counts_from_its_first_reading(
    routed: HAProxyUnderTest,
) -> None:
    finding = _counts(opened(routed), "1.0")
    assert (finding.result, finding.sentence) == ("PASS", "answers")


def test_a_log_that_is_gone_costs_the_durations_alone(routed: HAProxyUnderTest, tmp_path: Path) -> None:
    told = {"kind": "haproxy", "log": str(tmp_path / "gone.log")}
    metrics: Metrics = ADAPTER.open(ADAPTER.section.model_validate(told), routed.context())
    cursor = metrics.observe(BOTH, None).cursor
    routed.ask("/error")
    reading = metrics.observe(BOTH, json.loads(json.dumps(cursor)))
    assert sum(o.errors for o in reading.observations) == 1
    assert reading.note == f"no durations: there is no file {tmp_path}/gone.log"
    (tmp_path / "gone.log").touch()
    assert metrics.observe(BOTH, reading.cursor).note == ""
