"""`canary.weights: auto`: weights computed from the traffic; and, for these and for fixed weights, the users whom a bad
release would affect (R13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pilotage.model.answers import DeploymentStrategy, RiskTolerance
from pilotage.model.plan import Setting, Step, StepKind
from pilotage.model.quantity import format_duration, format_share
from pilotage.model.traffic import WHOLE, percent
from pilotage.plan.caution import Caution
from pilotage.plan.exposure import ERRORS, TOP, Ramp, Stage, expected_hurt, ramp
from pilotage.plan.numbers import BadOverride
from pilotage.plan.rows import ROWS
from pilotage.plan.steps import Numbers
from pilotage.plan.strategies import steps_of
from pilotage.plan.strategies.canary import held_back
from pilotage.plan.values import Value

LEAST = 100.0
"""Requests a second below which fixed steps are used: smaller first weights would teach the judge too little, and a
ramp affects some users for longer than 5 % at once does."""

_JUDGEMENT, _SWITCH = 1, 1
"""Seconds: what the judge takes, and what the router takes until it shows the old split again."""

_FOR_TOLERANCE: Mapping[RiskTolerance, float] = {RiskTolerance.LOW: 0.5, RiskTolerance.ZERO_DOWNTIME: 0.25}
"""Factors on the errors that a total outage may cost. Each half costs one more doubling, a minute at most."""

_FIRST = (0.01, 0.02)
"""Shares of a step before the fixed ones, for a risky release: the first at which enough requests come."""
_ENOUGH = 2.0
"""Times `analysis.min_requests`: a step that hardly gets as many would hold for lack of data."""


@dataclass(frozen=True)
class Traffic:
    """What users usually do: requests a second of all of them, and the share (0…1) that fails on stable."""

    requests_per_second: float
    error_rate: float


@dataclass(frozen=True)
class Exposure:
    """A canary's numbers with the weights that hold, and what the plan says of them."""

    numbers: Numbers
    notes: tuple[str, ...] = ()


def exposure_of(
    numbers: Numbers, full: int, tolerance: RiskTolerance, traffic: Traffic | None, caution: Caution, *, hurried: bool
) -> Exposure:
    """Compute the weights of `canary.weights: auto`, and who would be affected. Other strategies stay unchanged.

    full: instances that carry all traffic · caution: by the risk of the change · hurried: no step may be added. Raises
    BadOverride if `canary.holdback` leaves no room for the weights.
    """
    if "canary.weights" not in numbers.settings:
        return Exposure(numbers)
    asked, obstacle = numbers.settings["canary.ramp"], _obstacle(traffic)
    fixed = _set(numbers, "canary.ramp", False, f"{asked.why}; not used: {obstacle}") if asked.value else numbers
    if traffic is None or obstacle:
        notes = (f"canary.weights: auto keeps the fixed steps: {obstacle}",) if asked.value else ()
        if asked.value and traffic is not None and not hurried:
            fixed, more = _one_step_more(fixed, traffic, caution)
            notes = (*notes, *more)
        chosen, sentences = _fitting(fixed), _hurt_sentence(fixed, None, full, traffic)
        return Exposure(_explained(chosen, sentences), (*notes, *sentences))
    auto, explanation = _ramped(numbers, traffic, ERRORS * _FOR_TOLERANCE.get(tolerance, 1), caution)
    if asked.value:
        sentences = _hurt_sentence(_fitting(auto), _usual(fixed), full, traffic)
        return Exposure(_explained(auto, sentences), (f"canary.weights: auto {explanation}", *sentences))
    sentences = _hurt_sentence(_fitting(fixed), auto, full, traffic)
    return Exposure(_explained(fixed, sentences), sentences)


def _obstacle(traffic: Traffic | None) -> str:
    """Why weights cannot be worked out; empty where they can."""
    if traffic is None:
        return "it needs the environment's traffic; add traffic: {requests_per_second: …, error_rate: …}"
    if traffic.requests_per_second < LEAST:
        return (
            f"at {traffic.requests_per_second:g} requests per second (below {LEAST:g}), short steps at "
            "smaller weights yield too little data"
        )
    return ""


def _one_step_more(fixed: Numbers, traffic: Traffic, caution: Caution) -> tuple[Numbers, tuple[str, ...]]:
    """A smaller step before the fixed ones, if the risk is worth it and enough requests come; and why."""
    setting, phase = fixed.settings["canary.weights"], fixed.value("canary.phase_duration")
    requests = traffic.requests_per_second * phase
    needed = _ENOUGH * fixed.value("analysis.min_requests")
    share = next((one for one in _FIRST if one * requests >= needed), None)
    if not caution.lengthens or share is None:
        return fixed, ()
    weights = fixed.weights("canary.weights")
    why = (
        f"first weight {format_share(share)} for {format_duration(phase)} instead of "
        f"{format_share(weights[0] / WHOLE)}, which comes one step later: {caution.why}"
    )
    value = tuple(map(percent, (round(WHOLE * share), *weights)))
    return _set(fixed, setting.path, value, f"{setting.why}; {why}"), (why,)


