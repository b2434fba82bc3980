"""R17: a level compares a release with its project; findings raise it; context never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pilotage.model.absence import Absence
from pilotage.model.converting import convert
from pilotage.model.risk import Assessment, ChangeRisk, Finding, RiskFactor, RiskLevel, Standing
from pilotage.risk import people
from pilotage.risk.levels import HIGH_FROM, MEDIUM_FROM, Released, as_usual, factor_level, level_of, standing_of
from pilotage.risk.people import Known
from pilotage.risk.reading import read_first
from pilotage.risk.version_commits import only_a_version
from tests.unit.risk.changes import change

LOW, MEDIUM, HIGH, CRITICAL = RiskLevel


def finding(factor: RiskFactor, level: RiskLevel) -> Finding:
    return Finding(factor, level, "found")


@pytest.mark.parametrize(
    ("score", "standing", "level"),
    [
        (0.01, None, LOW),
        (0.19, Standing(10, 10), LOW),
        (MEDIUM_FROM, None, MEDIUM),
        (HIGH_FROM, None, HIGH),
        (HIGH_FROM, Standing(10, 6), HIGH),
        (HIGH_FROM, Standing(10, 5), MEDIUM),
        (HIGH_FROM, Standing(2, 0), HIGH),
        (0.5, Standing(10, 8), HIGH),
        (0.5, Standing(10, 7), MEDIUM),
        (0.999, Standing(10, 0), MEDIUM),
    ],
)
def test_r17_a_release_is_high_only_where_it_is_unusual_for_its_project(
    score: float, standing: Standing | None, level: RiskLevel
) -> None:
    assert level_of(score, standing, ()) is level


def test_r17_a_level_is_never_high_only_because_there_was_no_time_to_compare() -> None:
    assert level_of(0.8, None, (), is_compared=False) is MEDIUM
    assert level_of(0.1, None, (), is_compared=False) is LOW
    assert level_of(0.1, None, [finding(RiskFactor.DEPENDENCIES, HIGH)], is_compared=False) is HIGH


def test_r17_findings_raise_the_level_and_context_does_not() -> None:
    assert level_of(0.0, None, [finding(RiskFactor.MIGRATIONS, CRITICAL)]) is CRITICAL
    assert level_of(0.0, None, [finding(RiskFactor.MIGRATIONS, MEDIUM)]) is MEDIUM, "a lock"
    assert level_of(0.0, None, [finding(RiskFactor.DEPENDENCIES, HIGH)]) is HIGH, "a vulnerability"
    assert level_of(0.0, None, [finding(RiskFactor.DEPENDENCIES, MEDIUM)]) is LOW, "a major version"
    assert level_of(0.0, None, [finding(RiskFactor.TIMING, CRITICAL), finding(RiskFactor.EXPERIENCE, HIGH)]) is LOW


def test_r17_provisioning_is_high_only_where_it_is_unusual_for_its_project() -> None:
    infrastructure = RiskFactor.INFRASTRUCTURE
    found = [finding(infrastructure, HIGH), finding(RiskFactor.DEPENDENCIES, HIGH)]
    often = [Released(0.1, {infrastructure: lines}) for lines in (0, 10, 50, 60, 300)]
    assert [one.level for one in as_usual(found, {infrastructure: 48}, often)] == [MEDIUM, HIGH]
    assert [one.level for one in as_usual(found, {infrastructure: 90}, often)] == [HIGH, HIGH]
    assert [one.level for one in as_usual(found, {infrastructure: 48}, often[2:])] == [HIGH, HIGH], (
        "of three, nobody knows"
    )


def test_r17_a_factor_is_medium_if_nearly_no_release_changed_as_much() -> None:
    earlier = [Released(0.1, {RiskFactor.COMPLEXITY: lines}) for lines in range(100, 1100, 100)]
    assert factor_level(RiskFactor.COMPLEXITY, 5000, (), earlier) == (
        MEDIUM,
        "more than in all of the last 10 releases",
    )
    assert factor_level(RiskFactor.COMPLEXITY, 950, (), earlier) == (MEDIUM, "more than in 9 of the last 10 releases")
    assert factor_level(RiskFactor.COMPLEXITY, 500, (), earlier) == (LOW, "")
    assert factor_level(RiskFactor.COMPLEXITY, 5000, (), earlier[:3]) == (LOW, ""), "three releases say little"


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing(10, 8), "riskier than 8 of the last 10 releases"),
        (Standing(10, 0), "no riskier than any of the last 10 releases"),
        (Standing(4, 4), "riskier than all of the last 4 releases"),
        (Standing(1, 0), "no riskier than the last release"),
        (Standing(3, 1, 7), "riskier than 1 of the last 3 releases (7 older ones were not measured)"),
    ],
)
def test_the_sentence_says_how_many_releases_were_measured(standing: Standing, said: str) -> None:
    assert standing.sentence == said


def test_without_a_measured_release_nothing_is_said() -> None:
    assert standing_of(0.5, (), 3) is None


def risk(name: str, score: float, lines: int) -> ChangeRisk:
    return ChangeRisk(name, name, "ada@example.org", score, lines, 1, ("a.py",))


def test_what_to_read_first_is_likely_and_short() -> None:
    changes = [
        risk("giant", 0.4, 3000), risk("long", 0.3, 300), risk("dense", 0.2, 20), risk("usual", 0.15, 60),
        risk("tiny", 0.001, 1), risk("notes", 0.3, 0),
    ]  # fmt: skip
    assert [one.commit for one in read_first(changes)] == ["dense", "usual", "long"]
    assert read_first(changes[:4]) == (), "all of it is to be read"
    undici = [risk("retry", 0.34, 48), risk("settle", 0.38, 77), risk("mock", 0.3, 190), risk("rest", 0.2, 260)]
    assert [one.commit for one in read_first(undici)] == ["retry", "settle"], "the third would make it more than half"
    wide = [risk(f"wide {n}", 0.3, 180) for n in range(9)]
    assert len(read_first(wide)) == 2, "no more than a person reads at one time"


@pytest.mark.parametrize(
    ("subject", "lines", "path", "is_one"),
    [
        ("Prepare 4.5 release (#1841)", 2, "sigstore/__init__.py", True),
        ("v1.2.0", 1, "package.go", True),
        ("chore(release): 2.0.1", 4, "src/app.ts", True),
        ("Post-creation chores after new v4.6 patch branch", 2, "core/lib/spree/core/version.rb", True),
        ("Bump rubocop from 2.23 to 2.24", 2, "config/application.rb", False),
        ("Fix the crash of release 1.2", 2, "src/app.ts", False),
        ("Release 1.2.0", 40, "src/app.ts", False),
        ("Add a version to the answer", 2, "src/app.ts", False),
    ],
)
def test_r17_a_commit_that_only_sets_the_version_is_known(subject: str, lines: int, path: str, is_one: bool) -> None:
    assert only_a_version(subject, lines, [path]) is is_one


OWNED = Known(owners=(("pay.py", "ada@example.org"),), people=5)


OTHERS = (change({"other.py": 60}, author="bob@example.org"), Known(people=5))


def test_files_that_one_person_knows_are_a_finding() -> None:
    (own,) = people.findings_of([(change({"pay.py": 80}, author="ada@example.org"), OWNED), OTHERS])
    assert (own.sentence, own.place) == ("only ada changed this file, now and in the year before", "pay.py")
    assert own.mitigation == "make sure that ada can be reached during the rollout"
    (other,) = people.findings_of([(change({"pay.py": 80}, author="eve@example.org"), OWNED)])
    assert other.sentence == "eve changed a file that only ada had changed in the year before"
    assert other.mitigation == "have ada review it"


def test_r17_a_file_whose_only_author_is_away_is_a_finding() -> None:
    """However few people work, and however small the share."""
    leave = Absence(person="ada", names=frozenset({"ada@example.org"}), first=date(2024, 6, 1), last=date(2024, 6, 9))
    few = Known(owners=OWNED.owners, people=2)
    (found,) = people.findings_of([(change({"pay.py": 12}, author="eve@example.org"), few)], [leave])
    assert found.level is RiskLevel.MEDIUM
    assert found.sentence == "only ada, who is away until 2024-06-09, had changed this file in the year before"
    assert found.mitigation == "wait for ada, or have somebody else learn how to mend this before the release"
    other = replace(leave, names=frozenset({"eve"}))
    assert not people.findings_of([(change({"pay.py": 12}, author="eve@example.org"), few)], [other])


def test_where_hardly_anyone_works_or_little_changes_no_owner_is_named() -> None:
    few = Known(owners=OWNED.owners, people=2)
    assert not people.findings_of([(change({"pay.py": 80}), few)])
    assert not people.findings_of([(change({"pay.py": 8}), OWNED)])
    assert not people.findings_of([(change({"pay.py": 80, "other.py": 900}), OWNED)])
    assert not people.findings_of([(change({"pay.py": 80, "other.py": 2}), OWNED)]), "one person wrote it all"


def test_an_assessment_of_an_older_plan_is_read_and_keeps_its_horizon() -> None:
    """Plans of formats 4 to 8: a share for each factor, and a repair within two years."""
    old = {
        "revisions": "A..B", "changes": 3, "probability_percent": 43.0, "level": "medium",
        "factors": [{"factor": "team experience", "level": "high", "share_percent": 66.0, "sentence": "ada is new"}],
        "findings": [], "mitigations": [], "strategy": "canary", "settings": [], "why": "", "model": "the old one",
    }  # fmt: skip
    found = convert(old, Assessment)
    assert found.lead == "43% probability that at least one of 3 changes will need a fix within two years"
    assert found.factors[0].level is HIGH
