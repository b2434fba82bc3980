"""Forecasts of risk and their outcomes as JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from pilotage.model.forecast import Followed
from pilotage.model.output.forecasts import ForecastsPart, LevelForecastOutput, ReleaseForecastOutput
from pilotage.model.quantity import percent_of
from pilotage.report.forecasts import LevelScore, scores_of
from pilotage.report.told import Forecasts


def forecasts_part(found: Forecasts) -> ForecastsPart:
    scores = scores_of(found.followed)
    return ForecastsPart(
        releases=scores.releases, without_forecast=found.unforecast, ripe=scores.ripe, repaired=scores.repaired,
        unknown=scores.unknown, open=scores.open, suffices=scores.suffices, brier=_rounded(scores.brier),
        base_rate_brier=_rounded(scores.base), levels=tuple(map(_level, scores.levels)),
        forecasts=tuple(map(_release, found.followed)),
    )  # fmt: skip


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 6)


def _level(one: LevelScore) -> LevelForecastOutput:
    return LevelForecastOutput(
        level=one.level.value, releases=one.n, repaired=one.repaired, forecast_percent=_percent(one.forecast),
        observed_percent=_percent(one.observed), low_percent=_percent(one.low), high_percent=_percent(one.high),
    )  # fmt: skip


def _release(one: Followed) -> ReleaseForecastOutput:
    forecast = one.forecast
    return ReleaseForecastOutput(
        rollout=forecast.rollout, version=forecast.version,
        began_at=datetime.fromtimestamp(forecast.began, UTC).isoformat(timespec="seconds"),
        probability_percent=_percent(forecast.probability), level=forecast.level.value,
        riskier_than_percent=forecast.riskier_than, days=forecast.days, changes=forecast.changes,
        revisions=forecast.revisions, model=forecast.model, outcome=one.outcome.fate.value, reason=one.outcome.why,
        counts=one.counts,
    )  # fmt: skip


def _percent(share: float) -> float:
    return float(percent_of(round(share, 6)))
