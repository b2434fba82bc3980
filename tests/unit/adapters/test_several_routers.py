"""`routers:`: several act as one. Reached when all show it, named when one does not answer, and none stays ahead."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pilotage.adapters.ports import AdapterError, Backends
from pilotage.adapters.routers.several import Several
from pilotage.model.traffic import Split, split_between

BACKENDS: Backends = {"old": [("a", 1)], "new": [("b", 1)]}
NONE, LITTLE, MORE = (split_between("new", weight, "old") for weight in (0, 50, 250))


@dataclass
class One:
    """A router that may be deaf (cannot be told) or mute (cannot be read)."""

    split: Split | None = NONE
    deaf: bool = False
    mute: bool = False
    told: int = 0

    def url(self) -> str:
        return ""

    def apply(self, split: Split, _backends: Backends) -> None:
        if self.deaf:
            raise AdapterError("refuses the connection")
        self.told += split != self.split
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
