"""Streaming replication of PostgreSQL: whether a standby has what its primary has, and what keeps it from that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pilotage.adapters.databases.postgres_connection import PostgresConnection
from pilotage.adapters.databases.refused import Refused
from pilotage.adapters.ports import AdapterError
from pilotage.model.replication import Replication

_IDENTITY = "SELECT system_identifier, pg_is_in_recovery() FROM pg_control_system()"
_POSITION = "SELECT pg_current_wal_lsn()::text"
_STANDBY = (
    "SELECT pg_last_wal_replay_lsn()::text, pg_is_wal_replay_paused(), "
    "extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8, current_setting('cluster_name')"
)
_RECEIVER = "SELECT status, slot_name, received_tli FROM pg_stat_wal_receiver"
_TIMELINE = "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int"
_SENDERS = (
    "SELECT s.state, s.sync_state, l.slot_name, s.application_name FROM pg_stat_replication s "
    "LEFT JOIN pg_replication_slots l ON l.active_pid = s.pid"
)
_SLOTS = "SELECT slot_name, active, wal_status FROM pg_replication_slots WHERE slot_type = 'physical'"


@dataclass(frozen=True, kw_only=True)
class PostgresReplication:
    """A standby and its primary."""

    primary: PostgresConnection
    standby: PostgresConnection

    def check_pair(self) -> None:
        """Raises AdapterError where these are no primary and standby of one cluster."""
        ((mine, mine_recovers),) = self.primary.rows(_IDENTITY)
        ((other, other_recovers),) = self.standby.rows(_IDENTITY)
        if mine_recovers:
            raise AdapterError(f"{self.primary.called} is itself a standby: database.url must lead to the primary")
        if not other_recovers:
            raise AdapterError(
                f"{self.standby.called} is no standby: it was promoted, or is a database with data of its own"
            )
        if mine != other:
            raise AdapterError(f"{self.standby.called} is a standby of another cluster than {self.primary.called}")

    def position(self) -> str:
        """Of the primary's log, now."""
        ((position,),) = self.primary.rows(_POSITION)
        return str(position)

    def has(self, position: str) -> bool:
        """Whether the standby has applied everything up to there."""
        ((there,),) = self.standby.rows(f"SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn")
        return bool(there)

    def look(self) -> Replication:
        """What holds now. Raises AdapterError."""
        position = self.position()
        ((replayed, paused, age, name),) = self.standby.rows(_STANDBY)
        behind = None
        if replayed is not None:
            ((behind,),) = self.standby.rows(f"SELECT pg_wal_lsn_diff('{position}', '{replayed}')::bigint")
        trouble = (
            [f"replay is paused at {self.standby.called}: run SELECT pg_wal_replay_resume() there"] if paused else []
        )
        state, more, cut_off = self._state(str(name or ""))
        return Replication(
            primary=self.primary.called, standby=self.standby.called, state=state,
            bytes_behind=None if behind is None else int(str(behind)),
            seconds_behind=None if age is None or not behind else float(str(age)), trouble=(*trouble, *more),
            broken=bool(paused) or cut_off,
        )  # fmt: skip

    def _state(self, cluster_name: str) -> tuple[str, list[str], bool]:
        """How the primary sends to this standby, what is wrong with that, and whether nothing more arrives. Without
        the privilege to see it, the positions alone say what the standby has."""
        try:
            receivers = self.standby.rows(_RECEIVER)
            senders, slots = self.primary.rows(_SENDERS), self.primary.rows(_SLOTS)
        except Refused as refused:
            return "", [str(refused)], False
        if any(row[0] is None for row in (*receivers, *senders)):
            return "", [lacks_monitor(self.primary.user)], False
        ((timeline,),) = self.primary.rows(_TIMELINE)
        if other := next((row[2] for row in receivers if row[2] != timeline), None):
            told = f"{self.standby.called} follows timeline {other}, and {self.primary.called} is on {timeline}"
            return "", [f"{told}: after a failover, let it follow the new primary"], True
        slot = next((str(row[1]) for row in receivers if row[1]), "")
        mine = [
            row
            for row in senders
            if (slot and row[2] == slot) or (not slot and row[3] in (cluster_name, "walreceiver"))
        ]
        if receivers and len(mine or senders) == 1:
            state, sync, used, _ = (mine or senders)[0]
            return f"{state}, {sync}, {f'slot {used}' if used else 'no slot'}", [], False
        if receivers:
            return "streaming", [], False
        stopped = f"{self.standby.called} receives nothing from {self.primary.called}: its streaming has stopped"
        return "", [stopped, *_of_slots(slots)], True


def _of_slots(slots: list[tuple[object, ...]]) -> Iterator[str]:
    """Slots that nobody reads from."""
    for name, active, status in slots:
        if status == "lost":
            yield f"slot {name} is lost: the primary has removed what it held, so make the standby anew"
        elif not active:
            yield f"slot {name} is not in use"
    if not slots:
        yield "the primary has no physical slot"


def lacks_monitor(user: str) -> str:
    """What to do where the server hides its statistics."""
    return f"{user} may not see the state of replication: GRANT pg_monitor TO {user}"
