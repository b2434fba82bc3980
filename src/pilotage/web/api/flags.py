"""The flag of an environment: who has it, turning it off, testing that this works, and flags whose code should go."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app import flags
from pilotage.app.flag_duties import drill_flag
from pilotage.app.flag_output import drilled_output, experiment_output, stale_output
from pilotage.app.permissions import Permission
from pilotage.model.output.flags import FlagDrillOutput, FlagExperimentOutput, FlagOutput, StaleFlagsOutput
from pilotage.model.traffic import percent
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.api.keeping import DoneAnswer
from pilotage.web.api.wishes import Reason
from pilotage.web.route import Asked, Body, Pace, Route, Turn

_FLAG = f"{PLACE}/flag"


class KillBody(Body, frozen=True, kw_only=True):
    """reason: recorded with it."""

    reason: Reason = ""


def _flag(asked: Asked) -> Response:
    key, ramp = flags.read(asked.project, asked.params["environment"])
    return json_answer(FlagOutput(flag=key, groups=ramp.groups, weight_percent=percent(ramp.share)))


def _kill(asked: Asked) -> Response:
    reason = asked.body_as(KillBody).reason
    key, took = flags.kill(asked.project, asked.who.name, asked.params["environment"], reason)
    return json_answer(DoneAnswer(sentence=f"{key} is off for everyone, confirmed after {took:.3f} s"))


def _drill(asked: Asked) -> Response:
    return json_answer(drilled_output(drill_flag(asked.project, asked.who.name, "", asked.params["environment"])))


def _experiment(asked: Asked) -> Response:
    return json_answer(experiment_output(*flags.experiment(asked.project, asked.params["environment"])))


def _stale(asked: Asked) -> Response:
    return json_answer(stale_output(flags.stale(asked.project, asked.params["environment"])))


ROUTES = (
    Route(
        method="GET", path=_FLAG, permission=Permission.READ, answer=_flag, gives=FlagOutput,
        summary="Show who has the environment's flag.",
    ),
    Route(
        method="POST", path=f"{_FLAG}/kill", permission=Permission.KILL_FLAG, answer=_kill, takes=KillBody,
        pace=Pace.BACK, gives=DoneAnswer, about=_FLAG, turn=Turn.IF_MATCH, summary="Turn the flag off for everyone.",
    ),
    Route(
        method="POST", path=f"{_FLAG}/drill", permission=Permission.KILL_FLAG, answer=_drill, gives=FlagDrillOutput,
        summary="Test the flag's kill switch, on a copy of the flag.",
    ),
    Route(
        method="GET", path=f"{_FLAG}/experiment", permission=Permission.READ, answer=_experiment,
        gives=FlagExperimentOutput, summary="Show what the newest experiment has found so far.",
    ),
    Route(
        method="GET", path=f"{PLACE}/stale-flags", permission=Permission.READ, answer=_stale,
        gives=StaleFlagsOutput, summary="List flags whose code should be removed.",
    ),
)  # fmt: skip
