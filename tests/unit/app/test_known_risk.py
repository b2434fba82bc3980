"""Every plan says how risky its change is, or why nobody knows: by the commits since what serves (R17)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pilotage.app import risk
from pilotage.app.deploy import deploy
from pilotage.app.kept_assessments import FILE
from pilotage.app.known_risk import Unassessed, planned, within_budget
from pilotage.app.plan import PlanRequest
from pilotage.app.preconditions import PlanStopped
from pilotage.app.project import Project
from pilotage.app.requests import DeployRequest
from pilotage.app.risk import assess_planned
from pilotage.config.loading import load
from pilotage.engine.records import outcomes
from pilotage.engine.records.store import Store
from pilotage.model.acceptance import Acceptance
from pilotage.model.risk import RiskLevel
from pilotage.render.html import to_html
from pilotage.render.markdown import to_markdown
from pilotage.render.plan_text import plan_lines
from pilotage.render.plan_view import plan_view
from tests.clock import FakeClock
from tests.unit.config.test_config import GOOD
from tests.unit.engine.test_store import ended
from tests.unit.risk.repository import Repository

DROPS = "ALTER TABLE customers DROP COLUMN email;\n"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project in a git repository of which 1.0.0 serves production."""
    repository = Repository(tmp_path)
    repository.commit(
        "feat: the shop",
        {"pilotage.yaml": GOOD.replace("canary\n", "rolling\n"), "shop.py": "def sell():\n    return 1\n"},
    )
    repository.git("tag", "v1.0.0")
    with closing(Store(tmp_path / ".pilotage", clock=FakeClock())) as store:
        found = Project.of(load(tmp_path / "pilotage.yaml"), store)
        first = deploy(found, "ada", DeployRequest(plan=planned(found, "production", PlanRequest("1.0.0")))).rollout
        assert first is not None
        ended(store, first)
        yield found


def wish(version: str = "2.0.0") -> PlanRequest:
    return PlanRequest(version)


def test_r17_c25_a_dropped_column_is_found_without_asking_and_stops_the_deploy(project: Project) -> None:
    Repository.commit(_again(project), "feat!: no mail", {"migrations/002.sql": DROPS})
    plan = planned(project, "production", wish())
    assert plan.risk is not None
    assert plan.risk.level is RiskLevel.CRITICAL
    assert [one.name for one in plan.stopped_by] == ["less-careful-than-its-risk", "rollback-loses-data"]
    with pytest.raises(PlanStopped, match="less-careful-than-its-risk"):
        deploy(project, "ada", DeployRequest(plan=plan))


NEVER_BACK = GOOD.replace("    overrides:\n", "    overrides:\n      rollback.enabled: false\n")


def test_r17_c25_a_canary_that_drops_a_column_must_not_roll_back_by_itself(project: Project) -> None:
    Repository.commit(_again(project), "feat!: no mail", {"migrations/002.sql": DROPS, "pilotage.yaml": GOOD})
    careful = Project.of(load(project.folder / "pilotage.yaml"), project.store)
    plan = planned(careful, "production", wish())
    assert [(one.name, one.relaxation) for one in plan.stopped_by] == [
        ("rollback-loses-data", "rollback.enabled: false")
    ]
    with pytest.raises(PlanStopped, match="rollback-loses-data"):
        deploy(careful, "ada", DeployRequest(plan=plan))
    accepted = PlanRequest("2.0.0", accept={"rollback-loses-data": Acceptance("a backup is ready", "ada")})
    assert not planned(careful, "production", accepted).stopped_by


def test_r17_a_canary_that_drops_a_column_starts_with_a_warning(project: Project) -> None:
    files: dict[str, str | None] = {"migrations/002.sql": DROPS, "pilotage.yaml": NEVER_BACK}
    Repository.commit(_again(project), "feat!: no mail", files)
    said: list[str] = []
    careful = Project.of(load(project.folder / "pilotage.yaml"), project.store)
    careful.warn = said.append
    deploy(careful, "ada", DeployRequest(plan=planned(careful, "production", wish())))
    (risk,) = [one for one in said if one.startswith("risk CRITICAL")]
    assert "customers.email (migrations/002.sql)" in risk
    assert "pilotage plan 2.0.0" in risk


def test_r17_a_critical_risk_stands_on_the_first_screen_of_every_form(project: Project) -> None:
    Repository.commit(_again(project), "feat!: no mail", {"migrations/002.sql": DROPS})
    plan = planned(project, "production", wish())
    assert plan.risk is not None
    words = "CRITICAL risk: drops column customers.email (migrations/002.sql)"
    assert plan.notes[0].startswith(words)
    assert words in "\n".join(plan_lines(plan))
    screen = Console(width=200, file=StringIO(), record=True)
    screen.print(plan_view(plan))
    assert words in screen.export_text()
    assert words in to_markdown(plan).partition("## ")[0].replace("\\", "")
    assert words in to_html(plan).partition("What happens")[0]


