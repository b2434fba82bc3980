"""`flag: {kind: unleash}`: a flag of an Unleash server, in one environment of one project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, field_validator

from pilotage.adapters.context import Context
from pilotage.adapters.ports import Flags
from pilotage.adapters.registry import Adapter
from pilotage.config.channels import SecretRef
from pilotage.config.fields import BaseUrl
from pilotage.config.kinds import FlagSection
from pilotage.model.capabilities import FlagsCapabilities
from pilotage.model.finding import Finding
from pilotage.model.segment import Operator

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"


class UnleashSection(FlagSection):
    """The feature flag of a feature-toggle release, on an Unleash server."""

    kind: Literal["unleash"]
    url: BaseUrl = Field(
        description="Address of Unleash without /api, such as https://eu.app.unleash-hosted.com/example."
    )
    project: Annotated[str, Field(pattern=_NAME)] = Field("default", description="Id of the flag's project.")
    environment: Annotated[str, Field(pattern=_NAME)] = Field(
        description="Environment of Unleash in which the flag is changed, such as production. Others stay as they are."
    )
    token: SecretRef = Field(
        description="Reference to the token of a service account or a personal access token, such as "
        "secret://env/UNLEASH_TOKEN. Client tokens cannot change flags."
    )
    stickiness: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,62}$")] = Field(
        "userId", description="Context field that decides which users a share reaches, such as userId or sessionId."
    )

    @field_validator("stickiness")
    @classmethod
    def _not_by_chance(cls, written: str) -> str:
        if written == "random":
            raise ValueError("random gives one user now this answer, now that: use a field such as userId")
        return written


def _open(section: UnleashSection, context: Context) -> Flags:
    from pilotage.adapters.flags.unleash import UnleashFlags

    return UnleashFlags(section, context)


def _examine(section: UnleashSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.flags.unleash_setup import examined

    yield from examined(section, context)


ADAPTER = Adapter(
    section=UnleashSection,
    # Shares are whole percents. A context without the attribute satisfies Unleash's NOT_IN, and no other rule of
    # Unleash's says that an attribute is there.
    capabilities=FlagsCapabilities(grain=10, operators=tuple(one for one in Operator if one is not Operator.NOT_IN)),
    open=_open,
    examine=_examine,
)
