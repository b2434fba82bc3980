"""Migrations whose data loss was hidden, or made up (R17)."""

from __future__ import annotations

import pytest

from pilotage.model.risk import RiskLevel
from pilotage.risk.migrations import findings_of

CRITICAL, HIGH, MEDIUM = RiskLevel.CRITICAL, RiskLevel.HIGH, RiskLevel.MEDIUM

DJANGO = "from django.db import migrations\n\n{}class Migration(migrations.Migration):\n{}    operations = [\n{}    ]\n"
DROP = "        migrations.RemoveField('order', 'note'),\n"
ALEMBIC = "from alembic import op\n\n\ndef upgrade():\n    {}\n\n\ndef downgrade():\n    {}\n\n\n{}"
HELPER = "def downgrade_orders():\n    op.drop_table('orders')\n"
UP = "  def up\n{}  end\n"
RAILS = "class A < ActiveRecord::Migration[7.1]\n{}end\n"
RUBY, KNEX, SEQUELIZE = "db/migrate/1_a.rb", "migrations/2024_a.js", "migrations/2024-a.js"
ECTO, PRISMA = "priv/repo/migrations/2024_a.exs", "prisma/migrations/1_a/migration.sql"
SQUASHED, SHOP = "    replaces = [('shop', '0001_a')]\n", "shop/migrations/0002.py"


def said(path: str, text: str, known: frozenset[str] | None = None) -> list[tuple[RiskLevel, str]]:
    return [(one.level, one.sentence) for one in findings_of(path, text, known=known)]


@pytest.mark.parametrize(
    ("path", "text", "level", "words"),
    [
        (SHOP, DJANGO.format("def f(a, b):\n    replaces = [1]\n\n\n", "", DROP), CRITICAL, "drops a field"),
        ("alembic/versions/a.py", ALEMBIC.format("downgrade_orders()", "pass", HELPER), CRITICAL, "drops a table"),
        (RUBY, RAILS.format(UP.format("    send(:remove_column, :orders, :note)\n")), CRITICAL,
         "drops column orders.note"),
        (RUBY, RAILS.format(UP.format("    public_send 'drop_table', :orders\n")), CRITICAL,
         "drops table orders"),
        (RUBY, RAILS.format(UP.format("    %i[drop_table].each { |m| send(m, :orders) }\n")), MEDIUM,
         "a call that is computed (send)"),
        (RUBY, RAILS.format(UP.format("    sql = <<~SQL\n      DROP TABLE a;\n    SQL\n    execute sql\n")),
         CRITICAL, "drops table a"),
        (RUBY, RAILS.format(UP.format("    change_table :orders do |t|\n      t.remove :a, :b\n    end\n")),
         CRITICAL, "drops column b (t.remove)"),
        (PRISMA, '/*\n  - You will drop the column `x`\n*/\nALTER TABLE "o" DROP COLUMN "x";',
         CRITICAL, "drops column o.x"),
        (KNEX, "exports.up = k => k.schema.dropTable('orders')\nexports.down = k => 1\n", CRITICAL,
         "drops table orders (dropTable)"),
        ("migrations/2024_a.ts", "export async function up(k: Knex) {\n  await k.schema.alterTable('o', t => {\n"
         "    t.dropColumn('x')\n  })\n}\nexport async function down(k) {}\n", CRITICAL, "drops column x (dropColumn)"),
        ("src/migrations/1234-A.ts", "class A {\n  async down(q) {}\n  public async up(q): Promise<void> {\n"
         "    await q.query(`ALTER TABLE o DROP COLUMN x`)\n  }\n}\n", CRITICAL, "drops column o.x"),
        (SEQUELIZE, "module.exports = {\n  up: (q) => q.removeColumn('o', 'x'),\n  down: (q) => 1,\n}\n", CRITICAL,
         "drops column o.x (removeColumn)"),
        ("Migrations/20240101_A.cs", 'void Up(MigrationBuilder m) { m.DropColumn(name: "x", table: "o"); }\n'
         "void Down(MigrationBuilder m) { }\n", CRITICAL, "drops column o.x (DropColumn)"),
        ("database/migrations/2024_01_01_a.php", "public function up() {\n  Schema::dropIfExists('orders');\n}\n"
         "public function down() {}\n", CRITICAL, "drops table orders (dropIfExists)"),
        (ECTO, "def change do\n  drop table(:orders)\n  alter table(:o) do\n  end\nend\n",
         CRITICAL, "drops table orders (drop)"),
    ],
)  # fmt: skip
def test_r17_data_loss_is_found(path: str, text: str, level: RiskLevel, words: str) -> None:
    found = said(path, text)
    assert [one for one in found if one[0] is level and words in one[1]], found


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (SHOP, DJANGO.format("", "    replaces = (('shop', '0001_a'),)\n", DROP)),
        (SHOP, DJANGO.format("", "    replaces: list = [('shop', '0001_a')]\n", DROP)),
        ("alembic/versions/a.py", ALEMBIC.format("op.create_table('a')", "downgrade_orders()", HELPER)),
        (RUBY, RAILS.format("  def up = add_column(:a, :b, :int)\n  def down = remove_column(:a, :b)\n")),
        (KNEX, "exports.up = k => k.schema.createTable('a')\nexports.down = k => k.schema.dropTable('a')\n"),
        (SEQUELIZE, "module.exports = {\n  down: (q) => q.dropTable('o'),\n  up: (q) => q.addColumn('o', 'x'),\n}\n"),
        ("src/migrations/1234-A.ts", "class A {\n  async up(q) { await q.query('SELECT 1') }\n"
         "  async down(q) {\n    await q.query(`DROP TABLE p`)\n  }\n}\n"),
        ("Migrations/20240101_A.cs", 'void Up(MigrationBuilder m) { m.AddColumn("x"); }\n'
         'protected override void Down(MigrationBuilder m) { m.DropTable("p"); }\n'),
        ("database/migrations/2024_01_01_a.php", "public function up(): void {\n  Schema::create('a');\n}\n"
         "public function down(): void {\n  Schema::dropIfExists('a');\n}\n"),
        (ECTO, "def up do\n  create table(:o)\nend\ndef down do\n  drop table(:o)\nend\n"),
    ],
)  # fmt: skip
def test_r17_the_way_back_loses_nothing(path: str, text: str) -> None:
    assert [one for one in said(path, text) if one[0].rank > MEDIUM.rank] == []


def test_r17_a_squash_of_migrations_that_never_were_runs() -> None:
    """Django leaves a squashed migration out only where what it replaces has run."""
    text = DJANGO.format("", SQUASHED, DROP)
    assert said(SHOP, text, frozenset({"0001_a"})) == []
    ((level, words),) = said(SHOP, text, frozenset({"0001_other"}))
    assert (level, words) == (CRITICAL, "drops a field's column (RemoveField 'order' 'note')")
