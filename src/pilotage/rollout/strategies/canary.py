"""Canary (R13): the new version beside the old one, its share growing while it proves itself."""

from __future__ import annotations

from pilotage.model.observation import Health
from pilotage.model.plan import StepKind
from pilotage.model.quantity import format_share
from pilotage.model.traffic import WHOLE
from pilotage.rollout import shifting
from pilotage.rollout.baseline import ready
from pilotage.rollout.diversion import divert
from pilotage.rollout.sight import healthy
from pilotage.rollout.turn import Strategy, Turn


def missing(turn: Turn) -> str:
    match turn.step.kind:
        case StepKind.SCALE:
            unwell = [
                i for i in turn.seen.instances or () if i.version == turn.state.new and i.health is not Health.HEALTHY
            ]
            detail = f", {unwell[0].id} is {unwell[0].health}: {unwell[0].detail}" if unwell else ""
            fresh = "" if ready(turn) else "; the baseline is not complete"
            return f"{healthy(turn.seen, turn.state.new)} of {turn.step.instances} are healthy{detail}{fresh}"
        case StepKind.SET_WEIGHT | StepKind.SWITCH:
            split = turn.seen.split
            weight = format_share(split.weight(turn.state.new) / WHOLE) if split else "nothing"
            return f"the router shows {weight}"
        case _:
            return "the old version is still there"


CANARY = Strategy(
    desired=shifting.desired,
    done=shifting.done,
    missing=missing,
    hold=shifting.hold,
    go_back=shifting.go_back,
    unwell="canary.switch_deadline",
    stable_unwell="canary.start_deadline",
    note=shifting.note,
    divert=divert,
    withdraws=shifting.withdraws,
    returned=shifting.returned,
)
