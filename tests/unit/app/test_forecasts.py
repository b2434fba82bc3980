"""R17, R24: each release's forecast is kept with its plan, and what became of the release is found out and kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.app.deploy import deploy
from pilotage.app.forecast_looks import settle
from pilotage.app.forecasts import NOT_YET, forecasts_of
from pilotage.app.known_risk import planned
from pilotage.app.periods import period_report
from pilotage.app.plan import PlanRequest
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.config.loading import load
from pilotage.engine.records import outcomes, reports
from pilotage.engine.records.store import Store
from pilotage.model.answers import DeploymentStrategy
from pilotage.model.forecast import DAY, Fate, Followed
from pilotage.model.live import NOTHING_SEEN
from pilotage.model.record import Rollout
from pilotage.model.report import Report, ReportState
from pilotage.model.risk import Assessment, RiskLevel, Standing
from pilotage.model.rollout import Decision, Event, Status
from tests.clock import FakeClock
from tests.unit.config.test_config import GOOD
from tests.unit.risk.repository import Repository

OLD, NEW = "def sell():\n    return 1\n", "def sell():\n    return 2\n"


class Shop:
    """A project in a git repository, and its releases."""

    def __init__(self, folder: Path, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.repository = Repository(folder)
        self.commit("feat: the shop", {"pilotage.yaml": GOOD, "shop.py": OLD})
        self.project = Project.of(load(folder / "pilotage.yaml"), store)

    def commit(self, message: str, files: dict[str, str | None]) -> str:
        self.repository.clock = int(self.clock.now()) - 86400  # a commit is a day after the one before
        return self.repository.commit(message, files)

    def release(
        self, version: str, status: Status = Status.COMPLETED, *events: Event, old: str = "", kind: str = ""
    ) -> Rollout:
        """Tag HEAD and deploy it. old: with a forecast of the commits since that version."""
        if not self.repository.git("tag", "--list", version):
            self.repository.git("tag", version)
        risk = self.forecast(old, version) if old else None
        changes: dict[str, str | tuple[str, ...]] = {"release_type": kind} if kind else {}
        plan = planned(self.project, "production", PlanRequest(version, risk=risk, changes=changes))
        if not old:
            plan = replace(plan, risk=None)
        begun = deploy(self.project, "ada", DeployRequest(plan=plan)).rollout
        assert begun is not None
        state = replace(begun.state, status=status, reason="errors" * bool(events), at=self.clock.now())
        decision = Decision(state, (), (*events, Event(status.value, "the end")))
        return self.store.record(begun, decision, None, NOTHING_SEEN)

    def forecast(self, old: str, version: str) -> Assessment:
        first, last = (self.repository.git("rev-parse", f"{one}^{{commit}}") for one in (old, version))
        return Assessment(
            f"{first}..{last}", 1, 40.0, RiskLevel.MEDIUM, (), (), (), DeploymentStrategy.CANARY, (), "", "a model",
            standing=Standing(10, 8), horizon_days=30,
        )  # fmt: skip

    def goes_on(self) -> None:
        """Git knows what happened until now."""
        self.commit("docs: a word", {"README.md": f"{self.clock.now()}\n"})

    def told(self, *, reads_git: bool = True) -> tuple[Followed, ...]:
        return forecasts_of(self.project, "production", self.clock.now(), reads_git=reads_git).followed

    @property
    def fate(self) -> tuple[Fate, str]:
        """Of the only release with a forecast."""
        (only,) = self.told()
        return only.outcome.fate, only.outcome.why


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """1.0.0 serves; 2.0.0 changes a price."""
    clock = FakeClock()
    with closing(Store(tmp_path / ".pilotage", clock=clock)) as store:
        found = Shop(tmp_path, store, clock)
        found.release("1.0.0")
        clock.pass_(DAY)
        found.commit("feat: a price", {"shop.py": NEW})
        yield found


def test_a_forecast_is_read_from_the_plan_of_its_rollout(shop: Shop) -> None:
    begun = shop.release("2.0.0", old="1.0.0")
    told = forecasts_of(shop.project, "production", shop.clock.now() + 1, reads_git=True)
    (one,) = told.followed
    assert told.unforecast == 0, "the first deployment replaces nothing"
    forecast = one.forecast
    assert (forecast.rollout, forecast.version, forecast.days) == (begun.id, "2.0.0", 30)
    assert (forecast.probability, forecast.level, forecast.riskier_than) == (0.4, RiskLevel.MEDIUM, 80.0)
    assert (forecast.model, forecast.changes) == ("a model", 1)
    assert (one.outcome.fate, one.ripe) == (Fate.OPEN, False)


def test_a_release_held_when_its_time_is_over_without_a_repair(shop: Shop) -> None:
    shop.release("2.0.0", old="1.0.0")
    shop.clock.pass_(29 * DAY)
    assert shop.fate == (Fate.OPEN, "")
    shop.clock.pass_(DAY)
    assert shop.fate == (Fate.UNKNOWN, "git knows no commit of its branch since its time was over")
    shop.goes_on()
    assert shop.fate == (Fate.HELD, "")


def test_a_later_commit_that_repairs_it_shows_when_its_time_is_over(shop: Shop) -> None:
    shop.release("2.0.0", old="1.0.0")
    shop.clock.pass_(20 * DAY)
    fix = shop.commit("fix: the price", {"shop.py": OLD.replace("1", "1.5")})
    shop.clock.pass_(10 * DAY)
    assert shop.fate == (Fate.REPAIRED, f"{fix[:10]} repairs it: fix: the price")


def test_a_repair_on_a_branch_counts_if_its_version_was_deployed(shop: Shop) -> None:
    shop.release("2.0.0", old="1.0.0")
    shop.clock.pass_(10 * DAY)
    shop.repository.git("switch", "-q", "-c", "2.0.x")
    fix = shop.commit("fix: the price", {"shop.py": OLD.replace("1", "1.5")})
    shop.release("2.0.1")
    shop.repository.git("switch", "-q", "main")
    shop.clock.pass_(30 * DAY)
    assert shop.told()[0].outcome.why == f"{fix[:10]} repairs it: fix: the price"


def test_a_rollback_because_of_harm_is_known_at_once_and_counts_later(shop: Shop) -> None:
    harm = Event("rollback-started", "rolling back", {"cause": "error rate", "step": "x", "reason": "errors"})
    shop.release("2.0.0", Status.ROLLED_BACK, harm, old="1.0.0")
    (one,) = shop.told()
    assert (one.outcome.fate, one.outcome.why, one.counts) == (Fate.REPAIRED, "rolled back: errors", False)
    shop.clock.pass_(30 * DAY)
    assert shop.told()[0].counts


def test_a_rollback_that_somebody_wished_tells_nothing(shop: Shop) -> None:
    wish = Event("rollback-started", "rolling back", {"cause": "command", "step": "x", "reason": "aborted"})
    shop.release("2.0.0", Status.ROLLED_BACK, wish, old="1.0.0")
    shop.clock.pass_(30 * DAY)
    assert shop.fate[0] is Fate.UNKNOWN


def test_the_time_begins_with_the_rollout_that_completed(shop: Shop) -> None:
    """An operator stopped the first one; on the fortieth day the same version went out, and a hotfix the day after."""
    wish = Event("rollback-started", "rolling back", {"cause": "command", "step": "x", "reason": "aborted"})
    shop.release("2.0.0", Status.ROLLED_BACK, wish, old="1.0.0")
    shop.clock.pass_(40 * DAY)
    second = shop.release("2.0.0", old="1.0.0")
    (one,) = shop.told()
    assert (one.forecast.rollout, one.forecast.began) == (second.id, shop.clock.now())
    assert one.outcome.fate is Fate.OPEN
    shop.clock.pass_(DAY)
    shop.release("2.0.1", kind="hotfix")
    shop.clock.pass_(30 * DAY)
    assert shop.fate == (Fate.REPAIRED, "the hotfix 2.0.1 replaced it")


def test_a_confirmed_report_of_users_counts(shop: Shop) -> None:
    shop.release("2.0.0", old="1.0.0")
    report = Report(service="shop", environment="production", version="2.0.0", at=shop.clock.now() + DAY)
    number = reports.add(shop.store.engine, report)
    assert number is not None
    assert shop.fate[0] is Fate.OPEN, "nobody has confirmed it"
    reports.decide(shop.store.engine, "shop", number, ReportState.CONFIRMED, "ada", "", shop.clock.now())
    assert shop.fate == (Fate.REPAIRED, f"report {number} of a problem is confirmed")


# ── a clone ────────────────────────────────────────────────────────────────────────────────────────────────────


class Clone:
    """Of a project whose upstream goes on while nobody pulls. 2.0.0 is released, and repaired five days later."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop, self.upstream = shop, Repository(folder)
        shop.release("2.0.0", old="1.0.0")
        self.upstream.git("pull", "-q", str(shop.project.folder), "main")
        self.git("remote", "add", "origin", str(folder))
        self.git("fetch", "-q", "origin")
        self.git("remote", "set-head", "origin", "main")
        shop.clock.pass_(5 * DAY)
        self.fix = ""

    def git(self, *words: str) -> str:
        return self.shop.repository.git(*words)

    def repair(self) -> None:
        self.upstream.clock = int(self.shop.clock.now()) - 86400
        self.fix = self.upstream.commit("fix: crash in compute", {"shop.py": OLD.replace("1", "1.5")})

    def go_on(self) -> None:
        """A month later, upstream goes on."""
        self.shop.clock.pass_(31 * DAY)
        self.upstream.clock = int(self.shop.clock.now()) - 86400
        self.upstream.commit("docs: a word", {"README.md": "a word\n"})

    @property
    def repaired(self) -> tuple[Fate, str]:
        return Fate.REPAIRED, f"{self.fix[:10]} repairs it: fix: crash in compute"


