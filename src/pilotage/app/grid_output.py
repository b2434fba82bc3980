"""The grid of services as JSON for machines."""

from __future__ import annotations

from pilotage.app.grid import Cell, Grid
from pilotage.app.outages import Outage
from pilotage.model.output.grid import GridCellOutput, GridDriftOutput, GridOutput, GridServiceOutput
from pilotage.model.output.rollouts import OutageOutput
from pilotage.model.timestamp import timestamp
from pilotage.model.traffic import percent


def grid_output(grid: Grid, now: float) -> GridOutput:
    """now: Unix seconds, for ages."""
    return GridOutput(
        environments=grid.environments,
        services=tuple(
            GridServiceOutput(service=service, environments=tuple(_cell(cell, now) for cell in row.values()))
            for service, row in grid.rows.items()
        ),
    )


def _cell(cell: Cell, now: float) -> GridCellOutput:
    arriving, newest, drift = cell.arriving, cell.newest, cell.drift
    return GridCellOutput(
        environment=cell.environment,
        serving=cell.version or None,
        serving_since=timestamp(cell.since),
        age_seconds=None if cell.since is None else max(0.0, now - cell.since),
        drift=GridDriftOutput(kind=drift.kind.value, environment=drift.environment, version=drift.version)
        if drift
        else None,
        arriving=arriving.version if arriving else None,
        arriving_rollout=arriving.id if arriving else None,
        arriving_status=arriving.status.value if arriving else None,
        arriving_percent=None if cell.share is None else percent(cell.share),
        last_rollout=newest.id if newest else None,
        last_status=newest.status.value if newest else None,
        last_ended_at=timestamp(cell.ended),
        queued=cell.queued,
        freezes=cell.frozen,
        configured=cell.configured,
        outage=outage_output(cell.outage),
    )


def outage_output(found: Outage | None) -> OutageOutput | None:
    if found is None:
        return None
    return OutageOutput(
        presence=found.presence.value, since=timestamp(found.since), reason=found.why, action=found.cure
    )
