"""R12: after a failover, positions of two timelines say nothing about each other."""

from __future__ import annotations

from typing import Any

import pytest

from pilotage.adapters.databases import postgres_replication as asked
from pilotage.adapters.databases.postgres_replication import PostgresReplication
from pilotage.adapters.databases.replication import caught_up
from pilotage.adapters.ports import AdapterError


class Answering:
    """A server that answers these queries."""

    user = "pilot"

    def __init__(self, called: str, rows: dict[str, list[tuple[object, ...]]]) -> None:
        self.called, self._rows = called, rows

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self._rows.get(query, [(1,)])


@pytest.mark.parametrize(("followed", "passes"), [(2, True), (1, False)])
def test_r12_a_standby_that_still_follows_the_old_primary_is_refused(followed: int, passes: bool) -> None:
    primary: Any = Answering("new", {
        asked._IDENTITY: [(7, False)], asked._POSITION: [("0/100",)], asked._TIMELINE: [(2,)], asked._SENDERS: [],
        asked._SLOTS: [],
    })  # fmt: skip
    standby: Any = Answering("standby", {
        asked._IDENTITY: [(7, True)], asked._STANDBY: [("0/900", False, 0.0, "")],
        asked._RECEIVER: [("streaming", None, followed)],
    })  # fmt: skip
    pair = PostgresReplication(primary=primary, standby=standby)
    if passes:
        assert "standby has what new had" in caught_up(pair, 0)
        return
    with pytest.raises(
        AdapterError, match=r"standby does not follow new, .* standby follows timeline 1, and new is on 2"
    ):
        caught_up(pair, 0)
