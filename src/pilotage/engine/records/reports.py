"""Stored reports and answers of users. Who sent one is never kept: of an address there is a hash, salted for a day."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Engine, RowMapping, Select, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from pilotage.engine.records.tables_beside import reports, salts
from pilotage.model.errors import Conflict, Invalid
from pilotage.model.json import JsonObject
from pilotage.model.report import Rated, Report, Reported, ReportKind, ReportSource, ReportState

DAY = 86400.0
_MOST = 10_000
"""Reports that one count reads at most: more change no decision."""


class UnknownReport(Invalid):
    """No report has this number."""


class AlreadyDecided(Conflict):
    """A report is confirmed or dismissed once."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"{report.decided_by} has {report.state} report {report.id} already")
        self.report = report


# ── kept ───────────────────────────────────────────────────────────────────────────────────────────────────


def add(engine: Engine, report: Report, once: str = "") -> int | None:
    """Keep a new one; returns its number, None where something with the same `once` is kept already. once: equal for
    all that counts as one; empty for what always counts."""
    values = {
        "service": report.service, "environment": report.environment, "version": report.version,
        "kind": report.kind.value, "source": report.source.value, "text": report.text, "request": report.request,
        "rating": report.rating or None, "answers": dict(report.answers), "sender": report.sender or None,
        "once": hashlib.sha256(once.encode()).hexdigest() if once else None, "at": report.at,
        "state": ReportState.OPEN.value, "decided_by": "", "reason": "",
    }  # fmt: skip
    try:
        with engine.begin() as connection:
            made = connection.execute(insert(reports).values(**values))
    except IntegrityError:
        return None
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0])


def salt_of(engine: Engine, now: float) -> bytes:
    """Today's salt. Those of earlier days are deleted, so no hash leads back to an address."""
    day = datetime.fromtimestamp(now, UTC).date().isoformat()
    found = _salt(engine, day)
    if found is None:
        try:
            with engine.begin() as connection:
                connection.execute(delete(salts).where(salts.c.day < day))
                connection.execute(insert(salts).values(day=day, salt=secrets.token_hex(16)))
        except IntegrityError:
            pass  # another process made it
        found = _salt(engine, day)
    assert found is not None
    return bytes.fromhex(found)


def _salt(engine: Engine, day: str) -> str | None:
    with engine.connect() as connection:
        return connection.scalar(select(salts.c.salt).where(salts.c.day == day))


def hashed(salt: bytes, address: str) -> str:
    """What is kept of an address or another name of a sender."""
    return hashlib.blake2b(address.encode(), key=salt, digest_size=12).hexdigest()


def decide(
    engine: Engine, service: str, identity: int, state: ReportState, actor: str, reason: str, now: float
) -> Report:
    """Confirm or dismiss a report of a problem; returns it. Raises UnknownReport and AlreadyDecided."""
    mine = (reports.c.id == identity, reports.c.service == service, reports.c.kind == ReportKind.HARM.value)
    with engine.begin() as connection:
        row = connection.execute(select(reports).where(*mine)).mappings().first()
        if row is None:
            raise UnknownReport(f"no report has the number {identity}; list them with `pilotage harm list`")
        if row["state"] != ReportState.OPEN.value:
            raise AlreadyDecided(of_row(row))
        change = update(reports).where(*mine, reports.c.state == ReportState.OPEN.value)
        connection.execute(change.values(state=state.value, decided_by=actor, decided_at=now, reason=reason))
        return of_row(connection.execute(select(reports).where(*mine)).mappings().one())


# ── counted ────────────────────────────────────────────────────────────────────────────────────────────────


def revision(engine: Engine) -> tuple[object, ...]:
    """Changes whenever anything that is counted does. It reads two ends of indexes, whatever was reported before."""
    newest = select(func.max(reports.c.id)).scalar_subquery()
    decided = select(func.count()).where(reports.c.decided_at.is_not(None)).scalar_subquery()
    with engine.connect() as connection:
        return tuple(connection.execute(select(newest, decided)).one())


def reported(
    engine: Engine, place: tuple[str, str], version: str, since: float, unnamed_since: float | None = None
) -> Reported:
    """Who reported problems with a version; of one address on one day, one. place: service and environment ·
    unnamed_since: from when on those count that named no version; None if they do not."""
    named = (reports.c.version == version) & (reports.c.at >= since)
    meant = named if unnamed_since is None else or_(named, (reports.c.version == "") & (reports.c.at >= unnamed_since))
    query = _harm(*place).where(meant).order_by(reports.c.at).limit(_MOST)
    with engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    ours = {_who(row) for row in rows if row["version"]}
    others = {_who(row) for row in rows} - ours
    trusted = {_who(row) for row in rows if row["version"] and row["source"] != ReportSource.FORM.value}
    first = rows[0]["at"] if rows else 0.0
    return Reported(named=len(ours), unnamed=len(others), trusted=len(trusted), first=first)


def _harm(service: str, environment: str) -> Select[tuple[object, ...]]:
    return select(reports.c.id, reports.c.version, reports.c.source, reports.c.sender, reports.c.at).where(
        reports.c.service == service, reports.c.environment == environment,
        reports.c.kind == ReportKind.HARM.value, reports.c.state != ReportState.DISMISSED.value,
    )  # fmt: skip


def _who(row: RowMapping) -> str:
    return row["sender"] or f"#{row['id']}"


