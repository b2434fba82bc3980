"""Migrations that users bring, and what each does on its way forward (R17). The id names the fault's public report."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pilotage.model.change import FileKind
from pilotage.model.file_kind import kind_of
from pilotage.model.risk import RiskLevel
from pilotage.risk.migrations import findings_of, forward_sql

from .evidence import DATA

CRITICAL, HIGH, MEDIUM = RiskLevel.CRITICAL, RiskLevel.HIGH, RiskLevel.MEDIUM
SQL, RUBY = "db/migrations/0002_x.sql", "db/migrate/20240101000000_x.rb"
DJANGO, ALEMBIC = "app/migrations/0002_x.py", "alembic/versions/ab12_x.py"


def said(path: str, text: str) -> list[tuple[RiskLevel, str]]:
    """Level and sentence of each finding, of a file that counts as a migration."""
    assert kind_of(path) is FileKind.MIGRATION
    return [(f.level, f.sentence) for f in findings_of(path, text)]


def check(path: str, text: str, *wanted: tuple[RiskLevel, str]) -> None:
    """Exactly these findings, each by its level and some of its words."""
    found = said(path, text)
    assert len(found) == len(wanted), found
    for (level, sentence), (right, words) in zip(found, wanted, strict=True):
        assert (level, words in sentence) == (right, True), (sentence, words)


# ── which way it runs ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "file"),
    [
        pytest.param(SQL, "goose.sql", id="pressly/goose#116, ariga/atlas#3792"),
        pytest.param(SQL, "dbmate.sql", id="amacneil/dbmate#472, flexprice/flexprice#2702"),
        pytest.param("migrations/000002_x.down.sql", "drop.sql", id="golang-migrate's two files"),
        pytest.param("db/migration/U2__x.sql", "drop.sql", id="Flyway's undo"),
        pytest.param(RUBY, "rails_reversible.rb", id="ankane/strong_migrations#153"),
    ],
)
def test_the_way_back_is_no_part_of_a_release(path: str, file: str) -> None:
    check(path, (DATA / "migrations" / file).read_text())


UP = "ALTER TABLE a ADD COLUMN b int;"
DOWN = "DROP TABLE a;"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (SQL, f"-- +migrate Up notransaction\n{UP}\n-- +migrate Down\n{DOWN}"),
        (SQL, f"-- migrate:up transaction:false\n{UP}\n-- migrate:down transaction:false\n{DOWN}"),
        (SQL, f"-- +goose Up\r\n{UP}\r\n-- +goose Down\r\n{DOWN}"),
        (SQL, f"-- +goose Up\n-- +goose StatementBegin\n{UP}\n-- +goose StatementEnd\n-- +goose Down\n{DOWN}"),
        (SQL, f"-- Up Migration\n{UP}\n-- Down Migration\n{DOWN}"),
        (SQL, f"# --- !Ups\n{UP}\n# --- !Downs\n{DOWN}"),
        (SQL, f"{UP}\n-- //@UNDO\n{DOWN}"),
        (SQL, f"--liquibase formatted sql\n--changeset a:1\n{UP}\n--rollback {DOWN}"),
        ("migrations/2024_x/down.sql", DOWN),
        ("migrations/20240101_x.undo.sql", DOWN),
        ("migrations/sqls/20240101-x-down.sql", DOWN),
        (RUBY, "def change\n  reversible do |dir|\n    dir.down do\n      drop_table :a\n    end\n  end\nend\n"),
        (RUBY, "def change\n  reversible do |dir|\n    dir.down {\n      drop_table :a\n    }\n  end\nend\n"),
        (ALEMBIC, "def upgrade_one():\n    pass\ndef downgrade_one():\n    op.drop_table('a')\n"),
        (DJANGO, "def back(apps, e):\n    e.execute('DROP TABLE a')\nRunPython(noop, back)\n"),
        (DJANGO, "RunSQL('SELECT 1', 'DROP TABLE a')\n"),
        (DJANGO, "SeparateDatabaseAndState([], [DeleteModel('A')])\n"),
        ("db/changelog/1.yaml", "databaseChangeLog:\n- changeSet:\n    rollback:\n    - dropTable: {tableName: a}\n"),
    ],
)  # fmt: skip
def test_the_way_back_of_every_tool_is_left_out(path: str, text: str) -> None:
    check(path, text)
    assert DOWN not in forward_sql(path, text).replace(f"--rollback {DOWN}", "")


@pytest.mark.parametrize(
    "text",
    [
        f"-- +goose Up\n{DOWN}\n-- +goose Down\n{UP}",
        f"-- +goose Down\n{UP}\n-- +goose Up\n{DOWN}",
        f"-- down with old tables\n{DOWN}",
        f"-- Down\n{DOWN}",
        DOWN,
    ],
)
def test_what_runs_forward_is_still_found(text: str) -> None:
    check(SQL, text, (CRITICAL, "drops table a"))


# ── which database ─────────────────────────────────────────────────────────────────────────────────────────


def test_mysql_is_read_as_mysql() -> None:
    """be-wise-be-kind/thai-lint#252, objectstack-ai/objectstack#9381. InnoDB builds indexes while writes go on."""
    check(
        SQL,
        (DATA / "migrations" / "mysql.sql").read_text(),
        (HIGH, "changes the type of foo.a"),
        (HIGH, "renames foo.a to b"),
        (HIGH, "changes the type of foo.b"),
        (CRITICAL, "drops table bar"),
    )


