"""R12, R31: what a database has of a version's migrations, by the tables of real Alembic and Django, and of Flyway by
its documented one. A contraction waits for the version that still uses what it removes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from pilotage.adapters.check_runner import GIVEN, run
from pilotage.adapters.databases.scripts import checksum_of
from pilotage.adapters.databases.task import URL, DataTask, perform
from pilotage.adapters.ports import AdapterError
from pilotage.app.migrations import brought_by
from pilotage.config.databases import MigrationsSection
from pilotage.model.migration import HAS_SCHEMA_ALONE, Moment
from tests.databases import Postgres, postgres

pytestmark = pytest.mark.xdist_group("postgres_migrations")
BEFORE, RUNNING = Moment.BEFORE, Moment.RUNNING


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres(tmp_path_factory.mktemp("migrated")) as started:
        yield started


@pytest.fixture
def url(server: Postgres) -> str:
    """An empty database."""
    server.run("DROP DATABASE IF EXISTS shop WITH (FORCE)", "CREATE DATABASE shop", database="postgres")
    return server.url()


def checked(url: str, kind: str, folder: Path, moment: Moment, *, together: bool = True, stable: str = "1.0.0") -> str:
    """What a release of 1.1.0 is told, while `stable` serves."""
    section = MigrationsSection.model_validate({"kind": kind, "folder": folder.name})
    task = DataTask(
        moment=moment, max_lag=1, timeout=10, together=together, migrations=brought_by(section, folder.parent)
    )  # fmt: skip
    return perform(task, {URL: url}, "1.1.0", stable)


def refusal(url: str, kind: str, folder: Path, moment: Moment = RUNNING, stable: str = "1.0.0") -> str:
    with pytest.raises(AdapterError) as refused:
        checked(url, kind, folder, moment, stable=stable)
    return str(refused.value)


ALEMBIC = """
import sqlalchemy as sa
from alembic import op
{mark}
revision: str = "{id}"
down_revision = {after!r}

def upgrade() -> None:
    {up}

def downgrade() -> None:
    pass
