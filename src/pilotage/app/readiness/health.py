"""Evidence of monitoring: a reading of each of the eight health metrics, of what serves now (R19)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING

from pilotage.adapters.ports import AdapterError
from pilotage.app.readiness.files import few
from pilotage.app.readiness.remote import CheckContext
from pilotage.model.observation import Observation
from pilotage.model.query import Query, UnfitVersion, check_names
from pilotage.model.readiness import Evidence
from pilotage.model.schedule import Requirement

if TYPE_CHECKING:
    from pilotage.config.environment import EnvironmentSection
    from pilotage.engine.execution.targets import Target

_LISTENS = 2.0
"""Seconds for which a metrics source is listened to."""

_MOST_LISTENED = 20.0
"""Seconds, where synthetic requests are rare."""


def monitoring(case: CheckContext, _item: Requirement) -> Evidence:
    """Each health metric has a reading, or `readiness.not_measured` says why there is none."""
    from pilotage.engine.execution.description import describe
    from pilotage.engine.execution.targets import open_target

    place = case.rehearsal
    serving = case.store.serving(case.plan.service, place)
    if not serving:
        return Evidence("monitoring", False, f"no version serves {place} yet, so there are no metrics")
    section = case.loaded.configuration.environments[place]
    target = open_target(case.store.directory, describe(section, case.folder.root), case.plan.service, place, token=0)
    seen, listened = _listened(target, section, serving)
    words, samples = _heard(seen, ours=target.synthetic is not None)
    words = f"{words} to {serving[0]} in {place} within {listened:g} s"
    if not samples:
        cure = "" if target.synthetic else "; `synthetic:` sends requests to an environment without users"
        return Evidence("monitoring", False, f"{words}: no samples, so nothing can be judged{cure}")
    missing = dict(_missing(case, target, section, serving[0], seen))
    excused = {name: why for name, why in case.section.not_measured.items() if name in missing}
    if faults := [f"{name}: {why}" for name, why in missing.items() if name not in excused]:
        return Evidence("monitoring", False, f"{words}; no reading of {'; '.join(faults)}")
    read = f"{words}; a reading of {len(case.plan.health) - len(excused)} of {len(case.plan.health)} health metrics"
    left = f"; not measured: {few([f'{name} ({why})' for name, why in excused.items()])}" if excused else ""
    return Evidence("monitoring", True, f"{read}{left}")


def _listened(target: Target, section: EnvironmentSection, serving: tuple[str, ...]) -> tuple[Observation, float]:
    """What came of the version that serves, and for how many seconds Pilotage listened."""
    listens = _LISTENS
    if target.synthetic and section.synthetic:
        # Long enough for two of them, however rare they are wanted.
        listens = min(max(_LISTENS, 2 / section.synthetic.requests_per_second), _MOST_LISTENED)
    first = target.metrics.observe(serving[:1], None)
    try:
        until = time.monotonic() + listens
        while (left := until - time.monotonic()) > 0:
            if target.synthetic:
                target.synthetic.keep_up()
            time.sleep(min(left, 1.0))
        return target.metrics.observe(serving[:1], first.cursor).of(serving[0]), listens
    finally:
        if target.synthetic:
            target.synthetic.stop()


def _heard(seen: Observation, *, ours: bool) -> tuple[str, int]:
    """The number of observed requests, with whose they were, in words and as a number."""
    if not ours:
        return f"{seen.requests} requests", seen.requests
    if seen.synthetic is None:
        return f"{seen.requests} requests, including Pilotage's synthetic requests,", seen.requests
    sent = seen.synthetic.requests
    return f"{seen.requests} user requests and {sent} synthetic requests", seen.requests + sent


def _missing(
    case: CheckContext, target: Target, section: EnvironmentSection, version: str, seen: Observation
) -> Iterator[tuple[str, str]]:
    """Each health metric without a reading, and why. Errors are read wherever requests are."""
    queried = section.analysis.queried if section.analysis else {}
    mine = [one for one in target.fleet.instances() if one.version == version]
    # The durations of Pilotage's own requests are taken out of the source's; without users nothing is left.
    alone = seen.synthetic is not None and not seen.requests
    found = {
        "response_time_p95": alone or seen.durations.total > 0,
        "memory_utilization": any(one.memory is not None for one in mine),
        "cpu_utilization": any(one.cpu is not None for one in mine),
    }
    for metric in case.plan.health:
        if metric.id in queried:
            if why := _no_answer(target, queried[metric.id], version):
                yield metric.id, why
        elif not found.get(metric.id, metric.id == "application_error_rate"):
            yield metric.id, "its source has no value" if metric.provided_by else "nothing measures it"


def _no_answer(target: Target, query: Query, version: str) -> str:
    """Why a query has no value; empty if it has one."""
    if query.source not in target.queries:
        return "nothing answers its query"
    try:
        check_names({"version": version})
        values = target.queries[query.source].query(query.text.replace("{version}", version))
    except (AdapterError, UnfitVersion) as error:
        return str(error)
    return "" if any(isfinite(value) for value in values) else "its query has no value"