def test_sql_server_is_read_as_sql_server() -> None:
    check(
        SQL,
        (DATA / "migrations" / "tsql.sql").read_text(),
        (CRITICAL, "drops column foo.a"),
        (HIGH, "renames something of a"),
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ALTER TABLE `foo` CHANGE `a` `a` BIGINT;", [(HIGH, "changes the type of foo.a")]),
        ("RENAME TABLE a TO b;", [(HIGH, "renames something of a")]),
        ("ALTER TABLE `a` DROP `b`;", [(CRITICAL, "drops column a.b")]),
        ("ALTER TABLE a ADD UNIQUE KEY k (b);", []),
        ("ALTER TABLE a CONVERT TO CHARACTER SET utf8mb4;", [(HIGH, "changes the type of columns of a")]),
        ("ALTER TABLE [dbo].[foo] ALTER COLUMN [a] bigint NOT NULL;", [(HIGH, "changes the type of foo.a")]),
        ("IF EXISTS (SELECT 1 FROM x)\n  DROP TABLE [dbo].[foo]\nGO\n", [(CRITICAL, "drops table foo")]),
        ("DROP TABLE [dbo].[foo], [bar];", [(CRITICAL, "drops table foo"), (CRITICAL, "drops table bar")]),
        ("CREATE NONCLUSTERED INDEX i ON [foo] (a) WITH (ONLINE = ON);", []),
        ("CREATE NONCLUSTERED INDEX i ON [foo] (a);", [(MEDIUM, "builds an index on foo")]),
        ("ALTER TABLE a MODIFY (b NUMBER(3));", [(HIGH, "changes the type of columns of a")]),
        ("DO $$ BEGIN DROP TABLE foo; END $$;", [(CRITICAL, "drops table foo")]),
        ("DO $$ BEGIN CREATE TYPE x AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN null; END $$;", []),
        ("-- the `foo` table\nCREATE INDEX i ON foo (a);", [(MEDIUM, "builds an index on foo")]),
        ("\\connect shop\nDROP TABLE foo;", [(CRITICAL, "drops table foo")]),
        ("DROP TABLE a, b;", [(CRITICAL, "drops table a"), (CRITICAL, "drops table b")]),
        ("TRUNCATE a, b;", [(CRITICAL, "empties table a"), (CRITICAL, "empties table b")]),
        ("ALTER TABLE a VALIDATE CONSTRAINT c; CREATE INDEX i ON a (b);", [(MEDIUM, "builds an index on a")]),
        ("INSERT INTO a VALUES ('use `b`'); CREATE INDEX i ON a (b);", [(MEDIUM, "builds an index on a")]),
        ("COPY a (b) FROM stdin;\nDROP TABLE b;\n\\.\nDROP TABLE c;", [(CRITICAL, "drops table c")]),
        ("ALTER INDEX i RENAME TO j; DROP POLICY p ON a; REPLACE INTO a VALUES (1);", []),
        ("UPDATE a JOIN b ON a.x = b.x SET a.y = 1;", []),
        ("ALTER TABLE [a] ADD CONSTRAINT [d] DEFAULT 0 FOR [b];\nGO\n", []),
        ("ALTER TABLE a OWNER TO b; COMMENT ON TABLE a IS 'x'; GRANT SELECT ON a TO b;", []),
        ("ALTER TABLE a RENAME CONSTRAINT b TO c; ALTER TYPE x ADD VALUE 'a';", []),
        ("ALTER TABLE a SET SCHEMA b;", [(HIGH, "renames something of a")]),
        ("PRAGMA foreign_keys=OFF;\nCREATE TABLE new_a (b int);\nINSERT INTO new_a SELECT b FROM a;\nDROP TABLE a;\n"
         "ALTER TABLE new_a RENAME TO a;", [(HIGH, "rebuilds table a from a copy")]),
    ],
)  # fmt: skip
def test_dialects(text: str, wanted: list[tuple[RiskLevel, str]]) -> None:
    check(SQL, text, *wanted)


