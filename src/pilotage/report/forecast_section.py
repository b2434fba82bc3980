"""The part "Forecasts of risk" of a report: how good the forecasts are, and what became of each release (R17, R24)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pilotage.model.clock import day_of
from pilotage.model.document import Bar, Figure, Section
from pilotage.model.forecast import Fate, Followed
from pilotage.model.wording import counted
from pilotage.report.forecasts import ENOUGH, OF_EACH, LevelScore, Scores, scores_of

_MOST = 25
"""Releases that are listed, the newest."""
_FATES = {
    Fate.REPAIRED: "needed a repair", Fate.HELD: "held", Fate.OPEN: "not over yet", Fate.UNKNOWN: "unknown",
}  # fmt: skip


def forecast_sections(
    followed: Sequence[Followed], unforecast: int, zone: str, leads_to: str = ""
) -> tuple[Section, ...]:
    """followed: oldest first · unforecast: releases without a forecast · zone: of the days · leads_to: the address that
    each release leads to, with `{id}` for its rollout; none when left out."""
    scores = scores_of(followed)
    summary = Section(
        "forecasts", "Forecasts of risk", tuple(_sentences(scores, unforecast)),
        *_by_level(scores), numbers=("releases", "forecast", "observed"),
        figure=_figure(scores) if scores.suffices else None,
    )  # fmt: skip
    return (summary, _releases(followed, zone, leads_to)) if followed else (summary,)


def _sentences(scores: Scores, unforecast: int) -> Iterator[str]:
    without = f"{counted(unforecast, 'release')} had none." if unforecast else ""
    if not scores.releases:
        yield f"No release had a forecast of its risk. {without}".strip()
        return
    are = "is" if scores.open == 1 else "are"
    open_ = f"; {scores.open} of these {are} not over yet" if scores.open else ""
    yield f"{counted(scores.releases, 'release')} had a forecast{open_}. {without}".strip()
    if scores.unknown:
        yield _left_out(scores)
    if scores.brier is None or scores.base is None or scores.share is None:
        yield "No forecast can be scored yet: the time of none is over with a known outcome."
        return
    yield (
        f"Of {counted(scores.ripe, 'release')} whose time is over, {scores.repaired} needed a repair "
        f"({scores.share:.0%})."
    )
    if not scores.suffices:
        yield (
            f"That is too few to say how good the forecasts are: it takes {ENOUGH} releases, of which {OF_EACH} needed "
            f"a repair and {OF_EACH} did not."
        )
        return
    better = "better" if scores.brier < scores.base else "no better"
    yield (
        f"The forecasts' Brier score is {scores.brier:.3f}; forecasting {scores.share:.0%} for every release would "
        f"have had {scores.base:.3f}. Lower is better, 0 is perfect: the forecasts were {better} than that."
    )


def _left_out(scores: Scores) -> str:
    """What cannot be known, and how much it could change."""
    low = scores.repaired / (scores.ripe + scores.unknown)
    high = (scores.repaired + scores.unknown) / (scores.ripe + scores.unknown)
    they, them = ("it is", "it") if scores.unknown == 1 else ("they are", "them")
    return (
        f"The outcome of {counted(scores.unknown, 'release')} is unknown, and {they} left out. With {them}, the share "
        f"that needed a repair is between {low:.0%} and {high:.0%}."
    )


def _by_level(scores: Scores) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    headers = ("level", "releases", "forecast", "observed", "95 % interval", "verdict")
    return (headers, tuple(_row(one, scores) for one in scores.levels)) if scores.levels else ((), ())


def _row(one: LevelScore, scores: Scores) -> tuple[str, ...]:
    return (
        one.level.value, str(one.n), f"{one.forecast:.1%}", f"{one.observed:.1%}", f"{one.low:.0%} to {one.high:.0%}",
        one.verdict if scores.suffices else "too few releases",
    )  # fmt: skip


def _figure(scores: Scores) -> Figure:
    """For each level the forecast beside what was observed, which alone has an interval."""
    bars = []
    for one in scores.levels:
        bars.append(Bar(f"{one.level}, forecast", one.forecast, f"{one.forecast:.0%}"))
        bars.append(Bar(f"{one.level}, observed", one.observed, f"{one.observed:.0%} of {one.n}", one.low, one.high))
    return Figure("Share of releases that needed a repair", tuple(bars))


def _releases(followed: Sequence[Followed], zone: str, leads_to: str) -> Section:
    newest = followed[: -_MOST - 1 : -1]
    rows = tuple(
        (
            one.forecast.version, day_of(one.forecast.began, zone).isoformat(), f"{one.forecast.probability:.1%}",
            one.forecast.level.value, _fate(one), one.outcome.why,
        )
        for one in newest
    )  # fmt: skip
    words = (f"The newest {_MOST} of {len(followed)}.",) if len(followed) > _MOST else ()
    headers = ("release", "day", "forecast", "level", "outcome", "reason")
    return Section(
        "forecast-outcomes", "Releases and their outcomes", words, headers, rows, numbers=("forecast",),
        links=tuple(leads_to.format(id=one.forecast.rollout) for one in newest),
    )  # fmt: skip


def _fate(one: Followed) -> str:
    early = one.outcome.fate is Fate.REPAIRED and not one.ripe
    words = _FATES[one.outcome.fate]
    return f"{words} (counts after {one.forecast.days} days)" if early else words
