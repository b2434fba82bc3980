"""Rates of bad events in words, as every verdict on requests shows them."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.judge.sums import Sums
from pilotage.model.observation import REST


def rate_of(bad: int, total: int) -> str:
    return f"{bad / total * 100:.3g} %" if total else "–"


def both_of(sums: Sums) -> str:
    canary = f"canary {rate_of(sums.canary_bad, sums.canary_total)} ({sums.canary_bad} of {sums.canary_total:,})"
    if not sums.stable_total:
        return canary
    return (
        f"{canary}, stable {rate_of(sums.stable_bad, sums.stable_total)} ({sums.stable_bad} of {sums.stable_total:,})"
    )


def names_route(routes: Sequence[str], route: str) -> bool:
    """Whether naming the route says anything: there are several, and this is one of them."""
    return bool(route) and bool(routes) and route != REST


def confidence(alpha: float) -> str:
    """The confidence of a verdict. alpha: the probability of ever calling a harmless release harmful."""
    return f"confidence {100 * (1 - alpha):.4g} %"
