"""What went wrong and what is left to do, over all services: rollouts that were undone, open follow-ups, reports."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, select

from pilotage.engine.records.followups import of_row as followup_of
from pilotage.engine.records.reports import of_row as report_of
from pilotage.engine.records.rows import summary
from pilotage.engine.records.statements import summaries
from pilotage.engine.records.tables import followups, rollouts
from pilotage.engine.records.tables_beside import reports
from pilotage.model.followup import FollowUp
from pilotage.model.record import RolloutSummary
from pilotage.model.report import Report, ReportKind, ReportState
from pilotage.model.rollout import Status


def undone_rollouts(engine: Engine, states: Sequence[Status], limit: int) -> tuple[RolloutSummary, ...]:
    """In one of these states, newest first."""
    query = summaries().where(rollouts.c.status.in_([one.value for one in states]))
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(rollouts.c.created_at.desc()).limit(limit)).mappings().all()
    return tuple(summary(row) for row in rows)


def open_followups(engine: Engine) -> tuple[tuple[str, FollowUp], ...]:
    """Each with its service, in the order in which they are due."""
    query = select(followups).where(followups.c.done_at.is_(None)).order_by(followups.c.due, followups.c.id)
    with engine.connect() as connection:
        return tuple((row["service"], followup_of(row)) for row in connection.execute(query).mappings())


def open_reports(engine: Engine, limit: int) -> tuple[Report, ...]:
    """Of problems that nobody has decided, newest first."""
    query = select(reports).where(reports.c.kind == ReportKind.HARM.value, reports.c.state == ReportState.OPEN.value)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(reports.c.id.desc()).limit(limit)).mappings().all()
    return tuple(report_of(row) for row in rows)


def newest_feedback(engine: Engine, limit: int) -> tuple[Report, ...]:
    """Ratings with their words, newest first."""
    query = select(reports).where(reports.c.kind == ReportKind.FEEDBACK.value)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(reports.c.id.desc()).limit(limit)).mappings().all()
    return tuple(report_of(row) for row in rows)
