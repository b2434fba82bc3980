"""`queries: {kind: sql}`: figures that a database has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Queries
from pilotage.adapters.registry import Adapter
from pilotage.config.channels import SecretRef
from pilotage.config.fields import Duration
from pilotage.config.kinds import QueriesSection
from pilotage.model.capabilities import QueriesCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.queries.sql import SqlQueries


class SqlSection(QueriesSection):
    """A PostgreSQL, MariaDB, MySQL or SQLite database. A query is one SELECT of one number, or of one number a row; a
    second column is the time of the figure."""

    kind: Literal["sql"]
    database: SecretRef = Field(
        description="Reference to the URL of the database, such as `postgresql://metrics:…@db.example.org/shop`. "
        "Its user needs SELECT, and nothing else."
    )
    max_age: Duration = Field(300, ge=1, description="Older rows count as none, if the query has a second column.")


def _opened(section: SqlSection, context: Context) -> SqlQueries:
    from pilotage.adapters.queries.sql import SqlQueries

    return SqlQueries(section.database, context.secrets, max_age=section.max_age)


def _open(section: SqlSection, context: Context) -> Queries:
    return _opened(section, context)


def _examine(section: SqlSection, context: Context) -> Iterator[Finding]:
    yield from _opened(section, context).examine()


ADAPTER = Adapter(
    section=SqlSection, capabilities=QueriesCapabilities(language="SQL", interval=1.0), open=_open, examine=_examine
)
