"""Rows of the audit log as years of releases leave them: each person and each token that asked for something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import insert, select

from pilotage.engine.records.store import Store
from pilotage.engine.records.tables import rollouts
from pilotage.engine.records.tables_identity import audit
from pilotage.model.audit import Entry, Outcome

_STEPS = ("plan", "deploy", "approve", "sign off", "announce", "pause", "resume", "promote", "report", "decide report")
_AT_ONCE = 2000


def fill_audit(store: Store, each: int = 10) -> int:
    """Chained rows, so many for each finished rollout; how many there are then."""
    with store.engine.begin() as connection:
        columns = (rollouts.c.id, rollouts.c.service, rollouts.c.environment, rollouts.c.version, rollouts.c.created_at)
        done = connection.execute(select(*columns).order_by(rollouts.c.created_at)).all()
        begins = connection.execute(select(audit.c.number, audit.c.hash).order_by(audit.c.number.desc())).first()
        number, before = (begins.number, begins.hash) if begins else (0, "")
        rows = list[dict[str, object]]()
        for entry in _entries(done, each):
            number += 1
            whole = replace(entry, number=number, previous=before)
            before = whole.sealed()
            rows.append(vars(replace(whole, hash=before)))
            if len(rows) == _AT_ONCE:
                connection.execute(insert(audit), rows)
                rows = []
        if rows:
            connection.execute(insert(audit), rows)
    return number


def _entries(done, each: int) -> Iterator[Entry]:  # type: ignore[no-untyped-def]  # of a benchmark
    for at, one in enumerate(done):
        for step in range(each):
            action = _STEPS[step % len(_STEPS)]
            outcome = Outcome.REFUSED if (at * each + step) % 97 == 0 else Outcome.DONE
            yield Entry(
                number=0, at=one.created_at + step, actor=f"person-{(at + step) % 60}", kind="person", proof="token",
                address="192.0.2.7", action=action, object=one.id, service=one.service, environment=one.environment,
                before={"status": "queued"}, after={"status": "running", "version": one.version},
                reason="the release of the week", outcome=outcome.value, previous="", hash="",
            )  # fmt: skip