# ── what is not read ───────────────────────────────────────────────────────────────────────────────────────


def test_drizzle_writes_migrations() -> None:
    """stella/stella#710."""
    text = (DATA / "migrations" / "drizzle.sql").read_text()
    check("drizzle/0002_x.sql", text, (CRITICAL, "drops column a.y"))
    check("packages/db/drizzle/0002_x.sql", text.replace(";", ""), (CRITICAL, "drops column a.y"))


@pytest.mark.parametrize(
    "path",
    [
        "migrations/20240101_x.js",
        "src/migrations/1700000000000-x.ts",
        "migrations/20240101_x.mjs",
        "database/migrations/2024_01_01_000000_x.php",
        "migrations/Version20240101000000.php",
        "priv/repo/migrations/20240101000000_x.exs",
        "Data/Migrations/20240101000000_X.cs",
        "db/migrations/00002_x.go",
        "src/main/java/db/migration/V2__x.java",
        "dbschema/migrations/00002.edgeql",
    ],
)
def test_a_migration_that_is_not_read_is_a_finding(path: str) -> None:
    lost = () if path.endswith(".edgeql") else ((CRITICAL, "drops table foo (dropTable)"),)
    check(path, (DATA / "migrations" / "knex.js").read_text(), *lost, (MEDIUM, "a migration that is not read here"))


@pytest.mark.parametrize(
    "path",
    ["Migrations/20240101000000_X.Designer.cs", "Migrations/AppDbContextModelSnapshot.cs", "src/migrations/run.ts"],
)
def test_what_stands_beside_migrations_is_none(path: str) -> None:
    assert kind_of(path) is not FileKind.MIGRATION


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (SQL, "EXEC('SELECT ' + @x)"),
        (SQL, "CALL rebuild_everything();"),
        (ALEMBIC, "def upgrade():\n    op.execute(open('x.sql').read())\n"),
        (DJANGO, "RunSQL(sql=Path('x.sql').read_text())\n"),
        (RUBY, "def up\n  execute File.read('x.sql')\nend\n"),
        ("db/changelog/1.xml", "<changeSet><sqlFile path='x.sql'/></changeSet>"),
        ("db/changelog/1.yaml", "a: [\n"),
    ],
)
def test_what_cannot_be_read_in_a_migration_is_a_finding(path: str, text: str) -> None:
    ((level, sentence),) = said(path, text)
    assert (level, sentence.endswith(": review it by hand")) == (MEDIUM, True)


