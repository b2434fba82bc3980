"""From `way:` of the configuration to the way of one release: the stages that are for it, with what they wait for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pilotage.config.loading import Loaded
from pilotage.config.way import StageSection
from pilotage.model.answers import Answers, RiskTolerance
from pilotage.model.errors import Invalid
from pilotage.model.way import AwaitStage, Begins, Entry, EnvironmentStage, RunStage, Way, WayStage

_CAREFUL = (RiskTolerance.LOW, RiskTolerance.ZERO_DOWNTIME)


class NoWay(Invalid):
    """pilotage.yaml has no `way`, or none of its stages is for this release."""


def make_way(loaded: Loaded, bare: Way) -> Way:
    """`bare` with the stages that its service's configuration has for it. Raises NoWay."""
    section = loaded.configuration.way
    if section is None:
        raise NoWay(f"{loaded.path} has no way: add its stages, such as build, staging and production")
    stages, left_out = stages_of(loaded)
    known = loaded.configuration.environments
    for index, stage in enumerate(stages):
        for name in stage.environments if isinstance(stage, EnvironmentStage) else ():
            if name not in known:
                where = loaded.place("way", "stages", index)
                raise NoWay(f"{where}: {bare.service} has no environment {name}; it has {', '.join(known)}")
    if not stages:
        raise NoWay(f"{loaded.place('way')}: no stage is for this release: {'; '.join(why for _, why in left_out)}")
    return replace(bare, stages=stages, left_out=left_out)


def stages_of(loaded: Loaded) -> tuple[tuple[WayStage, ...], tuple[tuple[str, str], ...]]:
    """The stages for the answers, and the names of the others, each with why. Nothing of both without a way."""
    section = loaded.configuration.way
    if section is None:
        return (), ()
    answers = loaded.configuration.answers.to_answers()
    kept, left_out = list[tuple[int, StageSection]](), list[tuple[str, str]]()
    gone = set[str]()
    for index, stage in enumerate(section.stages):
        why = _not_for(stage, answers)
        if not why and stage.tests in gone:
            why = f"it tests {stage.tests}, which this release does not reach"
        if why:
            left_out.append((stage.name, why))
            gone |= set(stage.places)
        else:
            kept.append((index, stage))
    approved = _approved_by_default([stage for _, stage in kept], answers)
    made = tuple(
        _stage(stage, loaded.place("way", "stages", index), by_default=stage.name == approved) for index, stage in kept
    )
    return made, tuple(left_out)


def _not_for(stage: StageSection, answers: Answers) -> str:
    when = stage.when
    if when is None:
        return ""
    if when.release_type and answers.release_type not in when.release_type:
        return f"it is for {', '.join(when.release_type)} releases"
    if when.risk_tolerance and answers.risk_tolerance not in when.risk_tolerance:
        return f"it is for the risk tolerance {', '.join(when.risk_tolerance)}"
    return ""


def _approved_by_default(stages: list[StageSection], answers: Answers) -> str:
    """The stage that a careful team approves (C17): the first environment after something was tested in one, or the
    last one. Empty for none."""
    if answers.risk_tolerance not in _CAREFUL:
        return ""
    first = next((index for index, stage in enumerate(stages) if stage.tests is not None), None)
    after = [stage.name for stage in stages[first or 0 :] if stage.places] if first is not None else []
    every = [stage.name for stage in stages if stage.places]
    return after[0] if after else every[-1] if every else ""


def _stage(stage: StageSection, source: str, *, by_default: bool) -> WayStage:
    entry, title = _entry(stage, by_default=by_default), stage.title or stage.name
    proven = stage.provenance.as_data() if stage.provenance else None
    limit = stage.timeout if stage.timeout is not None else 3600.0
    if stage.run is not None:
        return RunStage(
            name=stage.name, commands=tuple(tuple(one) for one in stage.run), artifacts=tuple(stage.artifacts),
            images=tuple(stage.images), reports=tuple(stage.reports), provenance=proven, timeout=limit,
            retries=stage.retries, repeatable=stage.repeatable, env=stage.env, pass_env=tuple(stage.pass_env),
            tests=stage.tests or "", entry=entry, title=title, source=source,
        )  # fmt: skip
    if stage.awaits is not None:
        return AwaitStage(
            name=stage.name, section=stage.awaits.model_dump(mode="json"), provenance=proven, timeout=limit,
            tests=stage.tests or "", entry=entry, title=title, source=source,
        )  # fmt: skip
    return EnvironmentStage(
        name=stage.name, environments=stage.places, at_most=stage.at_most,
        apart=tuple(tuple(group) for group in stage.apart), bake=stage.bake, undo_all=stage.undo == "all",
        entry=entry, title=title, source=source,
    )  # fmt: skip


def _entry(stage: StageSection, *, by_default: bool) -> Entry:
    approval = stage.approval
    return Entry(
        baked=stage.baked, begins=Begins(stage.start),
        approvals=approval.count if approval is not None else int(by_default),
        roles=tuple(approval.roles) if approval is not None else (),
        ready=stage.ready, window=stage.window, timeout=stage.entry_timeout,
    )  # fmt: skip


def roles_of(way: Way) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Each stage that people approve: its name, how many, and whose approval counts."""
    for stage in way.stages:
        if stage.entry.approvals:
            yield stage.name, stage.entry.approvals, stage.entry.roles
