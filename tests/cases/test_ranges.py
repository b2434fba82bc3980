"""Ranges that a release engineer meets, and what `pilotage risk` says about each (R17)."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app.risk import Answer, Question, assess_range
from pilotage.model.absence import Absence
from pilotage.model.calendar import Calendar
from pilotage.model.risk import RiskLevel
from tests.cases.range_files import begin
from tests.cases.range_history import Histories
from tests.cases.range_rows import ROWS, WEDNESDAY, Row

CALENDAR = Calendar(holidays={date(2024, 6, 6): "Founders' Day"})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the range of each row on a branch of its own."""
    it = Histories()
    base = begin(it)
    start = it.clock
    for number, row in enumerate(ROWS):
        it.clock = start
        row.build(it, f"row{number}", base)
    return it.written(tmp_path_factory.mktemp("ranges") / "shop")


def ask(shop: Path, revisions: str, when: datetime = WEDNESDAY) -> Answer:
    return assess_range(Git(shop), Question(revisions, when, CALENDAR))


def text_of(answer: Answer) -> str:
    """All that a reader is told."""
    it = answer.assessment
    factors = (f"{one.factor}: {one.sentence}" for one in it.factors)
    findings = (f"{one.sentence} ({one.place}): {one.mitigation}" for one in it.findings)
    return "\n".join((it.lead, *factors, *findings, *it.notes, it.advice))


@pytest.mark.parametrize(("number", "row"), list(enumerate(ROWS)), ids=[row.id for row in ROWS])
def test_r17_a_range_reads_as_a_release_engineer_expects(shop: Path, number: int, row: Row) -> None:
    first = "main" if row.newest is None else f"row{number}~{row.newest}"
    answer = ask(shop, f"{first}..row{number}", row.when)
    said = text_of(answer)
    assert answer.assessment.level is row.level, said
    if row.raised is not None:
        factor, level = row.raised
        assert [one.level for one in answer.assessment.factors if one.factor is factor] == [level], said
    assert [words for words in row.says if words not in said] == [], said
    assert [words for words in row.hides if words in said] == [], said
    assert row.least <= answer.assessment.probability_percent <= row.most, said


def test_r17_from_the_first_commit_on(shop: Path) -> None:
    git = Git(shop)
    root = git.run("rev-list", "--max-parents=0", "main").strip()
    eighth = git.run("rev-list", "--reverse", f"{root}..main").split()[7]
    first = ask(shop, f"{root}..{eighth}")
    assert (first.assessment.changes, first.assessment.level) == (8, RiskLevel.LOW)
    assert "lines of source" in text_of(first)
    assert ask(shop, f"{root}..main").assessment.changes == 66


def test_r17_a_file_that_only_somebody_on_leave_knows(shop: Path) -> None:
    """`people` has the mail address, the commits a name."""
    number = next(number for number, row in enumerate(ROWS) if row.id == "files that one person knows")
    leave = Absence(person="dee", names=frozenset({"dee@example.org"}), first=date(2024, 6, 3), last=date(2024, 6, 5))
    asked = Question(f"main..row{number}", WEDNESDAY, CALENDAR, away=(leave,))
    assert "only dee, who is away until 2024-06-05, had changed this file in the year before" in text_of(
        assess_range(Git(shop), asked)
    )
    before = replace(asked, away=(replace(leave, last=date(2024, 6, 4)),))
    assert "away" not in text_of(assess_range(Git(shop), before))


def test_r17_a_shallow_clone_is_refused_with_what_to_do(shop: Path, tmp_path: Path) -> None:
    subprocess.run(
        ["git", "clone", "-q", "--depth", "2", "--branch", "main", shop.as_uri(), str(tmp_path / "shallow")], check=True
    )
    with pytest.raises(AdapterError, match="git fetch --unshallow"):
        ask(tmp_path / "shallow", "HEAD~1..HEAD")


def test_the_table_has_forty_ranges_of_one_name_each() -> None:
    assert len(ROWS) >= 40
    assert len({row.id for row in ROWS}) == len(ROWS)
