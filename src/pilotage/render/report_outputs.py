"""Reports as the JSON that `--format json` prints."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.document import Bar, Document, Figure, Section
from pilotage.model.output.reports import (
    BarOutput,
    DocumentOutput,
    DocumentSectionOutput,
    DoraMetricOutput,
    DoraOutput,
    ExcludedOutput,
    FigureOutput,
    PeriodReportOutput,
    ReportedRolloutOutput,
)
from pilotage.model.quantity import percent_of
from pilotage.render.forecast_output import forecasts_part
from pilotage.report import dora
from pilotage.report.told import Period, Told


def document_output(document: Document) -> DocumentOutput:
    """A document without its layout."""
    sections = tuple(map(_section, document.sections))
    return DocumentOutput(title=document.title, lead=document.lead, sections=sections)


def dora_output(made: dora.Dora, told: Sequence[Told]) -> DoraOutput:
    """DORA's metrics, and the rollouts of the period."""
    return DoraOutput(formula=dora.FORMULA, metrics=_metrics(made), rollouts=_rollouts(told))


def period_output(document: Document, period: Period) -> PeriodReportOutput:
    """The report of a period with its metrics and rollouts."""
    return PeriodReportOutput(
        formula=dora.FORMULA, metrics=_metrics(period.dora), rollouts=_rollouts(period.told),
        report=document_output(document), forecasts=forecasts_part(period.forecasts) if period.forecasts else None,
    )  # fmt: skip


def _metrics(made: dora.Dora) -> tuple[DoraMetricOutput, ...]:
    return tuple(map(_metric, made.figures))


def _metric(found: dora.Figure) -> DoraMetricOutput:
    shares = found.unit == "share"
    value, low, high = (_percent(number) if shares else number for number in (found.value, found.low, found.high))
    return DoraMetricOutput(
        id=found.id,
        title=found.title,
        unit="percent" if shares else found.unit,
        value=value,
        low=low,
        high=high,
        samples=found.n,
        counted=found.counted,
        excluded=tuple(ExcludedOutput(rollout=rollout, reason=reason) for rollout, reason in found.excluded),
    )


def _rollouts(told: Sequence[Told]) -> tuple[ReportedRolloutOutput, ...]:
    return tuple(
        ReportedRolloutOutput(
            id=one.id, version=one.version, status=one.status, duration_seconds=one.seconds, reason=one.reason
        )
        for one in told
    )


def _section(section: Section) -> DocumentSectionOutput:
    return DocumentSectionOutput(
        id=section.id,
        title=section.title,
        sentences=section.sentences,
        columns=section.headers,
        rows=section.rows,
        bullets=section.bullets,
        links=section.links,
        figure=_figure(section.figure) if section.figure else None,
    )


def _figure(figure: Figure) -> FigureOutput:
    return FigureOutput(
        title=figure.title,
        bars=tuple(map(_bar, figure.bars)),
        target_percent=_percent(figure.marked),
        target_label=figure.mark,
    )


def _bar(bar: Bar) -> BarOutput:
    return BarOutput(
        label=bar.label,
        value_percent=percent_of(bar.value),
        text=bar.text,
        low_percent=_percent(bar.low),
        high_percent=_percent(bar.high),
    )


def _percent(share: float | None) -> float | None:
    return None if share is None else percent_of(share)
