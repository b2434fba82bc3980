"""Which source answers which query, and what is never sent to any (R13)."""

from __future__ import annotations

import pytest

from pilotage.adapters.ports import AdapterError
from pilotage.engine.execution.crew import Crew
from pilotage.engine.execution.queries import QueriesBeside
from pilotage.judge.counted import RuleBook
from pilotage.judge.rules import Rule
from pilotage.judge.signals import SignalBook
from pilotage.model.condition import Condition
from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.query import Query
from tests.plans import a_plan

from ...clock import FakeClock


class Source:
    """Answers every query with one figure."""

    def __init__(self, figure: float) -> None:
        self.figure, self.asked = figure, list[str]()

    def query(self, text: str) -> tuple[float, ...]:
        self.asked.append(text)
        if "broken" in text:
            raise AdapterError("it is throttled for another 7 s")
        return (self.figure,)


def asked(names: tuple[str, str | None], **sources: Source) -> dict[str, Verdict]:
    """What two rules and a signal say, after they were asked once. sources: by name; `none` for the one without."""
    below = Condition("result[0] < 1")
    rules = RuleBook(
        [
            Rule("cheap", below, query="cost", source="orders", interval=1),
            Rule("quick", below, query="latency", interval=1),
            Rule("away", below, query="x", source="nobody", interval=1),
            Rule("busy", below, query="broken", interval=1),
        ]
    )
    texts = {"business_conversion_rate": Query(text="rate of {version}", source="orders")}
    signals = SignalBook(a_plan(version=names[0]), tuple(texts), 0.01, 15.0)
    clock = FakeClock()
    beside = QueriesBeside(Crew(), rules, signals, texts, clock)
    opened = {"" if name == "none" else name: source for name, source in sources.items()}
    for _ in range(20):
        beside.ask(opened, names, control=True, watching=True)
    return {verdict.metric: verdict for verdict in (*rules.verdicts(), *signals.verdicts())}


def test_each_rule_and_signal_asks_its_own_source() -> None:
    orders, prometheus = Source(0.5), Source(2)
    found = asked(("2.0", "1.0"), orders=orders, none=prometheus)
    assert set(orders.asked) == {"cost", "rate of 2.0", "rate of 1.0"}
    assert set(prometheus.asked) == {"latency", "broken"}
    assert (found["cheap"].kind, found["quick"].kind) == (VerdictKind.PASS, VerdictKind.FAIL)


def test_a_source_that_is_missing_or_fails_never_passes_anything() -> None:
    found = asked(("2.0", "1.0"), orders=Source(0.5), none=Source(0.5))
    assert "cannot be opened here" in found["away"].sentence
    assert "throttled for another 7 s" in found["busy"].sentence
    assert VerdictKind.PASS not in (found["away"].kind, found["busy"].kind)


@pytest.mark.parametrize("name", ["2.0' OR '1'='1", '2.0"}', "2.0,env:test"])
def test_a_version_that_could_end_its_string_reaches_no_source(name: str) -> None:
    orders, prometheus = Source(0.5), Source(0.5)
    found = asked((name, "1.0"), orders=orders, none=prometheus)
    assert [text for text in (*orders.asked, *prometheus.asked) if name in text or text in ("cost", "latency")] == []
    assert "cannot be put into a query" in found["cheap"].sentence
    assert VerdictKind.PASS not in {verdict.kind for verdict in found.values()}
