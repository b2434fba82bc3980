"""Every strategy × version × traffic × tolerance ends as the table in docs/guides/strategies.md says (C1, rule 5): the
table is read from the page, and each of its cells is run through `decide` in a small world without people."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.plan import StepKind
from pilotage.model.rollout import Mode, Status
from pilotage.model.traffic import WHOLE
from pilotage.rollout.machine import wants_traffic
from tests.unit.rollout.test_strategies_model import Strategies, a_plan

STRATEGIES = ("canary", "blue-green", "rolling", "big-bang", "feature-toggle")
TOLERANCES = ("low", "medium", "high", "zero-downtime")
VERSIONS = ("good", "critical", "harmful", "worse than the past", "perhaps worse than the past")
TRAFFIC = ("users", "synthetic only", "none")
PAGE = Path(__file__).parents[3] / "docs" / "guides" / "strategies.md"


def table() -> dict[tuple[str, str, str, str], str]:
    """What the page promises, by strategy, version, traffic and tolerance; `any` stands for each of a column."""
    lines = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in cells] for cells in lines]
    head = rows.index(["strategy", "version", "traffic", *TOLERANCES])
    found: dict[tuple[str, str, str, str], str] = {}
    for row in itertools.takewhile(lambda row: len(row) == 7, rows[head + 2 :]):
        names = [
            every if cell == "any" else tuple(part.strip() for part in cell.split(","))
            for cell, every in zip(row[:3], (STRATEGIES, VERSIONS, TRAFFIC), strict=True)
        ]
        for strategy, version, traffic in itertools.product(*names):
            for tolerance, outcome in zip(TOLERANCES, row[3:], strict=True):
                key = (strategy, version, traffic, tolerance)
                assert key not in found, f"the table has two answers for {key}"
                found[key] = outcome
    return found


PROMISED = table()


class Release(Strategies):
    """One rollout, nobody at hand; what the judge can know follows from who has the version and who asks it."""

    def __init__(self, strategy: str, tolerance: str, version: str, traffic: str) -> None:
        super().__init__()
        self.start(strategy, tolerance, Mode.FULL, 4, False)
        self.version, self.traffic = version, traffic
        self.story: list[str] = []

    def run(self) -> str:
        for _ in range(600):
            self.world.mend()
            self.verdicts = (self._verdict(), Verdict("memory", VerdictKind.PASS, "fine"))
            before = self.state
            self.look(1.0, None)
            self._note(before.status)
            if self.state.status.final:
                return ", ".join(self.story)
        raise AssertionError(f"no end: {self.state}")

    def _verdict(self) -> Verdict:
        exposed, alone = self._exposure()
        # Its own requests are what nobody else sends: the machine says when they flow.
        asked = self.traffic == "users" or (self.traffic == "synthetic only" and wants_traffic(self.plan, self.state))
        if not exposed or not asked:
            return Verdict("error rate", VerdictKind.INSUFFICIENT_DATA, "0 of 100 requests")
        match self.version:
            case "critical":
                return Verdict("error rate", VerdictKind.FAIL, "above the limit", critical=True, past=alone)
            case "harmful":
                return Verdict("error rate", VerdictKind.FAIL, "4 times stable's")
            case "worse than the past" if alone:
                return Verdict("error rate", VerdictKind.FAIL, "4 times the past's", past=True)
            case "perhaps worse than the past" if alone:
                return Verdict("error rate", VerdictKind.INCONCLUSIVE, "perhaps twice the past's", past=True)
            case _:
                return Verdict("error rate", VerdictKind.PASS, "fine")

    def _exposure(self) -> tuple[bool, bool]:
        """Whether users can have the version, and whether all of them have it, so that nothing runs beside it."""
        if self.plan.answers.deployment_strategy == "feature-toggle" and self.state.step > 0:
            flag = self.world.flag
            return bool(flag.groups or flag.share), flag.share == WHOLE
        split = self.world.split
        weight = split.weight("new") if split and not split.closed else 0
        return weight > 0, weight == WHOLE

    def _note(self, before: Status) -> None:
        state = self.state
        words = {
            Status.WITHDRAWN: "withdrawn", Status.PAUSED: "paused", Status.ROLLED_BACK: "rolled back",
            Status.FAILED: "failed",
        }  # fmt: skip
        if state.status is before:
            return
        if before is Status.HOLDING and state.reason.startswith("held for") and state.status is not Status.PAUSED:
            self.story.append("held")
        if state.status is Status.COMPLETED:
            self.story.append("completed" + (" unwatched" if state.unwatched else " as worse" if state.worse else ""))
        elif (word := words.get(state.status)) and word not in self.story:
            self.story.append(word)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_every_release_ends_as_the_page_says(strategy: str, tolerance: str) -> None:
    wrong = []
    for version, traffic in itertools.product(VERSIONS, TRAFFIC):
        promised = PROMISED.get((strategy, version, traffic, tolerance), "nothing")
        ended = Release(strategy, tolerance, version, traffic).run()
        if ended != promised:
            wrong.append(f"{strategy} | {version} | {traffic} | {tolerance}: {ended}, promised: {promised}")
    assert not wrong, "\n".join(wrong)


def test_the_page_has_every_case() -> None:
    assert set(PROMISED) == set(itertools.product(STRATEGIES, VERSIONS, TRAFFIC, TOLERANCES))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_synthetic_requests_flow_until_the_last_watch_ends(strategy: str) -> None:
    """Also held, paused and at 100 %; never before users can have the version."""
    plan = a_plan(strategy, "low", 4, False)
    state = Release(strategy, "low", "good", "users").state
    watches = (StepKind.ANALYSE, StepKind.BAKE, StepKind.KEEP, StepKind.BATCH)
    reached = (StepKind.SET_WEIGHT, StepKind.SWITCH, StepKind.BATCH, StepKind.FLAG_RAMP)
    first = next(i for i, s in enumerate(plan.steps) if s.kind in reached or s.id == "open")
    last = max(i for i, s in enumerate(plan.steps) if s.kind in watches)
    for index, step in enumerate(plan.steps):
        here = replace(state, step=index, reached=max((s.weight for s in plan.steps[: index + 1]), default=0))
        for status in (Status.PROGRESSING, Status.HOLDING, Status.PAUSED):
            wanted = first <= index <= last
            assert wants_traffic(plan, replace(here, status=status)) is wanted, f"{step.id} {status}"
        for status in (Status.ROLLING_BACK, Status.COMPLETED, Status.QUEUED):
            assert not wants_traffic(plan, replace(here, status=status))
        # In rolling some users may have to stay on the version, and so do the probes.
        stays = strategy == "rolling" and first <= index <= last
        assert wants_traffic(plan, replace(here, status=Status.WITHDRAWN)) is stays
