"""Every number of a plan: the tables of the requirements in their order, and overrides on top.

A row says the path, the unit, the value for each risk tolerance, where it comes from and why. `zero-downtime`
takes `low`'s values where the requirement names none for it (C3). A row with a strategy is in its plans alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pilotage.model.answers import DeploymentStrategy as S
from pilotage.model.answers import RiskTolerance
from pilotage.model.errors import Invalid
from pilotage.model.plan import Setting, Unit
from pilotage.model.renamed import SETTINGS as RENAMED
from pilotage.plan.values import Value, origin, read_value, show_value


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
    only: S | None = None

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


def _same(path: str, unit: Unit, value: Value, source: str, why: str, only: S | None = None) -> Row:
    return Row(path, unit, value, value, value, value, source, why, only)


DAY, HOUR, MINUTE = 86400, 3600, 60

ROWS = (
    _same("canary.weights", Unit.WEIGHTS, (50, 250, 500, 1000), "R13", "5 → 25 → 50 → 100 % of requests", S.CANARY),
    Row("canary.phase_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "R13", "how long each weight is watched", S.CANARY),
    Row("canary.bake_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "C22", "one more phase of watching at 100 %", S.CANARY),
    _same("canary.mirror_weight", Unit.SHARE, 0, "R13", "share of requests copied to the canary before any user has it; its answers are thrown away", S.CANARY),
    _same("canary.mirror_duration", Unit.SECONDS, 10 * MINUTE, "R13", "how long the copies are watched, where there are any", S.CANARY),
    _same("canary.health_check_timeout", Unit.SECONDS, 2 * MINUTE, "rule 6", "an instance that is not healthy by then never will be", S.CANARY),
    _same("canary.switch_timeout", Unit.SECONDS, 30, "rule 1", "the router must show a written split by then", S.CANARY),
    _same("canary.drain_duration", Unit.SECONDS, 10, "rule 2", "requests in flight may finish before the old version stops", S.CANARY),
    _same("canary.require_approval", Unit.SWITCH, False, "R13", "a person approves each weight before it is set", S.CANARY),
    _same("canary.approval_timeout", Unit.SECONDS, 24 * HOUR, "rule 6", "an approval nobody gives ends in a rollback", S.CANARY),
    _same("canary.tester_header", Unit.NAME, "", "R13", "requests with this header and the value canary reach the canary", S.CANARY),
    _same("canary.cohort", Unit.COHORT, "", "R13", "requests with this header and value, such as x-tenant=acme, reach the canary from its first weight on", S.CANARY),
    _same("canary.holdback", Unit.SHARE, 0, "C22", "share of requests kept on stable through the bake, so that the canary has something to be compared with to the end", S.CANARY),
    _same("canary.ramp", Unit.SWITCH, False, "R13", "true with canary.weights: auto: short steps double the weight up to 25% and ask for no analysis.min_requests and no analysis.warmup_duration; the hold at 25% does", S.CANARY),
    _same("canary.detection_time", Unit.SECONDS, 0, "R13", "how long harm goes on that no metric shows, such as wrong prices; canary.weights: auto reckons with it where it is longer than its own", S.CANARY),
    _same("canary.baseline", Unit.SWITCH, False, "R13", "as many fresh instances of stable as canaries, with as many requests, are what the canary is compared with", S.CANARY),
    _same("blue_green.health_check_timeout", Unit.SECONDS, 2 * MINUTE, "rule 6", "the preview must be healthy by then", S.BLUE_GREEN),
    _same("blue_green.check_timeout", Unit.SECONDS, 10 * MINUTE, "rule 6", "a check of the preview that has no answer by then has failed", S.BLUE_GREEN),
    _same("blue_green.switch_timeout", Unit.SECONDS, 30, "rule 1", "the router must show the cut-over by then", S.BLUE_GREEN),
    _same("blue_green.require_approval", Unit.SWITCH, False, "R12", "a person approves the cut-over", S.BLUE_GREEN),
    _same("blue_green.approval_timeout", Unit.SECONDS, 24 * HOUR, "rule 6", "an approval nobody gives ends in a rollback", S.BLUE_GREEN),
    _same("blue_green.preview_header", Unit.NAME, "", "R12", "requests with this header and the value preview reach the preview", S.BLUE_GREEN),
    Row("blue_green.bake_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "R12, C22", "how long the new active environment is watched", S.BLUE_GREEN),
    Row("blue_green.keep_duration", Unit.SECONDS, 3 * DAY, DAY, DAY, 3 * DAY, "R12", "how long the old environment stays ready after the watch", S.BLUE_GREEN),
    _same("blue_green.drain_duration", Unit.SECONDS, 10, "rule 2", "requests in flight may finish before the old environment stops", S.BLUE_GREEN),
    Row("rolling.batch_size", Unit.PORTION, "1", "25%", "50%", "1", "R14, C3", "how many instances are replaced at once", S.ROLLING),
    Row("rolling.max_unavailable", Unit.PORTION, "1", "25%", "25%", "0", "R14, C3", "how many may be out of service; the batch shrinks to it (C7)", S.ROLLING),
    Row("rolling.wait_time_between_batches", Unit.SECONDS, 5 * MINUTE, 2 * MINUTE, 2 * MINUTE, 5 * MINUTE, "R14, C3", "how long a batch stabilises before the next", S.ROLLING),
    _same("rolling.health_check_timeout", Unit.SECONDS, 30, "R14", "a new instance must be healthy by then", S.ROLLING),
    _same("rolling.drain_duration", Unit.SECONDS, 10, "rule 2", "requests in flight may finish before an instance is replaced", S.ROLLING),
    _same("rolling.check_timeout", Unit.SECONDS, 10 * MINUTE, "rule 6", "a check that has no answer by then has failed", S.ROLLING),
    Row("rolling.bake_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "C22", "watching when every instance is new", S.ROLLING),
    _same("big_bang.maintenance_window", Unit.SECONDS, 2 * HOUR, "R15", "longest the service may be closed, restore included", S.BIG_BANG),
    _same("big_bang.replace_timeout", Unit.SECONDS, 30 * MINUTE, "R15", "every instance must be replaced and healthy by then", S.BIG_BANG),
    _same("big_bang.drain_duration", Unit.SECONDS, 10, "rule 2", "requests in flight may finish before the instances are replaced", S.BIG_BANG),
    _same("big_bang.check_timeout", Unit.SECONDS, 15 * MINUTE, "R15", "a check that has no answer by then has failed", S.BIG_BANG),
    Row("big_bang.bake_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "C22", "watching after the service is open again", S.BIG_BANG),
    _same("feature_toggle.percentages", Unit.WEIGHTS, (50, 250, 500, 1000), "R16", "shares of users who get the flag, after internal and beta users", S.FEATURE_TOGGLE),
    Row("feature_toggle.phase_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "R16", "how long each stage is watched, flag-on against flag-off", S.FEATURE_TOGGLE),
    Row("feature_toggle.bake_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "C22", "watching when everyone has the flag", S.FEATURE_TOGGLE),
    _same("feature_toggle.health_check_timeout", Unit.SECONDS, 10 * MINUTE, "rule 6", "the dark deployment must be healthy by then", S.FEATURE_TOGGLE),
    _same("feature_toggle.drain_duration", Unit.SECONDS, 10, "rule 2", "requests in flight may finish before an instance is replaced", S.FEATURE_TOGGLE),
    _same("feature_toggle.flag_timeout", Unit.SECONDS, 30, "rule 1", "the flag service must show a written ramp by then", S.FEATURE_TOGGLE),
    _same("feature_toggle.flag_removal_delay", Unit.SECONDS, 30 * DAY, "R16", "the flag's code goes this long after everyone has it", S.FEATURE_TOGGLE),
    _same("approval.count", Unit.COUNT, 1, "R13, C18", "so many persons must approve, where approval is asked for"),
    _same("approval.role", Unit.NAME, "", "R13, C18", "only persons with this role may approve; empty for anyone"),
    _same("approval.allow_author", Unit.SWITCH, False, "C18", "whoever asked for the release may approve it too"),
    _same("success_criteria.error_rate", Unit.SHARE, 0.001, "R13", "errors below this are good enough to advance"),
    _same("success_criteria.response_time_p95", Unit.SECONDS, 0.5, "R13", "a 95th percentile below this is good enough to advance"),
    _same("success_criteria.user_satisfaction", Unit.SHARE, 0.95, "R13", "satisfaction above this is good enough to advance, where it is measured"),
    Row("rollback_triggers.error_rate", Unit.SHARE, 0.01, 0.05, 0.10, 0.001, "R18", "a higher error rate is undone at once (critical)"),
    Row("rollback_triggers.response_time_factor", Unit.FACTOR, 1.2, 1.5, 2, 1.05, "R18", "the 95th percentile may grow by this factor over stable's"),
    _same("rollback_triggers.memory_factor", Unit.FACTOR, 2, "R19", "an instance may take this many times the memory of a stable one"),
    _same("rollback_triggers.cpu_factor", Unit.FACTOR, 2, "R19", "an instance may take this many times the processor of a stable one"),
    _same("rollback_triggers.connection_pool_utilization", Unit.SHARE, 0.9, "R19", "share of the database connections that may be in use"),
    Row("rollback_triggers.external_service_latency_factor", Unit.FACTOR, 1.2, 1.5, 2, 1.05, "R18, R19", "answers of external services may slow by this factor"),
    Row("rollback_triggers.session_loss", Unit.SHARE, 0.01, 0.05, 0.10, 0.001, "R18, R19", "share of sessions that may break, compared with stable"),
    Row("rollback_triggers.conversion_loss", Unit.SHARE, 0.01, 0.05, 0.10, 0.001, "R18, R19", "relative loss of conversions, compared with stable"),
    _same("alerts.success_rate", Unit.SHARE, 0.99, "R20", "a lower success rate pauses the rollout"),
    _same("alerts.canary_health_score", Unit.SHARE, 0.9, "R20", "a smaller healthy share of the new instances stops the canary", S.CANARY),
    _same("alerts.min_requests", Unit.COUNT, 100, "R20", "fewer requests within the window raise no alert about them"),
    _same("alerts.window", Unit.SECONDS, 5 * MINUTE, "R20", "over which time the alerts look back"),
    _same("analysis.max_error_rate_factor", Unit.FACTOR, 1.25, "the judge", "a rate this many times stable's is not called harm"),
    _same("analysis.min_response_time_difference", Unit.SECONDS, 0.01, "the judge", "a slower answer matters when it is slower by more than this and by more than analysis.min_response_time_share"),
    _same("analysis.min_response_time_share", Unit.SHARE, 0.10, "the judge", "a slower answer matters when it is slower by more than this share of stable's and by more than analysis.min_response_time_difference"),
    _same("analysis.min_requests", Unit.COUNT, 100, "rule 5", "fewer requests to the new version in a watch than this say nothing"),
    _same("analysis.warmup_duration", Unit.SECONDS, 2 * MINUTE, "the judge", "while new instances are younger, growth of memory is not judged, and slowness counts by their age"),
    _same("analysis.false_positive_rate", Unit.SHARE, 0.001, "the judge", "probability that a harmless release is undone by the statistics"),
    _same("analysis.retry_once", Unit.SWITCH, True, "the judge", "bad luck gets one second try: one ill instance is replaced, a warm-up waited for"),
    Row("hold.timeout", Unit.SECONDS, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 2 * MINUTE, "rule 5", "how long no data or no clear answer is waited out"),
    Row("hold.on_timeout", Unit.CHOICE, "rollback", "rollback", "pause", "rollback", "rule 5", "what happens when it does not clear up"),
    Row("hold.decision_timeout", Unit.SECONDS, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 2 * MINUTE, "C1", "a withdrawn or held release is rolled back when nobody answers by then"),
    _same("pause.timeout", Unit.SECONDS, 24 * HOUR, "rule 6", "a pause that nobody ends by then is a rollback"),
    _same("rollback.enabled", Unit.SWITCH, True, "rule 10", "without it nothing is undone by itself: harm stops the release and calls a person"),
    Row("rollback_auto", Unit.SWITCH, True, False, False, True, "R18, C1", "harm below the critical limit takes users back to stable at once where traffic can be switched; yes: then it rolls back, no: it stays withdrawn until a person decides"),
    _same("rollback.window", Unit.SECONDS, DAY, "R21", "so long after a release its predecessor comes back without being watched anew"),
    _same("rollback.timeout", Unit.SECONDS, 2 * MINUTE, "R13", "a rollback not done by then needs a person", S.CANARY),
    _same("rollback.timeout", Unit.SECONDS, 30, "R12", "a rollback not done by then needs a person", S.BLUE_GREEN),
    _same("rollback.timeout", Unit.SECONDS, 30 * MINUTE, "R14", "a rollback not done by then needs a person; longer when the batches take longer", S.ROLLING),
    _same("rollback.timeout", Unit.SECONDS, HOUR, "R15", "a restore not done by then needs a person", S.BIG_BANG),
    _same("rollback.timeout", Unit.SECONDS, 30, "R16", "a flag not off by then needs a person", S.FEATURE_TOGGLE),
    _same("emergency.phase_duration", Unit.SECONDS, MINUTE, "rule 7", "watch at the first weight when the glass was broken"),
    _same("rollout.interval", Unit.SECONDS, 1, "rule 7", "how often the rollout is looked at"),
)  # fmt: skip

AUTO = "auto"
"""What is written as `canary.weights` for weights that the plan works out."""

PATHS = tuple(dict.fromkeys(row.path for row in ROWS))

_BLUE_GREEN_TRIGGERS: Mapping[str, float] = {
    "rollback_triggers.error_rate": 0.01,
    "rollback_triggers.response_time_factor": 1.5,
}
"""R12's own triggers, which cap the limits of the risk tolerance (C2)."""


