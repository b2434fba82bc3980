"""Migrations that grow in one file or come in several: only what a release brings and runs counts (R17)."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import indent

import pytest

from pilotage.model.change import FileKind
from pilotage.model.file_kind import kind_of
from pilotage.model.risk import RiskLevel
from pilotage.risk.migrations import findings_of, forward_sql
from tests.cases.history import History
from tests.cases.test_migrations import CRITICAL, HIGH, MEDIUM, SQL


def said(path: str, text: str, before: str = "") -> list[tuple[RiskLevel, str]]:
    assert kind_of(path) is FileKind.MIGRATION
    return [(f.level, f.sentence) for f in findings_of(path, text, before)]


def xml(*sets: str) -> str:
    inner = "".join(f'<changeSet id="{at}" author="ada">{one}</changeSet>' for at, one in enumerate(sets))
    return f'<?xml version="1.1" encoding="UTF-8"?>\n<databaseChangeLog xmlns="http://x">{inner}</databaseChangeLog>\n'


def as_json(*sets: dict[str, object]) -> str:
    made = [{"changeSet": {"id": at, "author": "ada", "changes": [one]}} for at, one in enumerate(sets)]
    return json.dumps({"databaseChangeLog": made})


def as_yaml(*sets: str) -> str:
    head = "- changeSet:\n    id: {}\n    author: ada\n    changes:\n"
    return "databaseChangeLog:\n" + "".join(head.format(at) + indent(one, "    ") for at, one in enumerate(sets))


def as_sql(*sets: str) -> str:
    return "--liquibase formatted sql\n" + "".join(f"--changeset ada:{at}\n{one}\n" for at, one in enumerate(sets))


DROP_A, DROP_B = '<dropColumn tableName="t" columnName="a"/>', '<dropColumn tableName="t" columnName="b"/>'
CHANGELOGS = {
    "db/changelog/db.changelog-master.xml": (xml(DROP_A), xml(DROP_A, DROP_B), "(t.b)"),
    "changelog.yaml in db/changelog": (
        as_yaml("- dropTable: {tableName: a}\n"),
        as_yaml("- dropTable: {tableName: a}\n", "- dropTable:\n    tableName: b\n"), "(b)",
    ),
    "db/changelog/changes.json": (
        as_json({"dropTable": {"tableName": "a"}}),
        as_json({"dropTable": {"tableName": "a"}}, {"dropTable": {"tableName": "b"}}), "(b)",
    ),
    "db/changelog/changes.sql": (as_sql("DROP TABLE a;"), as_sql("DROP TABLE a;", "DROP TABLE b;"), "drops table b"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "texts"), CHANGELOGS.items(), ids=CHANGELOGS)
def test_the_change_sets_that_a_changelog_had_before_are_no_part_of_a_release(
    path: str, texts: tuple[str, str, str]
) -> None:
    """The same column, dropped by a change set of years ago, is none; one that another drops is."""
    path = "db/changelog/changelog.yaml" if " in " in path else path
    before, after, words = texts
    ((level, sentence),) = said(path, after, before)
    assert (level, sentence.endswith(words)) == (CRITICAL, True), sentence
    assert said(path, before, before) == []
    assert said(path, before.replace("\n", "\r\n"), before) == [], "line ends are no change"
    assert len(said(path, after)) == 2, "a new changelog runs whole"


def test_a_table_that_an_older_change_set_created_is_in_use() -> None:
    old = xml('<createTable tableName="a"><column name="b" type="int"/></createTable>')
    new = xml('<createTable tableName="a"><column name="b" type="int"/></createTable>', '<createIndex tableName="a"/>')
    assert said("liquibase/x.xml", new) == []
    assert said("liquibase/x.xml", new, old) == [(MEDIUM, "createIndex of Liquibase (a)")]
    assert "a" not in forward_sql("db/changelog/x.sql", as_sql("DROP TABLE a;"), as_sql("DROP TABLE a;")).split()


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ('<update tableName="t"><column name="a" value="1"/></update>', [(CRITICAL, "update of Liquibase (t)")]),
        ('<update tableName="t"><column name="a" value="1"/><where>a IS NULL</where></update>', []),
        ('<delete tableName="t"/>', [(CRITICAL, "delete of Liquibase (t)")]),
        ('<delete tableName="t"><where>a = 1</where></delete>', []),
        ('<addColumn tableName="t"><column name="c" type="int"><constraints nullable="false"/></column></addColumn>',
         [(HIGH, "adds t.c, not null and without a default: the old version cannot insert")]),
        ('<addColumn tableName="t"><column name="c" type="int" defaultValueNumeric="0"><constraints nullable="false"'
         ' unique="true"/></column></addColumn>',
         [(MEDIUM, "adds t.c with an index, which is built while writes wait")]),
        ('<addColumn tableName="t"><column name="c" type="int"><constraints foreignKeyName="f" references="o(id)"/>'
         "</column></addColumn>", [(MEDIUM, "adds t.c with a foreign key, which locks the other table as well")]),
        ('<dropColumn tableName="t"><column name="a"/><column name="b"/></dropColumn>',
         [(CRITICAL, "dropColumn of Liquibase (t.a, b)")]),
        ('<dropView viewName="v"/>', [(HIGH, "dropView of Liquibase (v)")]),
        ('<renameSequence oldSequenceName="s" newSequenceName="r"/>', [(HIGH, "renameSequence of Liquibase (s)")]),
        ('<addForeignKeyConstraint baseTableName="t" validate="false"/>', []),
        ("<sql>DELETE FROM t WHERE a &lt; 3</sql>", []),
        ("<sql><comment>DROP TABLE x</comment>DROP TABLE t</sql>", [(CRITICAL, "drops table t")]),
        ("<sql><![CDATA[DROP TABLE t]]></sql>", [(CRITICAL, "drops table t")]),
        ("<comment>we drop it</comment><rollback><dropTable tableName='t'/></rollback>", []),
        ("<preConditions><sqlCheck expectedResult='0'>SELECT 1</sqlCheck></preConditions>", []),
        ("<sqlFile path='x.sql'/>",
         [(MEDIUM, "sqlFile of Liquibase, which is not read here (x.sql): review it by hand")]),
        ("<x:dropTable tableName='t'/>", [(CRITICAL, "dropTable of Liquibase (t)")]),
    ],
)  # fmt: skip
def test_operations_of_liquibase(change: str, wanted: list[tuple[RiskLevel, str]]) -> None:
    text = xml(change)
    assert said("src/main/resources/db/changelog/1.xml", text) == wanted
    assert said("changelog-1.0.xml", text.replace("databaseChangeLog", "lb:databaseChangeLog")) == wanted


@pytest.mark.parametrize("text", ["<a><b></a>", "a: [\n", '<!DOCTYPE x [<!ENTITY y "z">]><x>&y;</x>', "<a>" * 200])
def test_a_changelog_that_cannot_be_read_is_a_finding(text: str) -> None:
    assert said("db/changelog/1.xml", text) == [(MEDIUM, "unreadable changelog: review it by hand")]


# ── files that a release does not run ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path",
    [
        "revert/users.sql",
        "verify/users.sql",
        "db/sqitch/deploy/users@v1.0.sql",
        "db/down/0002_x.sql",
        "db/migration/B2__base.sql",
        "db/structure.sql",
        "migrations/000002_x.down.json",
    ],
)
def test_the_way_back_and_what_no_release_runs_is_left_out(path: str) -> None:
    """Sqitch, grate, Flyway's baselines, mysqldump for Rails (which drops each table before it creates it), MongoDB."""
    assert said(path, "DROP TABLE a;") == []
    assert forward_sql(path, "DROP TABLE a;") == ""


