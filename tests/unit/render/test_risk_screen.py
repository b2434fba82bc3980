"""R17: what `pilotage risk` shows, in 80 columns: the answer, what to act on, what to read first, and why."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from pilotage.model.answers import DeploymentStrategy
from pilotage.model.risk import Assessment, ChangeRisk, FactorRisk, Finding, RiskFactor, RiskLevel, Standing
from pilotage.render.risk_screen import screen_of
from pilotage.render.risk_words import actions, reading, shortened

BACKUP = "take a backup and test its restore before the release"
LONG = "saleor/graphql/product/mutations/product_variant/product_variant_create_or_update.py"
READ = ChangeRisk("a" * 40, "Add billing", "ada@example.org", 0.09, 84, 3, (LONG, "b.py", "c.py"))
FOUND = Assessment(
    "A..B", 40, 12.0, RiskLevel.CRITICAL,
    (
        FactorRisk(RiskFactor.MIGRATIONS, RiskLevel.CRITICAL, "1 migration file; 7 findings"),
        FactorRisk(RiskFactor.TIMING, RiskLevel.LOW, "nothing unusual", scored=False),
    ),
    (
        *(Finding(RiskFactor.MIGRATIONS, RiskLevel.CRITICAL, f"drops column c{n}", "1.sql", BACKUP) for n in range(7)),
        Finding(RiskFactor.DEPENDENCIES, RiskLevel.MEDIUM, "a 1.0 → 2.0, a major version", "uv.lock", "read its notes",
                "https://pypi.org/project/a/2.0/"),
        Finding(RiskFactor.DEPENDENCIES, RiskLevel.LOW, "2 removed: b, c", "uv.lock"),
    ),
    (BACKUP, "read its notes"), DeploymentStrategy.CANARY, (("canary.require_approval", "true"),), "it may do harm",
    "66,406 changes", standing=Standing(10, 8), read_first=(READ,), horizon_days=30,
)  # fmt: skip


def shown(found: Assessment = FOUND) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=80, color_system=None)
    for part in screen_of(found, (READ,)):
        console.print(part, crop=False)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_r17_the_name_of_a_file_writes_no_lines_of_its_own() -> None:
    odd = Finding(
        RiskFactor.MIGRATIONS, RiskLevel.HIGH, "drops `a\nb`", "db/x\n  critical  drops table users.sql", BACKUP
    )
    lines = shown(replace(FOUND, findings=(odd,)))
    assert not any(line.startswith("  critical  ") for line in lines)
    assert "            db/x critical drops table users.sql" in lines
    assert odd.in_place == "drops `a b` (db/x critical drops table users.sql)"  # in notes, conflicts and comments


def test_r17_the_answer_comes_first_and_findings_before_factors() -> None:
    lines = shown()
    assert lines[0] == "risk CRITICAL"
    assert " ".join(lines[1:3]) == f"{FOUND.chance}; riskier than 8 of the last 10 releases"
    (factors,) = (n for n, line in enumerate(lines) if line.split() == ["factor", "level", "why"])
    assert lines.index("act on") < lines.index("read these 84 lines first") < factors
    assert max(map(len, lines)) <= 80


def test_a_long_path_is_never_broken() -> None:
    place, folder = f"services/{LONG}", f"`{LONG.rpartition('/')[0]}/`"
    finding = Finding(RiskFactor.COMPLEXITY, RiskLevel.MEDIUM, "`pay` has 20 decisions, and is new", place, "split it")
    factor = FactorRisk(RiskFactor.COMPLEXITY, RiskLevel.LOW, f"325 lines of source, 151 of them in {folder}")
    lines = shown(replace(FOUND, findings=(finding,), factors=(factor,)))
    assert f"{' ' * 12}{place}" in lines
    assert any("`saleor/…/mutations/product_variant/`" in line for line in lines), lines


def test_many_findings_that_one_action_answers_are_one_group() -> None:
    text = "\n".join(shown())
    assert text.count("1.sql") == 1
    assert text.count(BACKUP) == 1
    assert "drops column c4" in text
    assert "drops column c5" not in text
    assert "and 2 more" in text
    assert "2 removed" not in text, "a fact that nobody can act on belongs to its factor"
    assert "https://pypi.org/project/a/2.0/" in text


def test_in_documents_what_helps_stands_below_what_it_helps_against() -> None:
    lines = list(actions(FOUND))
    assert lines[7] == f"To reduce it: {BACKUP}"
    assert lines[8] == "medium: a 1.0 → 2.0, a major version (uv.lock) https://pypi.org/project/a/2.0/"
    (first,) = reading(FOUND)
    assert first == f"Read first: aaaaaaaaaa Add billing, 84 lines in {shortened(LONG)} and 2 more files"
    assert len(shortened(LONG)) <= 70