UNSEEN = (Fate.UNKNOWN, "git knows no fetched commit of its branch since its time was over")


@pytest.fixture
def clone(shop: Shop, tmp_path: Path) -> Clone:
    return Clone(shop, tmp_path / "upstream")


@pytest.mark.parametrize(
    "here", [(), ("checkout", "-q", "--detach", "2.0.0"), ("switch", "-q", "-c", "feature", "2.0.0")]
)
def test_a_repair_counts_that_was_fetched_and_not_pulled(clone: Clone, here: tuple[str, ...]) -> None:
    clone.repair()
    clone.go_on()
    clone.git("fetch", "-q", "origin")
    if here:
        clone.git(*here)
    assert clone.shop.fate == clone.repaired


def test_a_commit_of_ones_own_tells_nothing_of_what_others_did(clone: Clone) -> None:
    clone.repair()
    clone.go_on()
    assert clone.shop.fate == UNSEEN
    clone.shop.goes_on()
    assert clone.shop.fate == UNSEEN
    clone.git("fetch", "-q", "origin")
    assert clone.shop.fate == clone.repaired


def test_a_fetch_of_a_line_that_stands_still_tells_nothing(clone: Clone) -> None:
    clone.shop.clock.pass_(31 * DAY)
    clone.git("fetch", "-q", "origin")
    assert clone.shop.fate == UNSEEN
    clone.go_on()
    clone.git("fetch", "-q", "origin")
    assert clone.shop.fate == (Fate.HELD, "")