def usual_per_day(engine: Engine, place: tuple[str, str], before: float, days: int = 28) -> float:
    """Reports of problems a day, in the weeks before."""
    query = _harm(*place).where(reports.c.at >= before - days * DAY, reports.c.at < before).limit(_MOST)
    with engine.connect() as connection:
        return len({_who(row) for row in connection.execute(query).mappings()}) / days


def rated(engine: Engine, place: tuple[str, str], version: str, since: float, until: float | None = None) -> Rated:
    """The ratings of a version. since, until: Unix seconds."""
    query = select(func.count(), func.sum(reports.c.rating)).where(
        reports.c.service == place[0], reports.c.environment == place[1], reports.c.version == version,
        reports.c.kind == ReportKind.FEEDBACK.value, reports.c.rating.is_not(None), reports.c.at >= since,
    )  # fmt: skip
    if until is not None:
        query = query.where(reports.c.at < until)
    with engine.connect() as connection:
        count, total = connection.execute(query).one()
    return Rated(count=int(count), total=int(total or 0))


# ── read ───────────────────────────────────────────────────────────────────────────────────────────────────


def listed(
    engine: Engine, service: str, kinds: Sequence[ReportKind], environment: str = "", version: str = "",
    since: float = 0.0, until: float | None = None, limit: int = 1000,
) -> tuple[Report, ...]:  # fmt: skip
    """Newest first. environment, version: of these alone, unless empty · since, until: Unix seconds."""
    query = select(reports).where(
        reports.c.service == service, reports.c.kind.in_([kind.value for kind in kinds]), reports.c.at >= since,
        (reports.c.kind != ReportKind.TEAM.value) | reports.c.rating.is_not(None),
    )  # fmt: skip
    if environment:
        query = query.where(reports.c.environment == environment)
    if version:
        query = query.where(reports.c.version == version)
    if until is not None:
        query = query.where(reports.c.at < until)
    with engine.connect() as connection:
        return tuple(
            of_row(row) for row in connection.execute(query.order_by(reports.c.id.desc()).limit(limit)).mappings()
        )


def of_row(row: RowMapping) -> Report:
    return Report(
        id=row["id"], service=row["service"], environment=row["environment"], version=row["version"],
        kind=ReportKind(row["kind"]), source=ReportSource(row["source"]), text=row["text"], request=row["request"],
        rating=row["rating"] or 0, answers=row["answers"] or {}, at=row["at"], sender=row["sender"] or "",
        state=ReportState(row["state"]), decided_by=row["decided_by"], reason=row["reason"],
    )  # fmt: skip


# ── forgotten ──────────────────────────────────────────────────────────────────────────────────────────────


def wordy(engine: Engine, before: float) -> int:
    """How many reports from before then still have words or a sender."""
    with engine.connect() as connection:
        return int(connection.scalar(select(func.count()).select_from(reports).where(_wordy(before))) or 0)


def forget_words(engine: Engine, before: float) -> None:
    """Keep of them what is counted: kind, version, rating, state, time."""
    with engine.begin() as connection:
        connection.execute(update(reports).where(_wordy(before)).values(text="", request="", sender=None))


def _wordy(before: float) -> ColumnElement[bool]:
    said = or_(reports.c.text != "", reports.c.request != "", reports.c.sender.is_not(None))
    return (reports.c.at < before) & said


# ── the team ───────────────────────────────────────────────────────────────────────────────────────────────


def invite(engine: Engine, service: str, environment: str, count: int, now: float) -> tuple[str, ...]:
    """Tokens for so many members of a team, each good for one answer. Which member has which is not known here."""
    tokens = tuple(secrets.token_urlsafe(15) for _ in range(count))
    for token in tokens:
        add(engine, Report(service=service, environment=environment, kind=ReportKind.TEAM, at=now), _invited(token))
    return tokens


def is_invited(engine: Engine, token: str) -> bool:
    """Whether a token was given out and has not been used."""
    with engine.connect() as connection:
        return connection.scalar(select(reports.c.id).where(_unanswered(token))) is not None


def answer_invitation(engine: Engine, token: str, answers: Mapping[str, int], text: str, now: float) -> bool:
    """Keep a member's answers, by question; False where the token is not, or no longer, good."""
    given: JsonObject = dict(answers)
    with engine.begin() as connection:
        change = update(reports).where(_unanswered(token))
        return (
            connection.execute(change.values(rating=_overall(answers), answers=given, text=text, at=now)).rowcount > 0
        )


def team_rated(engine: Engine, service: str, since: float, until: float | None = None) -> Mapping[str, Rated]:
    """The team's answers of a time, by question. since, until: Unix seconds."""
    found: dict[str, Rated] = {}
    for one in listed(engine, service, [ReportKind.TEAM], since=since, until=until, limit=_MOST):
        for question, mark in one.answers.items():
            before = found.get(question, Rated())
            found[question] = Rated(count=before.count + 1, total=before.total + mark)
    return found


def _overall(answers: Mapping[str, int]) -> int:
    return round(sum(answers.values()) / len(answers))


def _invited(token: str) -> str:
    return f"team/{token}"


def _unanswered(token: str) -> ColumnElement[bool]:
    once = hashlib.sha256(_invited(token).encode()).hexdigest()
    return (reports.c.once == once) & (reports.c.kind == ReportKind.TEAM.value) & reports.c.rating.is_(None)