def _ramped(numbers: Numbers, traffic: Traffic, usual: float, caution: Caution) -> tuple[Numbers, str]:
    """The numbers of a ramp, and how they were worked out. usual: errors that a total outage may cost, whatever the
    risk."""
    reaction, of = _reaction(numbers)
    rate, phase = traffic.requests_per_second, numbers.value("canary.phase_duration")
    tick = numbers.value("rollout.interval")
    found, without = (
        ramp(rate=rate, reaction=reaction, duration=phase, errors=errors, tick=tick)
        for errors in (usual * caution.factor, usual)
    )
    first, before = (*found.weights, TOP)[0], (*without.weights, TOP)[0]
    lower = f" instead of {format_share(before / WHOLE)}, because of the {caution.why}" if first < before else ""
    lost = f"{rate * first / WHOLE * reaction:.0f} errors in the {format_duration(reaction)} before the rollback"
    why = (
        f"starts at {format_share(first / WHOLE)}{lower}: at {rate:g} requests per second, a total outage would cost "
        f"about {lost} ({of}); {_climb(found)}"
    )
    ramping = _set(numbers, "canary.ramp", True, numbers.settings["canary.ramp"].why)
    source = numbers.settings["canary.ramp"].source
    weights = Setting(
        "canary.weights",
        tuple(map(percent, (*found.weights, TOP, WHOLE))),
        numbers.settings["canary.weights"].unit,
        source,
        why,
    )
    return Numbers({**ramping.settings, "canary.weights": weights}), why


def _climb(found: Ramp) -> str:
    top = format_share(TOP / WHOLE)
    hold = f"it stays at {top} for {format_duration(found.hold)}"
    return f"the weight doubles every {format_duration(found.every)} up to {top}; {hold}" if found.weights else hold


def _reaction(n: Numbers) -> tuple[int | float, str]:
    """Seconds from the first error to the last user back on stable, and what they are made of."""
    look, drain, own = (n.value(p) for p in ("rollout.interval", "canary.drain_duration", "canary.detection_time"))
    worked_out = look + _JUDGEMENT + _SWITCH + drain
    if own > worked_out:
        return own, "canary.detection_time"
    parts = (("interval", look), ("analysis", _JUDGEMENT), ("switch", _SWITCH), ("drain", drain))
    return worked_out, ", ".join(f"{name} {format_duration(seconds)}" for name, seconds in parts)


def _hurt_sentence(chosen: Numbers, other: Numbers | None, full: int, traffic: Traffic | None) -> tuple[str, ...]:
    """`expected users hurt by a bad release: 42 (fixed steps: 62)`; none without traffic."""
    if traffic is None:
        return ()
    here = _hurt(chosen, full, traffic)
    sentence = f"expected users affected by a bad release: {_shown(here)}"
    if other is None or not _fits(other):
        return (sentence,)
    there, ramps = _hurt(other, full, traffic), bool(chosen.value("canary.ramp"))
    more = (
        "; fixed steps affect fewer: remove auto, or lengthen canary.phase_duration" if ramps and there < here else ""
    )
    return (f"{sentence} ({'fixed steps' if ramps else 'canary.weights: auto'}: {_shown(there)}){more}",)


def _hurt(n: Numbers, full: int, traffic: Traffic) -> float:
    return expected_hurt(
        tuple(_stages(steps_of(DeploymentStrategy.CANARY, n, full))),
        rate=traffic.requests_per_second,
        base=traffic.error_rate,
        reaction=_reaction(n)[0],
        tolerated=n.value("analysis.max_ratio"),
        alpha=n.value("analysis.false_positive_rate"),
    )


def _stages(steps: tuple[Step, ...]) -> Iterator[Stage]:
    """What is watched below full exposure."""
    for step in steps:
        if step.kind in (StepKind.ANALYSE, StepKind.BAKE) and 0 < step.weight < WHOLE:
            yield Stage(step.weight / WHOLE, step.duration)


def _shown(hurt: float) -> str:
    return f"{hurt:.1f}" if hurt < 9.95 else f"{hurt:,.0f}"


def _usual(n: Numbers) -> Numbers:
    """With the weights of R13, whatever is configured."""
    row = next(row for row in ROWS if row.path == "canary.weights")
    return _set(n, row.path, row.low, row.why)


def _fitting(n: Numbers) -> Numbers:
    """The numbers themselves; BadOverride where stable keeps so much that a weight before the last is not below it."""
    if _fits(n):
        return n
    holdback, held = n.settings["canary.holdback"], held_back(n)
    highest = max(n.weights("canary.weights")[:-1], default=0)
    if not held:
        raise BadOverride(f"{holdback.source}: canary.holdback: the smallest share above 0% is 0.1%")
    raise BadOverride(
        f"{holdback.source}: canary.holdback: {format_share(held / WHOLE)} leaves the canary at most "
        f"{format_share((WHOLE - held) / WHOLE)}, and canary.weights reaches {format_share(highest / WHOLE)} before "
        f"100%. Use less than {format_share((WHOLE - highest) / WHOLE)}, or remove the higher weights"
    )


def _fits(n: Numbers) -> bool:
    held = held_back(n)
    return not n.value("canary.holdback") or 0 < held < WHOLE - max(n.weights("canary.weights")[:-1], default=0)


def _explained(n: Numbers, sentences: tuple[str, ...]) -> Numbers:
    setting = n.settings["canary.weights"]
    return _set(n, setting.path, setting.value, "; ".join((setting.why, *sentences)))


def _set(n: Numbers, path: str, value: Value, why: str) -> Numbers:
    return Numbers({**n.settings, path: replace(n.settings[path], value=value, why=why)})