# ── operations ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "file", "wanted"),
    [
        pytest.param(SQL, "validated.sql", [], id="sbdchd/squawk#628, #300"),
        pytest.param(SQL, "unique.sql", [(MEDIUM, "adds foo.u with an index"), (MEDIUM, "locks bar as well")],
                     id="3YOURMIND/django-migration-linter#309"),
        pytest.param(DJANGO, "django_index.py.txt",
                     [(MEDIUM, "adds m.f with an index"), (MEDIUM, "adds m.u with an index")],
                     id="3YOURMIND/django-migration-linter#251"),
        pytest.param(DJANGO, "django_created.py.txt", [], id="3YOURMIND/django-migration-linter#16"),
        pytest.param(DJANGO, "django_sql.py.txt",
                     [(CRITICAL, "drops table foo"), (CRITICAL, "deletes every row of bar")],
                     id="scaleapi/scale-agentex#225"),
        pytest.param(ALEMBIC, "alembic_required.py.txt", [(HIGH, "adds t.c, not null and without a default")],
                     id="abrt/faf#591, sqlalchemy/alembic#1838"),
        pytest.param(ALEMBIC, "alembic_created.py.txt", [], id="3YOURMIND/django-migration-linter#16 (Alembic)"),
        pytest.param(ALEMBIC, "alembic_text.py.txt",
                     [(CRITICAL, "drops table foo"), (CRITICAL, "deletes every row of x")],
                     id="scaleapi/scale-agentex#225 (Alembic)"),
        pytest.param(RUBY, "rails_concurrently.rb", [], id="ankane/strong_migrations#269"),
        pytest.param(RUBY, "rails_assured.rb", [(CRITICAL, "drops column users.name"), (CRITICAL, "drops table foo")],
                     id="18F/identity-idp#3506, alphagov/notifications-api#3903"),
        pytest.param(RUBY, "rails_references.rb",
                     [(MEDIUM, "adds a foreign key from a to c"), (CRITICAL, "drops column a.d_id"),
                      (CRITICAL, "drops join table a, b")],
                     id="drop_join_table, remove_reference, add_foreign_key"),
    ],
)  # fmt: skip
def test_operations_that_users_write(path: str, file: str, wanted: list[tuple[RiskLevel, str]]) -> None:
    check(path, (DATA / "migrations" / file).read_text(), *wanted)


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        (SQL, "ALTER TABLE t ALTER a SET NOT NULL;", [(MEDIUM, "forbids nulls in t.a")]),
        (SQL, "ALTER TABLE t VALIDATE CONSTRAINT t_a_not_null; ALTER TABLE t ALTER a SET NOT NULL;", []),
        (SQL, "ALTER TABLE t ADD CONSTRAINT n CHECK (b IS NOT NULL) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT n;"
              "ALTER TABLE t ALTER a SET NOT NULL;", [(MEDIUM, "forbids nulls in t.a")]),
        (SQL, "ALTER TABLE t ADD CONSTRAINT n CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE t ALTER a SET NOT NULL;",
         [(MEDIUM, "forbids nulls in t.a")]),
        (SQL, "DROP TABLE t; CREATE TABLE t (a int);", [(CRITICAL, "drops table t")]),
        (SQL, "CREATE TABLE t (a int); DROP TABLE t;", []),
        (ALEMBIC, "op.add_column('t', sa.Column('c', sa.Integer(), nullable=False, server_default='0'))", []),
        (ALEMBIC, "op.add_column('t', sa.Column('c', sa.Integer(), sa.ForeignKey('o.id'), unique=True))",
         [(MEDIUM, "adds t.c with an index"), (MEDIUM, "adds t.c with a foreign key")]),
        (ALEMBIC, "with op.batch_alter_table('t') as b:\n    b.add_column(sa.Column('c', X, nullable=False))\n",
         [(HIGH, "adds t.c, not null")]),
        (ALEMBIC, "op.create_table('t')\nwith op.batch_alter_table('t') as b:\n    b.create_index('i', ['c'])\n", []),
        (ALEMBIC, "op.alter_column('t', 'a', new_column_name='b')", [(HIGH, "renames a column")]),
        (ALEMBIC, "op.create_foreign_key('f', 't', 'o', ['a'], ['b'])", [(MEDIUM, "adds a constraint")]),
        (ALEMBIC, "op.create_unique_constraint('u', 't', ['a'])", [(MEDIUM, "builds its index")]),
        (ALEMBIC, "Q = 'DROP TABLE t'\ndef upgrade():\n    op.execute(Q)\n", [(CRITICAL, "drops table t")]),
        (ALEMBIC, "op.get_bind().execute(sa.text('DROP TABLE {}'.format(t)))", [(CRITICAL, "drops table")]),
        (ALEMBIC, "Q: sa.TextClause = sa.text('DROP TABLE t')\ndef upgrade():\n    op.get_bind().execute(Q, {})\n",
         [(CRITICAL, "drops table t")]),
        (ALEMBIC, "bind.execute(rules.update().where(rules.c.id == 1).values(a=2))", []),
        (ALEMBIC, "bind.execute(rules.update().values(a=2))", [(CRITICAL, "rewrites every row of rules")]),
        (ALEMBIC, "op.execute(sa.delete(rules))", [(CRITICAL, "deletes every row of rules")]),
        (RUBY, "execute \"DELETE FROM \\\"a\\\" WHERE b = 1\"", []),
        (RUBY, "execute \"DROP TABLE \\\"a\\\"\"", [(CRITICAL, "drops table a")]),
        (ALEMBIC, "rows = bind.execute(sa.select(t.c.a))", []),
        (DJANGO, "AddField('m', 'f', models.BooleanField(default=False))", [(HIGH, "adds m.f, not null")]),
        (DJANGO, "AddField('m', 'f', models.BooleanField(db_default=False))", []),
        (DJANGO, "AddField('m', 'f', models.ManyToManyField('o'))", []),
        (DJANGO, "AddField('m', 'f', models.ForeignKey('o', null=True, db_index=False))", [(MEDIUM, "a foreign key")]),
        (DJANGO, "AlterField('m', 'f', models.CharField(unique=True))", [(MEDIUM, "changes m.f with an index")]),
        (DJANGO, "AlterField('m', 'f', models.ForeignKey('o', on_delete=CASCADE))", []),
        (DJANGO, "AddField('m', 'f', models.SlugField(null=True))", [(MEDIUM, "adds m.f with an index")]),
        (DJANGO, "CreateModel(name='M')\nAddConstraint(model_name='m', constraint=c)\nRemoveField('m', 'f')\n", []),
        (DJANGO, "RunSQL(['DROP TABLE a', ['DELETE FROM b', None]])",
         [(CRITICAL, "drops table a"), (CRITICAL, "deletes")]),
        (DJANGO, "def f(apps, e):\n    apps.get_model('a', 'M').objects.all().delete()\nRunPython(f)\n",
         [(CRITICAL, "deletes every row")]),
        (DJANGO, "def f(apps, e):\n    M.objects.filter(a=1).delete()\nRunPython(f, RunPython.noop)\n", []),
        (RUBY, "def up\n  execute <<~SQL\n    DROP TABLE a;\n  SQL\nend\n", [(CRITICAL, "drops table a")]),
        (RUBY, "def up\n  execute(\"DELETE FROM #{table}\")\nend\n", [(CRITICAL, "deletes every row of x")]),
        (RUBY, "change_table :a do |t|\n  t.remove :b\n  t.rename :c, :d\nend\n",
         [(CRITICAL, "drops column b"), (HIGH, "renames column c")]),
        (RUBY, "add_reference :a, :b, foreign_key: true", [(MEDIUM, "builds an index on a"), (MEDIUM, "foreign key")]),
        (RUBY, "add_reference :a, :b, index: {algorithm: :concurrently}", []),
        (RUBY, "create_table :a do |t|\n  t.index :b\nend\nadd_foreign_key :a, :b\nadd_reference :a, :c\n", []),
        (RUBY, "add_column :a, :b, :integer, null: false", [(HIGH, "adds a.b, not null")]),
        (RUBY, "add_column :a, :b, :integer, null: false, default: 0", []),
        (RUBY, "add_index :a, :b\nadd_index :c, :d, algorithm: :concurrently\n", [(MEDIUM, "builds an index on a")]),
        (RUBY, "validate_check_constraint :a, name: 'n'\nchange_column_null :a, :b, false\n", []),
        (RUBY, "User.delete_all", [(CRITICAL, "deletes every row of User")]),
        ("db/changelog/1.xml", "<createTable tableName='a'/><createIndex tableName='a'/><createIndex tableName='b'/>",
         [(MEDIUM, "createIndex of Liquibase (b)")]),
        ("db/changelog/1.xml", "<sql>DROP TABLE a;</sql>", [(CRITICAL, "drops table a")]),
        ("db/changelog/1.yaml", "- sql:\n    sql: DROP TABLE a\n- dropColumn: {tableName: b, columnName: c}\n",
         [(CRITICAL, "drops table a"), (CRITICAL, "dropColumn of Liquibase (b.c)")]),
    ],
)  # fmt: skip
def test_operations_and_their_siblings(path: str, text: str, wanted: list[tuple[RiskLevel, str]]) -> None:
    check(path, text, *wanted)


