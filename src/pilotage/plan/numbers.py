"""Every number of a canary plan: the tables of the requirements in their order, and overrides on top.

A row says the path, the unit, the value for each risk tolerance, where it comes from and why. `zero-downtime`
takes `low`'s values where the requirement names none for it (C3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pilotage.model.answers import RiskTolerance
from pilotage.model.plan import Setting, Unit
from pilotage.model.quantity import format_duration, format_share, parse_duration, parse_share
from pilotage.model.traffic import WHOLE

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}")

Value = float | int | bool | str | tuple[int, ...]


@dataclass(frozen=True)
class Override:
    """A value from `pilotage.yaml` as written there, and the place it stands (`pilotage.yaml:31`)."""

    value: object
    source: str


@dataclass(frozen=True)
class Row:
    path: str
    unit: Unit
    low: Value
    medium: Value
    high: Value
    zero_downtime: Value
    source: str
    why: str

    def value(self, tolerance: RiskTolerance) -> Value:
        return {
            RiskTolerance.LOW: self.low,
            RiskTolerance.MEDIUM: self.medium,
            RiskTolerance.HIGH: self.high,
            RiskTolerance.ZERO_DOWNTIME: self.zero_downtime,
        }[tolerance]

    @property
    def varies(self) -> bool:
        return not self.low == self.medium == self.high == self.zero_downtime


def _same(path: str, unit: Unit, value: Value, source: str, why: str) -> Row:
    return Row(path, unit, value, value, value, value, source, why)


HOUR, MINUTE = 3600.0, 60.0

ROWS = (
    _same("canary.weights", Unit.WEIGHTS, (50, 250, 500, 1000), "R13", "5 → 25 → 50 → 100 % of requests"),
    Row("canary.phase_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "R13", "how long each weight is watched"),
    Row("canary.bake_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "C22", "one more phase of watching at 100 %"),
    _same("canary.min_requests", Unit.COUNT, 100, "rule 5", "fewer requests to the canary in a phase than this say nothing"),
    _same("canary.start_deadline", Unit.SECONDS, 2 * MINUTE, "rule 6", "an instance that is not healthy by then never will be"),
    _same("canary.switch_deadline", Unit.SECONDS, 30.0, "rule 1", "the router must show a written split by then"),
    _same("canary.drain_duration", Unit.SECONDS, 10.0, "rule 2", "requests in flight may finish before the old version stops"),
    _same("canary.approval", Unit.SWITCH, False, "R13", "a person approves each weight before it is set"),
    _same("canary.approval_deadline", Unit.SECONDS, 24 * HOUR, "rule 6", "an approval nobody gives ends in a rollback"),
    _same("canary.tester_header", Unit.NAME, "", "R13", "requests with this header and the value canary reach the canary"),
    _same("advance.error_rate", Unit.SHARE, 0.001, "R13", "errors below this are good enough to advance"),
    _same("advance.p95", Unit.SECONDS, 0.5, "R13", "a 95th percentile below this is good enough to advance"),
    Row("limits.error_rate", Unit.SHARE, 0.01, 0.05, 0.10, 0.001, "R18", "a higher error rate is undone at once (critical)"),
    Row("limits.latency_factor", Unit.FACTOR, 1.2, 1.5, 2.0, 1.05, "R18", "the 95th percentile may grow by this factor over stable's"),
    Row("limits.rollback_auto", Unit.SWITCH, True, False, False, True, "R18, C1", "harm below the critical limit: undo at once, or hold and ask"),
    _same("limits.memory_factor", Unit.FACTOR, 2.0, "R19", "an instance may take this many times the memory of a stable one"),
    _same("judge.tolerated_ratio", Unit.FACTOR, 1.25, "the judge", "a rate this many times stable's is not called harm"),
    _same("judge.false_rollback", Unit.SHARE, 0.001, "the judge", "probability that a harmless release is undone by the statistics"),
    Row("hold.duration", Unit.SECONDS, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 2 * MINUTE, "rule 5", "how long no data or no clear answer is waited out"),
    Row("hold.then", Unit.CHOICE, "rollback", "rollback", "pause", "rollback", "rule 5", "what happens when it does not clear up"),
    Row("hold.answer_deadline", Unit.SECONDS, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 2 * MINUTE, "C1", "harm on hold is undone when nobody answers by then"),
    _same("pause.deadline", Unit.SECONDS, 24 * HOUR, "rule 6", "a pause that nobody ends by then is a rollback"),
    _same("rollback.deadline", Unit.SECONDS, 2 * MINUTE, "R13", "a rollback not done by then needs a person"),
    _same("rollout.tick", Unit.SECONDS, 1.0, "rule 7", "how often the rollout is looked at"),
)  # fmt: skip

PATHS = tuple(row.path for row in ROWS)


class BadOverride(ValueError):
    """An override that no plan can take; says the path, the place, and what would be right."""


def settings(tolerance: RiskTolerance, overrides: Mapping[str, Override]) -> tuple[Setting, ...]:
    """Every setting for a risk tolerance, with overrides in place. Raises BadOverride."""
    from difflib import get_close_matches

    for path, override in overrides.items():
        if path not in PATHS:
            close = get_close_matches(path, PATHS, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(PATHS)}"
            raise BadOverride(f"{override.source}: the plan has no number called {path}{hint}")
    return tuple(_setting(row, tolerance, overrides.get(row.path)) for row in ROWS)


def _setting(row: Row, tolerance: RiskTolerance, override: Override | None) -> Setting:
    if override is not None:
        try:
            value = read_value(row.unit, override.value)
        except ValueError as error:
            raise BadOverride(f"{override.source}: {row.path}: {error}") from None
        usual = show_value(row.unit, row.value(tolerance))
        return Setting(
            row.path,
            value,
            row.unit,
            override.source,
            f"{row.why}; without the override {usual} ({row.source})",
        )
    source = f"risk_tolerance: {tolerance} ({row.source})" if row.varies else row.source
    return Setting(row.path, row.value(tolerance), row.unit, source, row.why)


def read_value(unit: Unit, written: object) -> Value:
    """A setting's value from what a person wrote. Raises ValueError with what would be right."""
    match unit:
        case Unit.SECONDS if isinstance(written, str | int | float):
            return parse_duration(written)
        case Unit.SHARE if isinstance(written, str | int | float):
            return parse_share(written)
        case Unit.WEIGHTS if isinstance(written, list | tuple):
            return _weights(written)
        case Unit.FACTOR if isinstance(written, int | float) and not isinstance(written, bool) and written >= 1:
            return float(written)
        case Unit.COUNT if isinstance(written, int) and not isinstance(written, bool) and written >= 0:
            return written
        case Unit.SWITCH if isinstance(written, bool):
            return written
        case Unit.CHOICE if written in ("rollback", "pause"):
            return str(written)
        case Unit.NAME if isinstance(written, str) and _HEADER.fullmatch(written):
            return written.lower()
    wanted = {
        Unit.SECONDS: "a duration such as 30s or 4h",
        Unit.SHARE: "a share such as 0.1%",
        Unit.WEIGHTS: "a list of shares such as [5%, 25%, 100%]",
        Unit.FACTOR: "a number of at least 1 such as 1.5",
        Unit.COUNT: "a whole number of at least 0",
        Unit.SWITCH: "true or false",
        Unit.CHOICE: "rollback or pause",
        Unit.NAME: "a header's name such as x-release",
    }[unit]
    raise ValueError(f"{written!r} is not {wanted}")


def _weights(written: list[object] | tuple[object, ...]) -> tuple[int, ...]:
    shares = [parse_share(share) for share in written if isinstance(share, str | int | float)]
    weights = tuple(round(share * WHOLE) for share in shares)
    if len(shares) != len(written) or not weights or weights[-1] != WHOLE:
        raise ValueError(f"{list(written)!r} does not end at 100%")
    if any(a >= b for a, b in zip((0, *weights), weights, strict=False)):
        raise ValueError(f"{list(written)!r} does not rise at every step (the smallest step is 0.1%)")
    return weights


def show_value(unit: Unit, value: Value) -> str:
    """A setting's value as a person reads it, and as `read_value` would take it back."""
    match unit:
        case Unit.SECONDS if isinstance(value, int | float):
            return format_duration(value)
        case Unit.SHARE if isinstance(value, int | float):
            return format_share(value)
        case Unit.WEIGHTS if isinstance(value, tuple):
            return " → ".join(format_share(weight / WHOLE) for weight in value)
        case Unit.FACTOR:
            return f"{value:g}×"
        case Unit.SWITCH:
            return "yes" if value else "no"
        case _:
            return str(value) or "none"