def test_a_repair_on_a_branch_that_nobody_merged_counts(clone: Clone) -> None:
    clone.upstream.git("switch", "-q", "-c", "hot")
    clone.repair()
    clone.upstream.git("switch", "-q", "main")
    clone.go_on()
    clone.git("fetch", "-q", "origin")
    assert clone.shop.fate == clone.repaired


def test_a_merge_without_words_counts_by_the_repair_that_it_brings(clone: Clone) -> None:
    clone.upstream.git("switch", "-q", "-c", "hot")
    clone.repair()
    clone.upstream.git("switch", "-q", "main")
    clone.upstream.git("merge", "-q", "--no-ff", "-m", "Merge branch 'hot'", "hot")
    merge = clone.upstream.git("rev-parse", "HEAD")
    clone.upstream.git("branch", "-q", "-D", "hot")
    clone.go_on()
    clone.git("fetch", "-q", "origin")
    assert clone.shop.fate == (Fate.REPAIRED, f"{merge[:10]} repairs it: Merge branch 'hot'")


def test_a_release_that_no_branch_has_is_unknown(clone: Clone) -> None:
    clone.git("checkout", "-q", "--detach", "2.0.0")
    clone.git("update-ref", "-d", "refs/remotes/origin/main")
    clone.shop.clock.pass_(31 * DAY)
    assert clone.shop.fate == (Fate.UNKNOWN, "no fetched branch has it")


def test_without_its_commits_a_release_is_unknown(shop: Shop) -> None:
    begun = shop.release("2.0.0", old="1.0.0")
    gone = replace(shop.told()[0].forecast, revisions=f"{'0' * 40}..{'1' * 40}")
    from pilotage.adapters.git import Git
    from pilotage.app.later_repairs import repairs_of

    found = repairs_of(Git(shop.project.folder), [gone], [], shop.clock.now())
    assert found.missing == {begun.id: "git does not have its commits any more"}
    assert repairs_of(None, [gone], [], 0.0).missing == {begun.id: "there is no git repository"}


