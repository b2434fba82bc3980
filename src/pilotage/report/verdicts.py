"""Which of the last verdicts say anything to people."""

from __future__ import annotations

from pilotage.model.live import SeenVerdict
from pilotage.model.observation import VerdictKind
from pilotage.model.record import Rollout
from pilotage.model.rollout import Mode

_BAD = (VerdictKind.FAIL, VerdictKind.SOURCE_ERROR)


def meaningful(rollout: Rollout) -> tuple[SeenVerdict, ...]:
    """A first deployment is compared with nothing, so only what fails counts; of what is over, nothing is missing any
    more."""
    verdicts = rollout.live.verdicts
    if rollout.state.mode is Mode.INITIAL:
        return tuple(verdict for verdict in verdicts if verdict.kind in _BAD)
    if rollout.state.status.final:
        return tuple(one for one in verdicts if one.kind != VerdictKind.INSUFFICIENT_DATA or one.samples)
    return verdicts
