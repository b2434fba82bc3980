"""What this machine lacks for a step: room for the preview, or what the old version would be started from again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from pilotage.adapters import registry
from pilotage.adapters.context import Context
from pilotage.adapters.fence import Fence
from pilotage.adapters.hosts.together import Errand, wait_for
from pilotage.adapters.ports import AdapterError
from pilotage.adapters.room import Room
from pilotage.config.kinds import AdapterSection
from pilotage.config.stored import UnreadableSection, read_section
from pilotage.model.capabilities import Port
from pilotage.model.observation import Instance
from pilotage.model.record import Rollout
from pilotage.model.step_ids import CHECK_ROOM, CHECK_WAY_BACK

_A_MOMENT = 0.3


class Obstacles:
    """Of one rollout. Only two steps ask."""

    def __init__(self) -> None:
        self._room = Room()
        self._asked: Errand[str] | None = None

    def of(self, rollout: Rollout, instances: Sequence[Instance]) -> str:
        """In words; empty where nothing is missing, and for instances that run elsewhere."""
        step, old = rollout.plan.steps[rollout.state.step], rollout.state.old
        if old is None or step.id not in (CHECK_ROOM, CHECK_WAY_BACK):
            return ""
        try:
            section = read_section(rollout.snapshot.environment).section.fleet
            adapter = registry.of(Port.FLEET, section)
            if step.id == CHECK_ROOM:
                serving = [one for one in instances if one.version == old]
                here = adapter.starts_aside and not adapter.elsewhere
                return self._room.lacks(serving, rollout.plan.instances, time.monotonic()) if here else ""
            missing = self._missing(adapter, section, rollout, old)
        except (AdapterError, UnreadableSection):
            return ""  # what cannot be read of the configuration, the target says itself
        return f"{old} could not be started again: {missing}" if missing else ""

    def _missing(self, adapter: registry.AnyAdapter, section: AdapterSection, rollout: Rollout, old: str) -> str:
        """What the old version would lack. Hosts are asked in the background: a look waits for none of them."""
        folder = Path(rollout.snapshot.cwd)
        context = Context(
            directory=Path(),
            fence=Fence(Path("fence.json"), 0),
            service=rollout.service,
            environment=rollout.environment,
            folder=folder,
        )
        if adapter.lacks_there is None:
            return adapter.lacking(section, context, old, again=True)
        if self._asked is None:
            self._asked = Errand(lambda: adapter.lacking(section, context, old, again=True))
        wait_for([self._asked], _A_MOMENT)
        if not self._asked.is_done:
            return "its hosts are being asked"
        asked, self._asked = self._asked, None
        return asked.result()
