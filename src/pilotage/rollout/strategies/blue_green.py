"""Blue-green (R12): a whole second environment, checked before anyone has it, then switched to at once.

Failed, it stays as it is for study (R12) until somebody removes it or another release needs its place.
"""

from __future__ import annotations

from pilotage.model.events import Preserved
from pilotage.model.progress import BlueGreenProgress
from pilotage.rollout import shifting
from pilotage.rollout.diversion import divert
from pilotage.rollout.strategies.canary import missing
from pilotage.rollout.turn import Strategy, Turn


def _go_back(turn: Turn) -> None:
    running = any(i.version == turn.state.new for i in turn.seen.instances or ())
    if turn.state.old is not None and running and not turn.state.preserved:
        turn.set(progress=BlueGreenProgress(preserved=True))
        turn.tell(Preserved(version=turn.state.new))
    shifting.go_back(turn)


BLUE_GREEN = Strategy(
    progress=BlueGreenProgress(),
    desired=shifting.desired,
    done=shifting.done,
    missing=missing,
    hold=shifting.hold,
    go_back=_go_back,
    unwell="blue_green.switch_deadline",
    stable_unwell="blue_green.start_deadline",
    note=shifting.note,
    divert=divert,
    withdraws=shifting.withdraws,
    returned=shifting.returned,
)
