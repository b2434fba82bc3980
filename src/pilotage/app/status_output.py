"""What stands in an environment, as `status --json` prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pilotage.app.grid_output import outage_output
from pilotage.model.output.rollouts import EnvironmentOutput, HomeOutput
from pilotage.model.timestamp import timestamp
from pilotage.render.outputs import rollout_outputs

if TYPE_CHECKING:
    from pilotage.app.status import EnvironmentStatus


def environment_output(found: EnvironmentStatus) -> EnvironmentOutput:
    newest, home = found.newest, found.home
    shown = rollout_outputs([newest], {newest.id: found.live}) if newest and found.live else ()
    return EnvironmentOutput(
        service=found.service,
        environment=found.environment,
        serving=found.serving[0] if found.serving else None,
        kept_environment=newest.version if newest and newest.preserved else None,
        warm_version=found.warm.version if found.warm else None,
        warm_until=timestamp(found.warm.until if found.warm else None),
        queued=tuple(rollout.version for rollout in found.queued),
        worker=found.worker,
        healthy_instances=found.sighting.healthy if found.sighting else None,
        down_since=timestamp(found.sighting.down_since if found.sighting else None),
        last_seen_at=timestamp(found.sighting.at if found.sighting else home.heard_at if home else None),
        home=HomeOutput(name=home.name, heard_seconds_ago=home.heard) if home else None,
        outage=outage_output(found.outage),
        rollout=shown[0] if shown else None,
    )
