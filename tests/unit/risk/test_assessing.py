"""R17, on real git repositories: what `pilotage risk` reads, says, learns, and brings into a plan (C25)."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pilotage.adapters.git import Git
from pilotage.adapters.ports import AdapterError
from pilotage.app.lost_changes import SAME
from pilotage.app.risk import Answer, Question, assess_range
from pilotage.app.risk_offer import _figures
from pilotage.app.risk_training import learn
from pilotage.model.answers import DeploymentStrategy, RiskTolerance
from pilotage.model.risk import Horizon, RiskFactor, RiskLevel
from pilotage.risk.labels import label
from pilotage.risk.recalibration import TooLittleHistory
from tests.typed import typed
from tests.unit.config.test_config import GOOD

from .repository import DAY, Repository

WEDNESDAY = datetime(2026, 11, 25, 10, tzinfo=UTC)
CODE = "def total(items):\n    return sum(items)\n"


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    """A service with some past, tagged v1."""
    it = Repository(tmp_path / "shop")
    for n in range(4):
        it.commit(f"Add part {n}", {f"src/part{n}.py": CODE * 5, f"tests/test_part{n}.py": "assert True\n" * 3})
    it.git("tag", "v1")
    return it


def ask(it: Repository, revisions: str = "v1..", **changes: object) -> Answer:
    return assess_range(Git(it.path), replace(Question(revisions, WEDNESDAY), **changes))  # type: ignore[arg-type]


def test_a_large_change_by_a_stranger_is_riskier_than_a_small_one_by_the_author(shop: Repository) -> None:
    small = shop.commit("Say it shorter", {"src/part0.py": CODE * 4})
    large = shop.commit("Add billing", {f"src/billing/{n}.py": CODE * 90 for n in range(6)}, author="eve@example.org")
    found = ask(shop)
    scores = {change.commit: change.score for change in found.changes}
    assert scores[large] > 3 * scores[small]
    assert found.assessment.probability_percent == pytest.approx(
        100 * (1 - (1 - scores[small]) * (1 - scores[large])), abs=1e-3
    )
    said = {f.factor: f.sentence for f in found.assessment.factors}
    assert "in `src/billing/`" in said[RiskFactor.COMPLEXITY]
    assert "eve changed nothing here in the year before" in said[RiskFactor.EXPERIENCE]
    context = {f.factor for f in found.assessment.factors if not f.scored}
    assert context == {RiskFactor.EXPERIENCE, RiskFactor.TIMING}


def test_bots_are_no_newcomers(shop: Repository) -> None:
    shop.commit("Bump", {"src/part1.py": CODE}, author="49699333+dependabot[bot]@users.noreply.github.com")
    (experience,) = (f for f in ask(shop).assessment.factors if f.factor is RiskFactor.EXPERIENCE)
    assert "dependabot" not in experience.sentence


def test_a_destructive_migration_is_critical_and_asks_for_canary_with_approval(shop: Repository) -> None:
    shop.commit("Drop it", {"db/migrations/0002_drop.sql": "ALTER TABLE orders DROP COLUMN total;"})
    found = ask(shop).assessment
    assert found.level is RiskLevel.CRITICAL
    assert found.strategy is DeploymentStrategy.CANARY
    assert dict(found.settings)["rollback.enabled"] == "false"
    assert "no rollback restores" in found.why
    assert found.findings[0].place == "db/migrations/0002_drop.sql"


def test_little_risk_recommends_rolling_unless_nothing_may_be_lost(shop: Repository) -> None:
    shop.commit("Say it shorter", {"src/part0.py": CODE * 4})
    assert ask(shop).assessment.strategy is DeploymentStrategy.ROLLING
    careful = ask(shop, tolerance=RiskTolerance.ZERO_DOWNTIME).assessment
    assert careful.strategy is DeploymentStrategy.CANARY


def test_an_empty_range_has_no_risk(shop: Repository) -> None:
    found = ask(shop, "v1..v1").assessment
    assert (found.changes, found.probability_percent, found.level) == (0, 0.0, RiskLevel.LOW)


def test_r17_two_equal_ends_are_said(shop: Repository) -> None:
    assert ask(shop, "v1..v1").assessment.notes == (SAME,)


def test_r17_a_reversed_range_is_high_and_says_what_it_takes_away(shop: Repository) -> None:
    shop.commit("Fix the till", {"src/part0.py": CODE * 6})
    found = ask(shop, "HEAD..v1").assessment
    (lost,) = found.actions
    assert (found.level, found.changes) == (RiskLevel.HIGH, 0)
    assert "is older than its beginning: it lacks 1 commit that the beginning has: “Fix the till”" in lost.sentence


def test_r17_a_hotfix_that_nobody_merged_back_is_a_finding_and_a_copied_one_is_not(shop: Repository) -> None:
    shop.git("checkout", "-q", "-b", "release")
    shop.commit("Fix the till", {"src/part0.py": CODE * 6})
    shop.commit("Say so", {"CHANGELOG.md": "1.0.1\n"})
    shop.git("checkout", "-q", "main")
    shop.commit("Add more", {"src/part1.py": CODE * 6})
    (lost,) = ask(shop, "release..HEAD").assessment.actions
    assert lost.sentence == "the end of the range lacks 1 commit that the beginning has: “Fix the till”"
    shop.commit("Fix the till", {"src/part0.py": CODE * 7})
    assert not ask(shop, "release..HEAD").assessment.actions
    shop.git("checkout", "-q", "--orphan", "other")
    shop.commit("Another project", {"src/part9.py": CODE})
    assert "no history in common" in ask(shop, "release..HEAD").assessment.actions[0].sentence


def test_r17_a_merged_backport_is_a_copy_and_a_merged_hotfix_is_called_by_its_title(shop: Repository) -> None:
    shop.commit("Mend the till", {"src/part0.py": CODE * 6})
    shop.git("checkout", "-q", "-b", "release", "v1")
    for branch, title, lines in (("backport", "Mend the till", 6), ("hotfix", "Mend the roof", 7)):
        shop.git("checkout", "-q", "-b", branch)
        shop.commit(title, {"src/part0.py": CODE * lines})
        shop.git("checkout", "-q", "release")
        shop.git("merge", "-q", "--no-ff", branch, "-m", f"Merge pull request #7 from shop/{branch}\n\n{title} again")
    (lost,) = ask(shop, "release..main").assessment.actions
    assert lost.sentence == "the end of the range lacks 1 commit that the beginning has: “Mend the roof again”"


def test_r17_what_was_never_released_proves_little_by_lying_in_a_branch(shop: Repository) -> None:
    for n in range(5):
        shop.commit(f"Add feature {n}", {f"src/feature{n}.py": CODE * 120})
    fresh = ask(shop).assessment
    shop.clock += 120 * DAY
    shop.commit("Set the version", {"VERSION": "2.0.0\n"})
    empty = ask(shop).assessment
    assert empty.probability_percent == pytest.approx(fresh.probability_percent, abs=1.5), "no source, no proof"
    shop.commit("Say it shorter", {"src/part0.py": CODE * 4})
    waited = ask(shop).assessment
    assert waited.probability_percent > fresh.probability_percent / 2
    assert waited.notes[0].startswith("5 changes of source have waited for this release for up to 18 weeks.")


@pytest.mark.parametrize(
    ("revisions", "said"),
    [
        ("v1", "is not a range such as"),
        ("nowhere..HEAD", "has no commit 'nowhere'"),
        ("--output=/tmp/x..HEAD", "is not the name of a commit"),
        ("v1..--all", "is not the name of a commit"),
        ("^v1..HEAD", "is not the name of a commit"),
        ("", "is not a range such as"),
    ],
)
def test_what_is_no_range_is_said(shop: Repository, revisions: str, said: str) -> None:
    with pytest.raises(AdapterError, match=said):
        ask(shop, revisions)


def test_a_shallow_clone_is_refused_with_the_cure(shop: Repository, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{shop.path}", str(tmp_path / "shallow")], check=True)
    with pytest.raises(AdapterError, match="git fetch --unshallow"):
        assess_range(Git(tmp_path / "shallow"), Question("HEAD..HEAD", WEDNESDAY))


HOSTILE = ["a b.py", "ümläut/ß.py", 'quo"te.py', "tab\there.py", "-dash.py", "new\nline.py", "[x].py", "a/../b.py"[5:]]


def test_paths_and_messages_that_are_meant_to_confuse_do_not(shop: Repository) -> None:
    shop.commit("\x02diff --git a/x b/x\n\n+++ b/y\n@@ -1 +1 @@\n\x7f", dict.fromkeys(HOSTILE, CODE * 8))
    (change,) = Git(shop.path).changes(["v1..HEAD"])
    assert len(change.files) == len(HOSTILE)
    assert sum(f.added for f in change.files) == 16 * len(HOSTILE)
    assert ask(shop).assessment.changes == 1


def test_patches_are_counted_as_git_counts_them(shop: Repository) -> None:
    shop.commit(
        "Move and change", {"src/part0.py": None, "src/moved.py": CODE * 5 + "# only words\n\nx = 1 if y else 2\n"}
    )
    (change,) = Git(shop.path).changes(["v1..HEAD"])
    (file,) = change.files
    numstat = shop.git("diff", "--numstat", "-M", "v1..HEAD").split()
    assert (file.before, file.path, file.added, file.deleted) == ("src/part0.py", "src/moved.py", 3, 0)
    assert numstat[:2] == ["3", "0"]
    assert (file.worth, file.branches) == (1, 1)


def test_a_merged_branch_is_one_change_by_whoever_wrote_it(shop: Repository) -> None:
    shop.git("checkout", "-q", "-b", "topic")
    shop.commit("One", {"src/one.py": CODE}, author="eve@example.org")
    shop.commit("Two", {"src/two.py": CODE}, author="eve@example.org")
    shop.git("checkout", "-q", "main")
    shop.git("merge", "-q", "--no-ff", "-m", "Merge topic", "topic")
    (change,) = Git(shop.path).changes(["v1..HEAD"])
    assert (change.author, {f.path for f in change.files}) == ("eve@example.org", {"src/one.py", "src/two.py"})


def test_the_change_that_a_repair_had_to_alter_did_harm_and_no_other(shop: Repository) -> None:
    """SZZ: the repaired line's author is blamed, not who touched the file last, nor who moved it."""
    shop.commit("Add discount", {"src/price.py": "def price(x):\n    return x * 0.9\n"})
    shop.commit("Add tax", {"src/price.py": "def price(x):\n    return x * 0.9\n\n\ndef tax(x):\n    return x\n"})
    shop.commit(
        "Move",
        {"src/price.py": None, "src/money.py": "def price(x):\n    return x * 0.9\n\n\ndef tax(x):\n    return x\n"},
    )
    shop.commit(
        "Fix wrong discount, a bug",
        {"src/money.py": "def price(x):\n    return x * 0.8\n\n\ndef tax(x):\n    return x\n"},
    )
    shop.commit(
        "Refactor tax", {"src/money.py": "def price(x):\n    return x * 0.8\n\n\ndef tax(x):\n    return 2 * x\n"}
    )
    found = label(Git(shop.path).changes(["HEAD"]))
    blamed = [one.measured.change.subject for one in found if one.harmful(Horizon.DAYS_30)]
    assert blamed == ["Add discount"]


