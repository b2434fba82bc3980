"""Backups of an environment's database: made, tried out, restored."""

from __future__ import annotations

from starlette.responses import Response

from pilotage.app import backups
from pilotage.app.permissions import Permission
from pilotage.model.output.backups import BackupOutput, BackupsOutput
from pilotage.model.output.base import Output
from pilotage.render.backups import output_of
from pilotage.web.answers import json_answer
from pilotage.web.api.environments import PLACE
from pilotage.web.cursor import PageQuery, link, part_of
from pilotage.web.route import Asked, Body, Route

_ALL = f"{PLACE}/backups"
_ONE = f"{_ALL}/{{backup}}"


class MakeBody(Body, frozen=True, kw_only=True):
    """verify: restore it into a scratch database, and compare."""

    verify: bool = True


class RestoreBody(Body, frozen=True, kw_only=True):
    """discard_present: make no backup of the data that is replaced."""

    discard_present: bool = False


class BackupPage(BackupsOutput, frozen=True, kw_only=True):
    """Backups, newest first."""

    next: str
    """For `after`; empty on the last page."""


class RestoredAnswer(Output, frozen=True, kw_only=True):
    """What was restored."""

    restored: BackupOutput
    duration_seconds: float
    replaced: BackupOutput | None
    """Backup of the data that was replaced; null if none was wanted."""


def _listed(asked: Asked) -> Response:
    every = backups.known_backups(asked.project.loaded, asked.params["environment"])
    shown, following = part_of(every, asked.query_as(PageQuery), lambda one: one.id)
    answer = BackupPage(backups=tuple(map(output_of, shown)), next=following)
    return json_answer(answer, headers=link(asked, following))


def _make(asked: Asked) -> Response:
    verify = asked.body_as(MakeBody).verify
    made = backups.make_backup(asked.project, asked.who.name, asked.params["environment"], verify=verify)
    return json_answer(output_of(made), 201)


def _verify(asked: Asked) -> Response:
    where = asked.params
    found = backups.verify_backup(asked.project, asked.who.name, where["environment"], where["backup"])
    return json_answer(output_of(found))


def _restore(asked: Asked) -> Response:
    keep, where = not asked.body_as(RestoreBody).discard_present, asked.params
    found, seconds, replaced = backups.restore_backup(
        asked.project, asked.who.name, where["environment"], where["backup"], keep_replaced=keep
    )
    return json_answer(
        RestoredAnswer(
            restored=output_of(found), duration_seconds=round(seconds, 3),
            replaced=output_of(replaced) if replaced else None,
        )
    )  # fmt: skip


ROUTES = (
    Route(
        method="GET", path=_ALL, permission=Permission.BACK_UP, answer=_listed, query=PageQuery, gives=BackupPage,
        summary="List backups, newest first.",
    ),
    Route(
        method="POST", path=_ALL, permission=Permission.BACK_UP, answer=_make, takes=MakeBody, gives=BackupOutput,
        status=201, summary="Make a backup, and prove that it restores.",
    ),
    Route(
        method="POST", path=f"{_ONE}/verify", permission=Permission.BACK_UP, answer=_verify, gives=BackupOutput,
        about=_ALL, summary="Restore a backup elsewhere, and compare every table.",
    ),
    Route(
        method="POST", path=f"{_ONE}/restore", permission=Permission.BACK_UP, answer=_restore, takes=RestoreBody,
        gives=RestoredAnswer, about=_ALL, summary="Replace all data of an environment by a backup.",
    ),
)  # fmt: skip
