"""Rollouts are ordered by their start and listed without their bodies; what was large gets tables of its own.

Rows are moved as they are: one whose plan or state cannot be read is still listed, and stops nobody. Until the last
worker of an older version has gone, PostgreSQL has a view of the old shape (`rollouts`), which it reads and writes.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from pilotage.engine.execution.failpoints import reach
from pilotage.engine.records.migrations.tables_of_0007 import ACTIVE, PACES, STATUSES, make_tables, refer

revision = "0007"
down_revision = "0006"

_log = logging.getLogger(__name__)
_CHUNK = 200
_QUEUED_RANK = 2**31 - 1


def upgrade() -> None:
    connection = op.get_bind()
    op.rename_table("rollouts", "rollouts_0006")
    reach("upgrade")
    make_tables()
    reach("upgrade")
    _move(connection)
    reach("upgrade")
    refer()
    reach("upgrade")
    op.drop_table("rollouts_0006")
    reach("upgrade")
    if connection.dialect.name == "postgresql":
        from pilotage.engine.records.migrations.older_workers import view_of_old_shape

        for statement in view_of_old_shape():
            connection.exec_driver_sql(statement)


# ── rows ───────────────────────────────────────────────────────────────────────────────────────────────────


class _Place:
    """What has been moved of an environment. active: id of the rollout under way, or None."""

    def __init__(self) -> None:
        self.sequence = 0
        self.serving: list[str] = []
        self.active: str | None = None


def _move(connection: sa.Connection) -> None:
    meta = sa.MetaData()
    new = sa.Table("rollout", meta, autoload_with=connection)
    places: dict[tuple[str, str], _Place] = {}
    plans: dict[str, bool] = {}
    snapshots: dict[str, bool] = {}
    for row in _rows(connection):
        found = places.setdefault((row["service"], row["environment"]), _Place())
        moved, state = _columns(row)
        if moved["status"] in ACTIVE:
            if found.active is not None:
                _end(connection, new, found.active)
            found.active = row["id"]
        if moved["status"] not in ("queued", "cancelled"):
            found.sequence += 1
            moved["sequence"] = found.sequence
            moved["rank"] = found.sequence
            moved["started_at"] = row["started_at"] or row["created_at"]
        else:
            moved["rank"] = _QUEUED_RANK if moved["status"] == "queued" else found.sequence
        _serve(found.serving, row["version"], moved, state)
        moved["snapshot"] = _digest(row["target"])
        _keep(connection, plans, "plans", row["plan_hash"], row["plan"], _format_of(row["plan"]))
        _keep(connection, snapshots, "snapshots", moved["snapshot"], row["target"], _format_of(row["target"]))
        connection.execute(sa.insert(new).values(moved))
        _keep_beside(connection, row)
    for (service, environment), place in places.items():
        connection.execute(
            sa.text(
                "INSERT INTO environments (service, environment, sequence, serving) VALUES (:service, :environment, "
                ":sequence, :serving)"
            ),
            {
                "service": service, "environment": environment, "sequence": place.sequence,
                "serving": json.dumps(list(reversed(place.serving))),
            },
        )  # fmt: skip


def _rows(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """Every old row, in the order in which rollouts started; a file knows in which order their starts were written,
    whatever the clocks said."""
    file = connection.dialect.name == "sqlite"
    written = "e.rowid" if file else "e.at"
    order = connection.execute(
        sa.text(
            f"SELECT r.id, e.at FROM rollouts_0006 r LEFT JOIN events e ON e.rollout = r.id AND e.type = "
            f"'rollout-started' ORDER BY {written} IS NULL, {written}, r.created_at, r.id"
        )
    ).all()
    starts: dict[str, float | None] = {}
    for identity, at in order:
        starts.setdefault(identity, at)
    ids = list(starts)
    as_text = {name: f"CAST({name} AS TEXT) AS {name}" for name in ("target", "state", "judge", "live")}
    names = (
        "id", "service", "environment", "version", "old", "status", "actor", "created_at", "finished_at", "plan",
        "plan_hash", "head", "events", "revision", "release",
    )  # fmt: skip
    chosen = ", ".join([*names, *as_text.values()])
    query = sa.text(f"SELECT {chosen} FROM rollouts_0006 WHERE id IN :ids").bindparams(
        sa.bindparam("ids", expanding=True)
    )
    for begin in range(0, len(ids), _CHUNK):
        some = ids[begin : begin + _CHUNK]
        found = {row["id"]: dict(row) for row in connection.execute(query, {"ids": some}).mappings()}
        for identity in some:
            yield {**found[identity], "started_at": starts[identity]}


def _columns(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The new row, and its state as far as it can be read."""
    state, plan = _read(row["state"], row["id"]), _read(row["plan"], row["id"])
    status, text = row["status"], row["state"]
    if status == "rolled-back" and state and not state.get("at") and str(state.get("reason")).startswith("withdrawn "):
        status = "cancelled"
        text = json.dumps({**state, "status": status})
    if status not in STATUSES:
        _log.warning("rollout %s has the status %r, which there is not: it is marked as failed", row["id"], status)
        status = "failed"
    step, weight = _step_of(plan, state)
    answers = plan.get("answers")
    answers = answers if isinstance(answers, dict) else {}
    same = (
        "id", "service", "environment", "version", "old", "actor", "created_at", "finished_at", "plan_hash", "head",
        "events", "revision", "release",
    )  # fmt: skip
    part = _read(row["target"], row["id"]).get("release")
    return {
        **{name: row[name] for name in same},
        "sequence": None, "started_at": None, "paged": None,
        "status": status, "pace": state.get("pace") if state.get("pace") in PACES else "full",
        "step": step, "weight": weight, "reached": _number(state.get("reached")),
        "dark": int(bool(state.get("dark"))), "preserved": int(bool(state.get("preserved"))),
        "kind": str(answers.get("release_type") or ""), "strategy": str(answers.get("deployment_strategy") or ""),
        "part": part if isinstance(part, dict) else None, "reason": str(state.get("reason") or ""),
        "state": text,
    }, state  # fmt: skip