def test_a_reverted_change_did_harm(shop: Repository) -> None:
    wrong = shop.commit("Add surcharge", {"src/part2.py": CODE * 5 + "y = 1\n"})
    shop.commit(f'Revert "Add surcharge"\n\nThis reverts commit {wrong}.', {"src/part2.py": CODE * 5})
    found = label(Git(shop.path).changes(["HEAD"]))
    assert [one.measured.change.commit for one in found if one.harmful(Horizon.DAYS_30)] == [wrong]


def past(it: Repository, changes: int) -> None:
    """Changes of many lines that are repaired the day after, and of few that never are; then a quiet year."""
    commits = []
    for n in range(changes):
        large, name = n % 4 == 0, f"src/thing{n}.py"
        commits.append((f"Add thing {n}", name, "".join(f"x{k} = {k}\n" for k in range(60 if large else 2))))
        if large:
            text = "x0 = 1\n" + "".join(f"x{k} = {k}\n" for k in range(1, 60))
            commits.append((f"Fix crash of thing {n}", name, text))
    it.commit("Begin", {"README.md": "Things\n"})
    it.commit_many(commits)
    it.clock += 500 * DAY
    it.commit("Say goodbye", {"src/last.py": "goodbye = 1\n"})


def test_a_repository_teaches_its_own_level_and_one_without_a_past_does_not(tmp_path: Path) -> None:
    it = Repository(tmp_path / "past")
    past(it, 600)
    learned = learn(it.path, "HEAD")
    assert (learned.changes, learned.harmful) == (600, 120)
    assert "of past" in learned.model.origin
    (check,) = (one for one in learned.checks if one.horizon is Horizon.DAYS_30)
    assert (check.own.found, check.own.foretold) == pytest.approx((0.2, 0.2), abs=0.04)
    offered = _figures(it.path, (), {})
    assert offered is not None, "what an offer after a rollback says, by a process of its own"
    assert (offered["changes"], offered["better"]) == (check.own.changes, True)
    assert offered["own"] == pytest.approx(check.own.foretold)
    young = Repository(tmp_path / "young")
    young.commit("Begin", {"a.py": CODE})
    with pytest.raises(TooLittleHistory, match="at least 300 and 5"):
        learn(young.path, "HEAD")
    assert _figures(young.path, (), {}) is None


