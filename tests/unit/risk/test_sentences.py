"""R17: what a finding says is so: nothing is new that moved, lost that never was, or risky that no user meets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pilotage.model.change import Change, FilePatch
from pilotage.model.risk import Finding, RiskFactor, RiskLevel
from pilotage.risk import complexity, dependencies, infrastructure, migrations, unread
from pilotage.risk.advisories import Advisories
from pilotage.risk.dependency_floods import grouped
from pilotage.risk.made_tables import MadeTables
from pilotage.risk.people import person
from pilotage.risk.sizes import sizes_of
from tests.unit.risk.repository import Repository
from tests.unit.risk.test_assessing import ask

HARD = "def vote(x):\n" + "".join(f"    if x == {n}:\n        return {n}\n" for n in range(20))


def locked(path: str, before: str | None, after: str | None) -> list[str]:
    return [one.sentence for one in dependencies.findings_of(path, before, after, Advisories())]


def harder(path: str, after: str, before: Mapping[str, str]) -> list[Finding]:
    return complexity.findings_of(path, after, complexity.Before(before))


def test_a_renamed_and_a_moved_function_are_not_new() -> None:
    assert not harder("a.py", HARD.replace("vote", "_vote"), {"a.py": HARD})
    assert not harder("b.py", HARD.replace("return 3", "return 33"), {"a.py": HARD})
    grown = HARD.replace("vote", "_vote") + "".join(f"    if x == -{n}:\n        return 1\n" for n in range(1, 7))
    (found,) = harder("a.py", grown, {"a.py": HARD})
    assert found.sentence == "`_vote` has 27 decisions, before 21 as `vote`"
    (new,) = harder("b.py", HARD, {"a.py": "def f(x):\n    return x\n"})
    assert "and is new" in new.sentence


def test_a_function_that_moved_to_another_file_is_found_there(tmp_path: Path) -> None:
    it = Repository(tmp_path / "shop")
    it.commit("Begin", {"src/a.py": HARD + "\n\nx = 1\n" * 40})
    it.git("tag", "v1")
    it.commit("Move it", {"src/a.py": "x = 1\n" * 40, "src/b.py": HARD})
    assert not [one for one in ask(it).assessment.findings if one.factor is RiskFactor.COMPLEXITY]


def test_a_materialized_view_that_is_made_again_loses_nothing() -> None:
    made_again = """DROP TABLE umami.website_event_stats_hourly_mv;
