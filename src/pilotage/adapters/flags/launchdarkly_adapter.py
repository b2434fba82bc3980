"""`flag: {kind: launchdarkly}`: a flag in one environment of a project of LaunchDarkly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from pilotage.adapters.context import Context
from pilotage.adapters.ports import AdapterError, Flags
from pilotage.adapters.registry import Adapter
from pilotage.config.channels import SecretRef
from pilotage.config.fields import Url
from pilotage.config.kinds import FlagSection
from pilotage.model.capabilities import FlagsCapabilities
from pilotage.model.finding import Finding

if TYPE_CHECKING:
    from pilotage.adapters.flags.launchdarkly import LaunchDarkly

_Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,255}$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]

API_VERSION = "20240415"


class LaunchDarklySection(FlagSection):
    """The feature flag of a feature-toggle release, in LaunchDarkly."""

    kind: Literal["launchdarkly"]
    project: _Key = Field(description="Key of the project.")
    environment: _Key = Field(description="Key of the environment, such as production.")
    token: SecretRef = Field(
        description="Reference to an access token that may change this flag's targeting in this environment."
    )
    url: Url = Field(
        "https://app.launchdarkly.com",
        description="Address of LaunchDarkly: https://app.eu.launchdarkly.com in the EU, "
        "https://app.launchdarkly.us for federal agencies.",
    )
    on_variation: bool | int | float | str = Field(True, description="Value of the variation that has the feature.")
    off_variation: bool | int | float | str = Field(
        False, description="Value of the variation that does not have it, which the flag must serve while it is off."
    )
    context_kind: _Name = Field("user", description="Kind of the contexts whose percentage gets the feature.")
    bucket_by: _Name = Field("key", description="Attribute of the context that decides who belongs to a percentage.")


def _open(section: LaunchDarklySection, context: Context) -> Flags:
    return _opened(section, context)


def _opened(section: LaunchDarklySection, context: Context) -> LaunchDarkly:
    from pilotage.adapters.flags.launchdarkly import LaunchDarkly
    from pilotage.adapters.flags.launchdarkly_config import Terms
    from pilotage.adapters.flags.left import Left
    from pilotage.adapters.flags.remote import Provider, Remote, until_epoch

    url = section.url.rstrip("/")
    provider = Provider(
        name="LaunchDarkly",
        url=url,
        token=section.token,
        # Without "Bearer". The version keeps answers as they are when LaunchDarkly changes its API.
        authorization=lambda secret: {"Authorization": secret.reveal(), "LD-API-Version": API_VERSION},
        resets=lambda headers: until_epoch(headers.get("x-ratelimit-reset")),
    )
    terms = Terms(
        key=section.key, project=section.project, environment=section.environment,
        on=section.on_variation, off=section.off_variation,
        bucket_by=section.bucket_by, context_kind=section.context_kind, segment_of=section.segment_of,
    )  # fmt: skip
    release = f"{context.service or section.key} in {context.environment or section.environment}"
    return LaunchDarkly(
        Remote(provider, context.secrets), terms, url, context.fence, Left(context.directory, context.rollout),
        f"{release}, rollout {context.rollout}" if context.rollout else release,
    )  # fmt: skip


def _examine(section: LaunchDarklySection, context: Context) -> Iterator[Finding]:
    from pilotage.adapters.flags.launchdarkly_config import TURN_OFF, ramp_of
    from pilotage.adapters.flags.left import words

    flags = _opened(section, context)
    try:
        state = flags.state()
        found = words(ramp_of(state))
        allowed = flags.preview(TURN_OFF) is not None
    except AdapterError as error:
        yield Finding("FAIL", "LaunchDarkly", str(error))
        return
    where = f"flag {section.key} in {section.project}/{section.environment}"
    if not allowed:
        yield Finding(
            "WARN", "LaunchDarkly", f"{where} needs an approval for every change, also for turning it off: give the "
            "token the action bypassRequiredApproval, so that a rollback waits for nobody"
        )  # fmt: skip
        return
    if not state.temporary:
        yield Finding("WARN", "LaunchDarkly", f"{where} is permanent: mark it as temporary, and remove it later")
    rules, targets = state.others()
    if rules or targets:
        yield Finding(
            "WARN", "LaunchDarkly", f"{where} has {targets} individual targets and {rules} rules of others: they stay, "
            "and whom they name is not part of any percentage"
        )  # fmt: skip
    yield Finding("PASS", "LaunchDarkly", f"{where} is {found}, and the token may change it")


ADAPTER = Adapter(section=LaunchDarklySection, capabilities=FlagsCapabilities(), open=_open, examine=_examine)
