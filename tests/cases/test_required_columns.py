"""Columns of the same migration, which the old version does not write while both run (R17), and other operations."""

from __future__ import annotations

import pytest

from pilotage.model.risk import RiskLevel
from tests.cases.test_migrations import ALEMBIC, CRITICAL, DJANGO, HIGH, MEDIUM, RUBY, SQL, check

ADD, FILL = "ALTER TABLE t ADD COLUMN c int;", "UPDATE t SET c = 0;"
WITH_DEFAULT = "ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 0;"
AL_ADD = "op.add_column('t', sa.Column('c', sa.Integer(), nullable=True))\n"
AL_DEFAULT = "op.add_column('t', sa.Column('c', sa.Integer(), nullable=False, server_default='0'))\n"
DJ_ADD = "AddField('m', 'f', models.BooleanField(default=False))\n"
REQUIRED = (HIGH, "adds t.c, not null and without a default")
FILLED = (MEDIUM, "fills every row of t at once")


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        (SQL, f"{ADD} {FILL} ALTER TABLE t ALTER COLUMN c SET NOT NULL;", [FILLED, REQUIRED]),
        (SQL, f"{WITH_DEFAULT} ALTER TABLE t ALTER COLUMN c DROP DEFAULT;", [REQUIRED]),
        (SQL, f"{ADD} ALTER TABLE t ALTER c SET DEFAULT 1; ALTER TABLE t ALTER c SET NOT NULL;", []),
        (SQL, "ALTER TABLE t ADD COLUMN c int NOT NULL; ALTER TABLE t ALTER c DROP NOT NULL;", [REQUIRED]),
        (SQL, "ALTER TABLE t ADD COLUMN c serial NOT NULL;", []),
        (SQL, "ALTER TABLE t ADD (c NUMBER NOT NULL);", [REQUIRED]),
        (SQL, f"{ADD} UPDATE t SET c = 0, d = 1;", [(CRITICAL, "rewrites every row of t")]),
        (SQL, "ALTER TABLE `t` ADD `c` int NOT NULL DEFAULT 0; ALTER TABLE `t` ALTER `c` DROP DEFAULT;", [REQUIRED]),
        (ALEMBIC, f"{AL_ADD}op.execute('UPDATE t SET c = 1')\nop.alter_column('t', 'c', nullable=False)\n",
         [FILLED, REQUIRED]),
        (ALEMBIC, f"{AL_DEFAULT}op.alter_column('t', 'c', server_default=None)\n", [REQUIRED]),
        (ALEMBIC, f"{AL_DEFAULT}op.alter_column('t', 'c', server_default='1')\n", []),
        (ALEMBIC, "with op.batch_alter_table('t') as b:\n    b.add_column(sa.Column('c', sa.Integer()))\n"
                  "    b.alter_column('c', nullable=False)\n", [REQUIRED]),
        (ALEMBIC, "op.alter_column('t', 'c', nullable=False)", [(MEDIUM, "forbids nulls")]),
        (RUBY, "add_column :t, :c, :integer\nchange_column_null :t, :c, false\n", [REQUIRED]),
        (RUBY, "add_column :t, :c, :integer, default: 0\nchange_column_null :t, :c, false\n", []),
        (RUBY, "add_column :t, :c, :int, null: false, default: 0\nchange_column_default :t, :c, from: 0, to: nil\n",
         [REQUIRED]),
        (RUBY, "add_column :t, :c, :int, null: false, default: 0\nchange_column_default(:t, :c, nil)\n", [REQUIRED]),
        (RUBY, "add_column :users, :c, :integer\nUser.update_all(c: 1)\n", []),
        (RUBY, "add_column :t, :c, :integer\nexecute 'UPDATE t SET c = 1'\n", [FILLED]),
        (DJANGO, f"{DJ_ADD}AddDefaultValue(model_name='m', name='f', value=False)\n", []),
        (DJANGO, f"{DJ_ADD}RunSQL('ALTER TABLE a_m ALTER COLUMN \"f\" SET DEFAULT false')\n", []),
        (DJANGO, f"{DJ_ADD}def fill(apps, e):\n    M.objects.update(f=True)\nRunPython(fill)\n",
         [(HIGH, "adds m.f, not null and without a default of the database")]),
    ],
)  # fmt: skip
def test_operations_that_make_a_new_column_required_stop_the_old_version(
    path: str, text: str, wanted: list[tuple[RiskLevel, str]]
) -> None:
    check(path, text, *wanted)


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        (SQL, "DELETE FROM t WHERE true;", [(CRITICAL, "deletes every row of t")]),
        (SQL, "UPDATE t SET a = 1 WHERE 1 = 1;", [(CRITICAL, "rewrites every row of t")]),
        (SQL, "DELETE FROM t WHERE false; DELETE FROM t WHERE 1 = 2;", []),
        (SQL, "WITH x AS (DELETE FROM t RETURNING *) INSERT INTO o SELECT * FROM x;",
         [(CRITICAL, "deletes every row of t")]),
        (SQL, "WITH x AS (SELECT 1) UPDATE t SET a = 1 FROM x WHERE t.b = x.b;", []),
        (SQL, "BEGIN\n  EXECUTE IMMEDIATE 'DROP TABLE t';\nEND;\n", [(CRITICAL, "drops table t")]),
        (SQL, "BEGIN EXECUTE IMMEDIATE 'DROP ' || x; END;", [(MEDIUM, "not read here")]),
        (SQL, "BEGIN EXECUTE IMMEDIATE x; END;", [(MEDIUM, "SQL that is computed (EXECUTE IMMEDIATE)")]),
        (SQL, "DROP SCHEMA s CASCADE;", [(CRITICAL, "drops schema s")]),
        (SQL, "DROP VIEW v;", [(HIGH, "drops view v, which the old version may still use")]),
        (SQL, "DROP MATERIALIZED VIEW IF EXISTS v; DROP FUNCTION f(int); DROP TYPE x; DROP SEQUENCE s;",
         [(HIGH, "drops view v"), (HIGH, "drops function f"), (HIGH, "drops type x"), (HIGH, "drops sequence s")]),
        (SQL, "DROP VIEW v; CREATE VIEW v AS SELECT 1;", []),
        (SQL, "DROP FUNCTION IF EXISTS f(); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$;", []),
        (SQL, "DROP INDEX i; DROP TRIGGER g ON t; DROP EXTENSION e;", []),
        (SQL, "ALTER TYPE x RENAME VALUE 'a' TO 'b';", [(HIGH, "renames something of x")]),
        (SQL, "ALTER SEQUENCE s RENAME TO r;", [(HIGH, "renames something of s")]),
        (SQL, "ALTER INDEX i RENAME TO j; ALTER TABLE t RENAME CONSTRAINT a TO b;", []),
        (SQL, "ALTER TABLE t ADD COLUMN c int CHECK (c > 0);", [(MEDIUM, "adds t.c with a check")]),
        (SQL, "ALTER TABLE t DROP PARTITION p;", [(CRITICAL, "drops a partition of t")]),
        (SQL, "ALTER TABLE t TRUNCATE PARTITION p;", [(CRITICAL, "empties a partition of t")]),
        (SQL, "DROP TABLE ${schema}.t; ALTER TABLE ${schema}.o DROP COLUMN c;",
         [(CRITICAL, "drops table t"), (CRITICAL, "drops column o.c")]),
        (RUBY, "drop_table :a, :b, if_exists: true\n", [(CRITICAL, "drops table a"), (CRITICAL, "drops table b")]),
        (RUBY, "remove_columns :t, :a, :b, type: :string\n", [(CRITICAL, "column t.a"), (CRITICAL, "column t.b")]),
        (RUBY, "change_table(:t) { |t|\n  t.remove :a, :b\n}\n", [(CRITICAL, "column a"), (CRITICAL, "column b")]),
        (RUBY, "User.in_batches.update_all(a: 1)\n", [(CRITICAL, "rewrites every row of User")]),
        (RUBY, "User.where(a: 1).update_all(a: 2)\n", []),
        (RUBY, "Sequel.migration do\n  up do\n    drop_table(:a)\n  end\n  down do\n    drop_table(:b)\n  end\nend\n",
         [(MEDIUM, "a migration of Sequel, which is read in part"), (CRITICAL, "drops table a")]),
        (RUBY, "ROM::SQL.migration do\n  up { create_table(:a) { } }\n  down { drop_table(:a) }\nend\n",
         [(MEDIUM, "a migration of ROM, which is read in part")]),
        (DJANGO, "def f(apps, e):\n    apps.get_model('a', 'M').objects.all().update(x=1)\nRunPython(f)\n",
         [(CRITICAL, "rewrites every row of a model")]),
        (DJANGO, "def f(apps, e):\n    M.objects.filter(x=2).update(x=1)\n    d.update(a=1)\nRunPython(f)\n", []),
        (ALEMBIC, "op.get_bind()\nBase.metadata.drop_all(bind)\nt.drop(bind)\nsa.Enum(name='x').drop(bind)\n",
         [(CRITICAL, "drops every table"), (CRITICAL, "drops a table"), (HIGH, "drops a type")]),
        (ALEMBIC, "op.get_bind()\nsession.query(User).delete()\nsession.query(User).filter(x).delete()\n",
         [(CRITICAL, "deletes every row")]),
        (ALEMBIC, "from alembic import op\nfrom .tools import rebuild\ndef upgrade():\n    rebuild()\n",
         [(MEDIUM, "functions of other modules that upgrade() calls")]),
        (DJANGO, "class Migration:\n    replaces = [('a', '0001_x')]\n    operations = [DeleteModel('A')]\n", []),
        (DJANGO, "class Migration:\n    operations = [DropIt(), RemoveIndex('m', 'i'), TrigramExtension()]\n",
         [(MEDIUM, "an operation that is not Django's (DropIt)")]),
        (RUBY, "drop_table \"a\", force: :cascade\n", [(CRITICAL, "drops table a")]),
        (RUBY, "create_table :a, force: true do |t|\nend\n", [(CRITICAL, "drops table a, if there is one")]),
        (RUBY, "connection.truncate(:a)\ndrop_enum :e\ndrop_view :v\nrename_enum :x, :y\n",
         [(CRITICAL, "empties table a"), (HIGH, "drops enum e"), (HIGH, "drops view v"), (HIGH, "something of x")]),
        (RUBY, "exec_update 'DELETE FROM a'\n", [(CRITICAL, "deletes every row of a")]),
        ("migrations/models/2_20240101_x.py",
         "async def upgrade(db) -> str:\n    return 'ALTER TABLE t DROP COLUMN c;'\n\n"
         "async def downgrade(db) -> str:\n    return 'DROP TABLE o;'\n", [(CRITICAL, "drops column t.c")]),
        ("migrations/002_x.py", "def migrate(migrator, database):\n    migrator.remove_fields('user', 'name')\n"
         "def rollback(migrator, database):\n    migrator.sql('DROP TABLE t')\n", [(MEDIUM, "of another tool")]),
        ("piccolo_migrations/x_2024_01_01.py", "async def forwards():\n    manager.drop_table(class_name='A')\n",
         [(CRITICAL, "drops a table"), (MEDIUM, "of another tool")]),
        ("migrate_repo/versions/002_x.py", "def upgrade(engine):\n    t.drop()\n", [(MEDIUM, "of another tool")]),
        ("migrations/versions/__init__.py", "", []),
    ],
)  # fmt: skip
def test_operations_that_every_tool_has(path: str, text: str, wanted: list[tuple[RiskLevel, str]]) -> None:
    """Oracle, MySQL, PostgreSQL, Rails, Sequel, ROM, Django, Aerich, peewee-migrate, Piccolo, SQLAlchemy-Migrate."""
    check(path, text, *wanted)
