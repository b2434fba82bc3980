"""The verdict of a judge of counts, with its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilotage.judge.rate_words import confidence, rate_of
from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.quantity import format_share

if TYPE_CHECKING:
    from pilotage.judge.counts import CountJudge


def verdict_of(judge: CountJudge) -> Verdict:
    """What is known now, with its sentence."""
    sums, bar = judge.sums, judge.bar
    safe, (low, high) = judge.safe_evidence(), judge.interval()
    harm = judge.harm_evidence()
    breach = judge.limit_evidence()
    kind, critical = VerdictKind.INCONCLUSIVE, False
    if sums.canary_total == 0:
        kind = VerdictKind.INSUFFICIENT_DATA
    elif breach >= bar and not _stable_as_bad(judge):
        kind, critical = VerdictKind.FAIL, True
    elif harm >= bar:
        kind = VerdictKind.FAIL
    elif safe >= judge.safe_bar and breach < bar:
        kind = VerdictKind.PASS
    canary, stable = rate_of(sums.canary_bad, sums.canary_total), rate_of(sums.stable_bad, sums.stable_total)
    return Verdict(
        judge.metric,
        kind,
        _sentence(judge, kind, critical, low, canary, stable),
        sums.canary_bad / sums.canary_total / (sums.stable_bad / sums.stable_total)
        if sums.canary_total and sums.stable_bad
        else None,
        (low, high),
        max(harm, breach),
        sums.canary_total,
        critical,
        canary,
        stable,
    )


def _stable_as_bad(judge: CountJudge) -> bool:
    """A shared dependency harms both versions, so the release is not to blame (both degraded)."""
    return bool(
        judge.limit is not None
        and judge.sums.stable_total
        and judge.sums.stable_rate > judge.limit
        and judge.sums.canary_rate <= judge.tolerated_ratio * judge.sums.stable_rate
    )


def _sentence(judge: CountJudge, kind: VerdictKind, critical: bool, low: float, canary: str, stable: str) -> str:
    sums = judge.sums
    both = (
        f"canary {canary} ({sums.canary_bad} of {sums.canary_total:,}), "
        f"stable {stable} ({sums.stable_bad} of {sums.stable_total:,})"
    )
    match kind:
        case VerdictKind.INSUFFICIENT_DATA:
            return "no requests to the canary yet"
        case VerdictKind.FAIL if critical:
            return f"{both}: above the limit of {format_share(judge.limit or 0)}, {confidence(judge.alpha)}"
        case VerdictKind.FAIL if low <= judge.tolerated_ratio and not _refuted_by_history(judge):
            return f"{both}: temporarily more than {judge.tolerated_ratio:g} times worse, {confidence(judge.alpha)}"
        case VerdictKind.FAIL if low <= judge.tolerated_ratio and judge.prior is not None:
            ceiling = format_share(judge.tolerated_ratio * judge.prior.ceiling)
            return f"{both}: above {ceiling}, the limit from this service's history, {confidence(judge.alpha)}"
        case VerdictKind.FAIL:
            return f"{both}: at least {max(low, judge.tolerated_ratio):.3g} times worse, {confidence(judge.alpha)}"
        case VerdictKind.PASS:
            return f"{both}: not more than {judge.tolerated_ratio:g} times stable's, {confidence(judge.alpha)}"
        case _ if _stable_as_bad(judge):
            return f"{both}: both versions are above the limit, so the release is not the cause"
        case _:
            return both


def _refuted_by_history(judge: CountJudge) -> bool:
    """Whether it is history that refutes the canary, and not the comparison with stable."""
    return judge.prior is not None and judge.compared() < judge.bar
