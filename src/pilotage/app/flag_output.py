"""What people ask about flags, as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from pilotage.app.flag_duties import FlagDrilled
from pilotage.app.flags import StaleFlag
from pilotage.model.live import SeenExperiment
from pilotage.model.output import flags as output


def drilled_output(done: FlagDrilled) -> output.FlagDrillOutput:
    return output.FlagDrillOutput(
        flag=done.flag, environment=done.environment, duration_seconds=round(done.seconds, 3),
        next_drill=done.next or None,
    )  # fmt: skip


def experiment_output(rollout: str, version: str, found: SeenExperiment) -> output.FlagExperimentOutput:
    return output.FlagExperimentOutput(
        rollout=rollout, version=version, winner=found.winner or None, difference_points=found.difference,
        interval_points=found.interval, on_requests=found.on_requests, off_requests=found.off_requests,
        sentence=found.sentence,
    )  # fmt: skip


def stale_output(found: Sequence[StaleFlag]) -> output.StaleFlagsOutput:
    return output.StaleFlagsOutput(
        stale=tuple(
            output.StaleFlag(flag=one.flag, days=one.days, version=one.version, expired=one.expired or None)
            for one in found
        )
    )  # fmt: skip
