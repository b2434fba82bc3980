"""Looks share a few threads, and what stands still in one of them holds up no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from pilotage.engine.execution.lanes import Lanes
from pilotage.engine.execution.polling import Here, Overtaken

LONGEST = 20.0


class Bench:
    """Work by its name; what is in `stuck` does not come back until it is told to."""

    def __init__(self) -> None:
        self.lanes = Lanes(self.work, self.leave)
        self.done: list[str] = []
        self.stuck: dict[str, threading.Event] = {}
        self.here: dict[str, Here] = {}
        self.at_once: dict[str, int] = {}
        self.threads: set[str] = set()
        self.changed = threading.Condition()

    def work(self, name: str) -> bool:
        self.threads.add(threading.current_thread().name + str(threading.get_ident()))
        if name in self.stuck and name not in self.here:
            here = self.here[name] = Here()
            try:
                here.run(lambda: self.stuck[name].wait(LONGEST))
            except Overtaken:
                return False
        with self.changed:
            self.done.append(name)
            self.changed.notify_all()
        self.lanes.again(name, None)
        return True

    def leave(self, name: str) -> bool:
        return name in self.here and self.here[name].leave()

    def until(self, *names: str) -> None:
        """Watch until all of these are done."""
        end = time.monotonic() + LONGEST
        while not set(names) <= set(self.done):
            assert time.monotonic() < end, self.done
            self.lanes.watch()
            time.sleep(0.005)


@pytest.fixture
def bench() -> Iterator[Bench]:
    found = Bench()
    yield found
    for event in found.stuck.values():
        event.set()
    found.lanes.stop()


def test_what_answers_at_once_is_done_by_one_thread_in_the_order_in_which_it_is_due(bench: Bench) -> None:
    """No thread is woken for each of many looks: that would cost more than the looks."""
    for number in range(200):
        bench.lanes.put(f"look-{number:03}", float(number))
    bench.until("look-199")
    assert bench.done == sorted(bench.done)
    assert len(bench.done) == 200


def test_looks_that_stand_still_hold_up_no_other_and_are_taken_over(bench: Bench) -> None:
    """Nothing slow in one rollout delays another: forty hang, and the others do not wait for one of them to come back.
    Each of the forty is gone on with by another thread, and the one that is left does not end it a second time."""
    hanging = [f"hangs-{number}" for number in range(40)]
    for name in hanging:
        bench.stuck[name] = threading.Event()
        bench.lanes.put(name, 0.0)
    bench.lanes.put("another", 1.0)
    bench.until("another")
    bench.until(*hanging)
    assert not any(event.is_set() for event in bench.stuck.values())
    for event in bench.stuck.values():
        event.set()
    end = time.monotonic() + LONGEST
    while bench.lanes._left:
        assert time.monotonic() < end
        time.sleep(0.005)
    assert sorted(bench.done) == sorted([*hanging, "another"])


def test_who_is_in_a_hurry_does_not_wait_for_what_stands_still(bench: Bench) -> None:
    """An abort is obeyed at once, also in the middle of a look that waits for something."""
    bench.stuck["hangs"] = threading.Event()
    bench.lanes.put("hangs", 0.0)
    bench.lanes.watch()
    end = time.monotonic() + LONGEST
    while not (bench.here.get("hangs") and bench.here["hangs"]._is_under_way):
        assert time.monotonic() < end
        time.sleep(0.002)
    bench.lanes.hurry("hangs")
    with bench.changed:
        assert bench.changed.wait_for(lambda: "hangs" in bench.done, LONGEST)
    assert not bench.stuck["hangs"].is_set()


def test_what_is_due_twice_is_done_once(bench: Bench) -> None:
    """A command makes a look due at once; the one that was due anyway does not follow it as a second series."""
    bench.lanes.put("look", 50.0)
    bench.lanes.put("look", 0.0)
    bench.lanes.put("look", 0.0)
    bench.until("look")
    bench.lanes.put("last", 60.0)
    bench.until("last")
    assert bench.done == ["look", "last"]
