"""Services × environments: what each has, since when, what rolls there now, and where the versions drift apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from pilotage.app.project import Project
from pilotage.model.errors import Invalid
from pilotage.model.status import Status

if TYPE_CHECKING:
    from pilotage.app.outages import Outage
    from pilotage.engine.records.grid import PlaceRow
    from pilotage.model.live import LiveView
    from pilotage.model.record import RolloutSummary

Sees = Callable[[str, str], bool]
"""Whether what happens in an environment of a service is shown."""


class DriftKind(StrEnum):
    """How the version of an environment compares with another one of the same service."""

    BEHIND = "behind"
    """The environment before it on the way has had another version for longer than this one has had its own."""
    AHEAD = "ahead of"
    """It got its version later than the environment before it, which has another one."""
    DIFFERS = "differs from"
    """Another one got another version later. No way gives an order, so no more than that is known."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """environment, version: of the one that it is compared with."""

    kind: DriftKind
    environment: str
    version: str

    @property
    def sentence(self) -> str:
        return f"{self.kind} {self.environment}, which has {self.version}"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One environment of a service. version: that users have, empty where none does · since: Unix seconds, None where
    no rollout says so · newest: rollout that started last · arriving: the same while it is under way · share: of
    requests that the arriving version gets, per mille as the router reports it; None where nobody saw · ended: when the
    last rollout ended · frozen: names of the freezes that hold · configured: whether pilotage.yaml still has it."""

    service: str
    environment: str
    version: str = ""
    since: float | None = None
    newest: RolloutSummary | None = None
    share: int | None = None
    ended: float | None = None
    queued: int = 0
    frozen: tuple[str, ...] = ()
    drift: Drift | None = None
    configured: bool = True
    outage: Outage | None = None
    """That nothing serves users there, or that nobody has looked."""

    @property
    def arriving(self) -> RolloutSummary | None:
        return self.newest if self.newest is not None and not self.newest.status.final else None

    @property
    def eventful(self) -> bool:
        """Whether more can be said of it than its version."""
        return bool(
            self.outage or self.arriving or self.undone or self.queued or self.drift or self.frozen
            or not self.configured
        )  # fmt: skip

    @property
    def undone(self) -> RolloutSummary | None:
        """The last rollout, where it left users on the version before."""
        last = self.newest
        return last if last is not None and last.status in (Status.ROLLED_BACK, Status.FAILED) else None


@dataclass(frozen=True, kw_only=True)
class Grid:
    """environments: columns, in the order of the way where there is one · rows: by service, a cell by environment ·
    ordered: whether a way gives the order."""

    environments: tuple[str, ...]
    rows: Mapping[str, Mapping[str, Cell]]
    ordered: bool

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(cell for row in self.rows.values() for cell in row.values())


def grid_of(project: Project, sees: Sees, service: str = "") -> Grid:
    """Of every service and environment that the reader sees, or of one service, from pilotage.yaml and the store."""
    from pilotage.engine.records.grid import every_place

    stored = {(one.service, one.environment): one for one in every_place(project.store.engine, service)}
    configured = dict.fromkeys(place for place in _configured(project) if service in ("", place[0]))
    order = _order(project)
    wanted = [place for place in dict.fromkeys((*configured, *sorted(stored))) if sees(*place)]
    under_way = [row.newest.id for place in wanted if (row := stored.get(place)) and _moves(row) and row.newest]
    seen = project.store.live_views(under_way) if under_way else {}
    rows: dict[str, dict[str, Cell]] = {}
    now = project.clock.now()
    for place in sorted(wanted, key=lambda one: one[0]):
        frozen = tuple(one.name for one in project.store.freezes.of(*place, now))
        cell = _cell(place, stored.get(place), seen, frozen, configured=place in configured)
        rows.setdefault(place[0], {})[place[1]] = cell
    columns = _columns(order, [tuple(row) for row in rows.values()])
    return Grid(
        environments=columns, ordered=bool(order),
        rows={service: _drifting(row, columns if order else ()) for service, row in rows.items()},
    )  # fmt: skip


def _configured(project: Project) -> tuple[tuple[str, str], ...]:
    try:
        return tuple((service, name) for service, names in project.names.environments.items() for name in names)
    except Invalid:  # of a file that somebody is just editing, the store knows enough
        return ()


def _order(project: Project) -> tuple[str, ...]:
    """Environments along the way; empty without one."""
    try:
        section = project.whole.configuration.way
    except Invalid:
        return ()
    return tuple(dict.fromkeys(name for stage in section.stages for name in stage.places)) if section else ()