@pytest.mark.parametrize(
    "path",
    [
        "deploy/users.sql",
        "db/up/0002_x.sql",
        "sql/R__prices.sql",
        "conf/evolutions/default/2.sql",
        "scripts/20240101000000_x.sql",
        "Scripts/Script0002 - Prices.sql",
        "drizzle/20240101_x/migration.sql",
        "supabase/migrations/20240101000000_x.sql",
        "hasura/migrations/default/1620000000_x/up.sql",
        "prisma/migrations/20240101_x/migration.sql",
        "dojo/db_migrations/0002_x.sql",
        "sql-migrations/0002_x.sql",
    ],
)
def test_the_way_forward_of_every_tool_is_read(path: str) -> None:
    assert said(path, "DROP TABLE a;") == [(CRITICAL, "drops table a")]


@pytest.mark.parametrize(
    "path",
    [
        "src/migrations/Migration20240101000000.ts",
        "src/migrations/1700000000000-X.mts",
        "migrations/m240101_000000_x.php",
        "src/Migrations/202401010000_X.cs",
        "src/Migrations/M0002_X.cs",
        "grails-app/migrations/changelog-2.groovy",
        "migrations/000002_x.up.json",
    ],
)
def test_what_is_not_read_here_is_never_nothing(path: str) -> None:
    """MikroORM, TypeORM, Yii, FluentMigrator, Grails, golang-migrate with MongoDB."""
    ((level, sentence),) = said(path, '[{"drop": "users"}]')
    assert (level, sentence.startswith("a migration that is not read here")) == (MEDIUM, True)