def test_changes_without_source_are_low_however_many(shop: Repository) -> None:
    shop.commit_many([(f"Say part {n}", "README.md", f"Part {n}\n" * n) for n in range(1, 31)])
    found = ask(shop).assessment
    assert (found.changes, found.level) == (30, RiskLevel.LOW)
    assert found.probability_percent < 15
    said = {f.factor: f.sentence for f in found.factors}
    assert said[RiskFactor.COMPLEXITY] == "no source file changes"


def pilotage(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return typed(*arguments, cwd=cwd)


def test_the_command_answers_in_words_and_as_json_and_refuses_in_one_sentence(shop: Repository) -> None:
    shop.commit("Add billing", {f"src/billing/{n}.py": CODE * 40 for n in range(3)})
    words = pilotage(shop.path, "risk", "v1..HEAD", "--at", "2026-11-25T10:00", "--per-commit")
    assert words.returncode == 0, words.stderr
    assert "probability that this change will need a fix within 30 days" in words.stdout
    assert "Add billing" in words.stdout
    said = json.loads(pilotage(shop.path, "risk", "v1..", "--json", "--per-commit").stdout)
    assert 0 < said["probability_percent"] < 100
    assert {f["factor"] for f in said["factors"]} == {str(f) for f in RiskFactor}
    assert not [key for f in said["factors"] for key in f if "share" in key]
    assert said["commits"][0]["subject"] == "Add billing"
    wrong = pilotage(shop.path, "risk", "nowhere..HEAD")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (9, 1)


def test_a_model_of_an_earlier_version_is_not_used_and_a_broken_one_is_refused(shop: Repository) -> None:
    shop.commit("Add billing", {"src/billing.py": CODE * 9})
    kept = shop.path / ".pilotage" / "risk.json"
    kept.parent.mkdir()
    kept.write_text('{"format": 1, "intercept": -2.3, "measures": {}}')
    old = pilotage(shop.path, "risk", "v1..HEAD")
    assert old.returncode == 0, old.stderr
    assert "risk.json is of an earlier version and not used" in " ".join(old.stdout.split())
    kept.write_text('{"format": 2}')
    broken = pilotage(shop.path, "risk", "v1..HEAD")
    assert (broken.returncode, broken.stderr.count("\n")) == (2, 1)
    assert "delete it, or run `pilotage risk train`" in broken.stderr


def test_a_plan_with_risk_holds_the_strategy_against_it_and_a_person_must_accept(shop: Repository) -> None:
    shop.commit("Drop it", {"db/migrations/0002_drop.sql": "DROP TABLE orders;"})
    (shop.path / "pilotage.yaml").write_text(
        GOOD.replace("deployment_strategy: canary", "deployment_strategy: rolling")
    )
    made = json.loads(pilotage(shop.path, "plan", "2.0.0", "--with-risk", "v1..", "--json").stdout)
    assert made["risk"]["level"] == "critical"
    (conflict,) = (c for c in made["conflicts"] if c["name"] == "less-careful-than-its-risk")
    assert (conflict["blocking"], conflict["relaxation"]) == (True, "deployment_strategy: canary")
    shown = pilotage(shop.path, "plan", "2.0.0", "--with-risk", "v1..", "--format", "html").stdout
    assert "drops table orders" in shown
    refused = pilotage(shop.path, "deploy", "2.0.0", "--with-risk", "v1..")
    assert refused.returncode == 3
    assert "less-careful-than-its-risk" in refused.stderr
    (shop.path / "pilotage.yaml").write_text(GOOD)
    made = json.loads(pilotage(shop.path, "plan", "2.0.0", "--with-risk", "v1..", "--json").stdout)
    assert not [c for c in made["conflicts"] if c["name"] == "less-careful-than-its-risk"]