# ── kept ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_worker_keeps_what_became_of_it_so_that_no_page_reads_git(shop: Shop) -> None:
    shop.release("2.0.0", old="1.0.0")
    shop.clock.pass_(29 * DAY)
    assert settle(shop.project, "production", shop.clock.now()) == 0
    shop.clock.pass_(DAY)
    (before,) = shop.told(reads_git=False)
    assert (before.outcome.fate, before.outcome.why) == (Fate.UNKNOWN, NOT_YET)
    shop.goes_on()
    assert outcomes.any_due(shop.store.engine, shop.clock.now())
    assert settle(shop.project, "production", shop.clock.now()) == 1
    (after,) = shop.told(reads_git=False)
    assert (after.outcome.fate, after.counts) == (Fate.HELD, True)
    assert settle(shop.project, "production", shop.clock.now()) == 0


def test_what_held_is_looked_at_once_more(shop: Shop) -> None:
    """Somebody repaired it in time, on a branch that was pushed after it."""
    shop.release("2.0.0", old="1.0.0")
    shop.clock.pass_(30 * DAY)
    shop.goes_on()
    settle(shop.project, "production", shop.clock.now())
    assert shop.told(reads_git=False)[0].outcome.fate is Fate.HELD
    shop.clock.pass_(-10 * DAY)
    shop.repository.git("switch", "-q", "-c", "late", "2.0.0")
    fix = shop.commit("fix: the price", {"shop.py": OLD.replace("1", "1.5")})
    shop.clock.pass_(23 * DAY)
    assert settle(shop.project, "production", shop.clock.now()) == 0
    shop.clock.pass_(2 * DAY)
    assert outcomes.any_due(shop.store.engine, shop.clock.now())
    assert settle(shop.project, "production", shop.clock.now()) == 1
    assert shop.told(reads_git=False)[0].outcome.why == f"{fix[:10]} repairs it: fix: the price"
    assert settle(shop.project, "production", shop.clock.now()) == 0


def test_what_held_stays_so_where_a_later_look_cannot_tell(shop: Shop) -> None:
    shop.release("2.0.0", old="1.0.0")
    shop.clock.pass_(30 * DAY)
    shop.goes_on()
    settle(shop.project, "production", shop.clock.now())
    shop.repository.git("remote", "add", "origin", "/nowhere")
    shop.clock.pass_(15 * DAY)
    assert settle(shop.project, "production", shop.clock.now()) == 1
    assert shop.told(reads_git=False)[0].outcome.fate is Fate.HELD
    assert settle(shop.project, "production", shop.clock.now()) == 0


def test_what_is_known_is_never_written_over_and_what_is_unknown_is(shop: Shop) -> None:
    begun = shop.release("2.0.0", old="1.0.0")
    engine = shop.store.engine
    from pilotage.model.forecast import Outcome

    outcomes.settle(engine, begun.id, Outcome(fate=Fate.UNKNOWN, why="no git"), 1.0)
    outcomes.settle(engine, begun.id, Outcome(fate=Fate.REPAIRED, why="a fix"), 2.0)
    outcomes.settle(engine, begun.id, Outcome(fate=Fate.HELD), 3.0)
    kept = outcomes.settled(engine, [begun.id])[begun.id]
    assert (kept.outcome, kept.at) == (Outcome(fate=Fate.REPAIRED, why="a fix"), 2.0)


def test_a_plan_that_forecasts_two_years_is_not_scored(shop: Shop) -> None:
    plan = planned(shop.project, "production", PlanRequest("2.0.0", risk=shop.forecast("1.0.0", "HEAD")))
    assert outcomes.risk_in(plan.to_json()) is not None
    assert plan.risk is not None
    old = replace(plan, risk=replace(plan.risk, horizon_days=730))
    assert outcomes.risk_in(old.to_json()) is None
    assert outcomes.risk_in("no JSON") is None


def test_the_technical_report_has_the_part_and_others_do_not(shop: Shop) -> None:
    shop.release("2.0.0", old="1.0.0")
    shop.clock.pass_(30 * DAY)
    shop.goes_on()
    made = period_report(shop.project, "production", "30d", None, "technical")
    (part,) = [one for one in made.document.sections if one.id == "forecasts"]
    assert part.sentences[1].startswith("Of 1 release whose time is over, 0 needed a repair")
    business = period_report(shop.project, "production", "30d", None, "business")
    assert not [one for one in business.document.sections if one.id == "forecasts"]