"""
ENV = """
from alembic import context
from sqlalchemy import create_engine
with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
"""


@pytest.fixture
def alembic(tmp_path: Path) -> Path:
    (tmp_path / "migrations/versions").mkdir(parents=True)
    (tmp_path / "migrations/env.py").write_text(ENV)
    folder = tmp_path / "migrations/versions"
    columns = 'sa.Column("id", sa.Integer), sa.Column("total", sa.Integer)'
    revision(folder, "a1", None, f'op.create_table("orders", {columns})')
    revision(folder, "b2", "a1", 'op.add_column("orders", sa.Column("price", sa.Integer))')
    return folder


def revision(folder: Path, identity: str, after: object, up: str, mark: str = "") -> None:
    (folder / f"{identity}_step.py").write_text(ALEMBIC.format(id=identity, after=after, up=up, mark=mark))


def upgrade(folder: Path, url: str, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(folder.parent))
    config.set_main_option("sqlalchemy.url", url.replace("postgresql://", "postgresql+psycopg://"))
    command.upgrade(config, to)


def test_r12_a_database_in_sql_ascii_is_read_as_text(server: Postgres, alembic: Path) -> None:
    """PostgreSQL makes such databases where its machine has the locale C."""
    server.run(
        "DROP DATABASE IF EXISTS shop WITH (FORCE)",
        "CREATE DATABASE shop ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0", database="postgres",
    )  # fmt: skip
    upgrade(alembic, f"{server.url()}{'&' if '?' in server.url() else '?'}client_encoding=utf8", "a1")
    assert "1 to apply: b2_step.py" in checked(server.url(), "alembic", alembic, BEFORE)


def test_r12_alembic_what_is_pending_is_named_and_passes_before_but_not_when_the_version_runs(
    url: str, alembic: Path
) -> None:
    assert "has no table alembic_version" in refusal(url, "alembic", alembic)
    assert f"no folder of migrations {alembic.parent}/gone" in refusal(url, "alembic", alembic.parent / "gone")
    upgrade(alembic, url, "a1")
    assert "1 to apply: b2_step.py" in checked(url, "alembic", alembic, BEFORE)
    assert "lacks 1 migration of 1.1.0: b2_step.py; run `alembic upgrade head`" in refusal(url, "alembic", alembic)
    upgrade(alembic, url, "head")
    assert "has 2 migrations of 1.1.0 applied" in checked(url, "alembic", alembic, RUNNING)


def test_r12_a_contraction_waits_for_the_version_that_still_uses_the_column(url: str, alembic: Path) -> None:
    """Expand in 1.1.0, contract later: refused beside 1.0.0, passed by big-bang, and passed once 1.1.0 serves."""
    upgrade(alembic, url, "head")
    drop = 'op.drop_column("orders", "total")'
    revision(alembic, "c3", "b2", drop)
    said = refusal(url, "alembic", alembic, BEFORE)
    assert "c3_step.py drops a column" in said
    assert "while 1.0.0 still uses the schema" in said
    assert "1 to apply" in checked(url, "alembic", alembic, BEFORE, together=False)
    assert "1 to apply" in checked(url, "alembic", alembic, BEFORE, stable="")  # a first release
    revision(alembic, "c3", "b2", drop, mark="# pilotage: contract since 1.1.0")
    assert "complete the release of 1.1.0 first" in refusal(url, "alembic", alembic, BEFORE)
    assert "1 to apply" in checked(url, "alembic", alembic, BEFORE, stable="1.1.0")
    revision(alembic, "c3", "b2", 'op.alter_column("orders", "total", nullable=False)')
    assert "forbids nulls" in refusal(url, "alembic", alembic, BEFORE)
    revision(alembic, "c3", "b2", 'op.execute(open("x.sql").read())')
    assert "cannot be read" in refusal(url, "alembic", alembic, BEFORE)
    revision(alembic, "c3", "b2", 'op.execute(open("x.sql").read())', mark="# pilotage: expand")
    assert "1 to apply" in checked(url, "alembic", alembic, BEFORE)


def test_r31_alembic_two_heads_and_a_database_that_is_ahead_are_refused(url: str, alembic: Path) -> None:
    upgrade(alembic, url, "head")
    revision(alembic, "c3", "b2", "pass")
    revision(alembic, "d4", "b2", "pass")
    assert "1.1.0 brings 2 heads, c3, d4: run `alembic merge heads`" in refusal(url, "alembic", alembic, BEFORE)
    revision(alembic, "e5", ("c3", "d4"), "pass")
    upgrade(alembic, url, "head")
    assert "has 5 migrations" in checked(url, "alembic", alembic, RUNNING)
    (alembic / "e5_step.py").unlink()
    (alembic / "d4_step.py").unlink()
    assert "has e5 applied, which 1.1.0 does not bring" in refusal(url, "alembic", alembic, BEFORE)


DJANGO = """
import sys
import django
from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "shop"], DATABASES={{"default": {{
    "ENGINE": "django.db.backends.postgresql", "NAME": "shop", "USER": "pilot", "PASSWORD": {password!r},
    "HOST": "127.0.0.1", "PORT": {port}}}}})
django.setup()
from django.core.management import call_command
call_command(*sys.argv[1:], verbosity=0)
"""
DJANGO_MIGRATION = """
from django.db import migrations, models
class Migration(migrations.Migration):
    dependencies = {after!r}
    operations = [{operation}]
"""


def test_r12_django_by_its_own_table(url: str, server: Postgres, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "shop/migrations").mkdir(parents=True)
    for package in ("shop", "shop/migrations"):
        (folder / package / "__init__.py").touch()

    def migration(name: str, after: object, operation: str) -> None:
        text = DJANGO_MIGRATION.format(after=after, operation=operation)
        (folder / f"shop/migrations/{name}.py").write_text(text)

    first, second = [("shop", "0001_initial")], [("shop", "0002_price")]
    keyed = '("id", models.BigAutoField(primary_key=True)), ("total", models.IntegerField(null=True))'
    migration("0001_initial", [("contenttypes", "0002_remove_content_type_name")],
        f'migrations.CreateModel("Order", [{keyed}])')  # fmt: skip
    migration("0002_price", first, 'migrations.AddField("order", "price", models.IntegerField(null=True))')
    script = folder / "run.py"
    from tests.databases import PASSWORD

    script.write_text(DJANGO.format(password=PASSWORD, port=server.port))
    run = [sys.executable, str(script), "migrate"]
    subprocess.run([*run, "shop", "0001"], check=True, cwd=folder, timeout=60)
    assert "lacks 1 migration of 1.1.0: shop/0002_price.py" in refusal(url, "django", folder)
    subprocess.run(run, check=True, cwd=folder, timeout=60)
    assert "has 2 migrations of 1.1.0 applied" in checked(url, "django", folder, RUNNING)
    migration("0003_drop", second, 'migrations.RemoveField("order", "total")')
    assert "shop/0003_drop.py drops a field's column" in refusal(url, "django", folder, BEFORE)
    migration("0003_other", second, 'migrations.AddField("order", "note", models.TextField(null=True))')
    assert "manage.py makemigrations --merge" in refusal(url, "django", folder, BEFORE)


FLYWAY = """
CREATE TABLE flyway_schema_history (installed_rank INT NOT NULL PRIMARY KEY, version VARCHAR(50),
  description VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL, checksum INTEGER,
  installed_by VARCHAR(100) NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT now(), execution_time INTEGER NOT NULL,
  success BOOLEAN NOT NULL)