def _columns(order: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    known = dict.fromkeys(name for row in rows for name in row)
    return tuple(name for name in dict.fromkeys((*order, *known)) if name in known)


def _moves(row: PlaceRow) -> bool:
    return row.newest is not None and not row.newest.status.final


def _cell(
    place: tuple[str, str], row: PlaceRow | None, seen: Mapping[str, LiveView], frozen: tuple[str, ...],
    *, configured: bool,
) -> Cell:  # fmt: skip
    service, environment = place
    if row is None:
        return Cell(service=service, environment=environment, configured=configured, frozen=frozen)
    view = seen.get(row.newest.id) if row.newest else None
    return Cell(
        service=service, environment=environment, configured=configured, frozen=frozen,
        version=row.serving[0] if row.serving else _before(row), since=row.since, newest=row.newest,
        ended=row.ended, queued=row.queued, share=view.routed if view else None,
    )  # fmt: skip


def _before(row: PlaceRow) -> str:
    """The version that a rollout found there, where no other rollout of it is on record."""
    newest = row.newest
    return newest.old or "" if newest is not None and newest.status is not Status.COMPLETED else ""


def _drifting(row: Mapping[str, Cell], order: Sequence[str]) -> Mapping[str, Cell]:
    if not order:
        return {name: _with(cell, _differs(cell, row)) for name, cell in row.items()}
    there = [row[name] for name in order if name in row]
    before: Cell | None = None
    found = {}
    for cell in there:
        found[cell.environment] = _with(cell, _against(cell, before))
        before = cell if cell.version else before
    return found


def _with(cell: Cell, drift: Drift | None) -> Cell:
    return cell if drift is None else replace(cell, drift=drift)


def _against(cell: Cell, before: Cell | None) -> Drift | None:
    """Compared with the environment before it on the way."""
    if before is None or not cell.version or cell.version == before.version:
        return None
    later = cell.since is not None and before.since is not None and cell.since > before.since
    kind = DriftKind.AHEAD if later else DriftKind.BEHIND
    return Drift(kind=kind, environment=before.environment, version=before.version)


def _differs(cell: Cell, row: Mapping[str, Cell]) -> Drift | None:
    others = (
        one for one in row.values()
        if one.version not in ("", cell.version) and (one.since or 0.0) >= (cell.since or 0.0)
    )  # fmt: skip
    other = next(others, None) if cell.version else None
    if other is None:
        return None
    return Drift(kind=DriftKind.DIFFERS, environment=other.environment, version=other.version)


def with_outages(grid: Grid, found: Sequence[Outage]) -> Grid:
    """The grid, each cell with what keeps it from serving users."""
    known = {(one.service, one.environment): one for one in found}
    return replace(
        grid,
        rows={
            service: {name: replace(cell, outage=known.get((service, name))) for name, cell in row.items()}
            for service, row in grid.rows.items()
        },
    )  # fmt: skip


# ── filtered ───────────────────────────────────────────────────────────────────────────────────────────────


class Show(StrEnum):
    """Which services a reader asked for."""

    ALL = ""
    ROLLING = "rolling"
    DRIFT = "drift"
    UNDONE = "undone"
    FROZEN = "frozen"
    NEVER = "never"
    OFFLINE = "offline"


_HOLDS: Mapping[Show, Callable[[Cell], bool]] = {
    Show.ALL: lambda _: True,
    Show.ROLLING: lambda cell: cell.arriving is not None or cell.queued > 0,
    Show.DRIFT: lambda cell: cell.drift is not None,
    Show.UNDONE: lambda cell: cell.undone is not None,
    Show.FROZEN: lambda cell: bool(cell.frozen),
    Show.NEVER: lambda cell: not cell.version,
    Show.OFFLINE: lambda cell: cell.outage is not None,
}


def filtered(grid: Grid, text: str, show: Show) -> Grid:
    """The services of which any environment fits. text: a part of a service's name or of a version."""
    sought = text.strip().lower()
    rows = {
        service: row for service, row in grid.rows.items()
        if any(map(_HOLDS[show], row.values())) and (not sought or any(sought in word for word in _words(service, row)))
    }  # fmt: skip
    return replace(grid, rows=rows)


def _words(service: str, row: Mapping[str, Cell]) -> Iterator[str]:
    yield service.lower()
    for cell in row.values():
        yield cell.version.lower()
        if cell.arriving:
            yield cell.arriving.version.lower()
