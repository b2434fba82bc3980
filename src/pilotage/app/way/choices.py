"""What a person can ask of a way as it is now, so that a page offers nothing that would be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pilotage.app.permissions import Permission
from pilotage.app.project import Project
from pilotage.app.way.control import needed_for, places_of_command
from pilotage.engine.records.ways import StoredWay
from pilotage.model.way import Begins, StageStatus, WayStatus
from pilotage.model.way_command import WayCommandKind
from pilotage.model.wording import some_of
from pilotage.way.commands import forbidden


@dataclass(frozen=True, kw_only=True)
class WayChoice:
    """label: the button, which says its effect · effect: a sentence · stage: that it is about."""

    kind: WayCommandKind
    label: str
    effect: str
    stage: str
    danger: bool = False
    primary: bool = False


@dataclass(frozen=True, kw_only=True)
class WayChoices:
    """obstacle: why this person may not approve, where approval is what the way waits for."""

    choices: tuple[WayChoice, ...]
    obstacle: str = ""


May = Callable[[Permission, str, str], bool]
"""Whether the reader has a permission in an environment of a service."""


def choices_of(project: Project, actor: str, stored: StoredWay, may: May) -> WayChoices:
    """actor: the reader."""
    index = stored.state.current
    if stored.state.status.final or index is None:
        return WayChoices(choices=())
    stage, obstacle = stored.way.stages[index], ""
    found = [
        one for one in _possible(stored, index)
        if all(may(needed_for(one.kind), stored.way.service, place) for place in places_of_command(one.kind, stage))
    ]  # fmt: skip
    approves = next((one for one in found if one.kind is WayCommandKind.APPROVE), None)
    if approves is not None:
        obstacle = forbidden(stored.way, stage, project.people.identify(actor))
        if not obstacle and actor in stored.state.stages[index].approved:
            obstacle = f"you have approved {stage.name}; it needs {stage.entry.approvals} persons"
        found = [one for one in found if one is not approves or not obstacle]
    return WayChoices(choices=tuple(found), obstacle=obstacle)


def _possible(stored: StoredWay, index: int) -> Iterator[WayChoice]:
    state, version = stored.state, stored.way.version
    stage, at = stored.way.stages[index], state.stages[index]
    if state.status is WayStatus.HELD:
        yield WayChoice(
            kind=WayCommandKind.RESUME, label="Resume the way", stage=stage.name, primary=True,
            effect="Stages begin again once their conditions hold.",
        )  # fmt: skip
    if state.status is WayStatus.UNDER_WAY:
        if stage.entry.approvals and at.status is StageStatus.WAITING and len(at.approved) < stage.entry.approvals:
            yield WayChoice(
                kind=WayCommandKind.APPROVE, label=f"Approve {version} for {stage.name}", stage=stage.name,
                primary=True, effect=f"{some_of(len(at.approved), stage.entry.approvals, 'approval')} given.",
            )  # fmt: skip
        if stage.entry.begins is Begins.BY_A_PERSON and at.status is StageStatus.WAITING and not at.promoted:
            yield WayChoice(
                kind=WayCommandKind.PROMOTE, label=f"Begin {stage.name}", stage=stage.name, primary=True,
                effect="The stage begins once its other conditions hold.",
            )  # fmt: skip
        if at.status is StageStatus.CUT_OFF:
            yield WayChoice(
                kind=WayCommandKind.RETRY, label=f"Run {stage.name} again", stage=stage.name, primary=True,
                effect="Nobody knows how far it came: it runs from its beginning.",
            )  # fmt: skip
        yield WayChoice(
            kind=WayCommandKind.HOLD, label="Hold the way", stage=stage.name,
            effect="What runs goes on; no further stage begins.",
        )  # fmt: skip
    if state.status in (WayStatus.UNDER_WAY, WayStatus.HELD):
        yield WayChoice(
            kind=WayCommandKind.ABORT, label=f"Abort the way of {version}", stage=stage.name, danger=True,
            effect=f"The way ends. What {stage.name} touched returns to the version before.",
        )  # fmt: skip
