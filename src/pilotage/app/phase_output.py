"""Tracked releases as JSON."""

from __future__ import annotations

from pilotage.app.activities import forecast_of, today_of
from pilotage.app.project import Project
from pilotage.model.activity import TrackedItem, TrackedRelease
from pilotage.model.output.phases import PhaseItemOutput, TrackedReleaseOutput
from pilotage.model.timestamp import timestamp


def release_output(project: Project, release: TrackedRelease) -> TrackedReleaseOutput:
    forecast, today = forecast_of(project, release), today_of(project, release).isoformat()
    return TrackedReleaseOutput(
        service=release.service, environment=release.environment, version=release.version,
        planned=str(forecast.planned), earliest=str(forecast.earliest), safe=str(forecast.safe),
        late_days=forecast.late, completed=release.completed,
        items=tuple(_item_output(item, today) for item in release.items),
    )  # fmt: skip


def _item_output(item: TrackedItem, today: str) -> PhaseItemOutput:
    return PhaseItemOutput(
        item=item.id, title=item.title, kind="milestone" if item.milestone else "activity", phase=item.phase,
        owner=item.owner, assignee=item.assignee or None, gates=item.gates, due=item.due, state=item.state.value,
        overdue=item.overdue(today), met_by=item.met_by.value or None, note=item.note, actor=item.actor or None,
        changed_at=timestamp(item.at) if item.at else None,
    )  # fmt: skip