CREATE MATERIALIZED VIEW umami.website_event_stats_hourly_mv
TO umami.website_event_stats_hourly
AS SELECT website_id, session_id FROM umami.website_event;
"""
    found = migrations.findings_of("db/clickhouse/migrations/09_add.sql", made_again)
    assert not [one for one in found if one.level is RiskLevel.CRITICAL]
    lost = migrations.findings_of("db/clickhouse/migrations/09_add.sql", "DROP TABLE a; CREATE TABLE a (id int);")
    assert [one.level for one in lost] == [RiskLevel.CRITICAL], "a table that is made again is empty"


def test_a_column_of_a_table_that_the_release_itself_creates_is_not_lost() -> None:
    texts = {
        "prisma/migrations/16_boards/migration.sql": 'CREATE TABLE "board" ("slug" TEXT);',
        "prisma/migrations/19_add/migration.sql": 'ALTER TABLE "board" DROP COLUMN IF EXISTS "slug";',
    }
    made = MadeTables(texts)
    assert not [one for path, text in texts.items() for one in migrations.findings_of(path, text, "", made.by(path))]
    for not_new in ("CREATE TABLE IF NOT EXISTS board (a int);", "DROP TABLE board; CREATE TABLE board (a int);"):
        assert not MadeTables({"migrations/1.sql": not_new}).by("migrations/2.sql")


RAILS = "class A < ActiveRecord::Migration[7.1]\n  def change\n    {}\n  end\n  def down\n    {}\n  end\nend\n"
ALEMBIC = "from alembic import op\ndef upgrade():\n    {}\ndef downgrade():\n    {}\n"
DJANGO = "from django.db import migrations\nclass Migration(migrations.Migration):\n    operations = [{}]\n"
CHANGELOG = '<databaseChangeLog><changeSet id="1" author="a">{}</changeSet></databaseChangeLog>'
SUFFIXES = ("db/migrate/{}_a.rb", "alembic/versions/{}_a.py", "shop/migrations/000{}_a.py", "db/changelog/{}.xml")
MADE = (
    RAILS.format("create_table :gifts", "drop_table :gifts"),
    ALEMBIC.format("op.create_table('gifts')", "op.drop_table('gifts')"),
    DJANGO.format("migrations.CreateModel('Gift', fields=[])"),
    CHANGELOG.format('<createTable tableName="gifts"/>'),
)
MAYBE = (
    RAILS.format("create_table :gifts, if_not_exists: true\n{}", ""),
    ALEMBIC.format("op.create_table('gifts', if_not_exists=True)\n    {}", "pass"),
    "",
    CHANGELOG.format(
        '<preConditions><not><tableExists tableName="gifts"/></not></preConditions><createTable tableName="gifts"/>'
    ).replace("</databaseChangeLog>", '<changeSet id="2" author="a">{}</changeSet></databaseChangeLog>'),
)
LOCKED = (
    "add_index :gifts, :name",
    "op.create_index('i', 'gifts', ['name'])",
    "migrations.AddIndex('Gift', models.Index(fields=['name'], name='i'))",
    '<createIndex tableName="gifts" indexName="i"/>',
)
LOST = (
    "remove_column :gifts, :note",
    "op.drop_column('gifts', 'note')",
    "migrations.RemoveField('Gift', 'note')",
    '<dropColumn tableName="gifts" columnName="note"/>',
)


def in_tool(tool: int, step: str) -> str:
    """A migration of the tool that does one thing."""
    return (RAILS, ALEMBIC, DJANGO, CHANGELOG)[tool].format(step, "pass" if tool == 1 else "")


@pytest.mark.parametrize("tool", range(4), ids=["Rails", "Alembic", "Django", "Liquibase"])
def test_r17_a_table_that_another_migration_of_the_release_creates_locks_nothing(tool: int) -> None:
    first, second = (SUFFIXES[tool].format(n) for n in (1, 2))
    for step in (LOCKED[tool], LOST[tool]):
        text = in_tool(tool, step)
        assert migrations.findings_of(second, text), "of a table that was there before"
        assert not migrations.findings_of(second, text, "", MadeTables({first: MADE[tool], second: text}).by(second))
        elsewhere = MadeTables({f"other/{first}": MADE[tool], second: text}).by(second)
        assert migrations.findings_of(second, text, "", elsewhere), "the tables of another service"


@pytest.mark.parametrize("tool", [0, 1, 3], ids=["Rails", "Alembic", "Liquibase"])
def test_r17_a_table_that_is_created_where_it_is_missing_hides_no_lost_column(tool: int) -> None:
    first, second = (SUFFIXES[tool].format(n) for n in (1, 2))
    lost, locked = (migrations.findings_of(first, MAYBE[tool].format(step)) for step in (LOST[tool], LOCKED[tool]))
    assert [one.level for one in lost] == [RiskLevel.CRITICAL]
    assert not locked, "where it was missing, nothing is in it"
    made = MadeTables({first: MAYBE[tool].format("")}).by(second)
    assert migrations.findings_of(second, in_tool(tool, LOST[tool]), "", made)


def test_r17_create_table_if_not_exists_hides_no_lost_column() -> None:
    script = "CREATE TABLE IF NOT EXISTS gifts (id int);\n{}"
    lost = migrations.findings_of("migrations/1.sql", script.format("ALTER TABLE gifts DROP COLUMN note;"))
    assert [one.sentence for one in lost] == ["drops column gifts.note"]
    assert not migrations.findings_of("migrations/1.sql", script.format("CREATE INDEX i ON gifts (id);"))


HIDDEN = {
    "db/migrations/1.sql": ("CREATE OR REPLACE TABLE orders (id int);", "drops table orders, if there is one"),
    "db/migrations/2.sql": ("DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'orders'; END $$;", "not read here"),
    "db/migrations/3.sql": ("/*!50000 DROP TABLE orders */;", "drops table orders"),
    "db/migrations/4.sql": ("\ufeffDROP TABLE orders;", "drops table orders"),
    "db/migrations/5.sql": ("\\i drop.sql\n", "statements of another file (drop.sql)"),
    "shop/migrations/0006_a.py": (
        "from django.db import migrations\nfrom shop.x import ops\nclass Migration(migrations.Migration):\n"
        "    operations = ops\n",
        "operations that are computed",
    ),
    "db/migrate/7_a.rb": (
        RAILS.format("change_table :orders do |table|\n      table.remove :note\n    end", ""),
        "drops column note",
    ),
    "db/migrate/8_a.rb": (RAILS.format("revert CreateOrders", ""), "taken back (CreateOrders)"),
}


@pytest.mark.parametrize("path", HIDDEN)
def test_r17_a_migration_hides_no_lost_data(path: str) -> None:
    text, said = HIDDEN[path]
    assert [one for one in migrations.findings_of(path, text) if said in one.sentence]


def test_a_lock_file_that_moves_or_is_of_tools_removes_nothing() -> None:
    assert not locked("tests/requirements.txt", "cffi==1.0\ncryptography==2.0\n", None)
    assert locked("requirements-dev.txt", "mypy==1.0\na==1\n", "mypy==2.0\n") == [
        "1 package for development and tests in requirements-dev.txt: mypy 1.0 → 2.0"
    ]
    assert "a major version" in locked("requirements.txt", "mypy==1.0\n", "mypy==2.0\n")[0]


@pytest.mark.parametrize("path", ["tests/requirements.txt", "requirements/dev.txt", "test-requirements.txt",
                                  "requirements_test.txt", "docs/uv.lock", "requirements-dev-extra.txt"])  # fmt: skip
def test_what_lists_tools(path: str) -> None:
    assert dependencies.is_of_tools(path)


@pytest.mark.parametrize("path", ["requirements.txt", "uv.lock", "developer-portal/yarn.lock", "requirements/base.txt"])
def test_what_lists_packages_that_run(path: str) -> None:
    assert not dependencies.is_of_tools(path)


def test_golang_x_is_always_0_and_its_second_number_no_major_version() -> None:
    before, after = (
        f"module a\n\nrequire (\n\tgolang.org/x/crypto v0.{n}.0\n\tgithub.com/a/b v0.{n}.0\n)\n" for n in (53, 54)
    )
    said = locked("go.mod", before, after)
    assert [one for one in said if "crypto" in one] == ["1 upgraded within a major version: golang.org/x/crypto"]
    assert [one for one in said if "a/b" in one and "which may break" in one]


def test_facts_of_two_lock_files_name_their_files() -> None:
    facts = [
        one for path, name in (("a/uv.lock", "one"), ("b/requirements.txt", "two"))
        for one in dependencies.findings_of(path, *_pins(path, name), Advisories())
    ]  # fmt: skip
    assert [one.sentence for one in grouped(facts)] == [
        "a/uv.lock: 1 upgraded within a major version: one",
        "b/requirements.txt: 1 upgraded within a major version: two",
    ]
    assert [one.sentence for one in grouped(facts[:1])] == ["1 upgraded within a major version: one"]


def _pins(path: str, name: str) -> tuple[str, str]:
    if path.endswith(".txt"):
        return f"{name}==1.0\n", f"{name}==1.1\n"
    one, other = (f'version = 1\n[[package]]\nname = "{name}"\nversion = "1.{n}"\n' for n in (0, 1))
    return one, other


def test_files_that_come_and_go_within_a_release_are_no_lines_of_it(tmp_path: Path) -> None:
    it = Repository(tmp_path / "shop")
    it.commit("Begin", {"src/a.py": "x = 1\n"})
    it.git("tag", "v1")
    it.commit("Add a script", {"scripts/once.py": "y = 1\n" * 500})
    it.commit("Remove it", {"scripts/once.py": None, "src/a.py": "x = 2\n"})
    (source,) = [one for one in ask(it).assessment.factors if one.factor is RiskFactor.COMPLEXITY]
    assert source.sentence == "2 lines of source in `src/`"
    steps = [("a.py", "", False), ("a.py", "a.py", True), ("a.py", "", False)]
    kept = [Change("a" * 40, (), "ada", 0, 0, "", (FilePatch(p, b, 3, 0, gone=g),)) for p, b, g in steps]
    assert sizes_of(kept)[RiskFactor.COMPLEXITY] == 9, "it is there at the end"


def test_translations_are_no_configuration(tmp_path: Path) -> None:
    it = Repository(tmp_path / "shop")
    it.commit("Begin", {"src/a.py": "x = 1\n"})
    it.git("tag", "v1")
    it.commit("Translate", {"public/intl/messages/de.json": "{}\n", "src/i18n/fr.json": "{}\n", "app.toml": "a = 1\n"})
    (found,) = [one for one in ask(it).assessment.factors if one.factor is RiskFactor.INFRASTRUCTURE]
    assert found.sentence == "1 line of configuration"


def test_a_base_image_is_said_and_is_no_thing_to_act_on() -> None:
    patch = FilePatch("Dockerfile", "Dockerfile", 1, 1)
    images = {"Dockerfile": ("FROM alpine:3.23\nRUN a\n", "FROM alpine:3.24\nRUN a\n")}
    (found,) = infrastructure.findings_of([patch], (), images)
    assert (found.sentence, found.mitigation) == ("container image: alpine 3.23 → 3.24", "")
    both = "FROM a/musl:x-1\nFROM a/musl:arm-1\n"
    (several,) = infrastructure.findings_of([patch], (), {"Dockerfile": (both, both.replace("-1", "-2"))})
    assert several.sentence == "container image: musl x-1 → x-2"
    (more,) = infrastructure.findings_of([FilePatch("Dockerfile", "Dockerfile", 30, 2)], (), images)
    assert "32 lines in 1 file; alpine 3.23 → 3.24" in more.sentence
    assert more.mitigation


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Merge pull request #7 from ada/till\n\nFix the till", "Fix the till"),
        ("Merge branch '4.0.x' into 4.1.x\n\n* 4.0.x:\n  Fix the till\n  Say it\n", "Fix the till"),
        ("Merge branch '4.0.x' into 4.1.x", "Merge branch '4.0.x' into 4.1.x"),
        ("Merge branch 'a'\n\n# Conflicts:\n#\tb.py\n", "Merge branch 'a'"),
    ],
)
def test_a_merge_is_named_by_what_it_brings(message: str, title: str) -> None:
    assert Change("a" * 40, ("b" * 40, "c" * 40), "ada", 0, 0, message, ()).title == title


def test_an_address_that_could_be_anybodys_is_said_whole() -> None:
    assert person("github@mailtm.org") == "github@mailtm.org"
    assert person("ada@example.org") == "ada"


def test_source_files_that_nobody_can_read_are_named() -> None:
    def told(count: int) -> str:
        one = FilePatch(path="", before="a", added=0, deleted=0, unread=True)
        (found,) = unread.findings_of([replace(one, path=f"src/{n}.py") for n in range(count)], ())
        return found.sentence

    assert told(1) == "1 source file is not read: it holds NUL bytes, or megabytes"
    assert told(2).endswith(" or megabytes: src/0.py, src/1.py")
    assert told(6).endswith("src/0.py, src/1.py, src/2.py, src/3.py and 2 more")
