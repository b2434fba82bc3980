"""Replication of MariaDB and MySQL: whether a replica has what its primary has, and what keeps it from that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pilotage.adapters.databases.mysql_connection import MysqlConnection
from pilotage.adapters.databases.refused import Refused
from pilotage.adapters.ports import AdapterError
from pilotage.model.replication import Replication

_Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class MysqlReplication:
    """A replica and its primary. Both are compared by GTID; without GTID, by the seconds that the replica reports."""

    primary: MysqlConnection
    standby: MysqlConnection

    def check_pair(self) -> None:
        """Raises AdapterError where the standby replicates from nobody, or from another server."""
        row = self._status()
        ((mine,),) = self.primary.rows("SELECT @@server_id")
        source = _of(row, "Source_Server_Id", "Master_Server_Id")
        if str(source) not in ("0", str(mine)):
            raise AdapterError(
                f"{self.standby.called} replicates from another server (id {source}) than {self.primary.called} "
                f"(id {mine})"
            )

    def position(self) -> str:
        """The primary's GTID; empty where it has none."""
        asked = "@@gtid_binlog_pos" if self.primary.is_mariadb else "@@global.gtid_executed"
        ((position,),) = self.primary.rows(f"SELECT {asked}")
        return "".join(str(position or "").split())

    def has(self, position: str) -> bool:
        """Whether the replica has applied everything up to there."""
        if not position:
            lag = self.look()
            return not lag.trouble and lag.seconds_behind == 0
        if not self.standby.is_mariadb:
            ((there,),) = self.standby.rows(f"SELECT GTID_SUBSET('{_checked(position)}', @@global.gtid_executed)")
            return bool(there)
        ((reached,),) = self.standby.rows("SELECT @@gtid_slave_pos")
        there, wanted = _numbers(str(reached or "")), _numbers(position)
        return all(there.get(domain, -1) >= number for domain, number in wanted.items())

    def look(self) -> Replication:
        """What holds now. Raises AdapterError."""
        row = self._status()
        seconds = _of(row, "Seconds_Behind_Source", "Seconds_Behind_Master")
        trouble = tuple(self._trouble(row))
        threads = "/".join(str(_of(row, *names)) for names in _THREADS.values())
        gtid = _of(row, "Gtid_IO_Pos", "Executed_Gtid_Set") or "none"
        return Replication(
            primary=self.primary.called, standby=self.standby.called,
            state=f"IO/SQL threads {threads}, GTID {gtid}", trouble=trouble,
            seconds_behind=None if seconds is None else float(str(seconds)),
            broken=bool(trouble),
        )  # fmt: skip

    def _trouble(self, row: _Row) -> Iterator[str]:
        for what, names in _THREADS.items():
            state = str(_of(row, *names))
            if state == "Yes":
                continue
            said = " ".join(str(row.get(f"Last_{what}_Error") or "").split())[:200]
            cure = f": {said}" if said else ": run START REPLICA there" if what == "SQL" else ""
            shown = "not running" if state == "No" else state.lower()
            yield f"the {what} thread of {self.standby.called} is {shown}{cure}"

    def _status(self) -> _Row:
        try:
            rows = self.standby.named(self._show())
        except Refused:
            user = self.standby.user
            privilege = "REPLICA MONITOR" if self.standby.is_mariadb else "REPLICATION CLIENT"
            cure = f"GRANT {privilege} ON *.* TO {user}"
            raise Refused(f"{user} may not see the state of replication at {self.standby.called}: {cure}") from None
        if not rows:
            raise AdapterError(f"{self.standby.called} is no replica: it replicates from nobody")
        return rows[0]

    def _show(self) -> str:
        """MySQL has the new words since 8.0.22, MariaDB since 10.5.1."""
        numbers = [int(part) for part in self.standby.version.partition("-")[0].split(".")[:3] if part.isdecimal()]
        newer = tuple(numbers) >= ((10, 5, 1) if self.standby.is_mariadb else (8, 0, 22))
        return "SHOW REPLICA STATUS" if newer else "SHOW SLAVE STATUS"


_THREADS = {
    "IO": ("Replica_IO_Running", "Slave_IO_Running"),
    "SQL": ("Replica_SQL_Running", "Slave_SQL_Running"),
}


def _of(row: _Row, *names: str) -> object:
    """The first of these columns that is there: their names differ by version."""
    return next((row[name] for name in names if name in row), None)


def _numbers(positions: str) -> dict[str, int]:
    """MariaDB's `domain-server-number` list, by domain."""
    parts = [one.split("-") for one in positions.split(",") if one.count("-") == 2]
    return {domain: int(number) for domain, _, number in parts if number.isdecimal()}


def _checked(position: str) -> str:
    """A GTID set as MySQL writes it, and nothing else: it becomes part of a query."""
    if not all(char.isalnum() or char in "-:," for char in position):
        raise AdapterError("the primary's GTID set cannot be read")
    return position
