"""Queries of counted rules and signals, next to the look: available answers are used, and nothing waits for the
rest."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

from pilotage.adapters.ports import AdapterError, Queries
from pilotage.engine.execution.crew import Call, Crew
from pilotage.judge.counted import RuleBook
from pilotage.judge.signals import SignalBook
from pilotage.model.clock import Clock
from pilotage.model.query import Query, UnfitVersion, check_names

_GRACE = 0.05
"""Seconds that a look gives its new queries: most sources answer immediately."""

_LONGEST = 6.0
"""Seconds after which a query that has not come back counts as one that failed."""

_T = TypeVar("_T")

Figures = tuple[float | None, float | None]


class _Waiting(Protocol):
    """A call with a limited wait, whatever it returns."""

    @property
    def age(self) -> float: ...

    def wait(self, seconds: float, /) -> bool: ...


@dataclass(frozen=True, kw_only=True)
class _Under:
    """A running query. phase: in which it was asked; a later phase cannot use its answer."""

    call: _Waiting
    phase: int
    take: Callable[[], None]
    """Use its answer, or the reason why there is none."""


class QueriesBeside:
    """Of one rollout: each query is under way once at most."""

    def __init__(
        self, crew: Crew, rules: RuleBook, signals: SignalBook, texts: Mapping[str, Query], clock: Clock
    ) -> None:
        """texts: the query of each signal, with `{version}`."""
        self._crew, self._rules, self._signals, self._texts = crew, rules, signals, texts
        self._clock = clock
        self._under: dict[str, _Under] = {}
        self._phase = 0

    def begin_phase(self) -> None:
        self._phase += 1

    def ask(
        self, sources: Mapping[str, Queries], names: tuple[str, str | None], *, control: bool, watching: bool
    ) -> None:
        """Ask what is due, and take in what came. sources: by name · names: of the new version and of the one next to
        it · control: whether that one gets requests now · watching: whether the step is watched; else only the other's
        signals are read."""
        now = self._clock.now()
        self._take(0.0)
        if self._signals.due(now):
            for name in self._signals.names:
                self._ask_signal(sources, name, names, control=control, watching=watching)
        if watching:
            for rule in self._rules.due(now):
                work = partial(_values, sources, Query(text=rule.query, source=rule.source), names)
                self._begin(f"rule {rule.name}", work, self._to_rule(rule.name))
        self._take(_GRACE)

    def _ask_signal(
        self, sources: Mapping[str, Queries], name: str, names: tuple[str, str | None], *, control: bool, watching: bool
    ) -> None:
        new, old = names
        asked = (new if watching else None, old if control else None)
        query = self._texts[name]

        def take(found: Figures | None, trouble: str) -> None:
            canary, stable = found or (None, None)
            if watching:
                self._signals.record(name, canary, stable, trouble, control=control)
            elif found is not None:
                self._signals.remember(name, stable)

        def read() -> Figures:
            canary, stable = (_one(sources, query, version) for version in asked)
            return canary, stable

        self._begin(f"signal {name}", read, take)

    def _to_rule(self, name: str) -> Callable[[tuple[float, ...] | None, str], None]:
        def take(found: tuple[float, ...] | None, trouble: str) -> None:
            self._rules.record(name, found, self._clock.now(), trouble)

        return take

    def _begin(self, key: str, work: Callable[[], _T], take: Callable[[_T | None, str], None]) -> None:
        under = self._under.get(key)
        if under is None:
            call = self._crew.start(work)
            self._under[key] = _Under(call=call, phase=self._phase, take=partial(_settle, call, take))
        elif under.call.age > _LONGEST:
            take(None, f"the query has had no response for {under.call.age:.0f} s")

    def _take(self, patience: float) -> None:
        until = time.monotonic() + patience
        for key, under in list(self._under.items()):
            if not under.call.wait(until - time.monotonic()):
                continue
            del self._under[key]
            if under.phase != self._phase:
                continue
            under.take()


def _settle(call: Call[_T], take: Callable[[_T | None, str], None]) -> None:
    """Pass on a call's result or error."""
    try:
        take(call.result(), "")
    except (AdapterError, UnfitVersion) as error:
        take(None, str(error))
    except Exception as error:
        # One source's fault keeps no other from being read.
        take(None, f"the query failed: {type(error).__name__}: {error}")


def _values(sources: Mapping[str, Queries], query: Query, names: tuple[str, str | None]) -> tuple[float, ...]:
    """The answer to a query with the names of the versions in it. Raises AdapterError, UnfitVersion."""
    check_names({str(n): name for n, name in enumerate(names) if name})
    if query.source not in sources:
        raise AdapterError(f"the source {query.source!r} cannot be opened here")
    return sources[query.source].query(query.text)


def _one(sources: Mapping[str, Queries], query: Query, version: str | None) -> float | None:
    """The single value of a query; None if there is none, or more than one."""
    filled = replace(query, text=query.text.replace("{version}", version or ""))
    values = _values(sources, filled, (version, None)) if version else ()
    return values[0] if len(values) == 1 and math.isfinite(values[0]) else None
