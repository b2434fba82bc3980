"""`way` of `pilotage.yaml`: the stages that one version travels, from its commit to its users (R10, R33)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from pilotage.config.awaited import WordSection
from pilotage.config.fields import NAME, Duration, Misplaced, Section
from pilotage.config.programs import ProgramSection
from pilotage.config.provenance import Pattern, ProvenanceSection
from pilotage.model.answers import ReleaseType, RiskTolerance

_Environment = Annotated[str, Field(pattern=NAME)]


def _commands(written: object) -> object:
    """One argument list stands for a list of one."""
    return [written] if isinstance(written, list) and written and all(isinstance(p, str) for p in written) else written


_Word = Annotated[str, Field(min_length=1)]
_Commands = Annotated[
    list[Annotated[list[_Word], Field(min_length=1)]],
    Field(min_length=1),
    BeforeValidator(_commands, json_schema_input_type=list[str] | list[list[str]]),
]


class WhenSection(Section):
    """The releases that a stage is for. All that is named must hold."""

    release_type: list[Annotated[ReleaseType, Field(strict=False)]] = Field(
        default_factory=list, description="Kinds of change, such as major and minor. Default: all."
    )
    risk_tolerance: list[Annotated[RiskTolerance, Field(strict=False)]] = Field(
        default_factory=list, description="Tolerances, such as low. Default: all."
    )

    @model_validator(mode="after")
    def _some(self) -> WhenSection:
        if not self.release_type and not self.risk_tolerance:
            raise ValueError("name release_type, risk_tolerance, or both")
        return self


class StageApprovalSection(Section):
    """Who approves before a stage begins."""

    count: int = Field(1, ge=0, le=20, description="Number of people who must approve, the author excluded.")
    roles: list[_Word] = Field(
        default_factory=list, description="Roles whose approval counts, such as QA lead. Default: anyone's."
    )


class StageSection(ProgramSection):
    """A stage: commands to run, another system's word to wait for, or environments to roll out to."""

    name: str = Field(pattern=NAME, description="Name of the stage, such as build.")
    title: str = Field("", max_length=60, description="Title for people. Default: the name.")
    run: _Commands | None = Field(
        None,
        description="Commands to run in a clean checkout of the commit: one argument list, or a list of them. Fills in "
        "{version}, {commit}, {artifact}, {artifacts} and {url}.",
    )
    awaits: WordSection | None = Field(
        None, alias="await", description="System whose word about the commit is awaited, by `kind`."
    )
    environment: _Environment | None = Field(None, description="Environment to roll out to.")
    environments: list[_Environment] = Field(
        default_factory=list, description="Environments to roll out to, one after the other, such as regions."
    )
    at_most: int = Field(1, ge=1, le=100, description="Number of environments that roll out at the same time.")
    apart: list[Annotated[list[_Environment], Field(min_length=2)]] = Field(
        default_factory=list,
        description="Sets of environments of which never two roll out at the same time, such as a pair of regions.",
    )
    bake: Duration = Field(0, ge=0, description="Time between the end of one environment and the start of the next.")
    undo: Literal["failed", "all"] = Field(
        "failed", description="What a failure rolls back: only what failed, or also what was complete in this stage."
    )
    timeout: Duration | None = Field(
        None, gt=0, description="Time limit of one attempt, or of waiting for another system. Default: 1h."
    )
    retries: int = Field(0, ge=0, le=10, description="Further attempts after one that failed.")
    repeatable: bool = Field(
        False, description="Whether commands may run again after they were cut off. Otherwise a person is asked."
    )
    artifacts: list[Pattern] = Field(
        default_factory=list,
        description="Patterns of the files that the commands make, such as dist/*.whl. Each must find a file. They are "
        "stored by digest, and {artifact} of fleets, checks and later stages leads to them.",
    )
    images: list[Pattern] = Field(
        default_factory=list,
        description="Files of the checkout that name an image each by its digest, as `docker build --iidfile` and "
        "`--metadata-file` write them. NAME=FILE for a file with a digest alone, such as that of `podman push "
        "--digestfile`.",
    )
    reports: list[Pattern] = Field(
        default_factory=list,
        description="Patterns of test results in JUnit XML, kept as evidence. A missing one, and one that counts a "
        "failure, fails the stage.",
    )
    provenance: ProvenanceSection | None = Field(None, description="Signed statements that every artifact must have.")
    tests: _Environment | None = Field(
        None, description="Environment that this stage tests. It is rolled back if the stage fails."
    )
    when: WhenSection | None = Field(None, description="Releases that this stage is for. Default: all.")
    baked: Duration = Field(
        0, ge=0, description="Time for which the environments before must have been complete and unharmed."
    )
    start: Literal["automatic", "manual"] = Field(
        "automatic", description="Whether the stage begins by itself, or by `pilotage way promote`."
    )
    approval: StageApprovalSection | None = Field(
        None,
        description="Approval before the stage begins. Default: one before the first environment after testing, if "
        "risk_tolerance is low or zero-downtime. `count: 0` for none.",
    )
    ready: bool = Field(False, description="Begin only if the readiness gates of the environment are open.")
    window: bool = Field(False, description="Begin only in a release window of the calendar.")
    entry_timeout: Duration = Field(
        0, ge=0, description="Time limit of all that the stage waits for before it begins. 0 for none."
    )

    @property
    def places(self) -> tuple[str, ...]:
        """The environments that it rolls out to."""
        return (self.environment,) if self.environment is not None else tuple(self.environments)

    @model_validator(mode="after")
    def _one_kind(self) -> StageSection:
        kinds = {"run": self.run, "await": self.awaits, "environment": self.environment}
        named = [name for name, value in kinds.items() if value is not None]
        named += ["environments"] if self.environments else []
        if len(named) != 1:
            raise ValueError(
                f"names {' and '.join(named) or 'nothing to do'}: name exactly one of run, await, environment and "
                "environments"
            )
        for name in self._foreign(named[0]):
            raise Misplaced(f"is not of a stage with {named[0]}", name)
        for index, group in enumerate(self.apart):
            for at, place in enumerate(group):
                if place not in self.environments:
                    raise Misplaced(f"{place!r} is not one of {', '.join(self.environments)}", "apart", index, at)
        for index, place in enumerate(self.environments):
            if place in self.environments[:index]:
                raise Misplaced(f"{place} is there twice", "environments", index)
        return self

    def _foreign(self, kind: str) -> Iterator[str]:
        """Settings that are there and have no meaning for this kind of stage."""
        own = {
            "run": _RUN | _BOTH,
            "await": _BOTH,
            "environment": frozenset(("undo",)),
            "environments": frozenset(("at_most", "apart", "bake", "undo")),
        }[kind]
        yield from sorted((self.model_fields_set & _OF_KINDS) - own)