def _read(text: str | None, identity: str) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        _log.warning("rollout %s has a record that is no JSON; it is kept as it is", identity)
        return {}
    return found


def _step_of(plan: dict[str, Any], state: dict[str, Any]) -> tuple[str, int]:
    try:
        step = plan["steps"][state["step"]]
        return str(step["id"]), _number(step["weight"])
    except (KeyError, IndexError, TypeError):
        return "", 0


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _serve(serving: list[str], version: str, moved: dict[str, Any], state: dict[str, Any]) -> None:
    """The good versions after this one, oldest first: the last of them serves."""
    status = moved["status"]
    if status != "completed" and not (status == "rolled-back" and state.get("dark")):
        return
    if moved["pace"] == "fast" and version in serving:
        del serving[serving.index(version) + 1 :]
        return
    if version in serving:
        serving.remove(version)
    serving.append(version)


def _end(connection: sa.Connection, new: sa.Table, identity: str) -> None:
    """Two under way in one environment cannot be: the one that started first gives way."""
    _log.warning("rollout %s was under way beside a newer one in its environment: it is marked as failed", identity)
    why = "another rollout had begun in its environment"
    text = connection.scalar(sa.select(new.c.state).where(new.c.id == identity))
    state = _read(text, identity)
    changed = json.dumps({**state, "status": "failed", "reason": why}) if state else text
    connection.execute(
        sa.update(new)
        .where(new.c.id == identity)
        .values(
            status="failed", reason=why, state=changed, revision=new.c.revision + 1,
            finished_at=sa.func.coalesce(new.c.finished_at, new.c.started_at, new.c.created_at),
        )
    )  # fmt: skip


def _keep(connection: sa.Connection, known: dict[str, bool], table: str, digest: str, body: str, number: int) -> None:
    """A body once; of two under one hash the one that has it. known: digests, and whether the body is that one's."""
    if known.get(digest):
        return
    right = _digest(body) == digest
    values = {"hash": digest, "format": number, "body": body}
    if digest not in known:
        connection.execute(sa.text(f"INSERT INTO {table} (hash, format, body) VALUES (:hash, :format, :body)"), values)
    elif right:
        connection.execute(sa.text(f"UPDATE {table} SET body = :body, format = :format WHERE hash = :hash"), values)
    if not right:
        _log.warning("a body in %s is not the one of its hash %s", table, digest[:12])
    known[digest] = right


def _keep_beside(connection: sa.Connection, row: dict[str, Any]) -> None:
    if row["judge"] not in (None, "null"):
        connection.execute(
            sa.text("INSERT INTO judge_states (rollout, revision, body) VALUES (:id, :revision, :judge)"),
            {"id": row["id"], "revision": row["revision"], "judge": row["judge"]},
        )
    if row["live"] not in (None, "null"):
        connection.execute(
            sa.text("INSERT INTO live_views (rollout, body) VALUES (:id, :live)"),
            {"id": row["id"], "live": row["live"]},
        )


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()


def _format_of(plan: str) -> int:
    try:
        return _number(json.loads(plan).get("format"))
    except (ValueError, AttributeError):
        return 0
