"""The Router port: every sentence of its contract, on every adapter, with real requests."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import urllib3

from pilotage.adapters.ports import AdapterError, Fenced
from pilotage.model.traffic import HeaderRoute, Mirror, Split, split_between

from .conftest import RouterUnderTest, Version

pytestmark = pytest.mark.real
Versions = Callable[[str], Version]
ONE = Split((("1.0", 1000),))


def test_a_router_never_told_anything_reads_none(routed: RouterUnderTest) -> None:
    assert routed.router.read() is None


def test_what_was_applied_is_read_back(routed: RouterUnderTest, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address], "2.0-rc.1+b%7": [versions("2").address]}
    route = HeaderRoute("x-release", "canary", "2.0-rc.1+b%7")
    for split in (ONE, split_between("2.0-rc.1+b%7", 1, "1.0", (route,)), split_between("2.0-rc.1+b%7", 1000, "1.0")):
        routed.router.apply(split, backends)
        routed.wait_for(split)
    assert routed.ask() == "2"


def test_versions_of_any_length_and_letters_are_told_apart(routed: RouterUnderTest, versions: Versions) -> None:
    dotted, strange = "1." * 63 + "1", "ü" * 127 + "%"
    backends = {dotted: [versions("1").address], strange: [versions("2").address]}
    for split, answer in ((split_between(strange, 0, dotted), "1"), (split_between(strange, 1000, dotted), "2")):
        routed.router.apply(split, backends)
        routed.wait_for(split)
        assert routed.ask() == answer


def test_saying_it_twice_changes_nothing(routed: RouterUnderTest, versions: Versions, tmp_path: Path) -> None:
    backends = {"1.0": [versions("1.0").address]}
    routed.router.apply(ONE, backends)
    routed.wait_for(ONE)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "router").rglob("*.json")}
    routed.router.apply(ONE, backends)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "router").rglob("*.json")} == before


def test_users_get_the_weights_and_raising_one_moves_nobody_back(routed: RouterUnderTest, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    users = [f"user-{n}" for n in range(1000)]
    before: set[str] = set()
    for weight in (50, 100, 250, 500):
        split = split_between("2.0", weight, "1.0")
        routed.router.apply(split, backends)
        routed.wait_for(split)
        canary = {user for user in users if routed.ask(user=user) == "2.0"}
        # Four standard deviations of a binomial share.
        assert abs(len(canary) - weight) < 4 * (weight * (1 - weight / 1000)) ** 0.5
        assert before <= canary
        before = canary
    assert {user for user in before if routed.ask(user=user) == "2.0"} == before


def test_testers_with_the_header_reach_the_canary_whatever_the_weights(
    routed: RouterUnderTest, versions: Versions
) -> None:
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    split = split_between("2.0", 1, "1.0", (HeaderRoute("x-release", "canary", "2.0"),))
    routed.router.apply(split, backends)
    routed.wait_for(split)
    asked = Counter(routed.ask(user=f"u{n}", **{"x-release": "canary"}) for n in range(50))
    assert asked == {"2.0": 50}


def test_a_mirror_copies_requests_and_throws_the_answers_away(routed: RouterUnderTest, versions: Versions) -> None:
    old, new = versions("1.0"), versions("2.0")
    split = Split((("1.0", 1000),), mirror=Mirror("2.0", 1000))
    routed.router.apply(split, {"1.0": [old.address], "2.0": [new.address]})
    routed.wait_for(split)
    assert {routed.ask(user=f"u{n}") for n in range(40)} == {"1.0"}
    until = time.monotonic() + 5
    while new.served < 40 and time.monotonic() < until:
        time.sleep(0.02)
    assert (old.served, new.served) == (40, 40)


def test_no_request_is_lost_while_weights_change_and_versions_come_and_go(
    routed: RouterUnderTest, versions: Versions
) -> None:
    first = versions("1.0")
    routed.router.apply(ONE, {"1.0": [first.address]})
    routed.wait_for(ONE)
    stopping, answers = threading.Event(), Counter[int | str]()

    def load(method: str) -> None:
        pool = urllib3.PoolManager(maxsize=1)
        while not stopping.is_set():
            try:
                answer = pool.request(method, routed.url, body=b"x" * 100, timeout=5.0, retries=False)
                answers[answer.status] += 1
            except urllib3.exceptions.HTTPError as error:
                answers[repr(error)] += 1

    threads = [threading.Thread(target=load, args=(method,)) for method in ("GET", "POST") * 2]
    for thread in threads:
        thread.start()
    old, old_server = "1.0", first
    for n in range(2, 12):
        new, server = f"{n}.0", versions(f"{n}.0")
        backends = {old: [old_server.address], new: [server.address]}
        for weight in (50, 500, 1000):
            split = split_between(new, weight, old)
            routed.router.apply(split, backends)
            routed.wait_for(split)
        routed.router.apply(Split(((new, 1000),)), {new: [server.address]})
        old, old_server = new, server
    stopping.set()
    for thread in threads:
        thread.join()
    assert set(answers) == {200}
    assert answers[200] > 500


def test_another_controller_finds_the_same_router(routed: RouterUnderTest, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address]}
    routed.router.apply(ONE, backends)
    routed.wait_for(ONE)
    before = _children()
    second = routed.again()
    assert second.read() == ONE
    second.apply(ONE, backends)
    assert _children() == before


def test_a_killed_router_is_an_error_to_read_and_comes_back_when_told_again(
    routed: RouterUnderTest, versions: Versions
) -> None:
    split, backends = _split_and_killed(routed, versions)
    with pytest.raises(AdapterError):
        routed.router.read()
    routed.router.apply(split, backends)
    routed.wait_for(split)
    assert {routed.ask(user=f"u{n}") for n in range(50)} == {"1.0", "2.0"}


def test_what_a_crash_of_the_machine_tore_is_written_anew(
    routed: RouterUnderTest, versions: Versions, tmp_path: Path
) -> None:
    split, backends = _split_and_killed(routed, versions)
    for file in (tmp_path / "router" / "xds").glob("*.json"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    routed.again().apply(split, backends)
    routed.wait_for(split)
    assert {routed.ask(user=f"u{n}") for n in range(50)} == {"1.0", "2.0"}


def test_a_controller_that_lost_its_lease_is_fenced_off(routed: RouterUnderTest, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    routed.router.apply(ONE, backends)
    routed.again(token=2).apply(ONE, backends)
    with pytest.raises(Fenced):
        routed.router.apply(split_between("2.0", 500, "1.0"), backends)
    routed.wait_for(ONE)


def test_a_version_without_an_instance_gets_no_traffic(routed: RouterUnderTest, versions: Versions) -> None:
    backends = {"1.0": [versions("1.0").address], "2.0": []}
    routed.router.apply(ONE, backends)
    with pytest.raises(AdapterError, match=r"no instance of 2\.0"):
        routed.router.apply(split_between("2.0", 500, "1.0"), backends)
    routed.wait_for(ONE)


def test_a_dead_instance_among_living_ones_loses_no_request(routed: RouterUnderTest, versions: Versions) -> None:
    living, dying = versions("1.0"), versions("1.0")
    routed.router.apply(ONE, {"1.0": [living.address, dying.address]})
    routed.wait_for(ONE)
    dying.shutdown()
    dying.server_close()
    assert Counter(routed.ask(user=f"u{n}") for n in range(60)) == {"1.0": 60}


def test_stop_leaves_nothing_and_may_be_said_twice(routed: RouterUnderTest, versions: Versions) -> None:
    routed.router.apply(ONE, {"1.0": [versions("1.0").address]})
    routed.wait_for(ONE)
    routed.router.stop()
    routed.router.stop()
    assert _children() == []
    assert routed.router.read() is None


def _split_and_killed(routed: RouterUnderTest, versions: Versions) -> tuple[Split, dict[str, list[tuple[str, int]]]]:
    """A router that had a split, and was killed."""
    backends = {"1.0": [versions("1.0").address], "2.0": [versions("2.0").address]}
    split = split_between("2.0", 300, "1.0")
    routed.router.apply(split, backends)
    routed.wait_for(split)
    for process in _children():
        process.kill()
        process.wait(10)
    return split, backends


def _children() -> list[psutil.Process]:
    """Living processes that this test started."""
    return [p for p in psutil.Process().children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE]


def test_r15_while_closed_everyone_gets_the_page_and_the_health_path_answers(
    routed: RouterUnderTest, versions: Callable[[str], Version]
) -> None:
    old = versions("old")
    backends = {"old": [old.address]}
    closed = Split((("old", 1000),), (HeaderRoute("x-test", "yes", "old"),), closed=True)
    routed.router.apply(closed, backends)
    routed.wait_for(closed)
    served = old.served
    assert "maintenance" in routed.ask("/anything").lower()
    assert routed.ask("/healthz") == "closed for maintenance\n"
    assert old.served == served
    assert routed.ask("/", **{"x-test": "yes"}) == "old", "testers look behind the page"
    opened = Split((("old", 1000),))
    routed.router.apply(opened, backends)
    routed.wait_for(opened)
    assert routed.ask() == "old"


def test_while_closed_no_instance_is_needed(routed: RouterUnderTest) -> None:
    closed = Split((("new", 1000),), closed=True)
    routed.router.apply(closed, {"new": []})
    routed.wait_for(closed)
    assert "maintenance" in routed.ask().lower()


def test_endpoints_are_those_that_the_router_itself_sends_to(
    routed: RouterUnderTest, versions: Callable[[str], Version]
) -> None:
    assert routed.router.endpoints() is None
    one, two = versions("old"), versions("old")
    whole = Split((("old", 1000),))
    routed.router.apply(whole, {"old": [one.address, two.address]})
    routed.wait_for(whole)
    until = time.monotonic() + 5
    while routed.router.endpoints() != {"old": frozenset({one.address, two.address})}:
        assert time.monotonic() < until, routed.router.endpoints()
    routed.router.apply(whole, {"old": [two.address]})
    while routed.router.endpoints() != {"old": frozenset({two.address})}:
        assert time.monotonic() < until, routed.router.endpoints()