_RUN = frozenset(("retries", "repeatable", "artifacts", "images", "reports", "env", "pass_env"))
_BOTH = frozenset(("timeout", "tests", "provenance"))
_OF_KINDS = _RUN | _BOTH | {"at_most", "apart", "bake", "undo"}


class WaySection(Section):
    """The way of a release: its stages, in order."""

    stages: list[StageSection] = Field(
        min_length=1, max_length=100, description="Stages that one version travels, in order."
    )

    @model_validator(mode="after")
    def _in_order(self) -> WaySection:
        reached: dict[str, str] = {}
        for index, stage in enumerate(self.stages):
            if stage.name in [one.name for one in self.stages[:index]]:
                raise Misplaced(f"two stages are called {stage.name}: give each a name of its own", *_at(index, "name"))
            if (stage.artifacts or stage.images) and reached:
                first = next(iter(reached.values()))
                raise Misplaced(
                    f"{stage.name} makes artifacts after {first} has rolled out: build before the first environment",
                    *_at(index, "artifacts" if stage.artifacts else "images"),
                )
            if stage.tests is not None and stage.tests not in reached:
                raise Misplaced(
                    f"{stage.name} tests {stage.tests}, and no stage before it rolls out to {stage.tests}",
                    *_at(index, "tests"),
                )
            for place in stage.places:
                if place in reached:
                    raise Misplaced(
                        f"{place} is in {reached[place]} already: a version reaches each environment once",
                        *_at(index, "environment" if stage.environment else "environments"),
                    )
            reached |= dict.fromkeys(stage.places, stage.name)
            if stage.baked and not [place for place in reached if place not in stage.places]:
                raise Misplaced("no stage before it rolls out, so nothing can bake", *_at(index, "baked"))
            if stage.ready and not stage.places and stage.tests is None:
                raise Misplaced(
                    "readiness is of an environment: set it on an environment's stage", *_at(index, "ready")
                )
        return self

    def refuse_unknown(self, environments: Sequence[str]) -> None:
        """Raises Misplaced for an environment that is not configured."""
        known = ", ".join(sorted(environments))
        for index, stage in enumerate(self.stages):
            for place in stage.places:
                if place not in environments:
                    path = ("environment",) if stage.environment else ("environments", stage.environments.index(place))
                    raise Misplaced(f"{place!r} is not one of {known}", "way", *_at(index, *path))


def _at(index: int, *path: str | int) -> tuple[str | int, ...]:
    return ("stages", index, *path)
