"""`database` of an environment: where it is, which standby the new version reads, and what migrates it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.channels import SecretRef
from pilotage.config.fields import Duration, Misplaced, Section
from pilotage.model.migration import Tool


class MigrationsSection(Section):
    """Migrations of the schema, compared with those that the database has."""

    kind: Annotated[Tool, Field(strict=False)] = Field(description="Tool that applies them: alembic, django or flyway.")
    folder: str = Field(
        min_length=1,
        pattern=r"^[^\x00]+$",
        description="Folder of the migrations, from this file's folder. For Django, the folder of its applications.",
    )
    table: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$",
        description="Table in which the tool keeps what it has applied, such as audit.alembic_version. Default: the "
        "tool's own.",
    )


class DatabaseSection(Section):
    """The environment's database. Pilotage only reads, and checks it before users get a new version."""

    url: SecretRef = Field(
        description="Reference to the connection string of the database, such as secret://env/DATABASE_URL. "
        "PostgreSQL, MySQL or MariaDB."
    )
    standby: SecretRef | None = Field(
        None, description="Reference to the connection string of the standby that the new version reads, if it has one."
    )
    max_lag: Duration = Field(
        10, gt=0, le=3600, description="How soon the standby must have what the primary has when it is checked."
    )
    migrations: MigrationsSection | None = Field(None, description="Migrations of the schema.")
    timeout: Duration = Field(10, gt=0, le=600, description="Time limit of each query.")

    @model_validator(mode="after")
    def _two_places(self) -> DatabaseSection:
        if self.standby == self.url:
            raise Misplaced("is the database itself: name the standby's connection string", "standby")
        return self
