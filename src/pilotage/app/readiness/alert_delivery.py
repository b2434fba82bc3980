"""Evidence about alerts where Pilotage itself sets them up: rules that it can load, and a test alert that arrived."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pilotage.adapters.prometheus_rules import loaded_alerts
from pilotage.app.alert_test import last_delivery
from pilotage.app.readiness.remote import CheckContext
from pilotage.config.monitoring import MonitoringSection
from pilotage.model.quantity import format_duration
from pilotage.model.readiness import BadEvidence, Evidence

ITEM = "alerting_configuration"


def checks(case: CheckContext) -> Mapping[str, Callable[[], Evidence]]:
    """What can be checked with the environment's section `monitoring`, by kind of evidence."""
    section = case.loaded.configuration.environments[case.plan.environment].monitoring
    found: dict[str, Callable[[], Evidence]] = {}
    if section is not None and section.rules_folder:
        found["alert_rules"] = partial(_loadable, case, section)
    if section is not None and section.alertmanager:
        found["alert_test"] = partial(_delivered, case)
    return found


def _delivered(case: CheckContext) -> Evidence:
    """A test alert arrived of late."""
    limit = case.section.max_drill_age
    found = last_delivery(case.store.directory, case.plan.service, case.plan.environment)
    if found is None or case.now - found.at > limit:
        within = format_duration(int(limit))
        raise BadEvidence(f"no test alert arrived in the last {within}: run `pilotage alerts test`")
    age = format_duration(int(max(0.0, case.now - found.at)))
    words = f"a test alert reached {', '.join(found.receivers)} ({', '.join(found.integrations)}) {age} ago"
    return Evidence("alert_test", True, words)


def _loadable(case: CheckContext, section: MonitoringSection) -> Evidence:
    """The rules are there only while a rollout is in progress; before it, their folder and their Prometheus are."""
    folder = Path(case.loaded.folder, section.rules_folder or "")
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise BadEvidence(f"monitoring.rules_folder: cannot write to {folder}")
    loaded_alerts(section.prometheus or "", {"service": case.plan.service})
    words = f"{section.prometheus} responds, and the plan's {len(case.plan.alerts)} alerts go to {folder} at the start"
    return Evidence("alert_rules", True, words)
