"""The counted rules of a rollout while it runs: when each is due, what it has measured, what that means now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from pilotage.judge.rules import Phase, Rule, Tally, assess, measure, verdict
from pilotage.model.json import JsonObject, entries, number_at, object_at, optional, read_as
from pilotage.model.observation import Verdict, VerdictKind


class RuleBook:
    """Streaming: `due`, then `record` for each, then `verdicts`. A watch starts every rule again (`begin_phase`), as a
    step of Argo Rollouts starts an analysis run; a rule without a count measures until its watch ends."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._began: float | None = None
        self._tallies: dict[str, Tally] = {}
        self._next: dict[str, float] = {}

    def begin_phase(self) -> None:
        self._began, self._tallies, self._next = None, {}, {}

    def due(self, now: float) -> tuple[Rule, ...]:
        """The rules to measure at `now`, in Unix seconds; the first call starts the phase."""
        self._began = self._began or now
        return tuple(
            rule
            for rule in self._rules.values()
            if now >= self._next.get(rule.name, self._began + rule.initial_delay) and not self._ended(rule)
        )

    def record(self, name: str, result: tuple[float, ...] | None, now: float, trouble: str = "") -> None:
        """One measurement; None is one that could not be made."""
        rule = self._rules[name]
        self._tallies[name] = measure(rule, self._tallies.get(name, Tally()), result, trouble)
        # Argo Rollouts retries an error after ten seconds if a rule has no interval.
        self._next[name] = now + (rule.interval or 10.0)

    def verdicts(self) -> tuple[Verdict, ...]:
        return tuple(self._verdict(rule) for rule in self._rules.values() if not rule.dry_run)

    def _ended(self, rule: Rule) -> bool:
        tally = self._tallies.get(rule.name, Tally())
        return assess(rule, tally) not in (Phase.RUNNING, Phase.PENDING)

    def _verdict(self, rule: Rule) -> Verdict:
        tally = self._tallies.get(rule.name, Tally())
        found = verdict(rule, tally)
        if assess(rule, tally) is not Phase.RUNNING:
            return found
        endless = rule.count is None and tally.measured > 0 and tally.errors_in_a_row == 0
        # If it were stopped now, it would count as successful; a rule with a count has no result before its last
        # measurement.
        return replace(found, kind=VerdictKind.PASS if endless else VerdictKind.INSUFFICIENT_DATA)

    def to_dict(self) -> JsonObject:
        tallies = {name: asdict(tally) for name, tally in self._tallies.items()}
        return {"began": self._began, "tallies": tallies, "next": self._next}

    def restore(self, saved: JsonObject) -> None:
        self._began, self._next = optional(number_at, saved, "began"), entries(number_at, saved, "next")
        self._tallies = {
            name: read_as(Tally, tally) for name, tally in object_at(saved, "tallies").items() if name in self._rules
        }
