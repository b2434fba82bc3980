"""Figures that neither router nor fleet provides: pools, other services, sessions, conversion, satisfaction (R13, R19).

Each configured query is judged. The pool has a limit, which three consecutive readings must exceed. The others are
compared with stable's by `GaugeJudge`, with the share of the false-rollback probability that `ReleaseJudge` leaves to
them (`signal_alpha`). To advance, the mean reading of this phase must be within the same factor, or reach the
satisfaction that R13 requires; a figure without a reading never passes.

If no stable version runs next to the new one (at 100 %, after a switch, with the flag on for everyone), readings are
compared with stable's own earlier ones. Such a comparison has no control: it can hold a release, never roll it back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pilotage.judge.gauges import GaugeJudge
from pilotage.model.json import JsonObject, each, find, number_at, object_at, text_at, truth_at, whole_at
from pilotage.model.observation import Verdict, VerdictKind
from pilotage.model.plan import Plan
from pilotage.model.quantity import format_share

_IN_A_ROW = 3


@dataclass(frozen=True)
class _Signal:
    """factor: of a plan, the canary's level over stable's that is tolerated; below one where less is worse · advance:
    the setting with the level that is enough to continue · limit: the setting with a level that is harm."""

    title: str
    factor: Callable[[Plan], float] | None = None
    advance: str = ""
    limit: str = ""


def _loss(path: str) -> Callable[[Plan], float]:
    return lambda plan: 1 - plan.number(path)


SIGNALS: Mapping[str, _Signal] = {
    "database_connection_pool": _Signal(
        "database connections in use", limit="rollback_triggers.connection_pool_utilization"
    ),
    "external_service_latency": _Signal(
        "external services", lambda plan: plan.number("rollback_triggers.external_service_latency_factor")
    ),
    "user_session_health": _Signal("unbroken sessions", _loss("rollback_triggers.session_loss")),
    "business_conversion_rate": _Signal("conversions", _loss("rollback_triggers.conversion_loss")),
    "user_satisfaction": _Signal(
        "satisfaction", _loss("rollback_triggers.conversion_loss"), advance="success_criteria.user_satisfaction"
    ),
}
"""By the name under `analysis.signals`; of all but the first two more is better."""


def count_tests(names: Sequence[str]) -> int:
    """How many tests these signals add to a release, which share its false-rollback probability."""
    return sum(SIGNALS[name].factor is not None for name in names)


class SignalBook:
    """Streaming: `due`, then `record` for each name, then `verdicts`; `to_dict` and `restore` survive a restart.

    alpha: of each single test · every: seconds between two readings · old: whether there is a version to compare with.
    """

    def __init__(self, plan: Plan, names: Sequence[str], alpha: float, every: float, *, old: bool = True) -> None:
        self.names, self._every, self._next = tuple(names), every, -math.inf
        self._judges = {name: _Figure(plan, name, alpha, old) for name in names}

    def begin_phase(self) -> None:
        for figure in self._judges.values():
            figure.begin_phase()

    def begin_again(self) -> None:
        """Forget the evidence of harm: the new version gets its second try."""
        for figure in self._judges.values():
            figure.begin_again()

    def due(self, now: float) -> bool:
        """Whether to read all of them at `now`, in Unix seconds; then it is not due again for a while."""
        if not self.names or now < self._next:
            return False
        self._next = now + self._every
        return True

    def record(
        self, name: str, canary: float | None, stable: float | None, trouble: str = "", *, control: bool = True
    ) -> None:
        """One reading of both versions; None where there was nothing to read. control: stable runs next to it."""
        self._judges[name].record(canary, stable, trouble, control)

    def remember(self, name: str, stable: float | None) -> None:
        """One reading of stable, before the new version has users."""
        self._judges[name].remember(stable)

    def verdicts(self) -> tuple[Verdict, ...]:
        return tuple(figure.verdict() for figure in self._judges.values())

    def to_dict(self) -> JsonObject:
        return {name: figure.to_dict() for name, figure in self._judges.items()}

    def restore(self, saved: JsonObject) -> None:
        for name, figure in self._judges.items():
            if name in saved:
                figure.restore(object_at(saved, name))


class _Figure:
    def __init__(self, plan: Plan, name: str, alpha: float, old: bool) -> None:
        self._signal, self._name, self._old, self._alpha = SIGNALS[name], name, old, alpha
        self._factor = self._signal.factor(plan) if self._signal.factor else None
        self._judge = self._new_judge()
        self._limit = plan.number(self._signal.limit) if self._signal.limit else None
        self._enough = plan.number(self._signal.advance) if self._signal.advance else None
        self._high = 0
        self._phase = [0, 0.0, 0.0]
        self._past = [0, 0.0]
        self._control = True
        self._trouble = ""

    def _new_judge(self) -> GaugeJudge | None:
        factor = self._factor
        if factor is None or not self._old:
            return None
        return GaugeJudge(self._name, factor, self._alpha, higher_is_worse=factor >= 1, judge_slope=False)

    def begin_phase(self) -> None:
        self._phase = [0, 0.0, 0.0]

    def begin_again(self) -> None:
        self._judge, self._high = self._new_judge(), 0

    def remember(self, stable: float | None) -> None:
        if stable is not None:
            self._past = [self._past[0] + 1, self._past[1] + stable]

    def record(self, canary: float | None, stable: float | None, trouble: str, control: bool) -> None:
        if control != self._control:
            self._control = control
            self.begin_phase()
        if not control and stable is None and self._past[0]:
            stable = self._past[1] / self._past[0]
        missing = [who for who, value in (("canary", canary), ("stable", stable)) if value is None]
        if canary is None or (stable is None and self._judge is not None):
            self._trouble = trouble or f"no data for {' and '.join(missing)}"
            return
        self._trouble = ""
        self._phase[0] += 1
        self._phase[1] += canary
        self._phase[2] += stable or 0.0
        if self._limit is not None:
            self._high = self._high + 1 if canary > self._limit else 0
        if control and self._judge is not None and stable is not None:
            self.remember(stable)
            self._judge.update(canary, stable)

    def verdict(self) -> Verdict:
        kind, words, canary, stable = self._found()
        judged = self._judge.verdict() if self._judge else None
        return Verdict(
            self._name, kind, words,
            ratio=canary / stable if stable and canary is not None else None,
            evidence=judged.evidence if judged else 0.0,
            samples=int(self._phase[0]),
            canary="" if canary is None else f"{canary:.4g}",
            stable="" if stable is None else f"{stable:.4g}",
            past=not self._control and self._judge is not None and self._high < _IN_A_ROW,
        )  # fmt: skip

    def _found(self) -> tuple[VerdictKind, str, float | None, float | None]:
        count, canary, stable = int(self._phase[0]), *self._means()
        failed = self._control and self._judge is not None and self._judge.verdict().kind is VerdictKind.FAIL
        title = self._signal.title
        if failed and self._judge:
            return VerdictKind.FAIL, f"{title}: {self._judge.verdict().sentence}", canary, stable
        if self._high >= _IN_A_ROW:
            limit = format_share(self._limit or 0)
            return VerdictKind.FAIL, f"{title}: above {limit} {_IN_A_ROW} times in a row", canary, stable
        if self._trouble:
            return VerdictKind.SOURCE_ERROR, f"{title}: {self._trouble}", canary, stable
        if canary is None:
            return VerdictKind.INSUFFICIENT_DATA, f"{title}: no reading at this step yet", None, None
        before = "stable" if self._control else "stable's past"
        words = f"{title}: canary {canary:.4g}" + (f", {before} {stable:.4g}" if stable is not None else "")
        words += f" (mean of {count})"
        why_not = self._misses(canary, stable)
        if why_not:
            return VerdictKind.INCONCLUSIVE, f"{words}: {why_not}", canary, stable
        return VerdictKind.PASS, words, canary, stable

    def _means(self) -> tuple[float | None, float | None]:
        count, canary, stable = self._phase
        if not count:
            return None, None
        return canary / count, stable / count if self._judge is not None else None

    def _misses(self, canary: float, stable: float | None) -> str:
        """Why this phase's readings are not enough to advance; where stable misses it too, not worse is enough (C2)."""
        if self._limit is not None and canary > self._limit:
            return f"above {format_share(self._limit)}"
        factor = self._judge.factor if self._judge else None
        worse = False
        if factor is not None and stable is not None:
            worse = canary > factor * stable if factor >= 1 else canary < factor * stable
        if self._enough is not None and canary < self._enough and (worse or stable is None or stable >= self._enough):
            return f"below {format_share(self._enough)}"
        return f"more than {factor:g} times that of stable" if worse and factor is not None else ""

    def to_dict(self) -> JsonObject:
        judge = self._judge.to_dict() if self._judge else None
        return {
            "judge": judge, "high": self._high, "phase": self._phase, "trouble": self._trouble, "past": self._past,
            "control": self._control,
        }  # fmt: skip

    def restore(self, saved: JsonObject) -> None:
        if self._judge is not None and find(saved, "judge"):
            self._judge.restore(object_at(saved, "judge"))
        self._high, self._phase = whole_at(saved, "high"), each(number_at, saved, "phase")
        self._trouble = text_at(saved, "trouble")
        if "past" in saved:
            self._past = each(number_at, saved, "past")
        if "control" in saved:
            self._control = truth_at(saved, "control")