@pytest.mark.parametrize(("level", "kept"), [("low", False), ("critical", True)])
def test_r17_commits_of_another_release_never_lower_the_caution(project: Project, level: str, kept: bool) -> None:
    repository = _again(project)
    Repository.commit(repository, "docs: words", {"README.md": "words\n"})
    repository.git("tag", "v1.0.1")
    Repository.commit(repository, "feat!: no mail", {"migrations/002.sql": DROPS.replace("DROP", "ADD")})
    repository.git("tag", "v2.0.0")
    other = assess_planned(project, "v1.0.0..v1.0.1", None)
    given = replace(other, level=RiskLevel(level))
    plan = planned(project, "production", replace(wish(), risk=given))
    assert plan.risk is not None
    doubt = "they end at v1.0.1, not at 2.0.0"
    assert (plan.risk.revisions == given.revisions) is kept
    assert (outcomes.risk_in(plan.to_json()) is None) is kept
    shown = "\n".join(plan_lines(plan, ("risk",)))
    if kept:
        assert f"These are not the commits of this release: {doubt}." in shown
    else:
        assert f"The commits that were asked for have low risk ({given.lead}), and are not used: {doubt}." in shown


def test_r17_commits_that_do_not_begin_at_what_serves_are_said_to_be_others(project: Project) -> None:
    """Nobody can assess those of the release itself in a plan: its tag is where the serving version's is."""
    repository = _again(project)
    Repository.commit(repository, "docs: words", {"README.md": "words\n"})
    repository.git("tag", "v1.0.1")
    Repository.commit(repository, "docs: more words", {"README.md": "more words\n"})
    repository.git("tag", "v2.0.0", "v1.0.0")
    given = assess_planned(project, "v1.0.1..HEAD", None)
    plan = planned(project, "production", replace(wish(), risk=given))
    assert plan.risk is not None
    head = repository.git("rev-parse", "HEAD")[:10]
    assert plan.risk.doubt == f"they begin at v1.0.1, not at 1.0.0, which serves; they end at {head}, not at 2.0.0"
    assert outcomes.risk_in(plan.to_json()) is None


def test_r17_the_commits_of_the_release_are_kept_as_they_were_asked_for(project: Project) -> None:
    Repository.commit(_again(project), "docs: words", {"README.md": "words\n"})
    given = assess_planned(project, "v1.0.0..HEAD", None)
    plan = planned(project, "production", replace(wish(), risk=given))
    assert plan.risk == given
    assert outcomes.risk_in(plan.to_json()) is not None


def test_the_same_commits_give_the_same_plan_at_any_hour_and_after_the_release(project: Project) -> None:
    Repository.commit(_again(project), "fix: a price", {"shop.py": "def sell():\n    return 2\n"})
    before = planned(project, "production", wish())
    assert isinstance(project.clock, FakeClock)
    project.clock.pass_(2.5 * 86400)
    assert planned(project, "production", wish()).hash == before.hash, "a weekend later"
    begun = deploy(project, "ada", DeployRequest(plan=before)).rollout
    assert begun is not None
    assert planned(project, "production", wish()).hash == before.hash, "while it rolls out"
    ended(project.store, begun)
    assert planned(project, "production", wish()).hash == before.hash, "and afterwards"


@pytest.mark.parametrize(
    ("tag", "said"), [("v1.0.0", "there is no commit between"), ("", "git has no tag for 1.0.0, which serves")]
)
def test_what_nobody_can_assess_is_unknown_with_the_reason(project: Project, tag: str, said: str) -> None:
    if not tag:
        _again(project).git("tag", "-d", "v1.0.0")
    plan = planned(project, "production", wish())
    assert plan.risk is None
    assert said in plan.risk_unknown


def test_the_first_release_of_all_has_nothing_to_be_compared_with(project: Project) -> None:
    plan = planned(project, "production", wish("1.0.0"))
    assert plan.risk_unknown == "no earlier version serves production"


def test_an_assessment_that_takes_too_long_is_not_waited_for(project: Project) -> None:
    Repository.commit(_again(project), "fix: a price", {"shop.py": "def sell():\n    return 2\n"})
    with pytest.raises(Unassessed, match="--with-risk"):
        within_budget(project, "v1.0.0..HEAD", None, seconds=0.0)


def test_c25_a_busy_machine_does_not_void_a_sign_off(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    Repository.commit(_again(project), "fix: a price", {"shop.py": "def sell():\n    return 2\n"})
    signed = planned(project, "production", wish())

    def busy(*_: object) -> None:
        raise Unassessed("no time for it")

    monkeypatch.setattr(risk, "assess_range", busy)
    assert signed.risk is not None
    assert planned(project, "production", wish()).hash == signed.hash, "what was signed is used again"
    Repository.commit(_again(project), "fix: it again", {"shop.py": "def sell():\n    return 3\n"})
    assert planned(project, "production", wish()).risk_unknown == "no time for it", "other commits, another assessment"


def test_a_torn_file_of_assessments_is_assessed_again(project: Project) -> None:
    Repository.commit(_again(project), "fix: a price", {"shop.py": "def sell():\n    return 2\n"})
    signed = planned(project, "production", wish())
    kept = project.directory / FILE
    for torn in ("", "[]", kept.read_text()[:-9], kept.read_text().replace('"changes":1', '"changes":"?"')):
        kept.write_text(torn)
        assert planned(project, "production", wish()).hash == signed.hash


def _again(project: Project) -> Repository:
    """The repository of the project, to commit to."""
    found = Repository.__new__(Repository)
    found.path, found.clock = project.folder, 1_700_000_000 + 400 * 86400
    return found