class BadOverride(Invalid):
    """An override has an unknown path or an invalid value. The message says where, and what is valid."""


def settings(tolerance: RiskTolerance, strategy: S, overrides: Mapping[str, Override]) -> tuple[Setting, ...]:
    """Every setting of a strategy for a risk tolerance, with overrides in place. Raises BadOverride.

    An override of another strategy's number is checked too, and has no effect.
    """
    from difflib import get_close_matches

    usual = _usual(tolerance, strategy)
    if not overrides:
        return usual
    overrides = _with_ramp(overrides)
    for path, override in overrides.items():
        if path in RENAMED:
            raise BadOverride(f"{override.source}: {path} is now called {RENAMED[path]}")
        if path not in PATHS:
            close = get_close_matches(path, PATHS, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(PATHS)}"
            raise BadOverride(f"{override.source}: the plan has no number called {path}{hint}")
        _overridden_value(next(row.unit for row in ROWS if row.path == path), path, override)
    return tuple(
        _overridden(setting, overrides[setting.path]) if setting.path in overrides else setting for setting in usual
    )


def _with_ramp(overrides: Mapping[str, Override]) -> Mapping[str, Override]:
    """`canary.weights: auto` asks for a ramp; its weights are worked out later, from the traffic."""
    if ramp := overrides.get("canary.ramp"):
        raise BadOverride(f"{ramp.source}: canary.ramp cannot be set by itself; write canary.weights: auto")
    weights = overrides.get("canary.weights")
    if weights is None or weights.value != AUTO:
        return overrides
    return {
        **{path: o for path, o in overrides.items() if path != "canary.weights"},
        "canary.ramp": Override(True, weights.source),
    }


