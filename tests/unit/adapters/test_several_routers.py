"""`routers:`: several act as one. Reached when all show it, named when one does not answer, and none stays ahead."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from pilotage.adapters.fence import Fence
from pilotage.adapters.fleets.host_view import HostView
from pilotage.adapters.fleets.preparations import Preparations
from pilotage.adapters.hosts.local import LocalHost
from pilotage.adapters.hosts.runner import Found, Runner
from pilotage.adapters.ports import AdapterError, Backends
from pilotage.adapters.routers.several import Several
from pilotage.model.traffic import Split, split_between

BACKENDS: Backends = {"old": [("a", 1)], "new": [("b", 1)]}
NONE, LITTLE, MORE = (split_between("new", weight, "old") for weight in (0, 50, 250))


@dataclass
class Hung:
    """A router that answers only once another one was told; `late` says that it waited in vain."""

    other: One
    late: bool = False

    def url(self) -> str:
        return ""

    def apply(self, _split: Split, _backends: Backends) -> None:
        self.late = not self.other.heard.wait(5)
        raise AdapterError("does not answer")

    def read(self) -> Split | None:
        raise AdapterError("does not answer")

    def endpoints(self) -> None:
        raise AdapterError("does not answer")

    def stop(self) -> None:
        pass


@dataclass
class One:
    """A router that may be deaf (cannot be told) or mute (cannot be read)."""

    split: Split | None = NONE
    deaf: bool = False
    mute: bool = False
    told: int = 0
    heard: threading.Event = field(default_factory=threading.Event)

    def url(self) -> str:
        return ""

    def apply(self, split: Split, _backends: Backends) -> None:
        if self.deaf:
            raise AdapterError("refuses the connection")
        self.told += split != self.split
        self.heard.set()
        self.split = split

    def read(self) -> Split | None:
        if self.mute:
            raise AdapterError("does not answer")
        return self.split

    def endpoints(self) -> dict[str, frozenset[tuple[str, int]]] | None:
        return {"new": frozenset({("b", self.told)})} if self.split else None

    def stop(self) -> None:
        self.split = None


class Both:
    def __init__(self) -> None:
        self.edge, self.inner, self.now = One(), One(), 0.0
        self.restart()

    def restart(self) -> None:
        """A new controller, which remembers nothing, finds the same routers."""
        routers = {"edge": self.edge, "inner": self.inner}
        self.one = Several(routers, stable=lambda: "old", switch_timeout=30, clock=lambda: self.now)

    def look(self, wanted: Split, after: float = 1) -> str:
        """A look of the engine: read, then say what should be; what went wrong."""
        self.now += after
        wrong = []
        for ask in (self.one.read, lambda: self.one.apply(wanted, BACKENDS)):
            try:
                ask()
            except AdapterError as error:
                wrong.append(str(error))
        return "; ".join(wrong)


@pytest.fixture
def both() -> Both:
    made = Both()
    made.one.apply(NONE, BACKENDS)
    assert made.one.read() == NONE
    return made


def test_a_split_is_reached_when_all_show_it(both: Both) -> None:
    both.one.apply(LITTLE, BACKENDS)
    both.inner.split = NONE
    assert both.one.read() == NONE, "the one that is behind"
    both.one.apply(LITTLE, BACKENDS)
    assert both.one.read() == LITTLE
    both.inner.split = MORE
    assert both.one.read() == MORE, "one drifts alone"


def test_on_the_way_back_it_is_not_over_while_one_router_still_sends_users_to_the_new_version(both: Both) -> None:
    both.look(MORE)
    both.inner.deaf = True
    both.look(NONE)
    found = both.one.read()
    assert found == MORE
    assert found is not None
    assert found.reaches("new")


def test_one_that_cannot_be_read_is_named(both: Both) -> None:
    both.inner.mute = True
    with pytest.raises(AdapterError, match=r"^router inner: does not answer$"):
        both.one.read()


@pytest.mark.parametrize("ill", ["deaf", "mute"])
def test_none_is_ahead_of_another_for_longer_than_the_switch_deadline(both: Both, ill: str) -> None:
    both.look(LITTLE)
    both.look(LITTLE)
    setattr(both.inner, ill, True)
    assert "router inner" in both.look(MORE)
    assert both.edge.split == MORE
    for _ in range(31):
        said = both.look(MORE)
    assert both.edge.split == LITTLE
    assert "the other routers stay at new 5%, old 95% until it catches up" in said
    told = both.edge.told
    for _ in range(50):
        both.look(MORE)
    assert (both.edge.split, both.edge.told) == (LITTLE, told), "users are not sent to and fro"
    setattr(both.inner, ill, False)
    for _ in range(3):
        both.look(MORE)
    assert (both.edge.split, both.inner.split, both.one.read()) == (MORE, MORE, MORE)


def test_rule_7_the_way_back_waits_for_no_router(both: Both) -> None:
    both.look(MORE)
    both.look(MORE)
    both.inner.deaf = both.inner.mute = True
    for _ in range(100):
        both.look(NONE)
        assert both.edge.split == NONE


def test_rule_7_a_router_that_hangs_delays_no_other_one() -> None:
    """R28: its deadline of seconds is no delay for users of another router, whichever stands first."""
    well = One(MORE)
    hung = Hung(well)
    several = Several({"edge": hung, "inner": well}, stable=lambda: "old", switch_timeout=30)
    with pytest.raises(AdapterError, match=r"^router edge: does not answer$"):
        several.apply(NONE, BACKENDS)
    assert (well.split, hung.late) == (NONE, False)


def test_a_controller_that_finds_them_apart_leaves_none_ahead(both: Both) -> None:
    """The one before died between two routers: the more careful of both splits holds until the other follows."""
    both.edge.split, both.inner.split, both.inner.deaf = MORE, LITTLE, True
    both.restart()
    for _ in range(33):
        both.look(MORE)
    assert both.edge.split == LITTLE


def test_the_instances_of_all_are_its_instances_and_stop_ends_all(both: Both) -> None:
    both.edge.told, both.inner.told = 1, 2
    assert both.one.endpoints() == {"new": frozenset({("b", 1), ("b", 2)})}
    both.one.stop()
    assert (both.edge.split, both.inner.split, both.one.read(), both.one.endpoints()) == (None, None, None, None)


@dataclass
class Pulling:
    """The runner of a host that takes its time to fetch a version."""

    over: threading.Event

    def prepare(self, _version: str, _fence: Fence) -> str:
        self.over.wait(30)
        return ""

    def found(self) -> tuple[Found, ...]:
        return ()


def test_r28_versions_on_their_way_to_many_hosts_hold_up_no_way_back(tmp_path: Path) -> None:
    """R28: the routers, and looks at the hosts themselves, wait for no download."""
    over, both = threading.Event(), Both()
    here = LocalHost(tmp_path)
    views = {str(number): HostView(str(number), here, cast("Runner", Pulling(over))) for number in range(200)}
    fleet = Preparations(views, Fence(tmp_path / "fence.json", 1))
    try:
        fleet.begin("new")
        back = threading.Thread(target=lambda: both.one.apply(LITTLE, BACKENDS), daemon=True)
        back.start()
        back.join(10)
        assert both.edge.split == both.inner.split == LITTLE
        assert (errand := views["0"].ask())
        assert errand.wait(time.monotonic() + 10)
    finally:
        over.set()
