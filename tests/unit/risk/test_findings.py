"""R17: what raises each factor, and what nearly does and must not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pilotage.model.advisory import Advisory
from pilotage.model.calendar import Calendar, Freeze
from pilotage.model.change import FilePatch
from pilotage.model.risk import Finding, RiskLevel
from pilotage.risk import complexity, dependencies, infrastructure, migrations, timing
from pilotage.risk.advisories import Advisories

CRITICAL, HIGH, MEDIUM = RiskLevel.CRITICAL, RiskLevel.HIGH, RiskLevel.MEDIUM
DJANGO = "from django.db import migrations\nclass Migration(migrations.Migration):\n    operations = [{}]\n"
ALEMBIC = "from alembic import op\ndef upgrade():\n    {}\ndef downgrade():\n    {}\n"


@pytest.mark.parametrize(
    ("path", "text", "level", "said"),
    [
        ("m/1.sql", "DROP TABLE orders;", CRITICAL, "drops table orders"),
        ("m/1.sql", "ALTER TABLE o DROP COLUMN a, DROP COLUMN b;", CRITICAL, "drops column o.a"),
        ("m/1.sql", "DELETE FROM orders;", CRITICAL, "deletes every row of orders"),
        ("m/1.sql", "TRUNCATE orders;", CRITICAL, "empties table orders"),
        ("m/1.sql", "ALTER TABLE o RENAME COLUMN a TO b;", HIGH, "renames column o.a to b"),
        ("m/1.sql", "ALTER TABLE o ALTER COLUMN a TYPE bigint;", HIGH, "changes the type of o.a"),
        ("m/1.sql", "ALTER TABLE o ADD COLUMN a int NOT NULL;", HIGH, "not null and without a default"),
        ("m/1.sql", "CREATE INDEX i ON o (a);", MEDIUM, "builds an index on o"),
        ("m/1.sql", "ALTER TABLE o ADD CONSTRAINT c CHECK (a > 0);", MEDIUM, "adds a constraint to o"),
        ("m/1.py", DJANGO.format("migrations.RemoveField('o', 'a')"), CRITICAL, "drops a field's column"),
        ("m/1.py", DJANGO.format("migrations.RunSQL('DROP TABLE o')"), CRITICAL, "drops table o"),
        ("m/1.py", DJANGO.format("migrations.AddIndex('o', index=x)"), MEDIUM, "builds an index"),
        ("m/1.py", ALEMBIC.format("op.drop_column('o', 'a')", "pass"), CRITICAL, "drops a column"),
        ("m/1.py", ALEMBIC.format("op.alter_column('o', 'a', type_=x)", "pass"), HIGH, "changes a column's type"),
        ("db/migrate/1_a.rb", "def change\n  remove_column :o, :a\nend\n", CRITICAL, "drops column o.a"),
        ("db/migrate/1_a.rb", "def change\n  add_index :o, :a\nend\n", MEDIUM, "builds an index on o"),
        ("liquibase/1.xml", "<changeSet><dropTable tableName='o'/></changeSet>", CRITICAL, "dropTable"),
        ("m/1.py", "def upgrade(:\n", MEDIUM, "unreadable Python migration"),
    ],
)
def test_a_migration_that_destroys_breaks_or_locks_is_found(path: str, text: str, level: RiskLevel, said: str) -> None:
    found = migrations.findings_of(path, text)
    assert (found[0].level, said in found[0].sentence) == (level, True), found
    assert found[0].mitigation


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("m/1.sql", "CREATE TABLE orders (id int); CREATE INDEX i ON orders (id);"),
        ("m/1.sql", "CREATE INDEX CONCURRENTLY i ON o (a);"),
        ("m/1.sql", "ALTER TABLE o ADD COLUMN a int;"),
        ("m/1.sql", "ALTER TABLE o ADD COLUMN a int NOT NULL DEFAULT 0;"),
        ("m/1.sql", "ALTER TABLE o ADD CONSTRAINT c CHECK (a > 0) NOT VALID;"),
        ("m/1.sql", "DELETE FROM orders WHERE id = 1; -- DROP TABLE orders"),
        ("m/1.sql", "INSERT INTO notes VALUES ('DROP TABLE orders');"),
        ("m/1.py", ALEMBIC.format("op.add_column('o', x)", "op.drop_column('o', 'a')")),
        ("m/1.py", DJANGO.format("S(state_operations=[migrations.RemoveField('o', 'a')])")),
        ("m/1.py", DJANGO.format("migrations.RunSQL('SELECT 1', reverse_sql=x('DROP TABLE o'))")),
        ("m/1.py", DJANGO.format("AddIndexConcurrently('o', index=x)")),
        ("db/migrate/1_a.rb", "def up\n  add_column :o, :a\nend\ndef down\n  remove_column :o, :a\nend\n"),
        ("db/migrate/1_a.rb", "def change\n  create_table :o do\n  end\n  add_index :o, :a\nend\n"),
        ("db/migrate/1_a.rb", "def change\n  add_index :o, :a, algorithm: :concurrently\nend\n"),
        ("liquibase/1.xml", "<addColumn/><rollback><dropColumn/></rollback>"),
    ],
)
def test_a_migration_that_both_versions_can_live_with_is_not(path: str, text: str) -> None:
    assert not migrations.findings_of(path, text)


@pytest.mark.parametrize("text", ["(" * 5000, "\x00\xff", "ALTER TABLE", "DROP", "ALTER TABLE a DROP COLUMN", "';--"])
@pytest.mark.parametrize("path", ["m/1.sql", "m/1.py", "db/migrate/1_a.rb", "liquibase/1.xml"])
def test_no_migration_however_odd_stops_the_assessment(path: str, text: str) -> None:
    assert isinstance(migrations.findings_of(path, text), list)


LOCKS = {
    "uv.lock": '[[package]]\nname = "django"\nversion = "{}"\n',
    "poetry.lock": '[[package]]\nname = "django"\nversion = "{}"\n',
    "Cargo.lock": '[[package]]\nname = "django"\nversion = "{}"\nsource = "registry+x"\n',
    "requirements.txt": "django=={}  # pinned\n",
    "package-lock.json": '{{"packages": {{"node_modules/django": {{"version": "{}"}}}}}}',
    "yarn.lock": 'django@^4:\n  version "{}"\n',
    "pnpm-lock.yaml": "packages:\n\n  django@{}:\n    resolution: x\n",
    "go.mod": "module a\n\nrequire example.org/django v{}\n",
    "pom.xml": "<dependency><groupId>django</groupId><artifactId>django</artifactId><version>{}</version></dependency>",
    "Gemfile.lock": "GEM\n  specs:\n    django ({})\n",
}


@pytest.mark.parametrize("name", LOCKS)
def test_a_major_version_is_found_in_every_lock_file_and_a_minor_one_is_not_one(name: str) -> None:
    text = LOCKS[name]
    major = dependencies.findings_of(name, text.format("4.2.1"), text.format("5.0.0"), Advisories())
    assert [(f.level, "4.2.1 →" in f.sentence and "a major version" in f.sentence) for f in major] == [(MEDIUM, True)]
    minor = dependencies.findings_of(name, text.format("4.2.1"), text.format("4.3.0"), Advisories())
    assert [(f.level, f.sentence.startswith("1 upgraded within")) for f in minor] == [(RiskLevel.LOW, True)]
    assert not dependencies.findings_of(name, text.format("4.2.1"), text.format("4.2.1"), Advisories())


def test_a_vulnerable_version_counts_only_when_this_change_brings_it() -> None:
    lock, known = LOCKS["uv.lock"], Advisories([Advisory(id="CVE-2026-1", package="Django", version="4.2.1")])
    assert dependencies.findings_of("uv.lock", lock.format("4.2.0"), lock.format("4.2.1"), known)[0].level is HIGH
    assert not dependencies.findings_of("uv.lock", lock.format("4.2.1"), lock.format("4.2.1"), known)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", "[[package"),
        ("package-lock.json", "[1, 2]"),
        ("package-lock.json", "{" * 9000),
        ("uv.lock", "a = 1"),
    ],
)
def test_a_broken_lock_file_says_so_and_does_not_stop(name: str, text: str) -> None:
    found = dependencies.findings_of(name, LOCKS[name].format("1"), text, Advisories())
    assert any("a lock file cannot be read: " in f.sentence or "removed" in f.sentence for f in found)


def test_a_broken_lock_file_is_named_once_and_compared_by_hand() -> None:
    """It has no release notes, and its sentence needs a subject."""
    (found,) = dependencies.findings_of("web/uv.lock", LOCKS["uv.lock"].format("1"), "package = 7", Advisories())
    assert found.in_place == "a lock file cannot be read: package is 7, not a list (web/uv.lock)"
    assert found.mitigation == "compare both versions by hand"


def patch(path: str, added: int = 10) -> FilePatch:
    return FilePatch(path, path, added, 0)


@pytest.mark.parametrize(
    ("path", "level"),
    [("infra/main.tf", HIGH), ("charts/shop/values.yaml", MEDIUM), ("Dockerfile", MEDIUM), ("ansible/site.yml", HIGH)],
)
def test_what_runs_the_service_raises_the_infrastructure_factor(path: str, level: RiskLevel) -> None:
    charts = {"charts/shop/Chart.yaml"}
    assert [f.level for f in infrastructure.findings_of([patch(path)], charts)] == [level]


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        "docs/terraform.md",
        "src/docker_client.py",
        "tests/fixtures/main.tf",
        "src/terraform/parser.py",
        "src/terraform/schema.json",
        "src/components/charts/line.tsx",
        "src/components/charts/templates/line.yaml",
        "charts/line/values.yaml",
        "pkg/helm/render.go",
        "tools/dockerfile_lint.py",
        "examples/shop/main.tf",
        "ansible/library/shop.py",
        ".devcontainer/Dockerfile",
    ],
)
def test_what_only_speaks_of_infrastructure_does_not(path: str) -> None:
    assert not infrastructure.findings_of([patch(path)], {"charts/shop/Chart.yaml"})


HARD = "def f(x):\n" + "".join(f"    if x == {n}:\n        return {n}\n" for n in range(20))
EASY = "def f(x):\n    return {" + ", ".join(f"{n}: {n}" for n in range(200)) + "}[x]\n"


def grown(before: str, after: str) -> list[Finding]:
    return complexity.findings_of("a.py", after, complexity.Before({"a.py": before}))


def test_a_function_that_got_hard_is_found_and_one_that_was_or_is_merely_long_is_not() -> None:
    (found,) = grown("def f(x):\n    return x\n", HARD)
    assert (found.level, "`f` has 21 decisions, before 1" in found.sentence) == (MEDIUM, True)
    assert not grown(HARD, HARD.replace("return 3", "return 33"))
    assert not grown("", EASY)
    assert not grown("", "def (((" * 50)


AUTUMN = Calendar(
    zone="Europe/Berlin",
    freezes=(Freeze("autumn sale", datetime(2026, 11, 30, 9, tzinfo=UTC), datetime(2026, 12, 2, 9, tzinfo=UTC)),),
)


@pytest.mark.parametrize(
    ("when", "level", "said"),
    [
        (datetime(2026, 11, 25, 10, tzinfo=UTC), None, ""),
        (datetime(2026, 11, 27, 9, tzinfo=UTC), None, ""),
        (datetime(2026, 11, 20, 15, tzinfo=UTC), MEDIUM, "the afternoon before non-working days"),
        (datetime(2026, 11, 21, 10, tzinfo=UTC), HIGH, "not a working day"),
        (datetime(2026, 11, 25, 21, tzinfo=UTC), MEDIUM, "outside working hours"),
        (datetime(2026, 11, 30, 10, tzinfo=UTC), CRITICAL, "in the freeze autumn sale"),
        (datetime(2026, 11, 28, 10, tzinfo=UTC), HIGH, "not a working day"),
    ],
)
def test_the_hour_of_the_release(when: datetime, level: RiskLevel | None, said: str) -> None:
    found = timing.findings_of(when, AUTUMN)
    assert [f.level for f in found[:1]] == ([level] if level else [])
    assert not found or said in found[0].sentence


def test_a_freeze_that_begins_within_two_days_and_another_release_are_said() -> None:
    near = timing.findings_of(datetime(2026, 11, 29, 12, tzinfo=UTC), AUTUMN, ("cart 2.0 in production",))
    said = " / ".join(f.sentence for f in near)
    assert "the freeze autumn sale starts Monday 10:00" in said
    assert "cart 2.0 in production rolls out at the same time" in said