# ── no migration stops an assessment ───────────────────────────────────────────────────────────────────────

WORDS = [
    *(
        "ALTER TABLE",
        "DROP",
        "COLUMN",
        "ADD",
        "CONSTRAINT",
        "CHECK",
        "NOT NULL",
        "RENAME TO",
        "CREATE",
        "INDEX",
        "ON",
        "MODIFY",
    ),
    *(
        "CHANGE",
        "IF EXISTS",
        "BEGIN",
        "END",
        "EXEC",
        "sp_rename",
        "TRUNCATE",
        "DELETE",
        "UPDATE",
        "FROM",
        "WHERE",
        "SET",
        "TYPE",
    ),
    *(
        "UNIQUE",
        "REFERENCES",
        "DEFAULT",
        "USING",
        "VALIDATE",
        "DO $$",
        "GO",
        "DECLARE",
        "MERGE INTO",
        "WITH",
        "AS",
        "SELECT",
    ),
    *(
        "PARTITION",
        "VALUES",
        "IN",
        "CASE",
        "WHEN",
        "a",
        "foo.b",
        "1",
        "'x'",
        "::",
        "->",
        "@x",
        "[a]",
        "`a`",
        "`",
        "[",
        "]",
        "(",
        ")",
    ),
    *(
        ",",
        ";",
        "'",
        '"',
        ".",
        "*",
        "=",
        "{",
        "}",
        "#{",
        "execute",
        "drop_table",
        ":a",
        "<<~SQL",
        "RunSQL(",
        "op.",
        "<sql>",
    ),
]


