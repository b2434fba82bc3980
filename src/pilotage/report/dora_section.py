"""DORA's five figures as sections of a document, and what they leave out."""

from __future__ import annotations

from pilotage.model.document import Bar, Figure, KeyFigure, Section
from pilotage.model.quantity import about
from pilotage.report.dora import Dora
from pilotage.report.dora import Figure as Measure

_KEYS = ("deployment-frequency", "change-lead-time", "change-fail-rate", "failed-deployment-recovery-time")


def dora_section(dora: Dora, leads_to: str = "") -> Section:
    """leads_to: the anchor that each figure leads to, with `{id}` for its own; none when left out."""
    rows, links = [], []
    for figure in dora.figures:
        rows.append((figure.title, shown(figure, figure.value), _interval(figure), str(figure.n)))
        links.append(leads_to.format(id=figure.id) if figure.counted else "")
    return Section(
        "dora", "DORA metrics", (), ("figure", "value", "95 % interval", "n"), tuple(rows), numbers=("n",),
        links=tuple(links), figure=_bars(dora),
    )  # fmt: skip


def key_figures(dora: Dora) -> tuple[KeyFigure, ...]:
    """DORA's four keys for the head of a page, each with its doubt; a figure without a value says that."""
    return tuple(
        KeyFigure(figure.title, shown(figure, figure.value) if figure.value is not None else "unknown", _doubt(figure))
        for figure in map(dora.figure, _KEYS)
    )


def _doubt(figure: Measure) -> str:
    if figure.low is None or figure.high is None:
        return f"of {figure.n}, too few for an interval" if figure.n else "nothing to count"
    return f"95 %: {_interval(figure)}"


def _bars(dora: Dora) -> Figure:
    """The shares among them, side by side with their intervals."""
    shares = [f for f in dora.figures if f.unit == "share" and f.value is not None]
    made = tuple(Bar(f.title, f.value or 0.0, shown(f, f.value), f.low, f.high) for f in shares)
    return Figure("Shares of failed and of unplanned deployments", made, 0.05, "5 %")


def shown(figure: Measure, value: float | None) -> str:
    if value is None:
        return "–"
    match figure.unit:
        case "seconds":
            return about(value)
        case "share":
            return f"{value:.1%}"
        case unit:
            return f"{value:.3g} {unit}"


def _interval(figure: Measure) -> str:
    if figure.low is None or figure.high is None:
        return "–" if not figure.n else "too few values"
    return f"{shown(figure, figure.low)} to {shown(figure, figure.high)}"


def excluded_section(dora: Dora) -> Section:
    """What each figure leaves out, and why."""
    rows = tuple(
        (figure.title, identity, why)
        for figure in dora.figures
        for identity, why in figure.excluded
        if why != "did not fail"
    )
    words = () if rows else ("Every deployment counts.",)
    return Section("excluded", "Not counted", words, ("figure", "rollout", "reason") if rows else (), rows)