@cache
def _usual(tolerance: RiskTolerance, strategy: S) -> tuple[Setting, ...]:
    return tuple(_setting(row, tolerance, strategy) for row in ROWS if row.only in (None, strategy))


def _setting(row: Row, tolerance: RiskTolerance, strategy: S) -> Setting:
    value = row.value(tolerance)
    source = f"risk_tolerance: {tolerance} ({row.source})" if row.varies else row.source
    cap = _BLUE_GREEN_TRIGGERS.get(row.path) if strategy is S.BLUE_GREEN else None
    if cap is not None and isinstance(value, int | float) and value > cap:
        capped = f"{row.why}; {show_value(row.unit, value)} by risk tolerance, lowered to the limit of blue-green"
        return Setting(row.path, cap, row.unit, "deployment_strategy: blue-green (R12, C2)", capped)
    return Setting(row.path, value, row.unit, source, row.why)


def _overridden(usual: Setting, override: Override) -> Setting:
    value = _overridden_value(usual.unit, usual.path, override)
    why = f"{usual.why}; without the override {show_value(usual.unit, usual.value)} ({origin(usual.source)})"
    return Setting(usual.path, value, usual.unit, override.source, why)


def _overridden_value(unit: Unit, path: str, override: Override) -> Value:
    try:
        return read_value(unit, override.value)
    except ValueError as error:
        raise BadOverride(f"{override.source}: {path}: {error}") from None