@given(
    st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join),
    st.sampled_from([SQL, RUBY, DJANGO, "db/changelog/1.xml"]),
)
@example("ALTER TABLE a ADD COLUMN", SQL)
@example("EXEC", SQL)
def test_no_sequence_of_words_is_an_internal_error(text: str, path: str) -> None:
    assert isinstance(findings_of(path, text), list)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SELECT 1 FROM a\nDROP TABLE b", ["drops table b"]),
        (
            "UPDATE a SET x = 1 WHERE y = 2\nDROP TABLE b\nGO\nALTER TABLE c DROP COLUMN d",
            ["drops table b", "drops column c.d"],
        ),
        (
            "INSERT INTO a VALUES (1)\n\nALTER TABLE a DROP COLUMN b\nTRUNCATE TABLE c",
            ["drops column b", "empties table c"],
        ),
        ("SELECT x INTO #t FROM a\nDROP TABLE #t", []),
        ("SELECT 1\nDELETE FROM a WHERE b = 1", []),
    ],
)
def test_a_statement_behind_another_one_without_a_semicolon_is_read(text: str, wanted: list[str]) -> None:
    """T-SQL needs none, and hardly anybody writes them: what stood behind a SELECT, INSERT or UPDATE was nothing."""
    found = [finding.sentence for finding in findings_of("db/mssql/1.sql", text)]
    assert sorted(found) == sorted(wanted)
    assert bool(findings_of("db/migrate/1.sql", text)) is bool(wanted)