"""


def row(rank: int, version: str | None, text: str, *, success: bool = True, kind: str = "SQL") -> str:
    number = f"'{version}'" if version else "NULL"
    values = f"{rank}, {number}, 'views', '{kind}', 'x', {checksum_of(text)}, 'ada', 5, {str(success).upper()}"
    columns = "installed_rank, version, description, type, script, checksum, installed_by, execution_time, success"
    return f"INSERT INTO flyway_schema_history ({columns}) VALUES ({values})"


def test_r12_flyway_half_applied_changed_late_and_repeatable_ones(url: str, server: Postgres, tmp_path: Path) -> None:
    folder = tmp_path / "sql"
    folder.mkdir()
    one, two, views = "CREATE TABLE a (id int);\n", "ALTER TABLE a ADD b int;\n", "CREATE VIEW v AS SELECT 1;\n"
    (folder / "V1__a.sql").write_text(one)
    (folder / "V1_2__b.sql").write_text(two)
    (folder / "R__views.sql").write_text(views)
    server.run(FLYWAY, row(1, "1", one), row(2, "1.2", two, success=False))
    assert "has 1.2 half-applied: repair the schema" in refusal(url, "flyway", folder, BEFORE)
    server.run("UPDATE flyway_schema_history SET success = TRUE", row(3, None, views))
    assert "has 3 migrations of 1.1.0 applied" in checked(url, "flyway", folder, RUNNING)
    (folder / "R__views.sql").write_text("CREATE VIEW v AS SELECT 2;\n")
    assert "lacks 1 migration of 1.1.0: R__views.sql" in refusal(url, "flyway", folder)
    (folder / "R__views.sql").write_text(views)
    (folder / "V1_1__late.sql").write_text("ALTER TABLE a ADD c int;\n")
    assert "V1_1__late.sql comes before 1.2" in refusal(url, "flyway", folder, BEFORE)
    (folder / "V1_1__late.sql").unlink()
    (folder / "V2__drop.sql").write_text("ALTER TABLE a DROP COLUMN b;\n")
    assert "V2__drop.sql drops" in refusal(url, "flyway", folder, BEFORE)
    (folder / "V2__drop.sql").write_text("-- pilotage: contract since 1.1.0\nALTER TABLE a DROP COLUMN b;\n")
    assert "1 to apply: V2__drop.sql" in checked(url, "flyway", folder, BEFORE, stable="1.2.0")
    (folder / "V1__a.sql").write_text("CREATE TABLE a (id bigint);\n")
    assert "V1__a.sql changed after" in refusal(url, "flyway", folder, BEFORE)
    server.run("DELETE FROM flyway_schema_history", row(1, "2", "", kind="BASELINE"), row(2, None, views))
    assert "has 4 migrations of 1.1.0 applied" in checked(url, "flyway", folder, RUNNING)


@pytest.mark.parametrize(("facts", "passes"), [({}, False), ({HAS_SCHEMA_ALONE: "yes"}, True)])
def test_r15_only_a_version_that_has_the_schema_alone_may_contract_it(
    facts: dict[str, str], passes: bool, url: str, alembic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the process of a rollout's checks runs it. What says nothing of the old version is no permission."""
    upgrade(alembic, url, "head")
    revision(alembic, "c3", "b2", 'op.drop_column("orders", "total")')
    brought = brought_by(MigrationsSection.model_validate({"kind": "alembic", "folder": alembic.name}), alembic.parent)
    task = {"moment": "before", "max_lag": 1.0, "timeout": 10.0, "replicated": False, "migrations": asdict(brought)}
    whole = {"checks": [{"database": task}], "facts": {"version": "1.1.0", "stable_version": "1.0.0", **facts}}
    asked, result = alembic.parent / "asked.json", alembic.parent / "result.json"
    asked.write_text(json.dumps({**whole, "cwd": str(alembic)}))
    monkeypatch.setenv(f"{GIVEN}0", json.dumps({URL: url}))
    run(asked, result)
    said = json.loads(result.read_text())
    assert said["passed"] is passes, said
    assert ("1 to apply" if passes else "c3_step.py drops a column") in said["detail"]
