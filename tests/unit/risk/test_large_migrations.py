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
