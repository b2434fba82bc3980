"""Forecasts of risk against what became of the releases, as JSON."""

from __future__ import annotations

from pilotage.model.output.base import Output, Part


class LevelForecastOutput(Part, frozen=True, kw_only=True):
    """Releases of one level whose time is over."""

    level: str
    """`low`, `medium`, `high` or `critical`."""
    releases: int
    """How many there are."""
    repaired: int
    """How many of them needed a repair."""
    forecast_percent: float
    """Mean of their probabilities."""
    observed_percent: float
    """Share of them that needed a repair."""
    low_percent: float
    """Lower bound of its 95 % interval (Wilson)."""
    high_percent: float
    """Upper bound of its 95 % interval (Wilson)."""


class ReleaseForecastOutput(Part, frozen=True, kw_only=True):
    """One release that had a forecast."""

    rollout: str
    """Id of its first rollout."""
    version: str
    began_at: str
    """When that rollout began."""
    probability_percent: float
    """Probability, before the rollout, that something of it needs a repair."""
    level: str
    """`low`, `medium`, `high` or `critical`."""
    riskier_than_percent: float | None
    """Share of the project's earlier releases that were less risky; null if there were too few."""
    days: int
    """Days after the start of the rollout that the probability is about."""
    changes: int
    """Number of changes."""
    revisions: str
    """Its commits, as full ids."""
    model: str
    """What measured it."""
    outcome: str
    """`repaired`, `held`, `open` or `unknown`."""
    reason: str
    """What is known of the outcome."""
    counts: bool
    """Whether its time is over with a known outcome, so that it is scored."""


class ForecastsPart(Part, frozen=True, kw_only=True):
    """How good the forecasts of risk are."""

    releases: int
    """Releases that had a forecast."""
    without_forecast: int
    """Releases that had none."""
    ripe: int
    """Releases whose time is over with a known outcome; only these are scored."""
    repaired: int
    """How many of them needed a repair."""
    unknown: int
    """Releases whose time is over without a known outcome."""
    open: int
    """Releases whose time is not over."""
    suffices: bool
    """Whether there are enough ripe releases to say how good the forecasts are."""
    brier: float | None
    """Mean squared difference between probability and outcome; 0 is perfect. Null without a ripe release."""
    base_rate_brier: float | None
    """The same for forecasting the observed share for every release."""
    levels: tuple[LevelForecastOutput, ...]
    """Calibration, by level."""
    forecasts: tuple[ReleaseForecastOutput, ...]
    """Each release, oldest first."""


class ForecastsOutput(Output, frozen=True, kw_only=True):
    """Forecasts of risk of an environment's releases of the last two years."""

    forecasts: ForecastsPart
    """The forecasts with their outcomes and scores."""
