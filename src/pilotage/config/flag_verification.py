"""`flag.verify`: who is asked what services answer."""

from __future__ import annotations

from pydantic import Field

from pilotage.config.fields import BaseUrl, Duration, SecretRef, Section


class FlagVerification(Section):
    """Evaluates the flag as services do, over the OpenFeature Remote Evaluation Protocol (OFREP)."""

    ofrep: BaseUrl = Field(
        description="Address of a server with OFREP, without /ofrep, such as flagd, a provider's relay or "
        "`pilotage flag serve`."
    )
    token: SecretRef | None = Field(None, description="Reference to a token, sent as a bearer token.")
    within: Duration = Field(
        30.0, ge=1, le=3600, description="How long a change of the flag may take until services answer by it."
    )
