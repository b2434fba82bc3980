"""What `doctor` looks at before a database is checked: connections, privileges, replication and migrations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pilotage.adapters.databases.applied import applied_in
from pilotage.adapters.databases.replication import pair_of
from pilotage.adapters.databases.task import STANDBY, URL, opened
from pilotage.model.finding import Finding
from pilotage.model.migration import Brought, known_by

_WHAT = "database"


def examine(secrets: Mapping[str, str], timeout: float, brought: Brought | None) -> Iterator[Finding]:
    """A finding each; changes nothing. Raises AdapterError for a database that cannot be reached."""
    with opened(secrets[URL], timeout) as database:
        database.rows("SELECT 1")
        yield Finding("PASS", _WHAT, f"{database.called} answers {database.user}")
        if STANDBY in secrets:
            with opened(secrets[STANDBY], timeout) as standby:
                pair = pair_of(database, standby)
                pair.check_pair()
                found = pair.look()
            if found.trouble:
                yield Finding("FAIL", _WHAT, f"standby {found.standby}: {'; '.join(found.trouble)}")
            else:
                yield Finding("PASS", _WHAT, f"standby {found.standby}: {found.state}, {found.lag} behind")
        if brought is not None and brought.trouble:
            yield Finding("FAIL", _WHAT, brought.trouble)
        elif brought is not None:
            applied = applied_in(database, brought)
            here = len(known_by(brought, applied) & {one.id for one in brought.scripts})
            there = f"{here} of {len(brought.scripts)} migrations are applied"
            none = f"there is no table {brought.table}, so none of {len(brought.scripts)} migrations is applied"
            yield Finding("PASS", _WHAT, there if applied.exists else none)