@pytest.mark.parametrize(
    "mark", ["-- rambler down", "---- create above / drop below ----", "-- DOWN", "-- +micrate Down", "-- //@UNDO"]
)
def test_the_way_back_below_a_mark_is_left_out(mark: str) -> None:
    """Rambler, tern, Evolve, micrate, MyBatis."""
    assert said(SQL, f"-- up\nALTER TABLE a ADD b int;\n{mark}\nDROP TABLE a;\n") == []


# ── files that are changed ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "old", "added", "words"),
    [
        (SQL, "DROP TABLE a;\n", "DROP TABLE b;\n", "drops table b"),
        ("db/migrate/20240101000000_x.rb", "drop_table :a\n", "drop_table :b\n", "drops table b"),
        ("alembic/versions/ab12_x.py", "op.drop_column('a', 'x')\n", "op.drop_column('a', 'y')\n", "'a' 'y'"),
    ],
)
def test_what_a_migration_did_at_the_last_release_is_no_part_of_this_one(
    path: str, old: str, added: str, words: str
) -> None:
    """A tool runs a file once, whatever is changed in it afterwards: a comment in an old migration drops nothing."""
    assert said(path, f"{old}\n", old) == []
    assert [words in sentence for _, sentence in said(path, old + added, old)] == [True]


@pytest.mark.parametrize("path", ["db/migration/R__prices.sql", "deploy/prices.sql"])
def test_what_runs_again_when_it_is_changed_is_read_whole(path: str) -> None:
    """Flyway's repeatable migrations, and changes that Sqitch reworks."""
    assert said(path, "DROP TABLE a;\nSELECT 1;", "DROP TABLE a;") == [(CRITICAL, "drops table a")]


def test_a_change_of_what_cannot_be_read_is_still_a_finding() -> None:
    assert len(said("migrations/20240101_x.js", "exports.up = y", "exports.up = x")) == 1


def test_the_command_compares_a_changelog_with_the_last_release(tmp_path: Path) -> None:
    """From git on: an old change set, the way back and Sqitch's tests are neither told nor counted."""
    history = History(tmp_path / "shop")
    file = history.folder / "db/changelog/changes.xml"
    file.parent.mkdir(parents=True)
    file.write_text(xml(DROP_A))
    history.commit("feat: a", "README")
    file.write_text(xml(DROP_A, DROP_B))
    for folder in ("deploy", "revert", "verify"):
        (history.folder / folder).mkdir()
        (history.folder / folder / "users.sql").write_text("DROP TABLE users;\n")
    history.commit("feat: b", "README")
    said = history.run("risk", "--repository", str(history.folder), "HEAD~1..HEAD", "--json")
    found = [one["sentence"] for one in json.loads(said)["findings"] if one["factor"] == "database migrations"]
    assert found == ["dropColumn of Liquibase (t.b)", "drops table users"]
    assert "2 migration files" in said
