"""The log of failures: each line is read once, whatever happens to the file between two looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pilotage.adapters.envoy_admin import cluster_of
from pilotage.adapters.metrics import failure_log
from pilotage.adapters.metrics.failure_log import FailureLog, NoLog
from pilotage.adapters.strata import Failing, Route, Strata
from pilotage.model.observation import REST

FAILING = Failing.of(["5xx", {"grpc": ["UNAVAILABLE"]}])
STRATA = Strata((Route("/api", FAILING),), FAILING)


def line(number: int, **said: object) -> bytes:
    """As Envoy writes it."""
    usual = {
        "at": "1764000000.250", "user": f"{number:016x}", "cluster": cluster_of("2.0", Route("/api").stratum),
        "instance": "127.0.0.1:9000", "method": "GET", "path": "/api/x", "status": 500, "grpc": None, "flags": "-",
    }  # fmt: skip
    return json.dumps({**usual, **said}).encode() + b"\n"


def write(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


def users(log: FailureLog, cursor: dict[str, int]) -> tuple[list[int], dict[str, int]]:
    failures, cursor = log.since(json.loads(json.dumps(cursor)))
    return [failure.user for failure in failures], cursor


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "failures.log").write_bytes(line(1))
    return tmp_path / "failures.log"


@pytest.fixture
def log(path: Path) -> FailureLog:
    return FailureLog(path.parent, STRATA)


def test_what_stood_there_before_is_history(log: FailureLog, path: Path) -> None:
    cursor = log.end()
    write(path, line(2))
    assert users(log, cursor)[0] == [2]


def test_a_killed_reader_reads_the_same_lines_again_and_a_living_one_each_once(log: FailureLog, path: Path) -> None:
    cursor = log.end()
    write(path, line(2), line(3))
    first, following = users(log, cursor)
    assert users(log, cursor)[0] == first == [2, 3], "nothing was kept of the first reading"
    assert users(log, following)[0] == []


def test_a_torn_last_line_waits_for_its_end(log: FailureLog, path: Path) -> None:
    cursor = log.end()
    write(path, line(2), line(3)[:40])
    found, cursor = users(log, cursor)
    assert found == [2]
    write(path, line(3)[40:])
    assert users(log, cursor)[0] == [3]


def test_a_line_torn_for_good_costs_no_other(log: FailureLog, path: Path) -> None:
    """A machine that crashed may have left half a line, zeros, or bytes that are no text."""
    cursor = log.end()
    write(path, line(2)[:40] + b"\n", b"\0\0\0\n", b"\xff\xfe\n", b"[]\n", b"null\n", line(3))
    assert users(log, cursor)[0] == [3]


@pytest.mark.parametrize(
    "odd",
    [
        line(2).replace(b'"1764000000.250"', b"1" + b"0" * 400),
        line(2).replace(b"500", b"Infinity"),
        b"[" * 100_000 + b"\n",
    ],
    ids=["a time beyond numbers", "an infinite status", "brackets without end"],
)
def test_an_odd_line_costs_no_other(log: FailureLog, path: Path, odd: bytes) -> None:
    cursor = log.end()
    write(path, odd, line(3))
    assert users(log, cursor)[0] == [3]


def test_a_truncated_file_is_read_from_its_beginning(log: FailureLog, path: Path) -> None:
    write(path, line(2), line(3))
    cursor = log.end()
    path.write_bytes(line(4))
    assert users(log, cursor)[0] == [4]


def test_a_rotated_file_is_read_to_its_end_before_the_next(log: FailureLog, path: Path) -> None:
    """Envoy writes to the old file until it has opened the new one."""
    cursor = log.end()
    write(path, line(2))
    before = path.with_name("failures.log.1")
    path.rename(before)
    path.touch()
    found, cursor = users(log, cursor)
    assert found == [2]
    write(before, line(3))
    found, cursor = users(log, cursor)
    assert found == [3]
    write(before, line(4))
    write(path, line(5))
    found, cursor = users(log, cursor)
    assert found == [4, 5]
    write(path, line(6))
    assert users(log, cursor)[0] == [6]


def test_a_file_gone_through_two_rotations_is_given_up(log: FailureLog, path: Path) -> None:
    cursor = log.end()
    with path.open("rb"):  # Its inode is not given to another file meanwhile.
        for user in (2, 3):
            path.rename(path.with_name("failures.log.1"))
            write(path, line(user))
        assert users(log, cursor)[0] == [3]


def test_a_flood_is_read_in_portions(log: FailureLog, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look reads so much and no more: a flood of errors must not hold up the decision that ends it."""
    cursor = log.end()
    write(path, *(line(user) for user in range(100)))
    monkeypatch.setattr(failure_log, "_MOST", 10 * len(line(1)) + 5)
    portions: list[list[int]] = []
    while not portions or portions[-1]:
        found, cursor = users(log, cursor)
        portions.append(found)
    assert [user for portion in portions for user in portion] == list(range(100))
    assert max(map(len, portions)) == 10


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, ("/api", "500")),
        ({"cluster": cluster_of("2.0")}, (REST, "500")),
        ({"cluster": cluster_of("2.0", Route("/gone").stratum)}, (REST, "500")),
        ({"status": 200, "grpc": 14}, ("/api", "UNAVAILABLE")),
        ({"status": 404}, None),
        ({"status": 200, "grpc": 5}, None),
        ({"cluster": cluster_of("2.0", "synthetic")}, None),
        ({"cluster": cluster_of("2.0", "testers")}, None),
        ({"cluster": None}, None),
        ({"cluster": "elsewhere"}, None),
    ],
)
def test_only_failures_of_users_count(
    log: FailureLog, path: Path, said: dict[str, object], shown: tuple[str, str] | None
) -> None:
    cursor = log.end()
    write(path, line(2, **said))
    failures, _ = log.since(cursor)
    assert [(f.route, f.status) for f in failures] == ([shown] if shown else [])
    assert [f.version for f in failures] == (["2.0"] if shown else [])


def test_a_request_without_a_user_is_a_user_of_its_own(log: FailureLog, path: Path) -> None:
    cursor = log.end()
    write(path, line(0, user=None), line(0, user=None))
    found, following = users(log, cursor)
    assert len(set(found)) == 2
    assert users(log, cursor)[0] == found, "the same after a crash"
    assert users(log, following)[0] == []


def test_a_log_that_is_not_there_is_no_log_without_failures(log: FailureLog, path: Path) -> None:
    cursor = log.end()
    path.unlink()
    with pytest.raises(NoLog, match="has no log of failed requests"):
        log.since(cursor)
    path.mkdir()
    with pytest.raises(NoLog, match="cannot be read"):
        log.since(cursor)
