"""The counsels that look at Prometheus and Alertmanager: which alerts fire, and whether the plan's rules are loaded."""

from __future__ import annotations

from functools import partial

from pilotage.adapters.alerts import firing_alerts
from pilotage.adapters.prometheus_rules import loaded_alerts
from pilotage.config.monitoring import MonitoringSection
from pilotage.engine.execution.asking import Asking
from pilotage.engine.execution.crew import Crew
from pilotage.judge.alerts import AlertBook
from pilotage.judge.rules_loaded import RulesLoaded
from pilotage.model.alert import CRITICAL
from pilotage.model.clock import Clock
from pilotage.model.json import JsonObject
from pilotage.model.observation import Reading, Verdict
from pilotage.model.record import Rollout
from pilotage.plan.monitoring import needs_page, rule_name

_ALERTS_EVERY = 1.0
_RULES_EVERY = 5.0


class _Beside:
    """A counsel without a memory, which takes nothing from the metrics."""

    def observe(self, reading: Reading) -> None:
        """What the version did, the release's judge knows."""

    def begin_again(self) -> None:
        """An alert that fires is no evidence that could be thrown away."""

    def saved(self) -> JsonObject:
        return {}

    def restore(self, saved: JsonObject) -> None:
        """There is nothing to go on with."""


class FiringAlerts(_Beside):
    """Asks which critical alerts fire."""

    name = "alerts"

    def __init__(self, rollout: Rollout, section: MonitoringSection, crew: Crew, clock: Clock) -> None:
        began = rollout.started_at or rollout.created_at
        self._clock = clock
        self._book = AlertBook(
            rollout.service, rollout.environment, rollout.version, rollout.old, began, clock.monotonic()
        )  # fmt: skip
        work = partial(firing_alerts, section.alertmanager, section.prometheus, CRITICAL)
        self._asking = Asking(
            crew, _ALERTS_EVERY, work, lambda found: self._book.record(found, clock.monotonic()), self._book.failed
        )

    def ask(self) -> None:
        self._asking.ask()

    def verdicts(self) -> tuple[Verdict, ...]:
        return self._book.verdicts(self._clock.monotonic())


class LoadedRules(_Beside):
    """Asks whether Prometheus evaluates the plan's rules, once they lie in its folder."""

    name = "alert rules"

    def __init__(self, rollout: Rollout, section: MonitoringSection, crew: Crew, clock: Clock) -> None:
        labels = {"service": rollout.service, "environment": rollout.environment, "version": rollout.version}
        wanted = [rule_name(alert) for alert in rollout.plan.alerts if section.metrics or not needs_page(alert)]
        self._clock, self._book = clock, RulesLoaded(tuple(wanted), clock.monotonic())
        work = partial(loaded_alerts, section.prometheus or "", labels)
        self._asking = Asking(crew, _RULES_EVERY, work, self._book.record, self._book.failed)

    def ask(self) -> None:
        self._asking.ask()

    def verdicts(self) -> tuple[Verdict, ...]:
        return self._book.verdicts(self._clock.monotonic())
