"""DORA's figures of an environment as a page shows them: each with its definition, its doubt, the rollouts behind it,
those that it leaves out, and how its values are distributed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pilotage.app.forecasts import forecasts_of
from pilotage.app.grid import Sees
from pilotage.app.periods import BadSpan, gathered
from pilotage.app.project import Project
from pilotage.engine.records import overview
from pilotage.model.document import Document
from pilotage.model.output.forecasts import ForecastsOutput
from pilotage.model.output.reports import DoraOutput
from pilotage.model.quantity import about
from pilotage.render.forecast_output import forecasts_part
from pilotage.render.report_outputs import dora_output
from pilotage.report.dora import FORMULA, Deployment, Dora, Figure
from pilotage.report.dora_section import shown
from pilotage.report.forecast_section import forecast_sections
from pilotage.report.told import Forecasts

DEFINITIONS: Mapping[str, str] = {
    "deployment-frequency": "First rollouts of a version that reached users. A return to an earlier version is part of "
    "a recovery and is not counted.",
    "change-lead-time": "From a commit to the completion of the first deployment that contained it; the median of all "
    "commits.",
    "change-fail-rate": "Deployments that were rolled back or needed a person, that a hotfix followed, or that an "
    "operator rolled back before the next one.",
    "failed-deployment-recovery-time": "From the first event that reports trouble until users had a good version "
    "again; the median of all failures.",
    "deployment-rework-rate": "Unplanned deployments: hotfixes.",
}
_BANDS = ((60, "under 1 min"), (600, "1 to 10 min"), (3600, "10 to 60 min"), (6 * 3600, "1 to 6 h"),
          (86400, "6 to 24 h"), (7 * 86400, "1 to 7 d"), (float("inf"), "over 7 d"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FigureView:
    """value, interval: in words · counted: rollouts that it counts · excluded: rollouts that it leaves out, each with
    why."""

    figure: Figure
    value: str
    interval: str
    definition: str
    counted: tuple[Deployment, ...]
    excluded: tuple[tuple[Deployment, str], ...]


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """bands: how many values lie in each · n: of all · median: in words."""

    title: str
    bands: tuple[tuple[str, int], ...]
    n: int
    median: str

    @property
    def most(self) -> int:
        return max((count for _, count in self.bands), default=0)


@dataclass(frozen=True, kw_only=True)
class DoraView:
    """span: the period in words · formula: version of the definitions · output: the same for programs · forecasts: of
    risk, of all releases until now."""

    service: str
    environment: str
    span: str
    formula: int
    figures: tuple[FigureView, ...]
    distributions: tuple[Distribution, ...]
    deployments: tuple[Deployment, ...]
    failed: frozenset[str]
    output: DoraOutput
    forecasts: Document


def reported(project: Project, sees: Sees) -> Mapping[str, Mapping[str, bool]]:
    """The configured environments of each service that the reader sees, and whether each ever had a rollout."""
    had = set(overview.places(project.store.engine))
    found = {
        service: {name: (service, name) in had for name in there if sees(service, name)}
        for service, there in sorted(project.names.environments.items())
    }
    return {service: there for service, there in found.items() if there}


def dora_view(project: Project, environment: str, since: str, until: str) -> DoraView:
    """since: a day, or so long ago · until: the last day; empty for today. Raises BadSpan."""
    period = gathered(project, environment, since or "30d", _day(until))
    return DoraView(
        service=period.service, environment=environment, span=period.span, formula=FORMULA,
        figures=tuple(_figure(one, period.dora) for one in period.dora.figures),
        distributions=tuple(_distributions(period.dora)), deployments=period.dora.deployments,
        failed=period.dora.failed, output=dora_output(period.dora, period.told),
        forecasts=_forecasts(forecasts_now(project, environment)),
    )  # fmt: skip


def forecasts_now(project: Project, environment: str) -> Forecasts:
    """As of now, from what is kept: a page never waits for git."""
    return forecasts_of(project, environment, project.clock.now(), reads_git=False)


def forecasts_output(project: Project, environment: str) -> ForecastsOutput:
    return ForecastsOutput(forecasts=forecasts_part(forecasts_now(project, environment)))


def _forecasts(found: Forecasts) -> Document:
    return Document("", (), forecast_sections(found.followed, found.unforecast, found.zone, "/rollouts/{id}"))


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise BadSpan(f"{text!r} is not a day such as 2026-11-30", where="until") from None
    if not 1971 <= found.year <= 2199:
        raise BadSpan(f"{found} is not between 1971 and 2199", where="until")
    return found


def _figure(figure: Figure, dora: Dora) -> FigureView:
    known = {one.id: one for one in dora.deployments}
    interval = "too few values for an interval" if figure.n else "nothing to count"
    if figure.low is not None and figure.high is not None:
        interval = f"95 %: {shown(figure, figure.low)} to {shown(figure, figure.high)}"
    return FigureView(
        figure=figure, value=shown(figure, figure.value) if figure.value is not None else "unknown", interval=interval,
        definition=DEFINITIONS.get(figure.id, ""),
        counted=tuple(known[one] for one in figure.counted if one in known),
        excluded=tuple((known[one], why) for one, why in figure.excluded if one in known),
    )  # fmt: skip


def _distributions(dora: Dora) -> Iterator[Distribution]:
    took = [one.ended - one.began for one in dora.deployments if one.ended is not None]
    lead = [
        one.ended - at for one in dora.deployments if one.ended is not None and not one.returns
        for _, at in one.commits or () if at <= one.ended
    ]  # fmt: skip
    back = [one.well - one.trouble for one in dora.deployments if one.trouble is not None and one.well is not None]
    for title, values in (("How long rollouts took", took), ("Lead time of each commit", lead),
                          ("Recovery of each failure", back)):  # fmt: skip
        yield _distribution(title, [max(0.0, one) for one in values])


def _distribution(title: str, values: Sequence[float]) -> Distribution:
    bands, low = [], 0.0
    for high, name in _BANDS:
        bands.append((name, sum(low <= one < high for one in values)))
        low = high
    middle = sorted(values)[len(values) // 2] if values else None
    return Distribution(
        title=title, bands=tuple(bands), n=len(values), median="" if middle is None else about(middle)
    )  # fmt: skip


def as_csv(view: DoraView) -> str:
    """A row a rollout of the period, with the figures that count it. What a spreadsheet would take for a formula is
    text."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(("rollout", "version", "before", "began", "ended", "end", "reached_users", "failed", "counted_in"))
    for one in view.deployments:
        counted = [each.figure.id for each in view.figures if one in each.counted]
        table.writerow(
            _plain(str(cell)) for cell in (
                one.id, one.version, one.old, one.began, "" if one.ended is None else one.ended, one.end.value,
                one.exposed, one.id in view.failed, " ".join(counted),
            )
        )  # fmt: skip
    return out.getvalue()


def _plain(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
