"""Migrations of megabytes cost no minutes, and are not passed unread (R17)."""

from __future__ import annotations

from pathlib import Path

from pilotage.adapters.git import Git
from pilotage.app.risk import Question, assess_range
from tests.unit.risk.repository import Repository


def test_migrations_that_are_too_much_together_are_named_and_not_parsed(tmp_path: Path) -> None:
    it = Repository(tmp_path)
    it.commit("Begin", {"a.py": "a = 1\n"})
    large = "INSERT INTO t VALUES (1);\n" * 14_000
    it.commit("Fill", {f"db/migrations/000{n}_fill.sql": large for n in range(3)})
    said = [one.sentence for one in assess_range(Git(tmp_path), Question("HEAD~1..HEAD", None)).assessment.findings]
    assert "2 migrations are too large to be read" in said


def test_a_migration_that_is_too_large_alone_is_named(tmp_path: Path) -> None:
    it = Repository(tmp_path)
    it.commit("feat: begin", {"a.py": "x = 1\n"})
    it.git("tag", "v1")
    it.commit("feat: add rows", {"db/migrations/1_rows.sql": "INSERT INTO a VALUES (1);\n" * 20_000})
    said = [one.sentence for one in assess_range(Git(it.path), Question("v1..", None)).assessment.findings]
    assert "1 migration is too large to be read" in said


def test_files_whose_functions_are_not_counted_are_named(tmp_path: Path) -> None:
    it = Repository(tmp_path)
    it.commit("feat: begin", {"a.py": "x = 1\n"})
    it.git("tag", "v1")
    text = "def f(x):\n" + "    if x:\n        return 1\n" * 12_000
    it.commit("feat: add a table", {"large.py": text, "small.py": "def f(x):\n" + "    if x:\n        return 1\n" * 8})
    found = [
        one
        for one in assess_range(Git(it.path), Question("v1..", None)).assessment.findings
        if "are not counted" in one.sentence
    ]
    assert [(one.place, one.sentence) for one in found] == [
        ("large.py", "2 more files gain decisions; their functions are not counted")
    ]
