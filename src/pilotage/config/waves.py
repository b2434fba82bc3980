"""`tenants`, `waves` and `wave_rules` of an environment: who gets a release when."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pilotage.config.channels import SecretRef
from pilotage.config.fields import NAME, Duration, HeaderName, Misplaced, Section
from pilotage.config.programs import ProgramSection
from pilotage.model.wave import WaveUndo

_Names = list[Annotated[str, Field(min_length=1, max_length=256)]]


class TenantQuerySection(Section):
    """A query for the tenants."""

    database: SecretRef = Field(description="Reference to the URL of the database. Its user needs SELECT, and no more.")
    query: str = Field(
        min_length=1,
        description="One SELECT with a column `name`; `weight` and `contact` if you like, and a column an attribute.",
    )


class TenantsSection(ProgramSection):
    """The tenants of the environment, from a file, a database or a command. All keys of a tenant but name, weight and
    contact are attributes, such as region."""

    header: HeaderName = Field("x-tenant", description="Header of a request with the name of its tenant.")
    file: str | None = Field(
        None,
        min_length=1,
        pattern=r"^[^\x00]+\.(ya?ml|csv|jsonl?)$",
        description="List of the tenants, from this file's folder: YAML, CSV with a header, or a JSON object a line.",
    )
    sql: TenantQuerySection | None = Field(None, description="Query for the tenants.")
    command: list[str] | None = Field(
        None, min_length=1, description="Arguments of a command, no shell, that prints a JSON object for each tenant."
    )
    timeout: Duration = Field(10, gt=0, le=60, description="Time limit of the command.")

    @model_validator(mode="after")
    def _one(self) -> TenantsSection:
        if sum(one is not None for one in (self.file, self.sql, self.command)) != 1:
            raise ValueError("name either file, sql or command")
        if self.command is None and self.names_variables:
            raise ValueError("env and pass_env require command")
        return self


class WaveSection(Section):
    """Tenants that get a release together. A wave that names a tenant has it, whatever `where` of another says."""

    name: Annotated[str, Field(pattern=NAME)] = Field(description="Name of the wave: a-z, 0-9 and -.")
    tenants: _Names = Field(default_factory=list, max_length=100_000, description="Names of its tenants.")
    where: dict[str, str | _Names] = Field(
        default_factory=dict, description="Attributes that its tenants have, such as {region: [eu-1, eu-2]}."
    )
    rest: bool = Field(False, description="Everyone who is in no other wave, known or not. Exactly one, the last.")
    bake: Duration | None = Field(
        None, ge=0,
        description="How long it is analysed before the next wave. 0s joins it with the next one. Default: "
        "canary.phase_duration, of the rest canary.bake_duration.",
    )  # fmt: skip
    approval: bool = Field(False, description="Whether a person must approve the wave.")
    day: int | None = Field(
        None, ge=1, le=365, description="Working day of the rollout on which it starts, 1 for the first."
    )

    @property
    def conditions(self) -> dict[str, tuple[str, ...]]:
        """Attributes, and the values of which a tenant must have one."""
        return {key: (value,) if isinstance(value, str) else tuple(value) for key, value in self.where.items()}

    @model_validator(mode="after")
    def _whose(self) -> WaveSection:
        named = bool(self.tenants or self.where)
        if self.rest and named:
            raise Misplaced("takes everyone who is in no other wave: leave tenants and where out", "rest")
        if not self.rest and not named:
            raise ValueError("it has no tenants: name them under tenants, or their attributes under where")
        return self


class WaveRulesSection(Section):
    """Which waves go together, and what a wave that fails takes back."""

    at_most: int = Field(1, ge=1, le=10, description="Waves in one step, of those without a bake between them.")
    apart: list[Annotated[_Names, Field(min_length=2)]] = Field(
        default_factory=list, description="Sets of tenants or waves of which never two get a release in one step."
    )
    undo: Annotated[WaveUndo, Field(strict=False)] = Field(
        WaveUndo.ALL,
        description="What a wave that fails takes back: failed (its users; an operator decides) or all.",
    )


def check_waves(tenants: TenantsSection | None, waves: list[WaveSection], rules: WaveRulesSection | None) -> None:
    """Raises Misplaced for what contradicts itself."""
    if not waves:
        if rules is not None:
            raise Misplaced("needs waves: add them, or leave wave_rules out", "wave_rules")
        return
    if tenants is None:
        raise Misplaced("is missing: waves need a list of tenants, such as tenants: {file: tenants.csv}", "tenants")
    names = [wave.name for wave in waves]
    for index, wave in enumerate(waves):
        if wave.name in names[:index]:
            raise Misplaced(f"two waves are called {wave.name!r}: give each a name of its own", "waves", index, "name")
        if wave.rest != (index == len(waves) - 1):
            what = "a wave with rest: true must be the last" if wave.rest else "the last wave must have rest: true"
            raise Misplaced(what, "waves", index)
    _check_days(waves)
    _check_named_once(waves)


def _check_days(waves: list[WaveSection]) -> None:
    last = 0
    for index, wave in enumerate(waves):
        if wave.day is not None and wave.day < last:
            raise Misplaced(
                f"wave {wave.name} starts before the one in front of it: use {last} or later", "waves", index, "day"
            )
        last = wave.day or last


def _check_named_once(waves: list[WaveSection]) -> None:
    of: dict[str, str] = {}
    for index, wave in enumerate(waves):
        for at, tenant in enumerate(wave.tenants):
            if tenant in of:
                again = f"{tenant} is in the waves {of[tenant]} and {wave.name}: name it in one"
                raise Misplaced(
                    again if of[tenant] != wave.name else f"{tenant} is named twice", "waves", index, "tenants", at
                )
            of[tenant] = wave.name
