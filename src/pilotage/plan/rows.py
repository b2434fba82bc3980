"""The tables of the requirements in their order: a plan's numbers for each risk tolerance.

A row says the path, the unit, the value for each risk tolerance, where it comes from and why. `zero-downtime`
takes `low`'s values where the requirement names none for it (C3). A row with a strategy is in its plans alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from pilotage.model.answers import DeploymentStrategy as S
from pilotage.model.answers import RiskTolerance
from pilotage.model.plan import Unit
from pilotage.plan.values import Value


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

_WARM = (
    "whether all instances of the stable version stay ready for `rollback.window` after the release, so that a "
    "rollback starts none; they take up memory for as long"
)

ROWS = (
    _same("canary.weights", Unit.WEIGHTS, (5, 25, 50, 100), "R13", "shares of requests that go to the canary, in order",
        S.CANARY),
    Row("canary.phase_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "R13",
        "how long the canary is analysed at each weight", S.CANARY),
    Row("canary.bake_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "C22",
        "how long the canary is analysed at 100 %", S.CANARY),
    _same("canary.mirror_weight", Unit.PERCENT, 0, "R13",
        "share of requests copied to the canary before users reach it; its responses are discarded", S.CANARY),
    _same("canary.mirror_duration", Unit.SECONDS, 10 * MINUTE, "R13", "how long requests are copied to the canary",
        S.CANARY),
    _same("canary.health_check_timeout", Unit.SECONDS, 2 * MINUTE, "rule 6",
        "how long new instances may take to become healthy", S.CANARY),
    _same("canary.check_timeout", Unit.SECONDS, 10 * MINUTE, "rule 6", "how long a check of the canary may take",
        S.CANARY),
    _same("canary.switch_timeout", Unit.SECONDS, 30, "rule 1", "how long the router may take to confirm new weights",
        S.CANARY),
    _same("canary.drain_duration", Unit.SECONDS, 10, "rule 2",
        "how long open requests may take to finish before stable stops", S.CANARY),
    _same("canary.require_approval", Unit.SWITCH, False, "R13", "whether a person must approve each weight", S.CANARY),
    _same("canary.tester_header", Unit.NAME, "", "R13",
        "request header that sends testers to the canary; its value is canary", S.CANARY),
    _same("canary.cohort", Unit.COHORT, "", "R13",
        "request header and value, such as x-tenant=acme, of users who get the canary from the first "
        "weight on",
        S.CANARY),
    _same("canary.holdback", Unit.PERCENT, 0, "C22",
        "share of requests kept on stable during the bake, to compare until the end", S.CANARY),
    _same("canary.ramp", Unit.SWITCH, False, "R13",
        "set by canary.weights: auto; short steps double the weight up to 25%, and only the hold at 25% "
        "requires analysis.min_requests and analysis.warmup_duration", S.CANARY),
    _same("canary.detection_time", Unit.SECONDS, 0, "R13",
        "how long people take to notice harm that no metric shows, such as wrong prices; canary.weights: "
        "auto assumes at least this long", S.CANARY),
    _same("canary.baseline", Unit.SWITCH, False, "R13",
        "whether to start as many fresh instances of stable as the canary has, and compare with those at "
        "the same load", S.CANARY),
    _same("blue_green.health_check_timeout", Unit.SECONDS, 2 * MINUTE, "rule 6",
        "how long the preview may take to become healthy", S.BLUE_GREEN),
    _same("blue_green.check_timeout", Unit.SECONDS, 10 * MINUTE, "rule 6", "how long a check of the preview may take",
        S.BLUE_GREEN),
    _same("blue_green.switch_timeout", Unit.SECONDS, 30, "rule 1", "how long the router may take to confirm the switch",
        S.BLUE_GREEN),
    _same("blue_green.require_approval", Unit.SWITCH, False, "R12", "whether a person must approve the switch",
        S.BLUE_GREEN),
    _same("blue_green.preview_header", Unit.NAME, "", "R12",
        "request header that sends testers to the preview; its value is preview", S.BLUE_GREEN),
    Row("blue_green.bake_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "R12, C22",
        "how long the new environment is analysed after the switch", S.BLUE_GREEN),
    Row("blue_green.keep_duration", Unit.SECONDS, 3 * DAY, DAY, DAY, 3 * DAY, "R12",
        "how long the old environment stays ready after the analysis", S.BLUE_GREEN),
    _same("blue_green.drain_duration", Unit.SECONDS, 10, "rule 2",
        "how long open requests may take to finish before the old environment stops", S.BLUE_GREEN),
    Row("rolling.batch_size", Unit.PORTION, "1", "25%", "50%", "1", "R14, C3",
        "number or share of instances replaced at once", S.ROLLING),
    Row("rolling.max_unavailable", Unit.PORTION, "1", "25%", "25%", "0", "R14, C3",
        "number or share of instances that may be out of service; batches never exceed it", S.ROLLING),
    Row("rolling.wait_time_between_batches", Unit.SECONDS, 5 * MINUTE, 2 * MINUTE, 2 * MINUTE, 5 * MINUTE, "R14, C3",
        "how long each batch is analysed before the next", S.ROLLING),
    _same("rolling.health_check_timeout", Unit.SECONDS, 30, "R14", "how long a new instance may take to become healthy",
        S.ROLLING),
    _same("rolling.drain_duration", Unit.SECONDS, 10, "rule 2",
        "how long open requests may take to finish before an instance is replaced", S.ROLLING),
    _same("rolling.check_timeout", Unit.SECONDS, 10 * MINUTE, "rule 6", "how long a check may take", S.ROLLING),
    Row("rolling.bake_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "C22",
        "how long the new version is analysed on all instances", S.ROLLING),
    _same("big_bang.maintenance_window", Unit.SECONDS, 2 * HOUR, "R15",
        "longest time the service may be closed, including a restore; the release is restored while "
        "rollback.timeout, at most half of the window, is left for that", S.BIG_BANG),
    _same("big_bang.replace_timeout", Unit.SECONDS, 30 * MINUTE, "R15", "how long replacing all instances may take",
        S.BIG_BANG),
    _same("big_bang.drain_duration", Unit.SECONDS, 10, "rule 2",
        "how long open requests may take to finish before the instances are replaced", S.BIG_BANG),
    _same("big_bang.check_timeout", Unit.SECONDS, 15 * MINUTE, "R15", "how long a check may take", S.BIG_BANG),
    Row("big_bang.bake_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "C22",
        "how long the new version is analysed after the service opens", S.BIG_BANG),
    _same("feature_toggle.segments", Unit.SEGMENTS, ("internal", "beta"), "R16",
        "segments of users who get the flag before any share of all users, in order", S.FEATURE_TOGGLE),
    _same("feature_toggle.percentages", Unit.WEIGHTS, (5, 25, 50, 100), "R16",
        "shares of users who get the flag, in order, after the segments", S.FEATURE_TOGGLE),
    Row("feature_toggle.phase_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "R16",
        "how long each stage is analysed, flag-on against flag-off", S.FEATURE_TOGGLE),
    Row("feature_toggle.bake_duration", Unit.SECONDS, 24 * HOUR, 4 * HOUR, HOUR, 24 * HOUR, "C22",
        "how long the flag is analysed at 100 %", S.FEATURE_TOGGLE),
    _same("feature_toggle.health_check_timeout", Unit.SECONDS, 10 * MINUTE, "rule 6",
        "how long the dark deployment may take to become healthy", S.FEATURE_TOGGLE),
    _same("feature_toggle.check_timeout", Unit.SECONDS, 10 * MINUTE, "rule 6",
        "how long a check of the dark deployment may take", S.FEATURE_TOGGLE),
    _same("feature_toggle.drain_duration", Unit.SECONDS, 10, "rule 2",
        "how long open requests may take to finish before an instance is replaced", S.FEATURE_TOGGLE),
    _same("feature_toggle.flag_timeout", Unit.SECONDS, 30, "rule 1",
        "how long the flag provider may take to confirm a change", S.FEATURE_TOGGLE),
    _same("feature_toggle.flag_removal_delay", Unit.SECONDS, 30 * DAY, "R16",
        "how long the flag's code stays once everyone has the flag", S.FEATURE_TOGGLE),
    Row("approval.required", Unit.SWITCH, True, False, False, True, "R10, C17",
        "whether a person must approve before any user has the release; major releases, hotfixes and enterprise "
        "customers require it at every risk tolerance"),
    _same("approval.timeout", Unit.SECONDS, 24 * HOUR, "rule 6",
        "how long to wait for an approval before rolling back"),
    _same("approval.remind_after", Unit.SECONDS, 4 * HOUR, "C17", "how often to remind people of an approval"),
    _same("approval.escalate_after", Unit.SECONDS, 12 * HOUR, "C17",
        "how long to wait for an approval before an operator is paged"),
    _same("approval.count", Unit.COUNT, 1, "R13, C18",
        "number of people who must approve, where an approval is required"),
    _same("approval.role", Unit.NAME, "", "R13, C18",
        "role that approvers need, or none for any person; enterprise customers require business-stakeholder"),
    _same("approval.allow_author", Unit.SWITCH, False, "C18",
        "whether the person who started the release may approve it"),
    Row("checks.required", Unit.SWITCH, True, False, False, True, "R12, R14",
        "whether a release is refused while nobody configured a check of its data, caches, package, smoke tests or "
        "critical functions that its strategy has; without it, such a check is skipped with a warning"),
    _same("success_criteria.error_rate", Unit.PERCENT, 0.1, "R13", "error rate below which the rollout advances"),
    _same("success_criteria.response_time_p95", Unit.SECONDS, 0.5, "R13",
        "p95 latency below which the rollout advances"),
    _same("success_criteria.user_satisfaction", Unit.PERCENT, 95, "R13",
        "user satisfaction above which the rollout advances, if it is measured"),
    _same("success_criteria.min_answers", Unit.COUNT, 20, "R13",
        "fewest ratings by users that count as a measurement of their satisfaction"),
    Row("rollback_triggers.error_rate", Unit.PERCENT, 1, 5, 10, 0.1, "R18",
        "error rate above which the release rolls back at once"),
    Row("rollback_triggers.response_time_factor", Unit.FACTOR, 1.2, 1.5, 2, 1.05, "R18",
        "highest tolerated p95 latency, as a multiple of stable's"),
    _same("rollback_triggers.memory_factor", Unit.FACTOR, 2, "R19",
        "highest tolerated memory per instance, as a multiple of a stable instance's"),
    _same("rollback_triggers.cpu_factor", Unit.FACTOR, 2, "R19",
        "highest tolerated CPU per instance, as a multiple of a stable instance's"),
    _same("rollback_triggers.connection_pool_utilization", Unit.PERCENT, 90, "R19",
        "highest tolerated share of database connections in use"),
    Row("rollback_triggers.external_service_latency_factor", Unit.FACTOR, 1.2, 1.5, 2, 1.05, "R18, R19",
        "highest tolerated latency of external services, as a multiple of stable's"),
    Row("rollback_triggers.session_loss", Unit.PERCENT, 1, 5, 10, 0.1, "R18, R19",
        "highest tolerated share of broken sessions, compared with stable"),
    Row("rollback_triggers.conversion_loss", Unit.PERCENT, 1, 5, 10, 0.1, "R18, R19",
        "highest tolerated loss of conversions, compared with stable"),
    _same("alerts.success_rate", Unit.PERCENT, 99, "R20", "success rate below which the rollout pauses for a decision"),
    _same("alerts.canary_health_score", Unit.PERCENT, 90, "R20",
        "ready share of canary instances below which their users return to stable", S.CANARY),
    _same("alerts.min_requests", Unit.COUNT, 100, "R20",
        "fewest requests in the window for an alert to fire"),
    _same("alerts.window", Unit.SECONDS, 5 * MINUTE, "R20", "time window of the alerts"),
    _same("complaints.usual_per_day", Unit.COUNT, 0, "R13",
        "users who report a problem on a usual day; 0 takes the average of the last four weeks, and at least 1"),
    _same("complaints.max_ratio", Unit.FACTOR, 2, "R13",
        "highest rate of reports that does not hold the rollout, as a multiple of the usual rate"),
    _same("complaints.min_reports", Unit.COUNT, 3, "R13", "fewest users whose reports hold the rollout"),
    *(Row("complaints.withdraw", Unit.SWITCH, True, False, False, True, "R13",
        "whether too many signed reports that name the new version are harm; otherwise they hold the rollout", only)
        for only in (S.CANARY, S.ROLLING, S.FEATURE_TOGGLE)),
    *(_same("complaints.withdraw", Unit.SWITCH, False, "R12",
        "whether too many signed reports that name the new version are harm; otherwise they hold the rollout", only)
        for only in (S.BLUE_GREEN, S.BIG_BANG)),
    _same("analysis.max_ratio", Unit.FACTOR, 1.25, "the judge",
        "highest error rate that does not count as harm, as a multiple of stable's"),
    _same("analysis.min_response_time_difference", Unit.SECONDS, 0.01, "the judge",
        "smallest latency increase that counts as harm; it must also exceed "
        "analysis.min_response_time_share"),
    _same("analysis.min_response_time_share", Unit.PERCENT, 10, "the judge",
        "smallest relative latency increase that counts as harm; it must also exceed "
        "analysis.min_response_time_difference"),
    _same("analysis.min_requests", Unit.COUNT, 100, "rule 5",
        "number of requests that a step needs before it can pass"),
    _same("analysis.warmup_duration", Unit.SECONDS, 2 * MINUTE, "the judge",
        "age below which an instance is warming up: its memory is not judged, and its latency is compared by age"),
    _same("analysis.false_positive_rate", Unit.PERCENT, 0.1, "the judge",
        "probability that the analysis rolls back a harmless release"),
    _same("analysis.retry_once", Unit.SWITCH, True, "the judge",
        "whether to retry once if a single instance or a warm-up causes the failure"),
    _same("prepare.timeout", Unit.SECONDS, 30 * MINUTE, "rule 6",
        "how long it may take to bring a version to where it runs, before anything changes"),
    Row("hold.timeout", Unit.SECONDS, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 2 * MINUTE, "rule 5",
        "how long to wait for data or a clear result"),
    Row("hold.on_timeout", Unit.CHOICE, "rollback", "rollback", "pause", "rollback", "rule 5",
        "what to do after hold.timeout: rollback or pause"),
    Row("hold.decision_timeout", Unit.SECONDS, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 2 * MINUTE, "C1",
        "how long to wait for a decision on a withdrawn or held release before rolling back"),
    _same("pause.timeout", Unit.SECONDS, 24 * HOUR, "rule 6",
        "how long a pause may last before the release rolls back"),
    _same("rollback.enabled", Unit.SWITCH, True, "rule 10",
        "whether the release can roll back automatically; without it, harm stops the release and pages an operator"),
    Row("rollback_auto", Unit.SWITCH, True, False, False, True, "R18, C1",
        "what to do after harm below the critical limit, once traffic is back on stable: roll back "
        "(true) or wait for a decision (false)"),
    _same("rollback.window", Unit.SECONDS, DAY, "R21",
        "how long after a release you can return to its predecessor without analysis"),
    Row("rollback.keep_warm", Unit.SWITCH, False, False, False, True, "R27", _WARM, S.CANARY),
    Row("rollback.keep_warm", Unit.SWITCH, False, False, False, True, "R27", _WARM, S.BLUE_GREEN),
    _same("rollback.timeout", Unit.SECONDS, 2 * MINUTE, "R13",
        "how long a rollback may take before an operator is paged", S.CANARY),
    _same("rollback.timeout", Unit.SECONDS, 30, "R12", "how long a rollback may take before an operator is paged",
        S.BLUE_GREEN),
    _same("rollback.timeout", Unit.SECONDS, 30 * MINUTE, "R14",
        "how long a rollback may take before an operator is paged; at least as long as the batches take", S.ROLLING),
    _same("rollback.timeout", Unit.SECONDS, HOUR, "R15", "how long a restore may take before an operator is paged",
        S.BIG_BANG),
    _same("rollback.timeout", Unit.SECONDS, 30, "R16",
        "how long turning the flag off may take before an operator is paged", S.FEATURE_TOGGLE),
    _same("emergency.phase_duration", Unit.SECONDS, MINUTE, "rule 7",
        "how long an emergency deploy is analysed at its first weight"),
    _same("rollout.interval", Unit.SECONDS, 1, "rule 7", "how often Pilotage observes the rollout"),
)  # fmt: skip
