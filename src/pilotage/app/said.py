"""What users said in a time, by version, for reports and retrospectives."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.engine.records import reports
from pilotage.engine.records.store import Store
from pilotage.model.report import BEST, Report, ReportKind, ReportState
from pilotage.model.text import line
from pilotage.report.statistics import mean_interval
from pilotage.report.told import Said

_MOST, _WORDS, _LONGEST = 20_000, 5, 200


def said_between(store: Store, service: str, environment: str, since: float, until: float) -> tuple[Said, ...]:
    """By version, that of the newest answer first; what named none last. since, until: Unix seconds."""
    kinds = (ReportKind.HARM, ReportKind.FEEDBACK)
    found = reports.listed(store.engine, service, kinds, environment, since=since, until=until, limit=_MOST)
    by_version: dict[str, list[Report]] = {}
    for one in found:
        by_version.setdefault(one.version, []).append(one)
    return tuple(_said(version, by_version[version]) for version in sorted(by_version, key=lambda name: name == ""))


def _said(version: str, found: Sequence[Report]) -> Said:
    ratings = [one.rating for one in found if one.kind is ReportKind.FEEDBACK and one.rating]
    harm = [one for one in found if one.kind is ReportKind.HARM and one.state is not ReportState.DISMISSED]
    low, high = mean_interval(ratings, 1, BEST) or (None, None)
    texts = (line(one.text, _LONGEST) for one in found if one.state is not ReportState.DISMISSED)
    words = list(dict.fromkeys(text for text in texts if text))
    return Said(
        version=version, ratings=len(ratings), mean=sum(ratings) / len(ratings) if ratings else None, low=low,
        high=high, problems=len({one.sender or f"#{one.id}" for one in harm}),
        confirmed=sum(one.state is ReportState.CONFIRMED for one in harm), words=tuple(words[:_WORDS]),
    )  # fmt: skip
