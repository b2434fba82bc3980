"""The table of ranges: what each does, and what a release engineer expects to read about it.

Levels and sentences were written down before the program was asked. Where its figures knew better, they won: a finding
of medium harm raises its factor, and only lost data, locks and the like the release. An id that names a repository and
a number is a public report of the same case, there or in a tool that has to decide it too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pilotage.model.risk import RiskFactor, RiskLevel
from tests.cases.range_files import (
    DEPLOYMENT,
    FLOOD,
    LOCK,
    NESTED,
    PROTO,
    code,
    lock,
    prose,
    script,
    tools,
)
from tests.cases.range_history import (
    DAY,
    HOUR,
    RELEASED,
    Files,
    Histories,
    link,
    program,
    submodule,
)

LOW, MEDIUM, HIGH, CRITICAL = RiskLevel
WEDNESDAY = datetime(2024, 6, 5, 10, tzinfo=UTC)
NO_SOURCE = "no source file changes"

Build = Callable[[Histories, str, int], None]
"""Writes the range on a branch, from a mark on."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """says, hides: words that the answer has and has not · raised: the factor whose own level is above low, though it
    does not raise the release · most, least: probability in percent · newest: how many of the commits are the
    range; all, where left out."""

    id: str
    build: Build
    level: RiskLevel
    says: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    raised: tuple[RiskFactor, RiskLevel] | None = None
    most: float = 100.0
    least: float = 0.0
    newest: int | None = None
    when: datetime = field(default=WEDNESDAY)


def one(message: str, files: Files, *, by: str = "ada", at: int | None = None, landed: int | None = None) -> Build:
    """A range of one commit."""

    def build(it: Histories, branch: str, base: int) -> None:
        it.commit(branch, message, files, by=by, at=at, landed=landed, parents=(base,))

    return build


def many(*each: tuple[str, Files], by: str = "ada") -> Build:
    """A range of several commits."""

    def build(it: Histories, branch: str, base: int) -> None:
        mark = base
        for message, files in each:
            mark = it.commit(branch, message, files, by=by, parents=(mark,))

    return build


# ── without source ─────────────────────────────────────────────────────────────────────────────────────────

WITHOUT_SOURCE = (
    Row(
        id="docs only",
        build=many(("Describe refunds", {"docs/refunds.md": prose(80)}), ("Fix typo", {"README.md": prose(41)})),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="30 commits to the README",
        build=many(*((f"Say it better {n}", {"README.md": prose(40 + n)}) for n in range(30))),
        level=LOW,
        says=(NO_SOURCE,),
        most=10,
    ),
    Row(
        id="CircleCI-Public/chunk-cli#583: a thousand lines of prose",
        build=one("Write the manual", {"docs/manual.md": prose(1000)}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="tests only",
        build=one("Test refunds", {"tests/test_refunds.py": code(80), "src/web/page.test.js": script(40)}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="a build pipeline only",
        build=one("Cache packages", {".github/workflows/ci.yml": "jobs:\n  test: {}\n" * 20}),
        level=LOW,
        says=(NO_SOURCE,),
        hides=("cluster", "provisioning"),
    ),
    Row(
        id="configuration only",
        build=one("Raise the limit", {"config/app.yaml": "limit: 20\ngroups:\n  one:\n    two: 1\n"}),
        level=LOW,
        says=("2 lines of configuration",),
    ),
    Row(
        id="a notebook",
        build=one("Plot sales", {"analysis/sales.ipynb": '{"cells": []}\n' * 300}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="a binary file",
        build=one("New logo", {"logo.png": b"\x89PNG\x00\x02\x03"}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(id="an empty commit", build=one("Trigger a build", {}), level=LOW, says=(NO_SOURCE,), most=1),
    Row(
        id="a link", build=one("Link it", {"src/shop/basket.py": link("cart.py")}), level=LOW, says=(NO_SOURCE,), most=1
    ),
    Row(
        id="comments only",
        build=one("Say why", {"src/shop/tax.py": "# Why this is so.\n# And since when.\n" + code(49)}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="blank lines only",
        build=one("Part it", {"src/shop/tax.py": code(49).replace("\n\n", "\n\n\n")}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="a README beside a chart, a migration and Terraform",
        build=one(
            "Describe them",
            {f"{place}/README.md": prose(9) for place in ("charts/shop", "db/migrations", "infra", "terraform")},
        ),
        level=LOW,
        says=(NO_SOURCE, "no migration"),
        hides=("cluster", "provisioning"),
        most=1,
    ),
)

# ── white space, moves and names ───────────────────────────────────────────────────────────────────────────

SHAPE = (
    Row(
        id="ishepard/pydriller#61: a file indented anew",
        build=one("Use tabs", {"src/web/page.js": script(40, indent="\t")}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="a file of Python indented anew",
        build=one("Use two spaces", {"src/shop/pick.py": NESTED.replace("    ", "  ")}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="BrokkAi/brokk-app#606: a line of Python left its loop",
        build=one("Keep once", {"src/shop/pick.py": NESTED.replace("                keep", "        keep")}),
        level=LOW,
        says=("2 lines of source",),
    ),
    Row(
        id="erikbern/git-of-theseus#74: other line ends",
        build=one("Use CRLF", {"src/web/page.js": script(40).replace("\n", "\r\n")}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="clowee/OpenSZZ#7: white space at the end of lines",
        build=one("Trim", {"src/web/page.js": script(40).replace(";\n", "; \n")}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="a block that got a condition counts as its condition",
        build=one("Only if", {"src/web/menu.js": "if (on) {\n" + script(20, indent="    ") + "}\n"}),
        level=LOW,
        says=("2 lines of source",),
    ),
    Row(
        id="ishepard/pydriller#324: lines that look like the head of a patch",
        build=one("Count down", {"src/web/menu.js": script(20) + "++i;\n--j;\n-- a/x\n"}),
        level=LOW,
        says=("3 lines of source",),
    ),
    Row(
        id="a pure move",
        build=one("Move tax", {"src/shop/tax.py": None, "src/duty/tax.py": code(49)}),
        level=LOW,
        says=("1 source file moves, no line of source changes",),
    ),
    Row(
        id="a move with edits",
        build=one(
            "Move and mend tax", {"src/shop/tax.py": None, "src/duty/tax.py": code(49) + "rate = 1\nfloor = 2\n"}
        ),
        level=LOW,
        says=("2 lines of source",),
    ),
    Row(
        id="jenkinsci/forensics-api-plugin#223: a moved folder is no churn",
        build=one(
            "Move the web",
            {
                "src/web/page.js": None,
                "src/web/menu.js": None,
                "src/site/page.js": script(40),
                "src/site/menu.js": script(20),
            },
        ),
        level=LOW,
        says=("2 source files move, no line of source changes",),
    ),
    Row(
        id="names with spaces, quotes, newlines and no UTF-8",
        build=one(
            "Add them",
            dict.fromkeys(
                ("src/a b.py", 'src/quo"te.py', "src/new\nline.py", "src/ü.py", "src/caf\udce9.py"), "a = 1\nb = 2\n"
            ),
        ),
        level=LOW,
        says=("10 lines of source",),
    ),
    Row(
        id="one very long line among code",
        build=one("Embed the picture", {"src/web/menu.js": script(20) + 'const logo = "' + "A" * 900_000 + '";\n'}),
        level=LOW,
        says=("1 line of source",),
    ),
    Row(
        id="a program that may no longer run",
        build=many(
            ("Add it", {"bin/start.sh": program("exec shop\n")}), ("Change it", {"bin/start.sh": "exec shop\n"})
        ),
        level=LOW,
        raised=(RiskFactor.INFRASTRUCTURE, MEDIUM),
        says=("bin/start.sh may no longer be run as a program", "chmod=+x"),
    ),
    Row(
        id="a program that may run now",
        build=many(
            ("Add it", {"bin/start.sh": "exec shop\n"}), ("Let it run", {"bin/start.sh": program("exec shop\n")})
        ),
        level=LOW,
    ),
    Row(
        id="a feature deleted",
        build=one("Remove search", {"src/shop/search.py": None, "src/shop/mail.py": None}),
        level=LOW,
        says=("196 lines of source",),
    ),
)

# ── what nobody here wrote ─────────────────────────────────────────────────────────────────────────────────

GENERATED = "# Code generated by taxer. DO NOT EDIT.\n"
ATTRIBUTES = "src/schema.py linguist-generated\nlibs/** linguist-vendored=true\n*.pb.go -linguist-generated\n"

FOREIGN = (
    Row(
        id="generated code, new",
        build=one("Generate", {"api/order.pb.go": PROTO + "var B = 1\n" * 3000, "api/order_pb2.py": code(900)}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="generated code by its header alone",
        build=many(
            ("Generate", {"api/enum_string.go": PROTO + "var C = 1\n" * 900}),
            ("Again", {"api/enum_string.go": PROTO + "var D = 1\n" * 900}),
        ),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="kubernetes/test-infra#9003: generated by .gitattributes",
        build=many(("Say so", {".gitattributes": ATTRIBUTES}), ("Generate", {"src/schema.py": code(400)})),
        newest=1,
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="generated by .gitattributes of the same range",
        build=many(("Say so, and generate", {".gitattributes": ATTRIBUTES, "src/schema.py": code(400)})),
        level=LOW,
        raised=(RiskFactor.COMPLEXITY, MEDIUM),
        says=("lines of source", "1 source file is called generated since this range: its 760 changed lines count"),
    ),
    Row(
        id="source that begins to say it is generated",
        build=many(
            ("Say so", {"src/shop/tax.py": GENERATED + code(49)}),
            ("Tax anew", {"src/shop/tax.py": GENERATED + code(70, 60)}),
        ),
        level=LOW,
        raised=(RiskFactor.COMPLEXITY, MEDIUM),
        says=(
            "lines of source",
            "1 source file says that it is generated since this range: its 238 changed lines count",
        ),
    ),
    Row(
        id="source that moves to where vendored code lies, with edits",
        build=many(
            ("Move tax", {"src/shop/tax.py": None, "src/vendor/tax.py": code(49) + code(15, 60)}),
            ("Edit it there", {"src/vendor/tax.py": code(49) + code(30, 60)}),
        ),
        level=LOW,
        raised=(RiskFactor.COMPLEXITY, MEDIUM),
        says=(
            "75 lines of source",
            "1 source file lies among files that do not count since this range: its 75 changed lines count",
        ),
    ),
    Row(
        id="source that moves to tests, rewritten",
        build=one("Move tax", {"src/shop/tax.py": None, "tests/tax.py": code(20) + code(60, 100)}),
        level=LOW,
        raised=(RiskFactor.COMPLEXITY, MEDIUM),
        says=(
            "1 source file lies among files that do not count since this range",
            "tests/tax.py",
        ),
    ),
    Row(
        id="source that moves to third_party as it is",
        build=one("Move tax", {"src/shop/tax.py": None, "third_party/tax.py": code(49)}),
        level=LOW,
        hides=("do not count", "lines of source in"),
        most=1,
    ),
    Row(
        id="generated code that gets another header",
        build=one("Generate", {"api/user.pb.go": "// Code generated by buf. DO NOT EDIT.\n" + "var B = 1\n" * 50}),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="boschresearch/pr-size-labeler#10: by hand by .gitattributes",
        build=many(
            ("Say so", {".gitattributes": ATTRIBUTES}),
            ("Write", {"api/hand.pb.go": "package api\n" + "var E = 1\n" * 30}),
        ),
        level=LOW,
        says=("31 lines of source",),
    ),
    Row(
        id="a vendored library",
        build=one(
            "Update zlib", {"vendor/zlib/inflate.c": "int b;\n" * 4000, "third_party/re2/re2.cc": "int c;\n" * 2000}
        ),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="github-linguist/linguist#3825: minified and versioned scripts",
        build=one(
            "Update jQuery",
            {
                "static/jquery-3.7.1.js": script(900),
                "static/app.min.js": script(90),
                "static/bundle.js": "a(1);" * 9000 + "\n",
            },
        ),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="snapshots of tests",
        build=one(
            "Update snapshots",
            {"src/web/__snapshots__/page.test.js.snap": script(900), "src/web/menu.snap": script(90)},
        ),
        level=LOW,
        says=(NO_SOURCE,),
        most=1,
    ),
    Row(
        id="a program about generated code",
        build=one("Find headers", {"src/find.py": '"""Finds files marked @generated."""\n' + code(30)}),
        level=LOW,
        says=("61 lines of source",),
    ),
    Row(
        id="a marketplace has vendors",
        build=one("Pay vendors", {"src/pages/vendor/list.ts": script(30)}),
        level=LOW,
        says=("90 lines of source",),
    ),
    Row(
        id="a submodule at another commit",
        build=many(("Pin it", {"lib/crypto": submodule("1" * 40)}), ("Bump it", {"lib/crypto": submodule("2" * 40)})),
        level=LOW,
        raised=(RiskFactor.DEPENDENCIES, MEDIUM),
        says=("the submodule lib/crypto", "git log"),
        hides=("lines of source",),
    ),
)

# ── packages ───────────────────────────────────────────────────────────────────────────────────────────────


def locked(**versions: str) -> Files:
    return {"package-lock.json": lock(**{**LOCK, **FLOOD, **versions})}


PACKAGES = (
    Row(
        id="a bot's bump, patch",
        build=one("Bump lodash", locked(lodash="4.17.21"), by="dependabot"),
        level=LOW,
        says=("1 upgraded within a major version: lodash", NO_SOURCE),
        hides=("dependabot",),
        most=1,
    ),
    Row(
        id="a bot's bump, minor",
        build=one("Bump express", locked(express="4.19.0"), by="dependabot"),
        level=LOW,
        says=("1 upgraded within a major version: express",),
        hides=("dependabot",),
        most=1,
    ),
    Row(
        id="a bot's bump, major",
        build=one("Bump express", locked(express="5.0.0"), by="dependabot"),
        level=LOW,
        raised=(RiskFactor.DEPENDENCIES, MEDIUM),
        says=("express 4.18.2 → 5.0.0, a major version", "release notes"),
        hides=("dependabot",),
    ),
    Row(
        id="a major version that only developers install",
        build=one("Bump vite", {"web/package-lock.json": tools("2.0.0")}),
        level=LOW,
        says=("1 package for development and tests in web/package-lock.json: vite 1.0.0 → 2.0.0",),
        hides=("release notes",),
    ),
    Row(
        id="a downgrade",
        build=one("Pin lodash", locked(lodash="4.16.0")),
        level=LOW,
        raised=(RiskFactor.DEPENDENCIES, MEDIUM),
        says=("lodash 4.17.20 → 4.16.0",),
    ),
    Row(
        id="a lock file alone, forty packages",
        build=one("Refresh", locked(**dict.fromkeys(FLOOD, "1.1.0"))),
        level=LOW,
        says=("40 upgraded within a major version", NO_SOURCE),
        most=1,
    ),
    Row(
        id="a lock file that .gitattributes calls generated",
        build=many(
            ("Say so", {".gitattributes": "package-lock.json linguist-generated\n"}), ("Bump", locked(react="19.0.0"))
        ),
        level=LOW,
        raised=(RiskFactor.DEPENDENCIES, MEDIUM),
        says=("react 18.2.0 → 19.0.0, a major version",),
    ),
    Row(
        id="packages of a vendored library",
        build=one("Vendor it", {"node_modules/a/package-lock.json": lock(a="1.0.0"), "vendor/a/go.mod": "module a\n"}),
        level=LOW,
        says=(NO_SOURCE, "external dependencies: no change"),
        most=1,
    ),
)

# ── migrations ─────────────────────────────────────────────────────────────────────────────────────────────

DJANGO = (
    "from django.db import migrations, models\n\n\n"
    "class Migration(migrations.Migration):\n    operations = [\n        {}\n    ]\n"
)
ALEMBIC = "from alembic import op\nimport sqlalchemy as sa\n\n\ndef upgrade():\n    {}\n\n\ndef downgrade():\n    {}\n"
RAILS = "class A < ActiveRecord::Migration[7.1]\n  def {}\n    {}\n  end\nend\n"
LIQUIBASE = '<databaseChangeLog><changeSet id="1" author="ada">{}</changeSet></databaseChangeLog>\n'
DROPS, ADDS = "ALTER TABLE orders DROP COLUMN note;\n", "ALTER TABLE orders ADD COLUMN tip int;\n"


def migration(name: str, path: str, text: str, level: RiskLevel, *says: str) -> Row:
    hides = ("drops",) if level is LOW else ()
    return Row(
        id=f"migration: {name}", build=one("Change the schema", {path: text}), level=level, says=says, hides=hides
    )


FILES, LOST = ("1 migration file",), "drops column orders.note"
MIGRATIONS = (
    migration("SQL, harmless", "db/migrations/0002_tip.sql", ADDS, LOW, *FILES),
    migration(
        "SQL, destructive",
        "db/migrations/0002_drop.sql",
        DROPS,
        CRITICAL,
        LOST,
        "take a backup",
        "which no rollback restores",
    ),
    migration(
        "SQL, a rename",
        "db/migrations/0002_name.sql",
        "ALTER TABLE orders RENAME COLUMN note TO memo;\n",
        HIGH,
        "renames column orders.note to memo, which the old version still uses",
    ),
    migration(
        "SQL, a lock", "db/migrations/0002_index.sql", "CREATE INDEX i ON orders (total);\n", MEDIUM, "blocks writes"
    ),
    migration("Flyway, up", "src/main/resources/db/migration/V2__drop.sql", DROPS, CRITICAL, LOST),
    migration("Flyway, undo", "src/main/resources/db/migration/U2__drop.sql", DROPS, LOW),
    migration(
        "Django, harmless",
        "shop/migrations/0002_tip.py",
        DJANGO.format("migrations.AddField('order', 'tip', models.IntegerField(null=True)),"),
        LOW,
        *FILES,
    ),
    migration(
        "Django, destructive",
        "shop/migrations/0002_drop.py",
        DJANGO.format("migrations.RemoveField('order', 'note'),"),
        CRITICAL,
        "drops a field's column (RemoveField 'order' 'note')",
    ),
    migration(
        "Alembic, up",
        "alembic/versions/ab12_drop.py",
        ALEMBIC.format("op.drop_table('orders')", "pass"),
        CRITICAL,
        "drops a table (drop_table 'orders')",
    ),
    migration(
        "Alembic, down",
        "alembic/versions/ab12_add.py",
        ALEMBIC.format("op.add_column('orders', sa.Column('tip', sa.Integer()))", "op.drop_column('orders', 'tip')"),
        LOW,
        *FILES,
    ),
    migration(
        "Rails, change",
        "db/migrate/20240604000000_tip.rb",
        RAILS.format("change", "add_column :orders, :tip, :integer"),
        LOW,
        *FILES,
    ),
    migration(
        "Rails, up",
        "db/migrate/20240604000000_drop.rb",
        RAILS.format("up", "remove_column :orders, :note"),
        CRITICAL,
        LOST,
    ),
    migration(
        "Rails, down", "db/migrate/20240604000000_back.rb", RAILS.format("down", "remove_column :orders, :note"), LOW
    ),
    migration(
        "Liquibase, forward",
        "db/changelog/2.xml",
        LIQUIBASE.format('<dropColumn tableName="orders" columnName="note"/>'),
        CRITICAL,
        "dropColumn of Liquibase (orders.note)",
    ),
    migration(
        "Liquibase, rollback",
        "db/changelog/2.xml",
        LIQUIBASE.format(
            '<addColumn tableName="orders"><column name="tip" type="int"/></addColumn>'
            '<rollback><dropColumn tableName="orders" columnName="tip"/></rollback>'
        ),
        LOW,
    ),
    migration(
        "Prisma",
        "prisma/migrations/2024_drop/migration.sql",
        '-- DropTable\nDROP TABLE "orders";\n',
        CRITICAL,
        "drops table orders",
    ),
    migration("golang-migrate, up", "migrations/000002_drop.up.sql", DROPS, CRITICAL, LOST),
    migration("golang-migrate, down", "migrations/000002_drop.down.sql", DROPS, LOW),
    migration("goose, up", "db/migrations/00002_a.sql", f"-- +goose Up\n{DROPS}-- +goose Down\n{ADDS}", CRITICAL, LOST),
    migration("goose, down", "db/migrations/00002_a.sql", f"-- +goose Up\n{ADDS}-- +goose Down\n{DROPS}", LOW, *FILES),
    migration(
        "dbmate, up", "db/migrations/2_a.sql", f"-- migrate:up\n{DROPS}\n-- migrate:down\n{ADDS}", CRITICAL, LOST
    ),
    migration("dbmate, down", "db/migrations/2_a.sql", f"-- migrate:up\n{ADDS}\n-- migrate:down\n{DROPS}", LOW, *FILES),
    migration("Sqitch, deploy", "deploy/drop.sql", DROPS, CRITICAL, LOST),
    migration("Sqitch, revert", "revert/drop.sql", DROPS, LOW),
    migration(
        "Knex, which is read in part",
        "migrations/20240604_drop.js",
        "exports.up = (knex) => knex.schema.dropTable('orders');\n",
        CRITICAL,
        "drops table orders (dropTable)",
        "review it by hand",
    ),
    migration(
        "EF Core, which is not read",
        "Data/Migrations/20240604000000_Drop.cs",
        "class Drop : Migration {}\n",
        MEDIUM,
        "review it by hand",
    ),
    Row(
        id="migration: Drizzle, which .gitattributes calls generated",
        build=many(
            ("Say so", {".gitattributes": "drizzle/** linguist-generated\n"}),
            ("Drop", {"drizzle/0002_drop.sql": DROPS}),
        ),
        level=CRITICAL,
        says=(LOST,),
    ),
    Row(
        id="migration: up and down in one range",
        build=many(
            ("Drop", {"db/migrations/0002_drop.sql": DROPS}), ("Keep it", {"db/migrations/0002_drop.sql": None})
        ),
        level=LOW,
        hides=("drops",),
    ),
    Row(
        id="migration: what only looks like one",
        build=one(
            "Run migrations",
            {
                "src/migrations/runner.py": code(9) + DROPS,
                "tests/migrations/0002_drop.sql": DROPS,
                "vendor/a/migrations/0002_drop.sql": DROPS,
                "docs/migrations/0002-drop.md": DROPS,
                "src/flyway/config.yaml": "a: 1\n",
            },
        ),
        level=LOW,
        says=("no migration",),
        hides=("drops",),
    ),
)

# ── infrastructure ─────────────────────────────────────────────────────────────────────────────────────────

REPLICAS = DEPLOYMENT.replace("2", "3")
INFRASTRUCTURE = (
    Row(
        id="Terraform",
        build=one("Grow", {"infra/main.tf": 'resource "a" "c" {\n}\n' * 10}),
        level=HIGH,
        says=("provisioning of machines and services: ", "terraform plan"),
    ),
    Row(
        id="Ansible",
        build=one("Play", {"ansible/site.yml": "- hosts: all\n"}),
        level=HIGH,
        says=("provisioning of machines and services: 1 line in 1 file",),
    ),
    Row(
        id="a chart's templates and values",
        build=one(
            "Three", {"charts/shop/templates/deployment.yaml": REPLICAS, "charts/shop/values.yaml": "replicas: 3\n"}
        ),
        level=LOW,
        raised=(RiskFactor.INFRASTRUCTURE, MEDIUM),
        says=("deployment to the cluster: 4 lines in 2 files", "rendered manifests"),
    ),
    Row(
        id="a chart that lies elsewhere",
        build=one("Three", {"deploy/blog/templates/deployment.yaml": REPLICAS}),
        level=LOW,
        raised=(RiskFactor.INFRASTRUCTURE, MEDIUM),
        says=("deployment to the cluster: 2 lines in 1 file",),
    ),
    Row(
        id="manifests of Kubernetes",
        build=one("Cron", {"k8s/job.yaml": "kind: CronJob\n"}),
        level=LOW,
        raised=(RiskFactor.INFRASTRUCTURE, MEDIUM),
        says=("deployment to the cluster: 2 lines",),
    ),
    Row(
        id="an image",
        build=one("Python 3.13", {"Dockerfile": "FROM python:3.13\n", "compose.yaml": "services: {a: 1}\n"}),
        level=LOW,
        raised=(RiskFactor.INFRASTRUCTURE, MEDIUM),
        says=("container image: 4 lines in 2 files",),
    ),
    Row(
        id="a proxy",
        build=one("Route", {"nginx/nginx.conf": "server { listen 80; }\n"}),
        level=LOW,
        raised=(RiskFactor.INFRASTRUCTURE, MEDIUM),
        says=("routing of requests: 2 lines",),
    ),
    Row(
        id="components that draw charts",
        build=one(
            "Draw",
            {"src/components/charts/line.tsx": script(30), "src/components/charts/templates/line.yaml": "a: 1\n"},
        ),
        level=LOW,
        says=("90 lines of source",),
        hides=("cluster",),
    ),
    Row(
        id="tools about infrastructure",
        build=one(
            "Lint",
            {
                "src/terraform/parser.py": code(9),
                "src/terraform/schema.json": "{}\n",
                "pkg/helm/render.go": "var a = 1\n",
                "tools/dockerfile_lint.py": code(9),
                "ansible/library/shop.py": code(9),
            },
        ),
        level=LOW,
        says=("lines of source",),
        hides=("provisioning", "cluster", "image"),
    ),
    Row(
        id="infrastructure of tests, examples and the manual",
        build=one(
            "Show",
            {
                "tests/infra/main.tf": "a\n",
                "examples/shop/main.tf": "a\n",
                "docs/compose.yaml": "a: 1\n",
                "e2e/Dockerfile": "FROM a\n",
            },
        ),
        level=LOW,
        says=(NO_SOURCE,),
        hides=("provisioning", "cluster", "container image"),
    ),
)

# ── people, clocks and calendars ───────────────────────────────────────────────────────────────────────────

TIP = {"src/shop/cart.py": code(50)}
STRANGER = "changed nothing here in the year before"
YEARS = 5 * 366 * DAY


def _ahead(it: Histories, branch: str, base: int) -> None:
    mark = it.commit(branch, "Add tips", TIP, at=RELEASED + 180 * DAY, parents=(base,))
    it.commit(branch, "Add more", {"src/shop/cart.py": code(51)}, parents=(mark,))


def _two_of_a_branch(it: Histories, branch: str, base: int) -> None:
    eve = it.commit(f"{branch}-topic", "Count gifts", {"src/gift.py": code(9)}, by="eve", parents=(base,))
    bob = it.commit(f"{branch}-topic", "Count fees", {"src/fee.py": code(9)}, by="bob", parents=(eve,))
    files = {"src/gift.py": code(9), "src/fee.py": code(9)}
    merged = it.commit(branch, "Merge branch 'gifts'", files, parents=(base, bob))
    it.commit(branch, "Count more gifts", {"src/gift.py": code(11)}, by="eve", parents=(merged,))


PEOPLE = (
    Row(id="a newcomer", build=one("Add tips", TIP, by="eve"), level=LOW, says=(f"Eve New {STRANGER}",)),
    Row(
        id="git-quick-stats/git-quick-stats#49: someone's old address, in the mail map",
        build=one("Add tips", TIP, by="cyrus <cyrus@old.example.org>"),
        level=LOW,
        hides=(STRANGER,),
    ),
    Row(
        id="Yeachan-Heo/gajae-code#5232: someone's second address",
        build=one("Add tips", TIP, by="Ada Lovelace <1+ada@users.noreply.github.com>"),
        level=LOW,
        hides=(STRANGER,),
    ),
    Row(
        id="one word for a name, and an address that says nothing",
        build=one("Add tips", TIP, by="Timshel <github@mailtm.example.org>"),
        level=LOW,
        says=(f"Timshel {STRANGER}",),
        hides=("github@",),
    ),
    Row(
        id="someone's account in one word",
        build=one("Add tips", TIP, by="adalovelace <7+adalovelace@users.noreply.github.com>"),
        level=LOW,
        hides=(STRANGER,),
    ),
    Row(
        id="files of which a merged branch knew more than its last author",
        build=_two_of_a_branch,
        newest=1,
        level=LOW,
        hides=(STRANGER,),
    ),
    Row(
        id="files that one person knows",
        build=one("Round down", {"src/pay/ledger.py": code(160)}, by="bob"),
        level=LOW,
        says=("Bob Kahn changed a file that only Dee Hock had changed in the year before", "have Dee Hock review it"),
    ),
    Row(
        id="ishepard/pydriller#255: a clock in 2037",
        build=one("Add tips", TIP, at=2_127_000_000),
        level=LOW,
        hides=(STRANGER,),
    ),
    Row(
        id="git-quick-stats/git-quick-stats#123: a clock half a year ahead",
        build=_ahead,
        level=LOW,
        hides=(STRANGER,),
    ),
    Row(
        id="a rebase of work five years old",
        build=one("Add tips", TIP, at=RELEASED - YEARS, landed=RELEASED + DAY),
        level=LOW,
        hides=(STRANGER,),
    ),
    Row(
        id="written at night",
        build=one("Add tips", TIP, at=RELEASED + 14 * HOUR, landed=RELEASED + DAY),
        level=LOW,
        says=("written at night or on a weekend",),
    ),
    Row(
        id="on a Saturday",
        build=one("Add tips", TIP),
        level=LOW,
        when=datetime(2024, 6, 8, 10, tzinfo=UTC),
        says=("Saturday 10:00 UTC is not a working day (weekend)", "wait for the next working morning"),
    ),
    Row(
        id="on a Friday afternoon",
        build=one("Add tips", TIP),
        level=LOW,
        when=datetime(2024, 6, 7, 15, tzinfo=UTC),
        says=("Friday 15:00 UTC is the afternoon before non-working days",),
    ),
    Row(
        id="in the evening",
        build=one("Add tips", TIP),
        level=LOW,
        when=datetime(2024, 6, 4, 21, tzinfo=UTC),
        says=("outside working hours",),
    ),
    Row(
        id="on a holiday",
        build=one("Add tips", TIP),
        level=LOW,
        when=datetime(2024, 6, 6, 10, tzinfo=UTC),
        says=("is not a working day (Founders' Day)",),
    ),
)

# ── the shape of a history ─────────────────────────────────────────────────────────────────────────────────


def _merged(count: int) -> Build:
    def build(it: Histories, branch: str, base: int) -> None:
        mark = base
        for n in range(count):
            mark = it.commit(
                f"{branch}-topic", f"Step {n}", {f"src/topic/{n % 5}.py": code(n + 1)}, by="bob", parents=(mark,)
            )
        files = {f"src/topic/{n % 5}.py": code(n + 1) for n in range(count)}
        it.commit(branch, f"Merge branch 'release-1.1' ({count} commits)", files, parents=(base, mark))

    return build


def _conflict(it: Histories, branch: str, base: int) -> None:
    ours = it.commit(branch, "Count tips", {"src/shop/cart.py": code(49) + "tip = 1\n"}, parents=(base,))
    theirs = it.commit(
        f"{branch}-topic", "Count fees", {"src/shop/cart.py": code(49) + "fee = 1\n"}, by="bob", parents=(base,)
    )
    it.commit(
        branch, "Merge branch 'fees'", {"src/shop/cart.py": code(49) + "tip = 1\nfee = 1\n"}, parents=(ours, theirs)
    )


def _octopus(it: Histories, branch: str, base: int) -> None:
    marks = [
        it.commit(f"{branch}-{n}", f"Add {n}", {f"src/arm{n}.py": code(5)}, by="bob", parents=(base,)) for n in range(3)
    ]
    it.commit(branch, "Merge three branches", {f"src/arm{n}.py": code(5) for n in range(3)}, parents=(base, *marks))


WRONG = {"src/shop/cart.py": code(70)}
SHAPES = (
    Row(
        id="a revert",
        build=many(("Add gifts", WRONG), ('Revert "Add gifts"', TIP)),
        level=LOW,
        says=("lines of source",),
    ),
    Row(
        id="a revert of a revert",
        build=many(("Add gifts", WRONG), ('Revert "Add gifts"', TIP), ('Revert "Revert "Add gifts""', WRONG)),
        level=LOW,
        raised=(RiskFactor.COMPLEXITY, MEDIUM),
        says=('brings back "Add gifts", which was reverted before', "make sure that its fault is mended"),
    ),
    Row(
        id="a huge import",
        build=one("Import the old shop", {f"old/m{n // 50}/f{n}.py": code(1) for n in range(5000)}, by="eve"),
        level=MEDIUM,
        says=("10,000 lines of source",),
    ),
    Row(id="one merge of a small branch", build=_merged(6), level=LOW, says=("lines of source",), hides=("counts as",)),
    Row(
        id="a merge of a release branch",
        build=_merged(40),
        level=MEDIUM,
        says=("counts as the 40 changes that it merges",),
    ),
    Row(id="a merge with conflicts", build=_conflict, level=LOW, says=("2 lines of source",)),
    Row(id="an octopus", build=_octopus, level=LOW, says=("30 lines of source",)),
    Row(
        id="300 changes",
        build=many(*((f"Step {n}", {f"src/steps/{n % 30}.py": code(3 + n // 10)}) for n in range(300))),
        level=HIGH,
        says=("at least one of 300 changes",),
        least=75,
    ),
)

ROWS = (*WITHOUT_SOURCE, *SHAPE, *FOREIGN, *PACKAGES, *MIGRATIONS, *INFRASTRUCTURE, *PEOPLE, *SHAPES)
