"""The worker of a folder, with all that it does next to rollouts: reminders, the public status page, sizes of logs.

`worker_process.py` starts it; supervisors of earlier versions run this module itself.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pilotage.adapters.log_sizes import limit_logs
from pilotage.adapters.telemetry.wanted import Signal, wanted
from pilotage.app.after_rollouts import AfterRollouts, FollowUpLooks
from pilotage.app.publication import noted
from pilotage.engine.execution import worker
from pilotage.engine.execution.jobs import Job
from pilotage.engine.records import announcements, followups, hook_answers, outcomes, trends, ways
from pilotage.engine.records.store import Store

if TYPE_CHECKING:
    from pilotage.app import monitoring, wave_notices
    from pilotage.app.phase_reminders import PhaseReminders
    from pilotage.app.status_page import Publisher
    from pilotage.app.way import looking

_log = logging.getLogger(__name__)
_PUBLISH_EVERY = 1.0
_MONITOR_EVERY = 1.0
_ANNOUNCE_EVERY = 1.0
_FOLLOW_EVERY = 2.0
_REMIND_EVERY = 60.0
_NOTES_EVERY = 5.0
_WAYS_EVERY = 1.0
_LIMIT_LOGS_EVERY = 10.0
_TRACES_EVERY = 2.0
_FORECASTS_EVERY = 3600.0
_IDLE = 15.0
"""What a code host or a list of tenants refused is tried again as often, while nothing else changes."""
_TRENDS_EVERY = 5.0


class StatusPage:
    """Renews the status page of a folder, where one is wanted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._publisher: Publisher | None = None

    def renew(self, store: Store) -> None:
        if wanted := noted(self._directory):
            # Pages need what draws them; a worker without one starts without it, and so takes over sooner.
            from pilotage.app.status_page import Publisher

            self._publisher = self._publisher or Publisher(store)
            try:
                self._publisher.renew(wanted, store.clock.now())
            except OSError as error:
                _log.warning("cannot write the status page: %s", error)


class Monitoring:
    """Rules and a page for Prometheus, where a rollout of the folder wants either."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._monitoring: monitoring.Monitoring | None = None

    def keep(self, store: Store) -> None:
        # It imports what draws plans; a worker that takes over does that first.
        from pilotage.app import monitoring

        self._monitoring = self._monitoring or monitoring.Monitoring(self._directory)
        self._monitoring.keep(store)


class Notes:
    """Publishes release notes of a folder's services, where that is wanted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def publish(self, store: Store) -> None:
        # Notes need git, reports and what draws them; a worker that publishes none starts without.
        from pilotage.app.standing import standing

        whole = standing(self._directory)
        if whole is not None and whole.configuration.notes is not None:
            from pilotage.app.notes_publishing import publish_notes

            publish_notes(self._directory, store)


def announce(store: Store, directory: Path) -> None:
    """Send the announcements whose moment has come."""
    if announcements.ready(store.engine, store.clock.now()):
        from pilotage.app.announcing import proceed

        proceed(store, directory)


def answer_hooks(store: Store, directory: Path) -> None:
    """Tell code hosts how the deployments go that they asked for."""
    if hook_answers.owed(store.engine, store.clock.now()):
        from pilotage.app.hook_answers import tell

        tell(store, directory)


class Phases:
    """Reminders of activities and milestones that are overdue."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._reminders: PhaseReminders | None = None

    def remind(self, store: Store) -> None:
        # It reads the configuration; a worker that takes over does that first.
        from pilotage.app.phase_reminders import PhaseReminders

        self._reminders = self._reminders or PhaseReminders(self._directory)
        self._reminders.work(store)


class Ways:
    """Takes the ways of releases along."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._ways: looking.Ways | None = None

    def look(self, store: Store) -> None:
        # It imports what deploys; a worker without a way starts without it, and so takes over sooner.
        if self._ways is None and not ways.any_under_way(store.engine):
            return
        from pilotage.app.way import looking

        self._ways = self._ways or looking.Ways(self._directory)
        self._ways.look(store)


class WaveNotices:
    """Tells tenants of their waves, where a plan has some."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._notices: wave_notices.WaveNotices | None = None

    def look(self, store: Store) -> None:
        # It reads the configuration; a worker that takes over does that first.
        from pilotage.app import wave_notices

        self._notices = self._notices or wave_notices.WaveNotices(self._directory)
        self._notices.look(store)


def remind(store: Store) -> None:
    """Remind owners of announcements and follow-ups that are overdue."""
    announcements.remind(store.engine, store.clock.now())
    followups.remind(store.engine, store.clock.now())


def settle_forecasts(store: Store, directory: Path) -> None:
    """Keep what became of releases whose risk was forecast."""
    if not outcomes.any_due(store.engine, store.clock.now()):
        return
    from pilotage.app.forecast_looks import look

    look(store, directory)


def anchor_audit(store: Store) -> None:
    """Have the audit log's head signed and anchored, if it has grown."""
    from pilotage.engine.integrity import audit_heads

    audit_heads.note(store.engine, store.clock.now())


def jobs(directory: Path) -> tuple[Job, ...]:
    """All that the worker of a folder does next to rollouts."""
    return (
        *_telling(directory),
        Job(name="publisher", every=_PUBLISH_EVERY, work=StatusPage(directory).renew),
        Job(name="monitoring", every=_MONITOR_EVERY, work=Monitoring(directory).keep),
        Job(name="announcing", every=_ANNOUNCE_EVERY, work=lambda store: announce(store, directory)),
        Job(name="after rollouts", every=_FOLLOW_EVERY, work=AfterRollouts(directory).look),
        Job(name="hooks", every=_FOLLOW_EVERY, work=lambda store: answer_hooks(store, directory), idle=_IDLE),
        Job(name="waves", every=_FOLLOW_EVERY, work=WaveNotices(directory).look, idle=_IDLE),
        Job(name="follow-ups", every=_REMIND_EVERY, work=FollowUpLooks(directory).look),
        Job(name="reminders", every=_REMIND_EVERY, work=remind),
        Job(name="notes", every=_NOTES_EVERY, work=Notes(directory).publish),
        Job(name="phases", every=_REMIND_EVERY, work=Phases(directory).remind),
        Job(name="ways", every=_WAYS_EVERY, work=Ways(directory).look),
        Job(name="audit", every=_REMIND_EVERY, work=anchor_audit),
        Job(name="forecasts", every=_FORECASTS_EVERY, work=lambda store: settle_forecasts(store, directory)),
        Job(name="trends", every=_TRENDS_EVERY, work=lambda store: trends.sample(store.engine, store.clock.now())),
        Job(name="logs", every=_LIMIT_LOGS_EVERY, work=lambda _: limit_logs(directory)),
    )


def _telling(directory: Path) -> tuple[Job, ...]:
    """OpenTelemetry, where its variables name a receiver; else nothing of it is loaded."""
    found = []
    if wanted(Signal.TRACES):
        from pilotage.app.telemetry import Traces

        found.append(Job(name="traces", every=_TRACES_EVERY, work=Traces(directory).work))
    if wanted(Signal.METRICS):
        from pilotage.app.telemetry_metrics import SentMetrics, interval

        found.append(Job(name="metrics", every=interval(), work=SentMetrics().work))
    return tuple(found)


def run(directory: Path) -> int:
    """Run until SIGTERM. Returns the exit status: 7 if another worker is running."""
    return worker.run(directory, jobs(directory))


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]).resolve()))
