"""The input of reports: rollouts and figures, for three kinds of readers (R24)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pilotage.model.forecast import Followed
from pilotage.report.dora import Dora


class Reader(StrEnum):
    EXECUTIVE = "executive"
    TECHNICAL = "technical"
    BUSINESS = "business"


@dataclass(frozen=True)
class Compared:
    """One metric of a rollout, new version against the one before. low, high: of the ratio, where it is known."""

    metric: str
    before: str
    after: str
    ratio: float | None
    low: float | None
    high: float | None
    samples: int


@dataclass(frozen=True)
class Told:
    """A rollout as a report needs it. day: written in the report's zone · holds, waived: in words · events: time,
    type and sentence of each · not_required: readiness items that did not apply, each with the reason."""

    id: str
    version: str
    day: str
    status: str
    seconds: float | None
    reason: str
    compared: tuple[Compared, ...] = ()
    holds: tuple[str, ...] = ()
    waived: tuple[str, ...] = ()
    urgent: str = ""
    events: tuple[tuple[str, str, str], ...] = ()
    not_required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Business:
    """A figure of a connected source: its mean in the period and in the one before, of so many readings each; error:
    why it could not be read."""

    name: str
    now: float | None = None
    then: float | None = None
    readings: int = 0
    before: int = 0
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Said:
    """Of one version; empty for what named none. mean: 1 to `BEST`, None without ratings · low, high: a 95 % interval
    of it, None for too few · problems: users who reported one · confirmed: how many problems an operator confirmed ·
    words: of users, newest first."""

    version: str
    ratings: int = 0
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    problems: int = 0
    confirmed: int = 0
    words: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        return self.version or "(no version named)"


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """followed: releases with a forecast of their risk, oldest first · unforecast: how many had none · zone: of
    days."""

    followed: tuple[Followed, ...]
    unforecast: int
    zone: str


@dataclass(frozen=True)
class Period:
    """dora and told: of the same period · span: it in words · open_actions: of retrospectives, in words · said: what
    users said, by version · asked: whether they have a form · forecasts: None for readers who do not ask for them."""

    service: str
    environment: str
    span: str
    dora: Dora
    told: tuple[Told, ...]
    business: tuple[Business, ...] = ()
    open_actions: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()
    asked: bool = False
    forecasts: Forecasts | None = None
