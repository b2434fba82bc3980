"""R24: an executive reads five sentences and three charts, and the counts add up to the numbers of the text."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as some

from pilotage.model.document import Document
from pilotage.report.dora import Deployment, End, dora_of
from pilotage.report.period import report_of
from pilotage.report.told import Business, Period, Reader, Told

DAY = 86400.0


@some.composite
def histories(draw: some.DrawFn) -> list[Deployment]:
    """Rollouts of a quarter in any order of ends: some reach nobody, some go back, some are hotfixes."""
    found = []
    for n in range(draw(some.integers(0, 30))):
        began = n * 3 * DAY
        end = draw(some.sampled_from(End))
        found.append(
            Deployment(
                f"r{n}", f"1.{draw(some.integers(0, 9))}", f"1.{n}" if n else "", began,
                None if end is End.OPEN else began + 60, end, exposed=draw(some.booleans()),
                returns=draw(some.booleans()), hotfix=draw(some.booleans()),
                well=began + 30 if end is End.ROLLED_BACK else None,
            )
        )  # fmt: skip
    return found


def report(rollouts: list[Deployment], **more: object) -> Document:
    told = tuple(Told(one.id, one.version, "day", one.end.value, 60.0, "") for one in rollouts)
    dora = dora_of(rollouts, 0, 120 * DAY)
    return report_of(Period("shop", "production", "a quarter", dora, told, **more), Reader.EXECUTIVE)  # type: ignore[arg-type]


def counts(document: Document, identity: str) -> list[tuple[int, int]]:
    """Of each bar: its count, and what it is of."""
    figures = [one.figure for one in document.sections if one.id == identity and one.figure]
    shown = [re.fullmatch(r"(\d+) of (\d+)", bar.text) for figure in figures for bar in figure.bars]
    return [(int(one[1]), int(one[2])) for one in shown if one]


@given(histories())
def test_the_counts_of_every_chart_add_up_to_the_numbers_of_the_text(rollouts: list[Deployment]) -> None:
    document = report(rollouts)
    assert len(document.sections) <= 3
    if not rollouts:
        assert document.lead == ("No rollouts started in this period.",)
        return
    numbers = {name: [int(n) for n in re.findall(r"\d+", document.lead[line])] for line, name in enumerate("ab")}
    assert numbers["a"][0] == len(rollouts) == sum(numbers["a"][1:])
    deployments = numbers["b"][0]
    for identity, whole in (("outcomes", len(rollouts)), ("deployments", deployments), ("pace", deployments)):
        found = counts(document, identity)
        assert sum(count for count, _ in found) == whole
        assert all(of == whole for _, of in found)


@given(histories())
def test_the_success_rate_and_the_failures_of_a_technical_report_are_of_the_same_deployments(
    rollouts: list[Deployment],
) -> None:
    period = Period("shop", "production", "a quarter", dora_of(rollouts, 0, 120 * DAY), ())
    section = next(one for one in report_of(period, Reader.TECHNICAL).sections if one.id == "deployments")
    rows = {row[0]: row for row in section.rows}
    ends = [int(n) for n in re.findall(r"\d+", rows["rollouts"][2])]
    good, failed = (int(n) for n in re.findall(r"\d+", rows["deployments that reached users"][2]))
    assert sum(ends) == int(rows["rollouts"][1]) == len(rollouts)
    assert good + failed == int(rows["deployments that reached users"][1])


def test_a_long_lead_time_is_explained_and_business_is_a_sentence() -> None:
    old = Deployment("r", "1.1", "1.0", 0, 60, End.COMPLETED, commits=(("a", -726 * DAY), ("b", -DAY)))
    document = report([old], business=(Business("sales", 12.0, 10.0, 30, 30),))
    assert len(document.lead) == 5
    assert "1 of them was older than 90d" in document.lead[3]
    assert document.lead[4].startswith("Business: sales +20.0% against the period before.")
