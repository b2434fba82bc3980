"""`backup` of an environment: its database, where backups are stored, and where they are tried out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pilotage.config.channels import SecretRef
from pilotage.config.fields import Duration, Section


class BackupSection(Section):
    """Backups of the environment's database, made, tested and restored by Pilotage."""

    kind: Literal["postgres"] = Field("postgres", description="Kind of database.")
    database: SecretRef | None = Field(
        None,
        description="Reference to the connection string of the database, such as secret://env/DATABASE_URL. Default: "
        "`database.url` of the environment.",
    )
    scratch: SecretRef = Field(
        description="Reference to the connection string of a server where backups are tested. Its user needs "
        "CREATEDB: each try has a database of its own, which is dropped afterwards."
    )
    folder: str = Field(
        "backups", min_length=1, pattern=r"^[^\x00]+$", description="Where backups are stored: a path from the project."
    )
    keep: int = Field(
        7, ge=1, le=10_000, description="Number of backups to keep. Those of a rollout are kept for 30 days as well."
    )
    timeout: Duration = Field(
        3600, gt=0, description="Time limit of each dump and each restore. The step's own time limit applies as well."
    )
    programs: str | None = Field(
        None, description="Folder of pg_dump, pg_restore and psql. Default: where PATH finds them."
    )
