"""What alerts of elsewhere mean for a release: the service's hold it, its own take it back (R13's fourth criterion).

Which alerts are the service's, their labels say: `service`, and `environment` where there is one. The label `version`
says that an alert is about one version. Alerts of the plan's own rules whose action is milder than a rollback are left
out: Pilotage acts on the figures behind them itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.model.alert import CRITICAL, TEST, FiringAlert
from pilotage.model.observation import Remedy, Verdict, VerdictKind
from pilotage.model.timestamp import timestamp

METRIC = "alerts"
SILENT = 15.0
"""Seconds without an answer after which nobody knows whether an alert fires."""
_ROLLS_BACK = "immediate_rollback"


class AlertBook:
    """The last answer of whoever knows the alerts. began: of the rollout, Unix seconds · now: seconds by a clock that
    nobody sets."""

    def __init__(self, service: str, environment: str, new: str, old: str | None, began: float, now: float) -> None:
        self._service, self._environment = service, environment
        self._new, self._old, self._began = new, old, began
        self._found: Sequence[FiringAlert] | None = None
        self._answered, self._trouble = now, ""

    def record(self, found: Sequence[FiringAlert], now: float) -> None:
        self._found, self._answered, self._trouble = found, now, ""

    def failed(self, trouble: str) -> None:
        self._trouble = trouble

    def verdicts(self, now: float) -> tuple[Verdict, ...]:
        if now - self._answered > SILENT:
            # What it said last is too old to go on upon; what it said against the release is no longer known either.
            why = self._trouble or f"no answer for {now - self._answered:.0f} s"
            return (Verdict(METRIC, VerdictKind.SOURCE_ERROR, f"it is unknown whether a critical alert fires: {why}"),)
        if self._found is None:
            return (Verdict(METRIC, VerdictKind.INCONCLUSIVE, "no answer yet"),)
        against = [v for alert in self._found if (v := self._verdict(alert))]
        # An alert of several instances is one; what rolls back comes first.
        by_name = {v.metric: v for v in sorted(against, key=lambda v: v.critical)}
        return tuple(by_name.values()) or (Verdict(METRIC, VerdictKind.PASS, "no critical alert fires"),)

    def _verdict(self, alert: FiringAlert) -> Verdict | None:
        labels = alert.labels
        if labels.get("severity") != CRITICAL or TEST in labels or labels.get("service") != self._service:
            return None
        if labels.get("environment", self._environment) != self._environment:
            return None
        version = labels.get("version", "")
        if version == self._new:
            return self._of_the_version(alert)
        if version and version != self._old:
            return None  # of a version that has no user any more
        about = f" about {version}" if version else ""
        sentence = f"critical alert {alert.name}{about} fires since {timestamp(alert.since)}{_summary(alert)}"
        return Verdict(_metric(alert), VerdictKind.FAIL, sentence, asks=Remedy.HOLD)

    def _of_the_version(self, alert: FiringAlert) -> Verdict | None:
        if alert.since < self._began or alert.labels.get("action", _ROLLS_BACK) != _ROLLS_BACK:
            return None  # left over from an earlier rollout of the version, or acted upon already
        sentence = (
            f"critical alert {alert.name} about {self._new} fires since {timestamp(alert.since)}{_summary(alert)}"
        )
        return Verdict(_metric(alert), VerdictKind.FAIL, sentence, critical=True, since=alert.since)


def _metric(alert: FiringAlert) -> str:
    return f"alert {alert.name}"


def _summary(alert: FiringAlert) -> str:
    return f": {alert.summary}" if alert.summary else ""
