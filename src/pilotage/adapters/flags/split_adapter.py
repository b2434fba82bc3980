"""`flag: {kind: split}`: a flag in one environment of Split, which is Harness Feature Management & Experimentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError, Flags
from pilotage.adapters.registry import Adapter
from pilotage.adapters.secrets import Secret
from pilotage.config.channels import SecretRef
from pilotage.config.fields import Url
from pilotage.config.kinds import FlagSection
from pilotage.model.capabilities import FlagsCapabilities
from pilotage.model.finding import Finding
from pilotage.model.segment import Operator

if TYPE_CHECKING:
    from pilotage.adapters.flags.split import Split

_Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
_PERCENT = 10
"""Per mille: sizes are whole percents."""
_NO_NUMBERS = tuple(one for one in Operator if one not in (Operator.AT_LEAST, Operator.LESS_THAN))


class SplitSection(FlagSection):
    """The feature flag of a feature-toggle release, in Split (Harness FME)."""

    kind: Literal["split"]
    workspace: _Name = Field(description="Id of the workspace (project).")
    environment: _Name = Field(description="Id or name of the environment, such as Production.")
    token: SecretRef = Field(description="Reference to an Admin API key that may edit flags in this environment.")
    sdk_key: SecretRef | None = Field(
        None,
        description="Reference to a server-side SDK key of the environment: with it, percentages are checked with the "
        "flag's own seed.",
    )
    url: Url = Field("https://api.split.io/internal/api/v2", description="Address of the Admin API.")
    sdk_url: Url = Field("https://sdk.split.io/api", description="Address where SDKs read flags.")
    on_treatment: _Name = Field("on", description="Treatment that has the feature.")
    off_treatment: _Name = Field(
        "off", description="Treatment that does not have it, which must be the flag's default treatment."
    )
    approvers: list[_Name] = Field(
        default_factory=list, description="Email addresses of those who are asked to approve a change request."
    )


def _bearer(secret: Secret) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {secret.reveal()}"}


def _resets(headers: Mapping[str, str]) -> float | None:
    from pilotage.adapters.flags.remote import seconds

    named = [seconds(headers.get(f"x-ratelimit-reset-seconds-{whose}")) for whose in ("org", "ip")]
    return max((one for one in named if one is not None), default=None)


def _open(section: SplitSection, context: Context) -> Flags:
    return _opened(section, context)


def _opened(section: SplitSection, context: Context) -> Split:
    from pilotage.adapters.flags.left import Left
    from pilotage.adapters.flags.remote import Provider, Remote
    from pilotage.adapters.flags.split import Split
    from pilotage.adapters.flags.split_config import Terms

    def remote(url: str, token: str) -> Remote:
        provider = Provider(name="Split", url=url.rstrip("/"), token=token, authorization=_bearer, resets=_resets)
        return Remote(provider, context.secrets)

    terms = Terms(
        key=section.key, workspace=section.workspace, environment=section.environment,
        on=section.on_treatment, off=section.off_treatment, segment_of=section.segment_of,
    )  # fmt: skip
    release = f"{context.service or section.key} in {context.environment or section.environment}"
    return Split(
        remote(section.url, section.token), terms,
        remote(section.sdk_url, section.sdk_key) if section.sdk_key else None, tuple(section.approvers),
        context.fence, Left(context.directory, context.rollout),
        f"{release}, rollout {context.rollout}" if context.rollout else release,
    )  # fmt: skip


def _examine(section: SplitSection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.flags.left import words
    from pilotage.adapters.flags.split_config import ramp_of

    flags = _opened(section, context)
    where = f"flag {section.key} in environment {section.environment}"
    try:
        state = flags.state()
        found = words(ramp_of(state))
        flags.seed()
    except AdapterError as error:
        yield Finding("FAIL", "Split", str(error))
        return
    rules, named = state.others()
    if rules or named:
        yield Finding(
            "WARN", "Split", f"{where} has {named} keys and segments and {rules} rules of others: they stay, and whom "
            "they name is not part of any percentage"
        )  # fmt: skip
    if section.sdk_key is None:
        yield Finding("WARN", "Split", f"{where}: without `sdk_key`, a change of its seed cannot be seen")
    yield Finding("PASS", "Split", f"{where} is {found}, and the token may read it")


ADAPTER = Adapter(
    section=SplitSection,
    capabilities=FlagsCapabilities(grain=_PERCENT, operators=_NO_NUMBERS),
    open=_open,
    examine=_examine,
)
