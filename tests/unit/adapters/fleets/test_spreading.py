"""R27: instances are spread evenly over hosts, and hosts that come and go move only what was on them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilotage.adapters.fleets import census as census_module
from pilotage.adapters.fleets.book import Book
from pilotage.adapters.fleets.census import Census
from pilotage.adapters.fleets.host_view import HostView
from pilotage.adapters.fleets.spreading import Placed, places_for
from pilotage.adapters.hosts.host import Unreachable
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.hosts.ports_there import next_port
from pilotage.adapters.hosts.runner import Found
from pilotage.adapters.hosts.together import Errand

HOSTS = ("a", "b", "c", "d")


def placed(version: str, hosts: str, begin: int = 1) -> list[Placed]:
    return [Placed(host=host, version=version, number=number) for number, host in enumerate(hosts, begin)]


@given(st.integers(0, 40), st.integers(1, 7), st.lists(st.sampled_from("abcdefg"), max_size=12))
def test_the_hosts_of_one_version_differ_by_one_at_most(count: int, size: int, there: list[str]) -> None:
    hosts = "abcdefg"[:size]
    others = placed("1.0", "".join(host for host in there if host in hosts))
    found = Counter(places_for("2.0", count, hosts, others))
    loads = [found[host] for host in hosts]
    assert max(loads) - min(loads) <= 1
    assert sum(loads) == count


def test_the_same_question_has_the_same_answer_and_no_host_none() -> None:
    assert places_for("1.0", 5, HOSTS, []) == places_for("1.0", 5, HOSTS, [])
    assert places_for("1.0", 5, (), []) == ()


def test_what_a_lost_host_carried_is_all_that_starts_elsewhere() -> None:
    left = [one for one in placed("1.0", "abcdabcd") if one.host != "b"]
    assert sorted(places_for("1.0", 2, ("a", "c", "d"), left)) in (["a", "c"], ["a", "d"], ["c", "d"])


@pytest.mark.parametrize("surge", [False, True])
def test_an_update_in_place_replaces_each_instance_on_its_own_host(surge: bool) -> None:
    """Old instances stop newest first; the new one takes the place that is free, or is about to be."""
    old, new = placed("1.0", "abcd"), list[Placed]()
    for number in range(5, 9):
        leaving = old[-1]
        there = [*(old if surge else old[:-1]), *new]
        (host,) = places_for("2.0", 1, HOSTS, there)
        assert host == leaving.host
        new.append(Placed(host=host, version="2.0", number=number))
        old.pop()


def test_a_port_that_was_given_back_is_the_last_to_be_given_again() -> None:
    ports = range(10, 14)
    asked: list[tuple[Collection[int], int]] = [((), 0), ((), 10), ((12,), 11), ((), 13), (ports, 10)]
    assert [next_port(ports, used, after) for used, after in asked] == [10, 11, 13, 10, None]


class _Silent:
    """A runner whose host swallows what it is asked, until the connection is given up."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def found(self) -> tuple[Found, ...]:
        self.released.wait(30.0)
        raise Unreachable("the connection was cut")


def test_a_host_that_swallows_everything_is_waited_for_once_and_not_at_every_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, waits = _Silent(), list[float]()
    monkeypatch.setattr(Errand, "wait", lambda _, until: waits.append(until))
    census = Census({"web1": HostView("web1", LocalHost(tmp_path), runner)}, 60.0)  # type: ignore[arg-type]
    for _ in range(3):
        census.hear()
    runner.released.set()
    assert len(waits) == 3
    assert len(set(waits)) == 1


def test_a_host_is_silent_since_the_question_that_it_did_not_answer_and_not_since_the_connection_was_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R27: a connection to a machine that lost its power is given up after 15 s. With these on top, a canary would be
    rolled back before other hosts take over."""
    runner = _Silent()
    hosts = {name: HostView(name, LocalHost(tmp_path), runner) for name in ("web1", "web2")}  # type: ignore[arg-type]
    census = Census(hosts, 15.0)
    asked = hosts["web1"].ask()
    assert asked is not None
    runner.released.set()
    asked.wait(asked.began + 10.0)
    monkeypatch.setattr(census_module, "time", SimpleNamespace(monotonic=lambda: asked.began + 15.0))
    census.note((), ())
    assert census.lost(Book()) == {"web1"}
