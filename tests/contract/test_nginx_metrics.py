"""What the access log of Debian's nginx counts; and logs that somebody rotates or tears."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pilotage.adapters.context import Context, Peers
from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.metrics.log_files import HostLogFiles, LocalLogFiles
from pilotage.adapters.metrics.nginx import NginxMetrics
from pilotage.adapters.metrics.nginx_adapter import ADAPTER
from pilotage.adapters.metrics.nginx_logs import logs_of
from pilotage.adapters.metrics.rotated_log import RotatedLog
from pilotage.adapters.own_requests import SYNTHETIC_HEADER
from pilotage.adapters.ports import AdapterError, Metrics
from pilotage.adapters.strata import Failing, Route, Strata
from pilotage.model.json import JsonObject
from pilotage.model.observation import Failure, Reading
from pilotage.model.traffic import HeaderRoute, split_between
from pilotage.testing import CountsUnderTest, Version, wait_until
from pilotage.testing.contracts.metrics import MetricsContract

from .test_nginx_router import NginxUnderTest

BOTH = ("2.0", "1.0")
STRATA = Strata((Route("/api", Failing.of(["5xx", 404])),))


@pytest.fixture
def mode() -> str:
    """Lines are the same in both; `told_apart` proves it."""
    return "lua"


@pytest.fixture
def routed(mode: str, tmp_path: Path) -> Iterator[NginxUnderTest]:
    under_test = NginxUnderTest(tmp_path, mode, log=str(tmp_path / "shop.log"))
    yield under_test
    under_test.nginx.kill()


@pytest.fixture
def users(routed: NginxUnderTest, versions: Callable[[str], Version]) -> dict[str, str]:
    """A user of each version."""
    backends = {v: [versions(v).address] for v in BOTH}
    routed.take(split_between("2.0", 500, "1.0", (HeaderRoute("x-test", "yes", "2.0"),)), backends)
    return {routed.ask(user=f"user-{n}"): f"user-{n}" for n in range(40)}


def opened(routed: NginxUnderTest, strata: Strata = STRATA) -> Metrics:
    section = ADAPTER.section.model_validate({"kind": "nginx"})
    context = Context(
        directory=routed.folder,
        fence=Fence(routed.folder / "fence.json", 1),
        service="shop",
        environment="production",
        folder=routed.folder,
        peers=Peers(strata=strata, router=routed.place / "router"),
    )
    return ADAPTER.open(section, context)


def logged(routed: NginxUnderTest, count: int) -> None:
    """Wait until so many lines are in the log: nginx writes one when a request is over, after the answer."""
    log = Path(routed.section["log"])
    wait_until(lambda: log.read_bytes().count(b"\n") >= count, what=f"there are no {count} lines")


class TestNginxMetrics(MetricsContract):
    """All of it."""

    @pytest.fixture
    def counts(self, routed: NginxUnderTest, users: dict[str, str]) -> CountsUnderTest:
        log = Path(routed.section["log"])

        def happen(version: str, well: int, failed: int) -> None:
            there = log.read_bytes().count(b"\n")
            for path, times in (("/", well), ("/error", failed)):
                for _ in range(times):
                    assert routed.ask(path, user=users[version]) == version
            logged(routed, there + well + failed)

        logged(routed, 40)
        return CountsUnderTest(
            open=lambda: opened(routed), happen=happen, can=ADAPTER.capabilities, silence=lambda: log.unlink()
        )


@pytest.mark.parametrize("mode", ["reload", "lua"])
def test_r28_users_routes_instances_and_own_requests_are_told_apart(
    routed: NginxUnderTest, users: dict[str, str]
) -> None:
    logged(routed, 40)
    metrics = opened(routed)
    cursor = metrics.observe(BOTH, None).cursor
    assert routed.own
    for path in ("/", "/api/1?token=geheim", "/api/missing", "/api/missing", "/apiary", "/error", "/slow"):
        assert routed.ask(path, user=users["2.0"]) == "2.0"
    routed.ask("/error", user=users["2.0"], **{SYNTHETIC_HEADER: routed.own()})
    routed.ask("/error", user=users["1.0"], **{"x-test": "yes"})
    logged(routed, 49)
    reading = metrics.observe(BOTH, json.loads(json.dumps(cursor)))
    found = reading.of("2.0")
    assert (found.requests, found.errors, found.refused) == (7, 3, 2)
    assert [(r.route, r.requests, r.errors) for r in found.routes] == [("/api", 3, 2), ("rest", 4, 1)]
    assert found.synthetic is not None
    assert (found.synthetic.requests, found.synthetic.errors) == (1, 1)
    assert [(one.requests, one.errors) for one in found.instances] == [(7, 3)]
    assert found.durations.total == 7
    assert found.durations.above(0.05) >= 1
    assert reading.of("1.0").requests == 0, "testers are counted nowhere"
    assert [(f.route, f.status, f.path) for f in reading.failures or ()] == [
        ("/api", "404", "/api/missing"),
        ("/api", "404", "/api/missing"),
        ("rest", "500", "/error"),
    ]
    assert len({f.user for f in reading.failures or ()}) == 1
    assert "geheim" not in Path(routed.section["log"]).read_text()
    assert reading.note == ""


def test_r28_the_logs_of_several_nginxes_add_up(tmp_path: Path) -> None:
    routers, logs = {}, {}
    for name in ("lb1", "lb2"):
        logs[name] = tmp_path / f"{name}.log"
        logs[name].touch()
        (tmp_path / name).mkdir()
        record = {"settings": {"log": str(logs[name])}, "host": {}}
        (tmp_path / name / "nginx.json").write_text(json.dumps(record))
        routers[name] = tmp_path / name
    metrics = NginxMetrics(lambda: logs_of(routers), Strata())
    cursor = metrics.observe(["1.0"], None).cursor
    logs["lb1"].write_bytes(line(1) + b"{\n")
    logs["lb2"].write_bytes(line(2, 500) + line(3))
    reading = metrics.observe(["1.0"], json.loads(json.dumps(cursor)))
    assert (reading.of("1.0").requests, reading.of("1.0").errors) == (3, 1)
    assert reading.note.startswith("lb1: 1 line of the log cannot be read")
    logs["lb2"].unlink()
    with pytest.raises(AdapterError, match=r"there is no log .*lb2.log"):
        metrics.observe(["1.0"], cursor)


def test_doctor_says_whether_a_named_log_can_be_read(tmp_path: Path) -> None:
    context = Context(
        directory=tmp_path, fence=Fence(tmp_path / "f.json", 1), service="s", environment="e", folder=tmp_path
    )
    assert ADAPTER.examine
    section = ADAPTER.section.model_validate({"kind": "nginx", "log": str(tmp_path / "a.log")})
    (missing,) = ADAPTER.examine(section, context)
    (tmp_path / "a.log").touch()
    (there,) = ADAPTER.examine(section, context)
    assert (missing.result, there.result) == ("FAIL", "PASS")
    assert "there is no log" in missing.sentence
    assert ADAPTER.can(section).of_router == "", "any router may write it"


# ── logs that were made here ───────────────────────────────────────────────────────────────────────────────


def line(number: int, status: int = 200, **changed: Any) -> bytes:
    said = {
        "at": time.time(), "version": "1.0", "kind": "", "status": str(status), "seconds": "0.001", "method": "GET",
        "path": f"/{number}", "instance": "127.0.0.1:1", "user": f"user{number}", "grpc": "",
    } | changed  # fmt: skip
    return json.dumps(said).encode() + b"\n"


class Log:
    """A log that is written and rotated, and what was read of it."""

    def __init__(self, folder: Path, *, far: bool) -> None:
        self.path, self.number = folder / "a.log", 0
        self.path.touch()
        files = HostLogFiles(LocalHost(folder), str(self.path)) if far else LocalLogFiles(str(self.path))
        self.metrics = NginxMetrics(lambda: {"": RotatedLog(files, "a.log")}, Strata())
        self.cursor: JsonObject = self.metrics.observe(["1.0"], None).cursor
        self.seen: list[str] = []

    def write(self, count: int = 3) -> None:
        with self.path.open("ab") as file:
            for _ in range(count):
                self.number += 1
                file.write(line(self.number, 500))

    def read(self) -> Reading:
        reading = self.metrics.observe(["1.0"], json.loads(json.dumps(self.cursor)))
        self.cursor = reading.cursor
        failures: tuple[Failure, ...] = reading.failures or ()
        self.seen += [failure.path for failure in failures]
        return reading

    def rename(self) -> None:
        for number in (2, 1):
            if (older := self.path.with_name(f"a.log.{number}")).exists():
                older.rename(self.path.with_name(f"a.log.{number + 1}"))
        self.path.rename(self.path.with_name("a.log.1"))

    @property
    def every(self) -> list[str]:
        return [f"/{number + 1}" for number in range(self.number)]


@pytest.fixture(params=[False, True], ids=["here", "by a host"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    return Log(tmp_path, far=request.param)


def test_r28_no_line_is_lost_or_read_twice_while_a_log_is_renamed(log: Log) -> None:
    for writes_late in (True, False, True):
        log.write()
        log.read()
        log.write()
        log.rename()
        log.read()  # there is no log now: nginx still writes to the one that was renamed
        if writes_late:
            with log.path.with_name("a.log.1").open("ab") as file:
                log.number += 1
                file.write(line(log.number, 500))
        log.path.touch()
        log.read()
        log.write()
    log.read()
    assert log.seen == log.every


def test_two_rotations_between_two_looks_lose_nothing(log: Log) -> None:
    log.write()
    log.read()
    for _ in range(2):
        log.write()
        log.rename()
        time.sleep(0.02)  # which file is older is told by the time of its last line
    log.write()
    log.read()
    assert log.seen == log.every


@pytest.mark.parametrize("longer", [False, True])
def test_a_log_that_was_copied_and_cut_off_is_read_on_where_its_copy_ends(log: Log, longer: bool) -> None:
    log.write()
    log.read()
    log.write()
    shutil.copy(log.path, log.path.with_name("a.log-20261126"))
    log.path.write_bytes(b"")
    log.write(20 if longer else 1)
    log.read()
    assert log.seen == log.every


def test_what_is_gone_is_said(log: Log) -> None:
    log.write()
    log.read()
    log.write()
    log.path.rename(log.path.with_name("a.log.1.gz"))
    log.write()
    reading = log.read()
    assert "what was in between is gone" in reading.note
    assert reading.of("1.0").requests == 3


def test_a_broken_line_is_said_and_hides_no_other(log: Log) -> None:
    broken = [
        b"{", b'{"at": 1}\n', b"\xff\xfe\n", b"[]\n", b"null\n", b"1\n", b"\n", b"[" * 100_000 + b"\n",
        line(0, 99), line(0, seconds="nan"), line(0, seconds="-1"), line(0, path=None), line(0, at="inf"),
    ]  # fmt: skip
    log.write(1)
    with log.path.open("ab") as file:
        file.write(b"\n".join(part.rstrip(b"\n") for part in broken) + b"\n")
    log.write(1)
    with log.path.open("ab") as file:
        file.write(line(7, 500)[:40])  # still being written
    reading = log.read()
    assert log.seen == log.every
    assert reading.note == f"{len(broken)} lines of the log cannot be read: what they count is unknown"


def test_of_several_tries_the_last_instance_counts_and_the_time_of_all(log: Log) -> None:
    log.path.write_bytes(line(1, 500, instance="10.0.0.1:80, 10.0.0.2:80 : 10.0.0.3:80", seconds="0.1, 0.2 : 1.0"))
    observed = log.read().of("1.0")
    assert [one.instance for one in observed.instances] == ["10.0.0.3:80"]
    assert observed.durations.above(1.0) == 1


def test_a_flood_is_read_in_parts_and_memory_stays_bounded(tmp_path: Path) -> None:
    log, one = Log(tmp_path, far=False), line(1)
    count = (9 << 20) // len(one)
    log.path.write_bytes(one * count)
    requests, looks, notes = 0, 0, set[str]()
    while requests < count:
        reading = log.read()
        requests, looks = requests + reading.of("1.0").requests, looks + 1
        notes.add(reading.note.partition(" ")[2])
    assert (requests, looks) == (count, 2)
    assert notes == {"MB of the log are still to be read", ""}
