"""Signed heads of the audit log: how far it was. The notary signs and anchors them, as it does those of rollouts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Engine, func, insert, select

from pilotage.adapters.anchors import FileAnchor, open_anchor
from pilotage.adapters.ports import AdapterError
from pilotage.engine.integrity.custody import Custody
from pilotage.engine.integrity.heads import Head, head_of
from pilotage.engine.integrity.ledger import ledgers
from pilotage.engine.integrity.testimony import Keys, heads_in
from pilotage.engine.records import audit
from pilotage.engine.records.tables import heads
from pilotage.model.audit import Checked

KIND = "audit"


def note(engine: Engine, now: float) -> Head | None:
    """Write down how far the log is, if it has grown since the last time. The notary signs it."""
    last = audit.newest(engine)
    if last is None:
        return None
    head = Head(
        service="", environment="", rollout=f"{KIND}-{last.number}", kind=KIND, sequence=None, events=last.number,
        head=last.hash, place="", at=now,
    )  # fmt: skip
    with engine.begin() as connection:
        noted = connection.scalar(select(func.max(heads.c.events)).where(heads.c.kind == KIND))
        if noted is not None and noted >= last.number:
            return None
        row = {name: value for name, value in vars(head).items() if name not in ("key", "signature")}
        connection.execute(insert(heads).values(**row, anchored=[], open=1))
    return head


def newest(engine: Engine) -> Head | None:
    """The last one, signed or not."""
    query = select(heads).where(heads.c.kind == KIND).order_by(heads.c.id.desc()).limit(1)
    with engine.connect() as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else head_of(row)


def verify(engine: Engine, directory: Path, custody: Custody, keys: Keys, files: Sequence[Path] = ()) -> Checked:
    """Hold the log against itself, the heads in the store, and every anchor outside it. A log that was cut off at its
    end agrees with itself: only a head from outside shows that."""
    own = audit.check(engine)
    faults, unsure, signed = list(own.faults), list[str](), set[str]()
    for where, found, trouble in _said(engine, directory, custody, files):
        unsure += trouble
        for head in found:
            right = keys.check(head) if head.signature else None
            if right:
                signed.add(head.rollout)
            if right is False:
                faults.append(f"{where}: the signature of the head of row {head.events} is invalid")
            elif right or where == _STORE:
                faults += _disagreements(engine, head, own.rows, where)
    unsure += [f"heads are signed with the key {key}, which is unknown here; see --key" for key in sorted(keys.unknown)]
    return Checked(
        rows=own.rows, faults=tuple(dict.fromkeys(faults)), unsure=tuple(dict.fromkeys(unsure)), signed=len(signed)
    )  # fmt: skip


_STORE = "the store"


def _said(
    engine: Engine, directory: Path, custody: Custody, files: Sequence[Path]
) -> Iterator[tuple[str, list[Head], list[str]]]:
    """By whom, which heads of the log, and what of it cannot be read."""
    with engine.connect() as connection:
        rows = connection.execute(select(heads).where(heads.c.kind == KIND).order_by(heads.c.id)).mappings().all()
    yield _STORE, [head_of(row) for row in rows], []
    named = [open_anchor(section, Path(custody.project)) for section in custody.anchors]
    own = [FileAnchor(path) for path in ledgers(directory) if path.exists()]
    for anchor in [*(one for one in named if one), *(FileAnchor(path) for path in files), *own]:
        try:
            found, broken = heads_in(anchor.lines(), anchor.name)
        except AdapterError as error:
            yield anchor.name, [], [f"anchor: {error}"]
            continue
        yield anchor.name, [one for one in found if one.kind == KIND], [one.sentence for one in broken]


def _disagreements(engine: Engine, head: Head, rows: int, where: str) -> Iterator[str]:
    there = audit.hash_at(engine, head.events)
    if there is None:
        yield f"rows up to {head.events} were written and {rows} are present, so says {where}"
    elif there != head.head:
        yield f"row {head.events} differs from the signed one: the log was rewritten, so says {where}"
